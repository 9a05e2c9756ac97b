"""How long a series must be at least."""

from __future__ import annotations

LEAST = 28
"""Samples: the shortest series that `wcdfa.dfa` takes with its defaults."""
