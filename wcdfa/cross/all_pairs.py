"""ρ(s) of all pairs of several series, measured and simulated without coupling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.cross.fluctuation import coefficients_of, comparable, z_of
from wcdfa.cross.frame import Frame
from wcdfa.cross.null import KEPT, SIMULATING, Memory, chunks, memory_key, series_like, shorter_frame
from wcdfa.kernel.arrays import NUMPY
from wcdfa.kernel.boxes import BY_HALVES
from wcdfa.kernel.fluctuation import MeanSquares, mean_squares
from wcdfa.kernel.polynomials import frozen
from wcdfa.support.aliases import Series
from wcdfa.support.progress import Progress

Places = npt.NDArray[np.intp]


def pairs_of(count: int) -> tuple[Places, Places]:
    """The first and the second series of each pair.

    >>> [each.tolist() for each in pairs_of(3)]
    [[0, 0, 1], [1, 2, 2]]
    """
    first, second = np.triu_indices(count, 1)
    return first, second


def coefficients(frame: Frame, x: Series) -> Series:
    """ρ(s) of all pairs of series (..., C, n), shape (..., pairs, sizes); F² of each series is computed once."""

    def of(series: Series) -> MeanSquares:
        return mean_squares(series, scales=frame.sizes, order=frame.order, axis=-1, layout=BY_HALVES, breaks=frame.breaks)

    own = of(x)
    even, level = (np.asarray(each) for each in comparable(own, NUMPY))
    values, counts = np.asarray(own.values) / level**2, np.asarray(own.values > own.floor)
    first, second = pairs_of(x.shape[-2])
    found = of(even[..., first, :] + even[..., second, :])
    of_sum = np.asarray(found.values if found.unit is None else found.values * found.unit**2)
    left, right = values[..., first, :], values[..., second, :]
    known = counts[..., first, :] & counts[..., second, :]
    return np.asarray(coefficients_of((of_sum - left - right) / 2, left, right, known, NUMPY))


def simulated(frame: Frame, memories: Sequence[Memory], replicates: int, seed: int) -> Series:
    """The z = artanh ρ(s) of all pairs of independent series with these memories, (replicates, pairs, sizes); they are kept."""
    keys = tuple(memory_key(each, frame.order) for each in memories)
    return KEPT.of(_simulated, frame, keys, replicates, seed)


def _simulated(frame: Frame, memories: tuple[Memory, ...], replicates: int, seed: int) -> Series:
    shorter, parts = shorter_frame(frame), []
    rng = np.random.default_rng([seed, shorter.n, frame.order])
    counts = list(chunks(replicates, shorter.n * len(memories) ** 2 // 2))
    with Progress(SIMULATING, len(counts)) as progress:
        for count in counts:
            x = np.stack([series_like(each, frame, shorter.n, count, rng) for each in memories], axis=-2)
            parts.append(z_of(coefficients(shorter, x)))
            progress.advance()
    return frozen(np.concatenate(parts) * np.sqrt(shorter.boxes() / frame.boxes()))
