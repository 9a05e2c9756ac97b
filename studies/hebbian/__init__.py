"""The therapeutic window and clean-step retention."""
