"""The distributions that the memories of an optimizer settle to on white gradients; a replay draws its start from them."""

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
    """A memory that settles to a weighted mean of squared normal numbers, older ones weighing less: a gamma distribution."""

    mean: float
    decay: float
    terms: int = 1
    """How many squares one step averages."""
    peak_of: int = 1
    """For a memory that keeps its maximum: it is the largest of this many independent values."""
    age: float = math.inf
    """Steps since it was 0, if these are too few for it to have settled."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Start:
        """Numbers of that distribution."""
        form = self.terms * (1 + self.decay) / (1 - self.decay) / 2  # the variance is 2 σ⁴ (1 - β) / (1 + β) / terms
        left = self.decay**self.age
        form *= (1 - left) / (1 + left)
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
    """The conditions under which an optimizer settles."""

    scale: float
    """Standard deviation of a gradient, per coordinate."""
    lr: float
    shape: tuple[int, ...]
    """Shape of the parameter."""
    age: float = math.inf
    """Steps taken so far."""


Settled = dict[str, Normal | MeanSquare | Constant]
"""The distribution of the weights, under "weights", which come first, and of each memory."""
