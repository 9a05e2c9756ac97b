"""Where the memories of an optimizer settle on white gradients, as distributions to draw a start from."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Start = npt.NDArray[np.float32]


class Normal(NamedTuple):
    """A memory that settles to independent normal numbers of mean 0."""

    spread: float

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Start:
        """Numbers of that distribution."""
        return np.float32(self.spread) * rng.standard_normal(shape, dtype=np.float32)


class MeanSquare(NamedTuple):
    """A memory that settles to a mean of squared normal numbers, in which older ones count less: a gamma distribution."""

    mean: float
    decay: float
    terms: int = 1
    """Squares that a step averages."""
    peak_of: int = 1
    """The largest of so many independent values, for a memory that keeps its maximum."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Start:
        """Numbers of that distribution."""
        form = self.terms * (1 + self.decay) / (1 - self.decay) / 2  # the variance is 2 σ⁴ (1 - β) / (1 + β) / terms
        drawn = [rng.standard_gamma(form, shape, dtype=np.float32) for _ in range(self.peak_of)]
        largest: Start = np.max(drawn, axis=0)
        return np.float32(self.mean / form) * largest


class Constant(NamedTuple):
    """A memory that settles to one number."""

    value: float

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Start:
        """That number."""
        return np.full(shape, self.value, dtype=np.float32)


class Conditions(NamedTuple):
    """What an optimizer settles under."""

    scale: float
    """Standard deviation of a gradient, per coordinate."""
    lr: float
    shape: tuple[int, ...]
    """Of the parameter."""
    age: float = math.inf
    """Steps taken so far."""


Settled = dict[str, Normal | MeanSquare | Constant]
"""What each memory is, and "weights", which come first."""
