"""Folders of checkpoints, and how far the weights moved from one to the next."""
