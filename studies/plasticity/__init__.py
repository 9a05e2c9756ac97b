"""Sealed networks, lock-in and corrigibility: continual learning, and learning a correction."""
