"""Detrended cross-correlation ρ(s) of two series, and how it compares with that of unrelated series of the same memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

import wcdfa

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

SIZES = (4, 16, 64)


class Coupling(NamedTuple):
    """ρ at each box size, and the p of its largest departure from what unrelated series give, over all sizes together."""

    rho: Floats
    either: float  # of |ρ|
    negative: float  # of ρ below 0
    positive: float  # of ρ above 0


def rho(x: npt.ArrayLike, y: npt.ArrayLike, sizes: Sequence[int] = SIZES, overlap: float = 0.5) -> Floats:
    """The coefficient of Zebende (doi:10.1016/j.physa.2010.10.022), F²_xy / (F_x F_y), along the last axis.

    >>> x = np.random.default_rng(0).standard_normal(500)
    >>> rho(x, 3 * x + 1).round(3).tolist()
    [1.0, 1.0, 1.0]

    The detrended covariance follows from the fluctuation functions of sum and difference: F²_xy = (F²(x + y) - F²(x - y)) / 4.
    """
    a, b = np.broadcast_arrays(_standardised(x), _standardised(y))
    _, fluctuations = wcdfa.fluctuations(np.stack([a, b, a + b, a - b]), scales=sizes, overlap=overlap)
    of_x, of_y, of_sum, of_difference = fluctuations**2
    found: Floats = (of_sum - of_difference) / (4 * np.sqrt(of_x * of_y))
    return found


def coupling(
    x: Floats, y: Floats, surrogates: Callable[[Floats, Floats, int, int], tuple[Floats, Floats]], replicates: int, seed: int
) -> Coupling:
    """ρ of x and y against that of pairs that know nothing of each other."""
    observed = rho(x, y)
    unrelated = rho(*surrogates(x, y, replicates, seed))
    spread = np.sqrt(np.mean(unrelated**2, axis=0))
    seen, chance = observed / spread, unrelated / spread

    def p(strength: Callable[[Floats], Floats]) -> float:
        return float((1 + np.sum(strength(chance) >= strength(seen))) / (1 + replicates))

    return Coupling(
        observed,
        either=p(lambda z: np.abs(z).max(axis=-1)),
        negative=p(lambda z: (-z).max(axis=-1)),
        positive=p(lambda z: z.max(axis=-1)),
    )


def phases(x: Floats, y: Floats, replicates: int, seed: int) -> tuple[Floats, Floats]:
    """The series x, and series with the spectrum of y and random phases."""
    spectrum = np.abs(np.fft.rfft(y - y.mean()))
    turns = np.random.default_rng(seed).random((replicates, len(spectrum)))
    return x, np.fft.irfft(spectrum * np.exp(2j * np.pi * turns), len(y))


def power_laws(x: Floats, y: Floats, replicates: int, seed: int) -> tuple[Floats, Floats]:
    """Independent pairs of ARFIMA(0, d, 0), with the exponents of x and y."""
    n, rng = len(x), np.random.default_rng(seed)
    exponents = (float(wcdfa.dfa(each, method="ols").alpha) for each in (x, y))
    first, second = (
        wcdfa.synthetic.arfima(n, d=min(max(alpha - 0.5, -0.45), 1.4), batch=(replicates,), seed=rng) for alpha in exponents
    )
    return first, second


def _standardised(x: npt.ArrayLike) -> Floats:
    values = np.asarray(x, dtype=float)
    centred = values - values.mean(axis=-1, keepdims=True)
    found: Floats = centred / centred.std(axis=-1, keepdims=True)
    return found
