"""Optimizers replayed on white gradients: the norms of the changes that they apply when the gradients carry no memory at all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from wcdfa.kernel.arrays import Array
from wcdfa.nulls.update_rules import Rule, State, rule_of
from wcdfa.synthetic import Seed

DIMENSION = 64
"""Coordinates of a gradient. Momentum 0.9, n = 500: α of the log norms is 0.92, 1.00, 1.009, 1.017, 1.019, 1.021 at 2, 8, 16, 32, 64, 512."""


def replay(
    rule: Rule, gradients: Iterable[Array], lr: Iterable[float], weights: Array, state: State, count: float = 0
) -> Iterator[Array]:
    """The change applied at each step, for gradients of shape (dimension, ...); `count` steps went before, infinity: settled."""
    for gradient, rate in zip(gradients, lr, strict=True):
        count += 1
        change, state = rule.step(state, weights, gradient, rate, count)
        weights = weights + change
        yield change


def optimizer_norms(
    n: int,
    *,
    optimizer: str = "adamw",
    lr: Any = None,
    replicates: int = 500,
    gradient_norm: Any = None,
    start: int | None = None,
    dimension: int = DIMENSION,
    seed: Seed = 0,
    **hyperparameters: Any,
) -> Any:
    """‖ΔW‖ of an optimizer whose gradients are white: independent from step to step, the same in all directions.

    >>> import wcdfa
    >>> norms = optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=100)
    >>> norms.shape
    (100, 500)
    >>> print(f"{wcdfa.dfa(norms, method='ols').alpha.mean():.1f}")  # without momentum: 0.5
    1.0

    Parameters
    ----------
    n : int
        Steps in a window.
    optimizer : "adam", "adamw", "rmsprop" or "sgd"
        With the arithmetic and the defaults of ``torch.optim``.
    lr : float, or array of shape (n,)
        Learning rate, or its schedule. Default: 0.001, for SGD and RMSprop 0.01. A constant matters by way of weight decay only.
    replicates : int
        Windows to replay.
    gradient_norm : array of shape (n,), optional
        ‖g‖ at each step: gradients have this norm exactly, and a white direction. Default: Gaussian gradients with E‖g‖² = 1, the
        unit of `clip_norm`.
    start : int, optional
        Steps that the optimizer had taken, from a state of zeros, before the window: 0 replays its bias correction. They run at the
        first rate and gradient norm. Default: the transients have passed.
    dimension : int
        Coordinates of a gradient: how many independent directions share its norm. With `gradient_norm`, fewer make ‖ΔW‖ rougher.
    seed : int or numpy.random.Generator
    **hyperparameters
        ``clip_norm`` and ``weight_decay`` of any; ``betas``, ``eps`` of Adam and AdamW; ``momentum``, ``dampening``, ``nesterov`` of
        SGD; ``alpha``, ``eps``, ``momentum`` of RMSprop.

    Returns
    -------
    array of shape (replicates, n)
        Norms of the changes applied, weight decay included.

    Notes
    -----
    Memories start from the distribution they settle to (of the mean square: its mean and variance, as a gamma distribution), since
    a β₂ of 0.999 would take thousands of steps to get there; what they owe to each other follows within 3 / (1 - β₁) steps, at most
    200, before the window, at the first rate and gradient norm. Weights start from the random walk with decay that they settle to;
    without weight decay they are irrelevant. All this is to first order in lr · weight_decay.

    Raises
    ------
    ValueError
        If the optimizer is unknown, or a number is out of its range, or a series is not of shape (n,).
    TypeError
        If the optimizer lacks a hyperparameter.

    References
    ----------
    Adam: D. P. Kingma and J. Ba (2014), doi:10.48550/arXiv.1412.6980. AdamW: I. Loshchilov and F. Hutter (2017),
    doi:10.48550/arXiv.1711.05101.
    """
    for name, value in (("n", n), ("replicates", replicates), ("dimension", dimension)):
        if value < 1:
            msg = f"{name} must be at least 1, got {value}"
            raise ValueError(msg)
    run = plan(n, optimizer, lr, gradient_norm, start, hyperparameters)
    rng, shape = np.random.default_rng(seed), (dimension, replicates)
    weights, state = begin(run, rng, shape)
    white = _white(rng, shape, run.scales.tolist(), exact=run.exact)
    norms = np.empty((len(run.rates), replicates))
    count = math.inf if run.settled else 0
    for i, change in enumerate(replay(run.rule, white, run.rates.tolist(), weights, state, count)):
        norms[i] = np.sqrt(np.square(change, dtype=np.float64).sum(axis=0))  # squares of float32 underflow from 1e-19 on
    return np.ascontiguousarray(norms[run.before :].T)


class Run(NamedTuple):
    """What is known of a replay before its gradients are drawn."""

    rule: Rule
    rates: Any  # (before + n,)
    scales: Any  # (before + n,), norms of the gradients
    exact: bool  # whether gradients have these norms exactly, or in the mean square
    before: int  # steps that are not part of the window
    settled: bool


def plan(n: int, optimizer: str, lr: Any, gradient_norm: Any, start: int | None, hyperparameters: dict[str, Any]) -> Run:
    """Check the options of `optimizer_norms`, and lay out its steps."""
    rule = rule_of(optimizer, hyperparameters)
    rates = _positive("lr", rule.default_lr if lr is None else lr, n)
    scales = _positive("gradient_norm", 1.0 if gradient_norm is None else gradient_norm, n)
    if start is not None and start < 0:
        msg = f"start must be 0 or more steps, got {start}; None is an optimizer that has settled"
        raise ValueError(msg)
    settled = start is None or start * (1 - max(rule._decays())) > 5  # bias corrections are then within 0.4 % of 1
    before = min(math.ceil(3 / (1 - rule._decays()[0])), 200) if settled else int(start or 0)
    rates, scales = (np.concatenate([np.full(before, each[0]), each]) for each in (rates, scales))
    return Run(rule, rates, scales, gradient_norm is not None, before, settled)


def begin(run: Run, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, State]:
    """Weights, and memories too unless those start from zero; `shape` is (dimension, replicates)."""
    clipped = min(run.scales[0], math.inf if run.rule.clip_norm is None else run.rule.clip_norm)
    weights_spread, momentum_spread, square_mean = run.rule._settled(clipped / math.sqrt(shape[0]), run.rates[0])
    weights = np.float32(weights_spread) * rng.standard_normal(shape, dtype=np.float32)
    if not run.settled:
        return weights, State(np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32))
    momentum = np.float32(momentum_spread) * rng.standard_normal(shape, dtype=np.float32)
    decay = run.rule._decays()[1]
    form = (1 + decay) / (1 - decay) / 2  # a weighted mean of squares has variance 2 σ⁴ (1 - β) / (1 + β)
    return weights, State(momentum, np.float32(square_mean / form) * rng.standard_gamma(form, shape, dtype=np.float32))


def _white(rng: np.random.Generator, shape: tuple[int, int], scales: Iterable[float], exact: bool) -> Iterator[Array]:
    for scale in scales:
        white = rng.standard_normal(shape, dtype=np.float32)
        yield white * (scale / np.sqrt((white * white).sum(axis=0)) if exact else np.float32(scale / math.sqrt(shape[0])))


def _positive(name: str, values: Any, n: int) -> Any:
    values = np.asarray(values, dtype=np.float64)
    if values.shape not in ((), (n,)):
        msg = f"{name} must be one number or of shape ({n},), one per step of the window, got shape {values.shape}"
        raise ValueError(msg)
    wrong = ~((values > 0) & np.isfinite(values))
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        msg = (
            f"{name} must be positive and finite, got {values.ravel()[place]} at step {place}; a step that is zero changes nothing"
        )
        raise ValueError(msg)
    return np.broadcast_to(values, (n,))
