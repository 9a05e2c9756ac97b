"""Makes series that share everything with a given one but what is tested: the nulls of coupling and of multifractality."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.support.aliases import Seed, Series


def phase_randomised(x: npt.ArrayLike, replicates: int, *, seed: Seed) -> Series:
    """Make series with the power spectrum of `x` and random phases: linear memory stays, coupling and multifractality go.

    >>> import numpy as np
    >>> x = np.array([1.0, 2.0, 4.0, 3.0, 7.0])
    >>> surrogates = phase_randomised(x, 3, seed=0)
    >>> surrogates.shape
    (3, 5)
    >>> bool(np.allclose(surrogates.mean(axis=-1), x.mean()) and np.allclose(surrogates.var(axis=-1), x.var()))
    True

    Parameters
    ----------
    x : numbers of shape (n,)
        One series, in any unit.
    replicates : int
        How many series to make.
    seed : int or numpy.random.Generator
        Seed of the random numbers, or their source.

    Returns
    -------
    numbers of shape (replicates, n)
        In the unit of `x`.

    Raises
    ------
    ValueError
        If `x` is not one series.

    References
    ----------
    J. Theiler et al., Physica D 58, 77 (1992), doi:10.1016/0167-2789(92)90102-S.
    """
    series = _one_series(x)
    spectrum = np.fft.rfft(series)
    turns = np.random.default_rng(seed).random((replicates, len(spectrum)))
    turns[:, 0] = 0  # the mean
    if len(series) % 2 == 0:  # the highest frequency has no phase, only a sign
        turns[:, -1] = np.rint(turns[:, -1]) / 2
    return np.asarray(np.fft.irfft(spectrum * np.exp(2j * np.pi * turns), n=len(series), axis=-1))


def shuffled(x: npt.ArrayLike, replicates: int, *, seed: Seed) -> Series:
    """Make series with the values of `x` in random order: their distribution stays, all memory goes.

    >>> sorted(shuffled([3.0, 1.0, 2.0], 1, seed=0)[0].tolist())
    [1.0, 2.0, 3.0]

    Parameters
    ----------
    x : numbers of shape (n,)
        One series, in any unit.
    replicates : int
        How many series to make.
    seed : int or numpy.random.Generator
        Seed of the random numbers, or their source.

    Returns
    -------
    numbers of shape (replicates, n)
        In the unit of `x`.

    Raises
    ------
    ValueError
        If `x` is not one series.
    """
    series = _one_series(x)
    return np.random.default_rng(seed).permuted(np.tile(series, (replicates, 1)), axis=-1)


def _one_series(x: npt.ArrayLike) -> Series:
    series = np.asarray(x, dtype=np.float64)
    if series.ndim != 1 or not len(series):
        msg = f"x has shape {series.shape}; surrogates are made of one series, shape (n,)"
        raise ValueError(msg)
    return series
