"""Small things that everything else may use: numbers, text, files, progress, colors."""
