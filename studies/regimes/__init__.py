"""Regimes of real training: whether the band of α tells how a network learns, or which optimizer trains it."""
