"""Reads folders of checkpoints, and measures how far the weights moved from each checkpoint to the next."""
