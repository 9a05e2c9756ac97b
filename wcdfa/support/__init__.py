"""Small helpers for all other packages: numbers, text, files, progress, colors, and errors that must not end a run."""
