"""Short against long memory by Whittle likelihood: AR(1) and ARMA(1,1) against ARFIMA, for series of any α from 0 to 2."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.synthetic import Series

# Every spectrum is that of an ARFIMA(1, d, 1) with some of d, φ, θ held at 0. The search runs over atanh φ and atanh θ.
NAMES = ("d", "phi", "theta")
MODELS = {"AR(1)": ("phi",), "ARMA(1,1)": ("phi", "theta"), "ARFIMA(0,d,0)": ("d",), "ARFIMA(1,d,0)": ("d", "phi")}
LOWEST_D, HIGHEST_D = -0.45, 1.45
LARGEST = 0.99  # |φ| and |θ|
NODES = 39  # of the first grid, along each axis
ROUNDS = 16
CHUNK = 128
SHORTEST = 32  # samples that have a spectrum

# A Hann taper makes neighbouring ordinates share what they know: their likelihood counts every sample 35/18 times.
INFORMATION = 18 / 35


class Fit(NamedTuple):
    """The parameters of largest likelihood, and the negative log likelihood there, in nats: each of shape ``(...)``."""

    parameters: dict[str, Any]
    loss: Any


class MemoryFit(NamedTuple):
    """Short against long memory, of one series or of a batch; see `memory_fit`."""

    nats: Any
    """How much better short memory explains the spectrum, in nats: negative where long memory does. Shape (...)."""
    model: Any
    """The short-memory model that fits best: "AR(1)" or "ARMA(1,1)"."""
    parameters: dict[str, Any]
    """Its phi and theta."""


Comparison = MemoryFit  # by its earlier name


def periodogram(x: npt.ArrayLike) -> tuple[Series, Series]:
    """Angular frequencies 2πj/n below π, shape (m,), and the periodogram there after a Hann taper, shape (..., m), up to a scale.

    Without a taper, the lowest frequencies of a series with α above 1 leak into all others and hide its slope.
    """
    x = np.asarray(x, dtype=np.float64)
    n = x.shape[-1] if x.ndim else 0
    if n < SHORTEST:
        msg = f"a spectrum needs at least {SHORTEST} samples, got {n}; give a longer window"
        raise ValueError(msg)
    constant = x.max(axis=-1, keepdims=True) == x.min(axis=-1, keepdims=True)
    x = x - x.mean(axis=-1, keepdims=True)
    largest = np.abs(x).max(axis=-1, keepdims=True)
    x = x / np.where(constant, math.nan, largest)  # a constant has no spectrum but that of rounding
    taper = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    spectrum = np.abs(np.fft.rfft(taper * x, axis=-1)[..., 1 : (n + 1) // 2]) ** 2
    return 2 * np.pi * np.arange(1, (n + 1) // 2) / n, spectrum


def log_spectrum(frequencies: Series, points: Series) -> Series:
    """Log spectral density at `points` (d, atanh φ, atanh θ) of shape (..., 3), up to a constant: shape (..., m)."""
    d, phi, theta = (each[..., None] for each in (points[..., 0], np.tanh(points[..., 1]), np.tanh(points[..., 2])))
    cosine = np.cos(frequencies)
    regression = 1 + phi * phi - 2 * phi * cosine
    average = 1 + theta * theta + 2 * theta * cosine
    return np.asarray(np.log(average / regression) - d * np.log(2 - 2 * cosine))


def loss(spectrum: Series, log_density: Series) -> Series:
    """Negative log likelihood in nats, least over the scale, which is the mean of spectrum / density."""
    m = spectrum.shape[-1]
    scale = np.mean(spectrum * np.exp(-log_density), axis=-1)
    return np.asarray(INFORMATION * (m * np.log(scale) + log_density.sum(axis=-1)))


def fit(x: npt.ArrayLike, model: str, *, largest_phi: float = LARGEST) -> Fit:
    """Parameters of one of `MODELS` by Whittle likelihood, for series of shape (..., n), n at least 32; NaN for a constant.

    >>> from wcdfa import synthetic
    >>> found = fit(synthetic.ar1(2000, phi=0.7, seed=0), "AR(1)")
    >>> print(f"{found.parameters['phi']:.1f}")
    0.7

    References
    ----------
    P. Whittle, J. R. Stat. Soc. B 15, 125 (1953), doi:10.1111/j.2517-6161.1953.tb00131.x.
    """
    if model not in MODELS:
        msg = f"model must be one of {', '.join(map(repr, MODELS))}, got {model!r}"
        raise ValueError(msg)
    if not 0 < largest_phi <= LARGEST:
        msg = f"largest_phi must be above 0 and at most {LARGEST}, got {largest_phi}; 0.8 keeps φ apart from d"
        raise ValueError(msg)
    frequencies, spectrum = periodogram(x)
    batch, m = spectrum.shape[:-1], spectrum.shape[-1]
    rows = spectrum.reshape(-1, m)
    parts = [_fit(rows[first : first + CHUNK], frequencies, model, largest_phi) for first in range(0, len(rows), CHUNK)]
    points, losses = (np.concatenate(each) for each in zip(*parts, strict=True))
    points[:, 1:] = np.tanh(points[:, 1:])
    points[np.isnan(losses)] = math.nan
    return Fit({name: points[:, NAMES.index(name)].reshape(batch)[()] for name in MODELS[model]}, losses.reshape(batch)[()])


def _fit(spectrum: Series, frequencies: Series, model: str, largest_phi: float) -> tuple[Series, Series]:
    """The best node of a grid, then the best of its neighbours, over and over; the mesh is halved where the middle is the best."""
    nodes, log_density_sum, inverse = _grid(model, len(frequencies), float(frequencies[0]), largest_phi)
    first = len(frequencies) * np.log(spectrum @ inverse / len(frequencies)) + log_density_sum
    best = nodes[np.argmin(first, axis=-1)]
    neighbours = np.array(np.meshgrid(*[[-1, 0, 1] if name in MODELS[model] else [0] for name in NAMES])).reshape(3, -1).T
    middle = len(neighbours) // 2
    low, high = _bounds(largest_phi)
    mesh = np.tile((high - low) / (NODES - 1) / 2, (len(best), 1))
    rows = np.arange(len(best))
    for _ in range(ROUNDS):
        points = np.clip(best[:, None] + neighbours * mesh[:, None], low, high)
        losses = loss(spectrum[:, None], log_spectrum(frequencies, points))
        choice = np.argmin(losses, axis=-1)
        best, least = points[rows, choice], losses[rows, choice]
        mesh[choice == middle] /= 2
    return best, least


def _bounds(largest_phi: float) -> tuple[Series, Series]:
    high = np.array([HIGHEST_D, math.atanh(largest_phi), math.atanh(LARGEST)])
    return np.array([LOWEST_D, -high[1], -high[2]]), high


@lru_cache(maxsize=16)
def _grid(model: str, m: int, step: float, largest_phi: float) -> tuple[Series, Series, Series]:
    low, high = _bounds(largest_phi)
    axes = [np.linspace(low[i], high[i], NODES) if name in MODELS[model] else [0.0] for i, name in enumerate(NAMES)]
    nodes = np.array(np.meshgrid(*axes)).reshape(3, -1).T
    log_density = log_spectrum(step * np.arange(1.0, m + 1), nodes)
    return nodes, log_density.sum(axis=-1), np.ascontiguousarray(np.exp(-log_density).T)


def whittle_alpha(x: npt.ArrayLike, /, *, model: str = "ARFIMA(0,d,0)", largest_phi: float = 0.8) -> Any:
    """DFA exponent α = d + 1/2 of an ARFIMA model, by Whittle likelihood: from 0.05 to 1.95.

    >>> from wcdfa import synthetic
    >>> print(f"{whittle_alpha(synthetic.arfima(2000, d=0.5, seed=0)):.1f}")
    1.0

    Parameters
    ----------
    x : array of shape (..., n), n at least 32
    model : "ARFIMA(0,d,0)" or "ARFIMA(1,d,0)"
        The second lets short memory explain the high frequencies.
    largest_phi : float
        Bound of abs(φ). A φ near 1 passes for d + 1: at n = 500 and α = 1 the standard deviation of α is 0.11 with a bound of 0.8,
        0.21 with 0.9, 0.4 with 0.99; ARFIMA(0,d,0): 0.05.

    Returns
    -------
    array of shape (...)
        NaN for a constant.

    Raises
    ------
    ValueError
        If the model is unknown, largest_phi is out of range, or the series is too short.

    References
    ----------
    P. Whittle, J. R. Stat. Soc. B 15, 125 (1953), doi:10.1111/j.2517-6161.1953.tb00131.x.
    """
    if "d" not in MODELS.get(model, ()):
        msg = f"model must be 'ARFIMA(0,d,0)' or 'ARFIMA(1,d,0)', got {model!r}: α = d + 1/2 needs a d"
        raise ValueError(msg)
    return fit(x, model, largest_phi=largest_phi).parameters["d"] + 0.5


def memory_fit(x: npt.ArrayLike, /) -> MemoryFit:
    """How many nats better short memory explains the spectrum than long memory does, and the best short model.

    >>> from wcdfa import synthetic
    >>> found = memory_fit(synthetic.ar1(500, phi=0.7, seed=0))
    >>> print(found.model, found.nats > 2)
    AR(1) True

    AR(1) is set against ARFIMA(0,d,0), one parameter each. Larger models cannot speak for short memory, because ARFIMA(1,d,0) holds
    AR(1) as d = 0 and is never far behind. Where the pair speaks for long memory, ARMA(1,1) and ARFIMA(1,d,0) join, at a cost of one
    nat for the second parameter, so that a long model has to beat every short one: AR(1) plus white noise alone would look long.

    Parameters
    ----------
    x : array of shape (..., n), n at least 32

    Returns
    -------
    MemoryFit
        ``nats`` of shape (...), positive for short memory, 0 where AR(1) loses to a long model and ARMA(1,1) does not; ``model``, "AR(1)"
        or "ARMA(1,1)"; its ``parameters`` phi and theta, which is 0 for AR(1). NaN for a constant.

    Raises
    ------
    ValueError
        If the series is too short.

    References
    ----------
    P. Whittle, J. R. Stat. Soc. B 15, 125 (1953), doi:10.1111/j.2517-6161.1953.tb00131.x.
    """
    found = {model: fit(x, model) for model in MODELS}
    short, fractional = found["AR(1)"].loss, found["ARFIMA(0,d,0)"].loss
    larger_short, larger_long = found["ARMA(1,1)"].loss + 1, found["ARFIMA(1,d,0)"].loss + 1
    simple = fractional - short
    best = np.minimum(fractional, larger_long) - np.minimum(short, larger_short)
    nats = np.where(simple > 0, simple, np.minimum(best, 0 * simple))[()]
    averaged = larger_short < short
    phi = np.where(averaged, found["ARMA(1,1)"].parameters["phi"], found["AR(1)"].parameters["phi"])[()]
    theta = np.where(averaged, found["ARMA(1,1)"].parameters["theta"], 0 * simple)[()]
    return MemoryFit(nats, np.where(averaged, "ARMA(1,1)", "AR(1)")[()], {"phi": phi, "theta": theta})


compare = memory_fit  # by its earlier name: `wcdfa.nulls.compare` sets one α against those of a null


def memory_fits(windows: npt.ArrayLike, /) -> list[MemoryFit]:
    """`memory_fit` of each of many windows of shape (windows, n), fitted at once.

    >>> from wcdfa import synthetic
    >>> short, long = memory_fits([synthetic.ar1(500, phi=0.7, seed=0), synthetic.arfima(500, d=0.4, seed=1)])
    >>> print(short.model, short.nats > 2, long.nats < -2)
    AR(1) True True
    """
    fitted = memory_fit(np.asarray(windows, dtype=np.float64))
    return [
        MemoryFit(nats, model, {name: values[place] for name, values in fitted.parameters.items()})
        for place, (nats, model) in enumerate(zip(fitted.nats, fitted.model, strict=True))
    ]


memories = memory_fits  # by its earlier name
