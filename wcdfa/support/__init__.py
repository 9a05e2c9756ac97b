"""Small things that every other package may use: numbers, text, files, progress, colors, and errors that must not end a run."""
