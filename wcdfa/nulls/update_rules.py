"""The arithmetic of optimizers, step for step that of ``torch.optim``, on the arrays of any library.

A step uses operators only and changes nothing in place, so that it takes traced arrays too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

from wcdfa.kernel.arrays import Array


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

    def step(self, state: State, weights: Array, gradient: Array, lr: Any, count: float) -> tuple[Array, State]:
        """One step with the gradient clipped: the change applied, and the next state."""
        return self._step(state, weights, _clipped(gradient, self.clip_norm), lr, count)

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

    def __post_init__(self) -> None:
        if not isinstance(self.betas, (tuple, list)) or len(self.betas) != 2:
            msg = f"betas must be two numbers, got {self.betas!r}; (0.9, 0.999) is usual"
            raise ValueError(msg)
        super().__post_init__()

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


Known = tuple[str | None, dict[str, Any]]
UNKNOWN: Known = (None, {})


def replayable(optimizer: str | None, hyperparameters: dict[str, Any]) -> Known:
    """The same two where the null can replay that optimizer; else `UNKNOWN`.

    >>> replayable("sgd", {"momentum": 0.9}), replayable("sgd", {"momentum": 1.0})  # which frameworks allow
    (('sgd', {'momentum': 0.9}), (None, {}))
    """
    if optimizer is None:
        return UNKNOWN
    try:
        rule_of(optimizer, hyperparameters)
    except ValueError:
        return UNKNOWN
    return optimizer, hyperparameters


def _clipped(gradient: Array, clip_norm: float | None) -> Array:
    """As ``torch.nn.utils.clip_grad_norm_``: each column to the norm `clip_norm` at most."""
    if clip_norm is None:
        return gradient
    factor = clip_norm / ((gradient * gradient).sum(0) ** 0.5 + 1e-6)
    return gradient * (factor * (factor < 1) + (factor >= 1))
