"""Regimes of real training: does the band of α tell how a network learns, or which optimizer trains it?"""
