"""The normal distribution."""

from __future__ import annotations

SIGMAS = 1.96
"""Standard deviations on each side of the mean, between which 95 % of a normal distribution lie."""
