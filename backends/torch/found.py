"""What is found of parameters that are measured together."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import torch

Sums: TypeAlias = "torch.Tensor | list[float]"


class Found(NamedTuple):
    """What is found of the parts of a unit."""

    squares: Sums  # Σ|ΔW|² of each of its segments
    variances: Sums | None  # of each, if they are estimates from a sample
    weight: Sums | None  # Σ|W|² of all, one number, if it was asked for


def of_one(square: float, weight: float | None) -> Found:
    """Of one segment, and Σ|W|² if it was asked for."""
    return Found([square], None, None if weight is None else [weight])
