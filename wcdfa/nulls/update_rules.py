"""The optimizers that the null knows, step for step those of ``torch.optim``, on the arrays of any library.

A step uses operators and array methods only and changes nothing in place, so that it takes traced arrays too. To add an optimizer,
write its class here and name it in `OPTIMIZERS`: the replay, the command line and the recorders take it from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

from wcdfa.kernel.arrays import Array
from wcdfa.nulls.optimizer import Memory, Number, Optimizer, described
from wcdfa.nulls.settling import Conditions, MeanSquare, Normal, Settled
from wcdfa.nulls.spelling import Spelling

ADAM = {"betas": ("b1", "b2"), "eps": "eps"}


def _momentum_label(title: str, momentum: float, nesterov: bool = False) -> str:
    return f"{title}({'Nesterov ' if nesterov else ''}momentum {momentum:g})" if momentum else title


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """As ``torch.optim.SGD``; weight decay is L2."""

    momentum: float = field(default=0.0, metadata=described("What is left of the momentum after a step."))
    dampening: float = field(default=0.0, metadata=described("What the momentum does not take of a gradient."))
    nesterov: bool = field(default=False, metadata=described("Look one step ahead."))
    name: ClassVar[str] = "sgd"
    title: ClassVar[str] = "SGD"
    default_lr: ClassVar[float] = 1e-2
    remembers: ClassVar[tuple[str, ...]] = ("momentum",)
    spellings: ClassVar[tuple[Spelling, ...]] = (
        Spelling(
            "torch.SGD",
            {name: name for name in ("momentum", "dampening", "nesterov", "weight_decay")},
            only={"maximize": False},
        ),
        Spelling(
            "keras.SGD",
            {"momentum": "momentum", "nesterov": lambda options: bool(options["nesterov"] and options["momentum"])},
            only={"weight_decay": False},
        ),
        Spelling("keras.SGD", {"weight_decay": "weight_decay"}, only={"weight_decay": True, "momentum": False}),
        Spelling("optax.sgd", {"momentum": "momentum", "nesterov": "nesterov"}),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (not self.momentum or self.dampening):
            msg = f"nesterov needs momentum above 0 and no dampening, got {self.momentum} and {self.dampening}"
            raise ValueError(msg)

    def __str__(self) -> str:
        return _momentum_label(self.title, self.momentum, self.nesterov)

    def _decays(self) -> tuple[float, ...]:
        return (self.momentum,)

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        gradient = self._decayed(gradient, weights)
        if not self.momentum:
            return -lr * gradient, memory
        buffer = gradient if count == 1 else self.momentum * memory["momentum"] + (1 - self.dampening) * gradient
        move = gradient + self.momentum * buffer if self.nesterov else buffer
        return -lr * move, {"momentum": buffer}

    def _settled(self, at: Conditions) -> Settled:
        gain = (1 - self.dampening) / (1 - self.momentum) if self.momentum else 1.0
        momentum = (1 - self.dampening) * at.scale / math.sqrt(1 - self.momentum**2)
        unused = MeanSquare(0.0, 0.0)  # drawn so that a seed gives the same gradients as in earlier versions
        return {"weights": Normal(self._spread(at.lr * gain, at.scale)), "momentum": Normal(momentum), "square": unused}


@dataclass(frozen=True, kw_only=True)
class Adam(Optimizer):
    """As ``torch.optim.Adam``; weight decay is L2."""

    betas: tuple[float, float] = field(
        default=(0.9, 0.999),
        metadata=described("What is left of the mean of gradients, and of that of their squares, after a step."),
    )
    eps: float = field(default=1e-8, metadata=described("Added to the root of the mean square."))
    name: ClassVar[str] = "adam"
    title: ClassVar[str] = "Adam"
    remembers: ClassVar[tuple[str, ...]] = ("momentum", "square")
    spellings: ClassVar[tuple[Spelling, ...]] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.betas, (tuple, list)) or len(self.betas) != 2:
            msg = f"betas must be two numbers, got {self.betas!r}; (0.9, 0.999) is usual"
            raise ValueError(msg)
        super().__post_init__()

    def __str__(self) -> str:
        return f"{self.title}({self.betas[0]:g}, {self.betas[1]:g})"

    def _decays(self) -> tuple[float, ...]:
        return self.betas

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        move, memory = self._move(memory, self._decayed(gradient, weights), count)
        return -lr * move, memory

    def _move(self, memory: Memory, gradient: Array, count: Number) -> tuple[Array, Memory]:
        first, second = self.betas
        momentum = first * memory["momentum"] + (1 - first) * gradient
        square = second * memory["square"] + (1 - second) * (gradient * gradient)
        root = square**0.5 / (1 - second**count) ** 0.5 + self.eps
        return momentum / ((1 - first**count) * root), {"momentum": momentum, "square": square}

    def _settled(self, at: Conditions) -> Settled:
        root = self._root_mean_square(at.lr, at.scale)
        return self._memories(at, root**2) | {"weights": Normal(self._spread(at.lr / (root + self.eps), at.scale))}

    def _memories(self, at: Conditions, mean_square: float) -> Settled:
        momentum = at.scale * math.sqrt((1 - self.betas[0]) / (1 + self.betas[0]))
        return {"weights": Normal(0.0), "momentum": Normal(momentum), "square": MeanSquare(mean_square, self.betas[1])}


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """As ``torch.optim.AdamW``; weight decay is decoupled."""

    weight_decay: float = 0.01
    name: ClassVar[str] = "adamw"
    title: ClassVar[str] = "AdamW"

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        move, memory = self._move(memory, gradient, count)
        return -lr * self._decayed(move, weights), memory

    def _settled(self, at: Conditions) -> Settled:
        return self._memories(at, at.scale**2) | {"weights": Normal(self._spread(at.lr, at.scale / (at.scale + self.eps)))}


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """As ``torch.optim.RMSprop``, not centered; weight decay is L2."""

    alpha: float = field(default=0.99, metadata=described("What is left of the mean square of gradients after a step."))
    eps: float = field(default=1e-8, metadata=described("Added to the root of the mean square."))
    momentum: float = field(default=0.0, metadata=described("What is left of the momentum after a step."))
    name: ClassVar[str] = "rmsprop"
    title: ClassVar[str] = "RMSprop"
    default_lr: ClassVar[float] = 1e-2
    remembers: ClassVar[tuple[str, ...]] = ("momentum", "square")

    def __str__(self) -> str:
        return _momentum_label(self.title, self.momentum)

    def _decays(self) -> tuple[float, ...]:
        return self.momentum, self.alpha

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        gradient = self._decayed(gradient, weights)
        square = self.alpha * memory["square"] + (1 - self.alpha) * (gradient * gradient)
        move = gradient / (square**0.5 + self.eps)
        if self.momentum:
            move = self.momentum * memory["momentum"] + move
        return -lr * move, {"momentum": move, "square": square}

    def _settled(self, at: Conditions) -> Settled:
        lr = at.lr / (1 - self.momentum)
        root = self._root_mean_square(lr, at.scale) + self.eps
        momentum = Normal(at.scale / root / math.sqrt(1 - self.momentum**2))
        return {
            "weights": Normal(self._spread(lr / root, at.scale)),
            "momentum": momentum,
            "square": MeanSquare(root**2, self.alpha),
        }


OPTIMIZERS: dict[str, type[Optimizer]] = {rule.name: rule for rule in (Adam, AdamW, RMSprop, SGD)}


def named(name: str, hyperparameters: Mapping[str, object]) -> Optimizer:
    """The optimizer of that name, with those hyperparameters in place of the defaults of ``torch.optim``.

    >>> print(named("adamw", {"betas": (0.9, 0.99)}), named("sgd", {"momentum": 0.9}), named("sgd", {}))
    AdamW(0.9, 0.99) SGD(momentum 0.9) SGD

    Raises
    ------
    ValueError
        If there is no such optimizer, or a number is out of its range.
    TypeError
        If the optimizer lacks a hyperparameter.
    """
    if name not in OPTIMIZERS:
        msg = f"optimizer must be one of {', '.join(map(repr, OPTIMIZERS))}, got {name!r}; pass the name of the one it behaves like"
        raise ValueError(msg)
    known = [each.name for each in fields(OPTIMIZERS[name])]
    for given in hyperparameters:
        if given not in known:
            msg = f"{name} has no hyperparameter {given!r}; it takes lr, {', '.join(known)}"
            raise TypeError(msg)
    return OPTIMIZERS[name](**hyperparameters)  # type: ignore[arg-type]  # each rule checks its own


def resolved(optimizer: str | Optimizer, hyperparameters: Mapping[str, object]) -> Optimizer:
    """The optimizer itself, from its name and hyperparameters or as it is.

    >>> print(resolved("sgd", {"momentum": 0.9}), resolved(SGD(momentum=0.9), {}))
    SGD(momentum 0.9) SGD(momentum 0.9)
    """
    if isinstance(optimizer, str):
        return named(optimizer, hyperparameters)
    if hyperparameters:
        msg = f"{', '.join(hyperparameters)} belongs in {optimizer.title}(...): name hyperparameters beside optimizer={optimizer.name!r} only"
        raise TypeError(msg)
    return optimizer


Known = tuple[str | None, dict[str, object]]
UNKNOWN: Known = (None, {})


def recognised(name: str, options: Mapping[str, object]) -> Known:
    """The optimizer that a framework writes like this, and its hyperparameters; `UNKNOWN` where the null has none that does the same.

    >>> recognised("torch.SGD", {"momentum": 0.9, "dampening": 0, "nesterov": False, "weight_decay": 0, "maximize": False})
    ('sgd', {'momentum': 0.9, 'dampening': 0, 'nesterov': False, 'weight_decay': 0})
    >>> recognised("torch.Adagrad", {})
    (None, {})
    """
    for rule in OPTIMIZERS.values():
        for spelling in rule.spellings:
            if spelling.name == name and (found := spelling.read(options)) is not None:
                return replayable(rule.name, found)
    return UNKNOWN


def replayable(optimizer: str | None, hyperparameters: dict[str, object]) -> Known:
    """The same two where the null can replay that optimizer; else `UNKNOWN`.

    >>> replayable("sgd", {"momentum": 0.9}), replayable("sgd", {"momentum": 1.0})  # which frameworks allow
    (('sgd', {'momentum': 0.9}), (None, {}))
    """
    if optimizer is None:
        return UNKNOWN
    try:
        named(optimizer, hyperparameters)
    except ValueError:
        return UNKNOWN
    return optimizer, hyperparameters
