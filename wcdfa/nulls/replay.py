"""Replays optimizers on white gradients: gives the norms of the changes that they apply when gradients have no memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.kernel.arrays import Array
from wcdfa.nulls.optimizer import Memory, Optimizer, axes_of
from wcdfa.nulls.settling import Conditions
from wcdfa.nulls.update_rules import resolved
from wcdfa.synthetic import Seed

Dimension = int | tuple[int, int]
"""Number of coordinates of a gradient, or of its rows and columns."""
Floats = npt.NDArray[np.float64]


def replay(
    rule: Optimizer, gradients: Iterable[Array], lr: Iterable[float], weights: Array, memory: Memory, count: float = 0
) -> Iterator[Array]:
    """The change applied at each step, for gradients of the shape of the weights, such as (dimension, replicates).

    `count` is the number of steps taken before; with infinity, bias corrections are over.
    """
    for gradient, rate in zip(gradients, lr, strict=True):
        count += 1
        change, memory = rule.step(memory, weights, gradient, rate, count)
        weights = weights + change
        yield change


def optimizer_norms(
    n: int,
    *,
    optimizer: str | Optimizer = "adamw",
    lr: npt.ArrayLike | None = None,
    replicates: int = 500,
    gradient_norm: npt.ArrayLike | None = None,
    start: int | None = None,
    dimension: Dimension | None = None,
    seed: Seed = 0,
    **hyperparameters: object,
) -> Floats:
    """Replay an optimizer and return ‖ΔW‖. Its gradients are white: independent from step to step, the same in all directions.

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
    optimizer : str or Optimizer
        A name of `wcdfa.nulls.update_rules.OPTIMIZERS`, with the arithmetic and the defaults of ``torch.optim``, or one of its classes.
    lr : float, or array of shape (n,)
        Learning rate, or its schedule. Default: that of ``torch.optim``. A constant rate matters only if there is weight decay.
    replicates : int
        Windows to replay.
    gradient_norm : array of shape (n,), optional
        ‖g‖ at each step: gradients have exactly this norm, in a random direction. Default: Gaussian gradients with E‖g‖² = 1, the
        unit of `clip_norm`.
    start : int, optional
        Steps that the optimizer took before the window, from a state of zeros: 0 replays its bias correction. They run at the
        first rate and gradient norm. Default: the transients are over.
    dimension : int or (int, int), optional
        Coordinates of a gradient, or its rows and columns. Default: 64, or 8 by 8 for optimizers that act on matrices. With
        `gradient_norm`, fewer make ‖ΔW‖ rougher.
    seed : int or numpy.random.Generator
    **hyperparameters
        Fields of the optimizer's class, in place of its own values.

    Returns
    -------
    array of shape (replicates, n)
        Norms of the changes applied, weight decay included.

    Notes
    -----
    Memories start from the distribution they settle to (the mean square from a gamma distribution of the right mean and variance), since
    a β₂ of 0.999 would take thousands of steps to get there. How they depend on each other builds up in 3 / (1 - β₁) steps, at most
    200, before the window, at the first rate and gradient norm. Weights start from the random walk with decay that they settle to;
    without weight decay they are irrelevant. All this is to first order in lr · weight_decay.

    Raises
    ------
    ValueError
        If the optimizer is unknown, or a number is out of its range, or a series is not of shape (n,).
    TypeError
        If the optimizer lacks a hyperparameter, or a value has the wrong type.

    References
    ----------
    Adam: D. P. Kingma and J. Ba (2014), doi:10.48550/arXiv.1412.6980. AdamW: I. Loshchilov and F. Hutter (2017),
    doi:10.48550/arXiv.1711.05101. Others: the classes of `wcdfa.nulls.update_rules`.
    """
    for name, value in (("n", n), ("replicates", replicates)):
        if value < 1:
            msg = f"{name} must be at least 1, got {value}"
            raise ValueError(msg)
    run = plan(n, resolved(optimizer, hyperparameters), lr, gradient_norm, start, dimension)
    rng, shape = np.random.default_rng(seed), (*run.shape, replicates)
    weights, memory = begin(run, rng, shape)
    white = _white(rng, shape, run.scales.tolist(), exact=run.exact)
    norms = np.empty((len(run.rates), replicates))
    for i, change in enumerate(replay(run.rule, white, run.rates.tolist(), weights, memory, run.taken)):
        norms[i] = np.sqrt(
            np.square(np.asarray(change), dtype=np.float64).sum(axis=axes_of(change))
        )  # squares of float32 underflow from 1e-19 on
    return np.ascontiguousarray(norms[run.before :].T)


class Run(NamedTuple):
    """The plan of a replay, before its gradients are drawn."""

    rule: Optimizer
    rates: Floats  # (before + n,)
    scales: Floats  # (before + n,), norms of the gradients
    exact: bool  # whether gradients have exactly these norms, or only in the mean square
    before: int  # steps that are not part of the window
    settled: bool
    shape: tuple[int, ...]  # shape of the parameter
    taken: float  # steps taken before the first step of this plan


def plan(
    n: int,
    rule: Optimizer,
    lr: npt.ArrayLike | None,
    gradient_norm: npt.ArrayLike | None,
    start: int | None,
    dimension: Dimension | None,
) -> Run:
    """Check the options of `optimizer_norms` and plan its steps."""
    shape = shape_of(rule, dimension)
    rates = _positive("lr", rule.default_lr if lr is None else lr, n)
    scales = _positive("gradient_norm", 1.0 if gradient_norm is None else gradient_norm, n)
    if start is not None and start < 0:
        msg = f"start must be 0 or more steps, got {start}; None stands for an optimizer that has settled"
        raise ValueError(msg)
    settled = start is None or start > rule.settles_after()
    before = rule.burn_in() if settled else int(start or 0)
    taken = max(0.0, (rule.age() if start is None else start) - before) if settled else 0.0
    rates, scales = (np.concatenate([np.full(before, each[0]), each]) for each in (rates, scales))
    return Run(rule, rates, scales, gradient_norm is not None, before, settled, shape, taken)


def begin(run: Run, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Array, Memory]:
    """Draw weights, and memories unless they start from zero; `shape` is the shape of the parameter and then the replicates."""
    clipped = min(run.scales[0], math.inf if run.rule.clip_norm is None else run.rule.clip_norm)
    at = Conditions(clipped / math.sqrt(math.prod(run.shape)), run.rates[0], run.shape, run.taken)
    settled = run.rule._settled(at)
    weights = settled.pop("weights").draw(rng, shape)
    fresh = run.rule.fresh(weights)
    if not run.settled:
        return weights, fresh
    drawn = {name: draws.draw(rng, np.shape(fresh.get(name, weights))) for name, draws in settled.items()}
    return weights, {name: drawn[name] for name in fresh}


def _white(rng: np.random.Generator, shape: tuple[int, ...], scales: Iterable[float], exact: bool) -> Iterator[Array]:
    size = math.sqrt(math.prod(shape[:-1]))
    for scale in scales:
        white = rng.standard_normal(shape, dtype=np.float32)
        yield white * (scale / np.sqrt((white * white).sum(axis=axes_of(white))) if exact else np.float32(scale / size))


def shape_of(rule: Optimizer, dimension: Dimension | None) -> tuple[int, ...]:
    """The shape of the parameter that is replayed; raises a ValueError where it cannot be."""
    shape = rule.default_shape if dimension is None else tuple(np.atleast_1d(dimension).tolist())
    if len(shape) > 2 or min(shape) < 1:
        msg = f"dimension must be at least 1, got {dimension}; it is the number of coordinates, or of rows and columns"
        raise ValueError(msg)
    rule.check_shape(shape)
    return shape


def _positive(name: str, values: npt.ArrayLike, n: int) -> Floats:
    if np.asarray(values).dtype.kind in "USb":
        msg = f"{name} must be a number or numbers of shape ({n},), got {values!r}; leave out the quotes"
        raise TypeError(msg)
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
