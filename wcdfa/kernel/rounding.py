"""The F² that rounding may leave for a series that does not fluctuate: what is no more than this says nothing.

Rounding of the samples leaves a random walk of errors in each box, s ε² ⟨x²⟩. Rounding of the profile, which starts at a value in the box,
leaves errors of ε times its height: s² ε² times the variance, or less.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from wcdfa.kernel.arrays import Array, Namespace, constant, limits, matmul_of
from wcdfa.kernel.one_series import LONGEST
from wcdfa.kernel.polynomials import Matrix, frozen


def floor_of(x: Array, power: Array, sizes: tuple[int, ...], xp: Namespace) -> Array:
    """The floor of a series whose mean square is `power`, ``(..., k)``."""
    samples, profile, mean = constant(_constants, x.shape[-1], sizes, limits(x.dtype, xp).epsilon, xp=xp, like=x)
    offset = xp.mean(x, axis=-1) if mean is None else matmul_of(xp)(x, mean)
    variance = abs(power - offset * offset)
    if x.ndim > 1:
        power, variance = power[..., None], variance[..., None]
    return samples * power + profile * variance


def floor_of_extremes(low: float, high: float, sizes: tuple[int, ...]) -> Matrix:
    """The floor, ``(k,)``, of any series of float64 from `low` to `high`: no mean square and no variance is larger than theirs.

    >>> print(floor_of_extremes(800, 900, (4, 16)))
    [1.59867593e-25 6.40949485e-25]
    """
    samples, profile = _per_size(sizes, float(np.finfo(np.float64).eps))
    return np.asarray(samples * max(abs(low), abs(high)) ** 2 + profile * (high - low) ** 2 / 4)


@lru_cache(maxsize=64)
def _per_size(sizes: tuple[int, ...], epsilon: float) -> tuple[Matrix, Matrix]:
    """What the mean square and the variance are multiplied with."""
    s = np.array(sizes, dtype=np.float64)
    return frozen(epsilon**2 * s), frozen((epsilon * s / 4) ** 2)


@lru_cache(maxsize=64)
def _constants(n: int, sizes: tuple[int, ...], epsilon: float) -> tuple[Array, Array, Array | None]:
    return *_per_size(sizes, epsilon), frozen(np.full(n, 1 / n)) if n <= LONGEST else None
