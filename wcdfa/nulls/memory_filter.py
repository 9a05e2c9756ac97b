"""What an optimizer does to the direction of white gradients: the autocorrelation of its changes, and the filter that undoes it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.range_exponents import expected_exponents
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.replay import begin, plan, replay
from wcdfa.nulls.update_rules import SGD, Moments

Floats = npt.NDArray[np.float64]

LAGS = 64
"""Lags up to which the autocorrelation is given."""
ORDER = 24
"""Terms of the filter of an optimizer that has no exact one."""
STEPS, REPLICATES, COORDINATES = 1500, 16, 64


class MemoryFilter(NamedTuple):
    """How a change follows from those before it: ΔWₜ / lr = Σ φₖ ΔWₜ₋ₖ / lr + e, where e is what the gradient of this step adds."""

    autocorrelation: Floats
    """Of ΔW as a vector under white gradients, at lags 0 to `LAGS`; at lag 1 it is the cosine of consecutive changes."""
    weights: Floats
    """φ, from lag 1 on; empty for an optimizer without memory."""
    innovation: float | None
    """Root mean square of e over that of the gradient, if it does not depend on the size of gradients; None if it does."""
    exact: bool
    """Whether φ is exact, or the best linear filter of this order for an optimizer that is not linear."""

    def cosine(self, mean_share: float = 0.0) -> float:
        """Expected cosine of consecutive changes, where a constant mean has this share of the power of the gradients.

        >>> from wcdfa.nulls.update_rules import named
        >>> sgd = memory_filter(named("sgd", {"momentum": 0.9}))
        >>> print(round(sgd.cosine(), 3), round(sgd.cosine(0.1), 3))
        0.9 0.968
        """
        noise, mean = (1 - mean_share) * self.noise_gain, mean_share * self.mean_gain
        return float((noise * self.autocorrelation[1] + mean) / (noise + mean))

    @property
    def noise_gain(self) -> float:
        """Power of ΔW / lr over that of e."""
        if not len(self.weights):
            return 1.0
        return float(1 / max(1 - float(self.weights @ self.autocorrelation[1 : 1 + len(self.weights)]), 1e-9))

    @property
    def mean_gain(self) -> float:
        """The same for a constant gradient."""
        return float(1 / max(1 - self.weights.sum(), 1e-6) ** 2)

    def exponents(self, n: int, mean_share: float = 0.0) -> tuple[float, float]:
        """Expected exponents of ΔW as a vector for box sizes 4 to 16 and 16 to n / 4, in a window of n steps.

        >>> from wcdfa.nulls.update_rules import named
        >>> small, large = memory_filter(named("sgd", {"momentum": 0.9})).exponents(500)
        >>> print(round(small, 3), round(large, 3))
        1.376 1.068

        A constant mean of gradients is a trend of the weights, which detrending removes; a mean that lasts for some boxes is between that
        and the gradients of one direction that `mean_share` stands for.
        """
        noise, mean = (1 - mean_share) * self.noise_gain, mean_share * self.mean_gain
        lasting = np.exp(-np.arange(n) / max(1, n // 4))
        known = np.concatenate([self.autocorrelation, np.zeros(max(0, n - LAGS - 1))])[:n]
        small, large = expected_exponents((noise * known + mean * lasting) / (noise + mean), n)
        return float(small), float(large)

    def undo(self, changes: npt.ArrayLike) -> Floats:
        """What each gradient added: changes over their learning rate, shape (n, …), minus what the filter expects; (n - p, …).

        >>> from wcdfa.nulls.update_rules import named
        >>> memory_filter(named("sgd", {"momentum": 0.5})).undo([1.0, 0.5, 1.25])
        array([0., 1.])
        """
        x = np.asarray(changes, dtype=np.float64)
        p = len(self.weights)
        out = x[p:].copy()
        for k, weight in enumerate(self.weights, start=1):
            out -= weight * x[p - k : len(x) - k]
        return out


@lru_cache(64)
def memory_filter(optimizer: Optimizer) -> MemoryFilter:
    """The memory of an optimizer: exact for SGD without Nesterov momentum, and for means like Adam's; from a replay for others.

    >>> from wcdfa.nulls.update_rules import named
    >>> adam = memory_filter(named("adam", {"betas": (0.8, 0.99)}))
    >>> adam.weights, adam.innovation is None
    (array([0.8]), False)
    """
    if isinstance(optimizer, SGD) and not optimizer.nesterov:
        return geometric(optimizer.momentum, None)
    autocorrelation, size = _replayed(optimizer)
    if isinstance(optimizer, Moments) and optimizer.name in ("adam", "adamw"):
        beta = optimizer.betas[0]
        return geometric(beta, size * float(np.sqrt(1 - 2 * beta * autocorrelation[1] + beta**2)), autocorrelation)
    weights = _levinson(autocorrelation, ORDER)
    left = float(np.sqrt(max(1 - float(weights @ autocorrelation[1 : 1 + len(weights)]), 1e-9)))
    scale_free = not optimizer.depends_on_shape and _is_scale_free(optimizer, size)
    return MemoryFilter(autocorrelation, weights, size * left if scale_free else None, exact=False)


def geometric(decay: float, innovation: float | None = None, autocorrelation: Floats | None = None) -> MemoryFilter:
    """The memory of a momentum.

    >>> geometric(0.5).autocorrelation[:3]
    array([1.  , 0.5 , 0.25])
    """
    exact = decay ** np.arange(LAGS + 1.0) if autocorrelation is None else autocorrelation
    return MemoryFilter(exact, np.array([decay] if decay else []), innovation, exact=True)


def _replayed(optimizer: Optimizer, gradient_norm: float = 1.0) -> tuple[Floats, float]:
    """Autocorrelation of settled changes under white gradients, and the root mean square of a coordinate over the learning rate."""
    steps = STEPS + int(4 * optimizer.burn_in())
    run = plan(steps, optimizer, None, np.full(steps, gradient_norm), None, COORDINATES if not optimizer.depends_on_shape else None)
    rng, shape = np.random.default_rng(0), (*run.shape, REPLICATES)
    weights, memory = begin(run, rng, shape)
    each = np.float32(gradient_norm / math.sqrt(math.prod(run.shape)))
    white = (rng.standard_normal(shape, dtype=np.float32) * each for _ in run.rates)
    moves = np.stack([np.asarray(change) for change in replay(run.rule, white, run.rates.tolist(), weights, memory, run.taken)])
    x = moves[-steps:].reshape(steps, -1).astype(np.float64)
    power = np.fft.rfft(x, 2 * steps, axis=0)
    raw = np.fft.irfft((np.abs(power) ** 2).mean(axis=1), 2 * steps)[: LAGS + 1] / (steps - np.arange(LAGS + 1))
    return raw / raw[0], float(np.sqrt(raw[0]) / run.rates[-1])


def _is_scale_free(optimizer: Optimizer, size: float) -> bool:
    return abs(_replayed(optimizer, 2.0)[1] / size - 1) < 0.05


def _levinson(autocorrelation: Floats, order: int) -> Floats:
    """The best linear prediction from the last values; without the terms that chance may have made."""
    n = min(order, len(autocorrelation) - 1)
    lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    weights = np.linalg.solve(autocorrelation[lags] + 1e-6 * np.eye(n), autocorrelation[1 : n + 1])
    large = np.flatnonzero(np.abs(weights) > 0.01)
    return np.asarray(weights[: int(large[-1]) + 1 if len(large) else 0])
