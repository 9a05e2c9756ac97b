"""Captured and against-self: what tells a run that learns the wrong thing, and one that is trained against itself."""
