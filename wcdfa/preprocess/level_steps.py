"""Finds steps of the level that hide in the noise of a series.

A step makes α rise, and so do long memory, short memory and trends. Each is fitted by maximum likelihood: the series is differenced
fractionally, an AR(1) coefficient is taken from what remains, and the residual variance tells how well that describes the series. A
step is found where it improves the fit by more than chance, lowers the memory, beats a smooth trend and happens at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.preprocess.outliers import LEVEL, ROUNDING, Values

MEMORY = np.arange(-0.4, 1.5, 0.2)  # orders of differencing d that are tried: α = d + 0.5
STRONGEST = 0.8  # largest AR(1) coefficient: above, it is long memory
EDGE = 20  # samples on each side of a step, at least: momentum fills up within the first ten
NEAR = 20  # samples on each side that show whether it happens at once
SHORTEST, LONGEST = 10 * LEVEL, 2048  # samples that are searched together
# The thresholds were found by simulation: in series without a step of 150 to 2,000 samples (ARFIMA of α 0.5–1.5, short memory, SGD with
# momentum) all four are passed in 1 % at most, in white noise of 30 % with a step by a factor of 2 in 97 % or more.
PLAIN = 4.5  # standard errors of white noise: fewer, and nothing is fitted
CHANCE = 5.0  # nats: fewer at the best split, and it is chance
BETTER, BETTER_BY_TWO = 12.0, 20.0  # nats by which one step, or two at once, must improve the fit
LOWER = 4.0  # standard errors by which d must fall
NO_TREND = 2.0  # nats by which steps must fit better than a polynomial of degree 3
LEAST = 1.6  # times the noise from one sample to the next: a random walk under noise has smaller steps without number
NORMAL = 0.6745  # median of the absolute values of normal numbers of standard deviation 1
AT_ONCE = 0.5  # share of the step that the nearest samples must show


def level_steps(x: Values, breaks: Sequence[int] = ()) -> list[int]:
    """Find where the level of a series steps up or down: the first sample after each step.

    >>> x = 0.3 * np.random.default_rng(0).standard_normal(500)
    >>> x[200:] += np.log(2)
    >>> level_steps(x)
    [200]

    Parameters
    ----------
    x : numbers of shape (n,)
        Log norms without spikes.
    breaks : integers
        Positions at which a new stretch begins: each stretch is searched by itself.
    """
    ends = [0, *breaks, len(x)]
    found = sorted({at for start, stop in pairwise(ends) for at in _steps(x, start, stop) if not _is_known(at, breaks)})
    least = LEAST * float(np.median(np.abs(np.diff(x)))) / (NORMAL * 2**0.5) if found else 0.0
    return [at for at, height in zip(found, step_heights(x, found, breaks), strict=True) if abs(height) >= least]


def step_heights(x: Values, steps: Sequence[int], breaks: Sequence[int] = ()) -> list[float]:
    """How far the level moves at each step, by generalised least squares: in long memory, the nearest samples say most.

    >>> [round(height, 2) for height in step_heights(np.repeat([1.0, 3.0, 2.5], 30), steps=[30, 60])]
    [2.0, -0.5]
    """
    ends = sorted({0, *steps, *breaks, len(x)})
    stretches = {at: (before, after) for before, at, after in zip(ends, ends[1:], ends[2:], strict=False)}
    return [_height(x[slice(*stretches[at])], at - stretches[at][0]) for at in steps]


def _height(x: Values, at: int) -> float:
    height, _ = _steps_everywhere(x, _fit(_flat(x, [at])))
    return float(height[at])


def _is_known(at: int, breaks: Sequence[int]) -> bool:
    """Whether a known break is so near that it stands for this step: norms may answer a schedule a little later."""
    return any(abs(at - known) <= 2 * LEVEL for known in breaks)


def _steps(x: Values, start: int, stop: int) -> Iterator[int]:
    """The steps between two samples. A long stretch is searched part by part, each half over the next."""
    while stop - start >= SHORTEST:
        end = min(stop, start + LONGEST)
        found = [start + at for at in _in_one_part(x[start:end])]
        yield from found
        for before, after in pairwise([start, *found]):
            yield from _steps(x, before, after)
        if not found and end == stop:
            return
        start = found[-1] if found else start + LONGEST // 2


def _in_one_part(x: Values) -> tuple[int, ...]:
    """One step, or two if one alone is not enough, or none."""
    plain = _plainest(x)
    if plain is None:
        return ()
    before = _fit(x)
    first, gain = _best(x, _fit(_flat(x, [plain])))
    if gain < CHANCE:
        return ()
    after = _fit(_flat(x, [first]))
    if _is_found(x, [first], before, after, BETTER):
        return (first,)
    second, gain = _best(_flat(x, [first]), after)
    steps = sorted((first, second))
    if len(x) * (before.cost - after.cost) + gain < BETTER or steps[1] - steps[0] < EDGE:
        return ()
    return tuple(steps) if _is_found(x, steps, before, _fit(_flat(x, steps)), BETTER_BY_TWO) else ()


def _is_found(x: Values, steps: list[int], before: _Fit, after: _Fit, least: float) -> bool:
    n = len(x)
    if n * (before.cost - after.cost) < least or before.memory - after.memory < LOWER * _error(n):
        return False
    return all(_at_once(x, at) for at in steps) and n * (_fit(_without_trend(x)).cost - after.cost) > NO_TREND


def _error(n: int) -> float:
    """Standard error of d, fitted alone."""
    return float(np.sqrt(6 / n)) / np.pi


def _plainest(x: Values) -> int | None:
    """The best split if the noise were white; None if even then it would be chance."""
    n, places = len(x), np.arange(EDGE, len(x) - EDGE)
    if np.ptp(x) <= ROUNDING * np.max(np.abs(x)):
        return None
    gain = np.cumsum(x - np.mean(x))[places - 1] ** 2 * n / (places * (n - places))
    best = int(np.argmax(gain))
    return int(places[best]) if gain[best] > PLAIN**2 * (np.var(x) - gain[best] / n) else None


def _flat(x: Values, steps: list[int]) -> Values:
    """The series with the same mean before and after each step."""
    return np.concatenate([part - np.mean(part) for part in np.split(x, steps)])


def _without_trend(x: Values) -> Values:
    basis = _polynomials(len(x))
    flat: Values = x - basis @ (x @ basis)
    return flat


@lru_cache(maxsize=8)
def _polynomials(n: int) -> Values:
    """Orthonormal polynomials up to degree 3, shape (n, 4)."""
    return np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1, 1, n), 3))[0]


def _at_once(x: Values, at: int) -> bool:
    """Whether the samples next to a step show most of it: a drift is no step."""
    whole = np.mean(x[at:]) - np.mean(x[:at])
    near = np.mean(x[at : at + NEAR]) - np.mean(x[max(0, at - NEAR) : at])
    return bool(near * np.sign(whole) > AT_ONCE * abs(whole))


class _Fit(NamedTuple):
    """Memory fitted to a series."""

    cost: float
    """Half the log of the residual variance: n times that is minus the log likelihood."""
    memory: float
    """d, between those of `MEMORY`."""
    nearest: int
    """Position of the nearest of `MEMORY`."""
    coefficient: float
    """Of the AR(1) that remains."""


class _Plan(NamedTuple):
    """What differencing needs, for up to so many samples."""

    size: int
    weights: npt.NDArray[np.complex128]
    level: Values
    """A unit step that begins with the series, differenced: shape (len(MEMORY), samples)."""


@lru_cache(maxsize=8)
def _plan(samples: int) -> _Plan:
    lag = np.arange(1.0, samples)
    weights = np.concatenate([np.ones((len(MEMORY), 1)), np.cumprod((lag - 1 - MEMORY[:, None]) / lag, axis=-1)], axis=-1)
    return _Plan(2 * samples, np.fft.rfft(weights, 2 * samples), np.cumsum(weights, axis=-1))


def _plan_for(n: int) -> _Plan:
    return _plan(1 << (n - 1).bit_length())


def _differenced(x: Values, orders: slice = slice(None)) -> tuple[Values, Values]:
    """The series differenced at these of `MEMORY`, and with it a unit step: both of shape (orders, n)."""
    n, plan = len(x), _plan_for(len(x))
    weighted = np.fft.rfft(x - np.mean(x), plan.size) * plan.weights[orders]
    return np.fft.irfft(weighted, plan.size)[:, :n], plan.level[orders, :n]


def _fit(x: Values) -> _Fit:
    """Fit d and an AR(1) coefficient, the level being free."""
    series, level = _differenced(x)
    share = np.vecdot(series, level) / np.vecdot(level, level)
    rest = series - share[:, None] * level
    power = np.vecdot(rest, rest) + 1e-300
    coefficient = np.clip(np.vecdot(rest[:, 1:], rest[:, :-1]) / power, -STRONGEST, STRONGEST)
    neighbours = np.vecdot(rest[:, 1:], rest[:, :-1]) / power
    cost = 0.5 * np.log(power * (1 - 2 * coefficient * neighbours + coefficient**2))
    index = int(np.clip(np.argmin(cost), 1, len(MEMORY) - 2))
    left, middle, right = cost[index - 1 : index + 2]
    shift = float(np.clip((left - right) / (2 * max(left - 2 * middle + right, 1e-9)), -1, 1))  # of a parabola through three points
    memory = MEMORY[index] + shift * (MEMORY[1] - MEMORY[0])
    return _Fit(float(middle - 0.25 * (left - right) * shift), float(memory), index, float(coefficient[index]))


def _best(x: Values, fit: _Fit) -> tuple[int, float]:
    """Where a step explains most of a series with this memory, and by how many nats."""
    n, (_, share) = len(x), _steps_everywhere(x, fit)
    best = EDGE + int(np.argmax(share[EDGE : n - EDGE]))
    return best, -0.5 * n * float(np.log1p(-min(share[best], 1 - 1e-12)))


def _steps_everywhere(x: Values, fit: _Fit) -> tuple[Values, Values]:
    """The height of a step at each sample, and the share of the variance that it explains, both of shape (n,)."""
    n, size = len(x), _plan_for(len(x)).size
    series, level = (_without_neighbour(part[0], fit.coefficient) for part in _differenced(x, slice(fit.nearest, fit.nearest + 1)))
    spectrum = np.fft.rfft(level, size)
    along = np.fft.irfft(np.fft.rfft(series, size) * spectrum.conj(), size)[:n]
    shared = np.fft.irfft(spectrum * spectrum.conj(), size)[:n] / np.vecdot(level, level)
    product = along - along[0] * shared
    power = np.cumsum(level**2)[::-1]
    power = np.maximum(power - shared**2 * power[0], 1e-12 * power[0])
    variance = max(np.vecdot(series, series) - along[0] ** 2 / np.vecdot(level, level), 1e-300)
    return product / power, product**2 / power / variance


def _without_neighbour(x: Values, coefficient: float) -> Values:
    return x - coefficient * np.concatenate([[0.0], x[:-1]])
