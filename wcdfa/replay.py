"""Optimizers replayed on white gradients: the norms of the changes that they apply when the gradients carry no memory at all.

The rules are those of ``torch.optim``, step for step. They use operators only and change nothing in place, so that a step takes the
arrays of any library, traced ones too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wcdfa.arrays import Array
from wcdfa.synthetic import Seed

DIMENSION = 64
"""Coordinates of a gradient. Momentum 0.9, n = 500: α of the log norms is 0.92, 1.00, 1.009, 1.017, 1.019, 1.021 at 2, 8, 16, 32, 64, 512."""


class State(NamedTuple):
    """What an optimizer remembers, in arrays of the shape of the gradient; a rule that lacks one leaves it alone."""

    momentum: Array
    square: Array


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An optimizer: its hyperparameters, one step, and where it settles on gradients of standard deviation `scale` per coordinate."""

    weight_decay: float = 0.0
    clip_norm: float | None = None
    default_lr: ClassVar[float] = 1e-3

    def __post_init__(self) -> None:
        if not all(0 <= decay < 1 for decay in self._decays()):
            msg = f"momentum, betas and alpha must lie from 0 to below 1, got {', '.join(map(str, self._decays()))}"
            raise ValueError(msg)
        for name in ("weight_decay", "eps"):
            if not getattr(self, name, 0.0) >= 0:
                msg = f"{name} must be 0 or more, got {getattr(self, name)}"
                raise ValueError(msg)
        if self.clip_norm is not None and not self.clip_norm > 0:
            msg = f"clip_norm must be positive, got {self.clip_norm}; None does not clip"
            raise ValueError(msg)

    def _decays(self) -> tuple[float, float]:
        """What is left of the momentum and of the mean square after a step, as shares."""
        raise NotImplementedError

    def _step(self, state: State, weights: Array, gradient: Array, lr: float, count: float) -> tuple[Array, State]:
        """The change applied to the weights, and the next state; `count` is 1 at the first step."""
        raise NotImplementedError

    def _settled(self, scale: float, lr: float) -> tuple[float, float, float]:
        """Standard deviations of weights and momentum, and the mean square, after long: to first order in lr · weight_decay."""
        raise NotImplementedError

    def _decayed(self, gradient: Array, weights: Array) -> Array:
        return gradient + self.weight_decay * weights if self.weight_decay else gradient

    def _spread(self, lr: float, scale: float) -> float:
        """Standard deviation of w ← (1 - lr λ) w - lr g, of variance lr² σ² / (1 - (1 - lr λ)²); memory in g only rescales lr."""
        product = lr * self.weight_decay
        if product >= 2:
            msg = f"weight decay of {self.weight_decay} at a rate of {lr:.3g} per step multiplies to {product:.3g}, 2 and more diverge"
            raise ValueError(msg)
        return lr * scale / math.sqrt(product * (2 - product)) if product else 0.0

    def _root_mean_square(self, lr: float, scale: float) -> float:
        """The root s of the mean square, of a rule whose gradient holds λ w: s² = σ² + λ² var(w), where w drifts at the rate lr / s."""
        product = lr * self.weight_decay
        return (product + math.sqrt(product**2 + 16 * scale**2)) / 4


@dataclass(frozen=True, kw_only=True)
class SGD(Rule):
    """As ``torch.optim.SGD``; weight decay is L2."""

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    default_lr: ClassVar[float] = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (not self.momentum or self.dampening):
            msg = f"nesterov needs momentum above 0 and no dampening, got {self.momentum} and {self.dampening}"
            raise ValueError(msg)

    def _decays(self) -> tuple[float, float]:
        return self.momentum, 0.0

    def _step(self, state: State, weights: Array, gradient: Array, lr: float, count: float) -> tuple[Array, State]:
        gradient = self._decayed(gradient, weights)
        if not self.momentum:
            return -lr * gradient, state
        buffer = gradient if count == 1 else self.momentum * state.momentum + (1 - self.dampening) * gradient
        move = gradient + self.momentum * buffer if self.nesterov else buffer
        return -lr * move, State(buffer, state.square)

    def _settled(self, scale: float, lr: float) -> tuple[float, float, float]:
        gain = (1 - self.dampening) / (1 - self.momentum) if self.momentum else 1.0
        momentum = (1 - self.dampening) * scale / math.sqrt(1 - self.momentum**2)
        return self._spread(lr * gain, scale), momentum, 0.0


@dataclass(frozen=True, kw_only=True)
class Adam(Rule):
    """As ``torch.optim.Adam``; weight decay is L2."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def _decays(self) -> tuple[float, float]:
        return self.betas

    def _step(self, state: State, weights: Array, gradient: Array, lr: float, count: float) -> tuple[Array, State]:
        move, state = self._move(state, self._decayed(gradient, weights), count)
        return -lr * move, state

    def _move(self, state: State, gradient: Array, count: float) -> tuple[Array, State]:
        first, second = self.betas
        momentum = first * state.momentum + (1 - first) * gradient
        square = second * state.square + (1 - second) * (gradient * gradient)
        root = square**0.5 / math.sqrt(1 - second**count) + self.eps
        return momentum / ((1 - first**count) * root), State(momentum, square)

    def _settled(self, scale: float, lr: float) -> tuple[float, float, float]:
        root = self._root_mean_square(lr, scale)
        momentum = scale * math.sqrt((1 - self.betas[0]) / (1 + self.betas[0]))
        return self._spread(lr / (root + self.eps), scale), momentum, root**2


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """As ``torch.optim.AdamW``; weight decay is decoupled."""

    weight_decay: float = 0.01

    def _step(self, state: State, weights: Array, gradient: Array, lr: float, count: float) -> tuple[Array, State]:
        move, state = self._move(state, gradient, count)
        return -lr * self._decayed(move, weights), state

    def _settled(self, scale: float, lr: float) -> tuple[float, float, float]:
        momentum = scale * math.sqrt((1 - self.betas[0]) / (1 + self.betas[0]))
        return self._spread(lr, scale / (scale + self.eps)), momentum, scale**2


@dataclass(frozen=True, kw_only=True)
class RMSprop(Rule):
    """As ``torch.optim.RMSprop``, not centered; weight decay is L2."""

    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    default_lr: ClassVar[float] = 1e-2

    def _decays(self) -> tuple[float, float]:
        return self.momentum, self.alpha

    def _step(self, state: State, weights: Array, gradient: Array, lr: float, count: float) -> tuple[Array, State]:
        gradient = self._decayed(gradient, weights)
        square = self.alpha * state.square + (1 - self.alpha) * (gradient * gradient)
        move = gradient / (square**0.5 + self.eps)
        if self.momentum:
            move = self.momentum * state.momentum + move
        return -lr * move, State(move, square)

    def _settled(self, scale: float, lr: float) -> tuple[float, float, float]:
        lr = lr / (1 - self.momentum)
        root = self._root_mean_square(lr, scale) + self.eps
        return self._spread(lr / root, scale), scale / root / math.sqrt(1 - self.momentum**2), root**2


RULES: dict[str, type[Rule]] = {"adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "sgd": SGD}
"""Lion is left out on purpose: its changes are signs, so their norm is constant and has no exponent."""


def rule_of(optimizer: str, hyperparameters: dict[str, Any]) -> Rule:
    """The rule of that name, with those hyperparameters in place of the defaults of ``torch.optim``."""
    if optimizer not in RULES:
        msg = f"optimizer must be one of {', '.join(map(repr, RULES))}, got {optimizer!r}; pass the name of the one it behaves like"
        raise ValueError(msg)
    known = [each.name for each in fields(RULES[optimizer])]
    for name in hyperparameters:
        if name not in known:
            msg = f"{optimizer} has no hyperparameter {name!r}; it takes lr, {', '.join(known)}"
            raise TypeError(msg)
    return RULES[optimizer](**hyperparameters)


def replay(
    rule: Rule, gradients: Iterable[Array], lr: Iterable[float], weights: Array, state: State, count: float = 0
) -> Iterator[Array]:
    """The change applied at each step, for gradients of shape (dimension, ...); `count` steps went before, infinity: settled."""
    for gradient, rate in zip(gradients, lr, strict=True):
        count += 1
        change, state = rule._step(state, weights, _clipped(gradient, rule.clip_norm), rate, count)
        weights = weights + change
        yield change


def _clipped(gradient: Array, clip_norm: float | None) -> Array:
    """As ``torch.nn.utils.clip_grad_norm_``: each column to the norm `clip_norm` at most."""
    if clip_norm is None:
        return gradient
    factor = clip_norm / ((gradient * gradient).sum(0) ** 0.5 + 1e-6)
    return gradient * (factor * (factor < 1) + (factor >= 1))


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
    rule = rule_of(optimizer, hyperparameters)
    for name, value in (("n", n), ("replicates", replicates), ("dimension", dimension)):
        if value < 1:
            msg = f"{name} must be at least 1, got {value}"
            raise ValueError(msg)
    rates = _positive("lr", rule.default_lr if lr is None else lr, n)
    scales = 1.0 if gradient_norm is None else gradient_norm
    scales = _positive("gradient_norm", scales, n)
    if start is not None and start < 0:
        msg = f"start must be 0 or more steps, got {start}; None is an optimizer that has settled"
        raise ValueError(msg)
    settled = start is None or start * (1 - max(rule._decays())) > 5  # bias corrections are then within 0.4 % of 1
    before = min(math.ceil(3 / (1 - rule._decays()[0])), 200) if settled else int(start or 0)
    rates, scales = (np.concatenate([np.full(before, each[0]), each]).tolist() for each in (rates, scales))

    rng, shape = np.random.default_rng(seed), (dimension, replicates)
    clipped = min(scales[0], math.inf if rule.clip_norm is None else rule.clip_norm)
    weights, state = _begin(rule, clipped / math.sqrt(dimension), rates[0], settled, rng, shape)
    white = _white(rng, shape, scales, exact=gradient_norm is not None)
    norms = np.empty((len(rates), replicates))
    for i, change in enumerate(replay(rule, white, rates, weights, state, math.inf if settled else 0)):
        norms[i] = np.sqrt(np.square(change, dtype=np.float64).sum(axis=0))  # squares of float32 underflow from 1e-19 on
    return np.ascontiguousarray(norms[before:].T)


def _begin(
    rule: Rule, scale: float, lr: float, settled: bool, rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[Array, State]:
    """Weights, and memories too unless those start from zero."""
    weights_spread, momentum_spread, square_mean = rule._settled(scale, lr)
    weights = np.float32(weights_spread) * rng.standard_normal(shape, dtype=np.float32)
    if not settled:
        return weights, State(np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32))
    momentum = np.float32(momentum_spread) * rng.standard_normal(shape, dtype=np.float32)
    decay = rule._decays()[1]
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
