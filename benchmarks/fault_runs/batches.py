"""The order in which a training sees its samples: a batch sampler of torch whose position can be copied with the rest of a training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

Indices = npt.NDArray[np.intp]


class Batches(Sampler[Indices]):
    """Endless batches of indices, shuffled anew in each epoch; what is left over at the end of an epoch is dropped.

    The attributes may be changed between two batches. `repeats` gives each batch so many times in a row, `shuffled` shuffles anew in each
    epoch, `sort_by` sorts each epoch by these values, `replacement` draws with replacement, `samples` uses only the first so many.
    """

    def __init__(self, samples: int, size: int, seed: int) -> None:
        self.samples = samples
        self.size = size
        self.repeats = 1
        self.shuffled = True
        self.replacement = False
        self.sort_by: npt.NDArray[np.generic] | None = None
        self._rng = np.random.default_rng([seed, 1])
        self._order: Indices = np.arange(0)
        self._position = 0
        self._batch: Indices = np.arange(0)
        self._left = 0

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> Indices:
        if self._left < 1:
            self._batch, self._left = self._draw(), self.repeats
        self._left -= 1
        return self._batch

    def restart(self) -> None:
        """Begin a new epoch with the next batch, because what the epoch consists of has changed."""
        self._position = len(self._order)

    def _draw(self) -> Indices:
        if self.replacement:
            return self._rng.integers(0, self.samples, self.size)
        if self._position + self.size > len(self._order):
            self._order, self._position = self._epoch(), 0
        self._position += self.size
        return self._order[self._position - self.size : self._position]

    def _epoch(self) -> Indices:
        if not self.shuffled and len(self._order) == self.samples:
            return self._order
        order = self._rng.permutation(self.samples)
        return order if self.sort_by is None else order[np.argsort(self.sort_by[order], kind="stable")]
