"""The optimizers that the null knows. Each step is that of ``torch.optim``, on the arrays of any library.

A step uses operators and array methods only and changes nothing in place, so that it takes traced arrays too. To add an optimizer,
write its class here and name it in `OPTIMIZERS`: the replay, the command line and the recorders take it from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Literal, cast

import numpy as np

from wcdfa.kernel.arrays import Array
from wcdfa.nulls.hyperparameters import AT_LEAST_0, AT_MOST_0, FEW, POSITIVE, POWER, SHARE
from wcdfa.nulls.optimizer import (
    WEIGHT_DECAY,
    Memory,
    Number,
    Optimizer,
    described,
    larger,
    product,
    root_mean_square,
    smaller,
    total,
    turned,
)
from wcdfa.nulls.settling import Conditions, Constant, MeanSquare, Normal, Settled
from wcdfa.nulls.spelling import Source, Spelling
from wcdfa.nulls.suggestions import closest

AGE = 10_000
"""Steps that an optimizer which never settles is assumed to have taken if the step is unknown."""
SINGULAR, LASTING = 0.92, 0.88  # measured at 8 by 8 and 16 by 16: the root mean square of singular values after Muon's polynomial,
# and how long changes last, relative to a change that is proportional to the momentum
LONG = 10_000
"""Steps beyond which an optimizer that still changes is replayed at the step of the window."""
CORRECTED = 300
"""Steps after which a mean of squares whose bias is corrected shows its start by less than chance does, if there are up to 50,000 coordinates."""
BEYOND = 1e3  # a singular value that has grown so much diverges
AT_ONCE = 1e3  # momentum_decay of a NAdam whose momentum does not grow: 0.96 to this power is 0

DECAYED = {"weight_decay": "weight_decay"}
TORCH_ADAM = {name: name for name in ("betas", "eps", "weight_decay")}
KERAS_ADAM: dict[str, Source] = {"betas": ("beta_1", "beta_2"), "eps": "epsilon"}
OPTAX_ADAM: dict[str, Source] = {"betas": ("b1", "b2"), "eps": "eps"}
OPTAX_IGNORED = frozenset({"eps_root", "mu_dtype"})

BETAS = described("Share of the mean gradient, and of the mean squared gradient, that is kept at each step.")
MOMENTUM = described("Share of the momentum that is kept at each step.")
NESTEROV = described("Use Nesterov momentum, which looks one step ahead.")
EPS = described("Small number that is added to the divisor, so that it is never zero.", AT_LEAST_0)


def _with_amsgrad(name: str, hyperparameters: Mapping[str, Source], **only: bool) -> Iterator[Spelling]:
    yield Spelling(name, hyperparameters, {**only, "amsgrad": False})
    yield Spelling(name, hyperparameters, {**only, "amsgrad": True}, {"amsgrad": True})


def _item(name: str, index: int) -> Source:
    return lambda options: cast("tuple[object, ...]", options[name])[index]


def _momentum_label(title: str, momentum: float, nesterov: bool = False) -> str:
    return f"{title}({'Nesterov ' if nesterov else ''}momentum {momentum:g})" if momentum else title


def _spread_of_mean(scale: float, decay: float) -> float:
    """Standard deviation of m ← β m + (1 - β) g."""
    return scale * math.sqrt((1 - decay) / (1 + decay))


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Works as ``torch.optim.SGD``; weight decay is L2."""

    momentum: float = field(default=0.0, metadata=MOMENTUM)
    dampening: float = field(default=0.0, metadata=described("Share of each gradient that is not added to the momentum.", SHARE))
    nesterov: bool = field(default=False, metadata=NESTEROV)
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
        Spelling("optax.sgd", {"momentum": "momentum", "nesterov": "nesterov"}, ignored=frozenset({"accumulator_dtype"})),
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

    def gain(self, lr: float, scale: float) -> float | None:  # noqa: D102 - as in the base class
        return lr * (1 - self.dampening) / (1 - self.momentum) if self.momentum else lr

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
class Betas(Optimizer):
    """Base class of optimizers with two betas."""

    betas: tuple[float, float] = field(default=(0.9, 0.999), metadata=BETAS)

    def __str__(self) -> str:
        return f"{self.title}({self.betas[0]:g}, {self.betas[1]:g})"

    def _decays(self) -> tuple[float, ...]:
        return self.betas


@dataclass(frozen=True, kw_only=True)
class Moments(Betas):
    """Base class of optimizers that divide a mean of gradients by the root of the mean of their squares."""

    eps: float = field(default=1e-8, metadata=EPS)
    remembers: ClassVar[tuple[str, ...]] = ("momentum", "square")

    def _averaged(self, memory: Memory, gradient: Array) -> Memory:
        """The means of gradients and of their squares after a step."""
        first, second = self.betas
        momentum = first * memory["momentum"] + (1 - first) * gradient
        square = second * memory["square"] + (1 - second) * (gradient * gradient)
        return {"momentum": momentum, "square": square}

    def _root(self, square: Array, count: Number) -> Array:
        return square**0.5 / (1 - self.betas[1] ** count) ** 0.5 + self.eps

    def starts_within(self) -> float:  # noqa: D102 - as in the base class
        return max(CORRECTED, 5 / (1 - self.betas[0]))

    def gain(self, lr: float, scale: float) -> float | None:  # noqa: D102 - as in the base class
        return lr / scale

    def _settled_betas(self, at: Conditions, decoupled: bool) -> Settled:
        if decoupled:
            square, weights = at.scale**2, self._spread(at.lr, at.scale / (at.scale + self.eps))
        else:
            root = self._root_mean_square(at.lr, at.scale)
            square, weights = root**2, self._spread(at.lr / (root + self.eps), at.scale)
        momentum = Normal(_spread_of_mean(at.scale, self.betas[0]))
        return {"weights": Normal(weights), "momentum": momentum, "square": self._settled_square(square, at)}

    def _settled_square(self, mean: float, at: Conditions) -> MeanSquare:
        """After so many steps it lacks as much of its mean as the bias correction makes up for."""
        return MeanSquare(mean * (1 - self.betas[1] ** at.age), self.betas[1])


@dataclass(frozen=True, kw_only=True)
class Adam(Moments):
    """Works as ``torch.optim.Adam``; weight decay is L2. AMSGrad: S. Reddi et al. (2018), doi:10.48550/arXiv.1904.09237."""

    amsgrad: bool = field(default=False, metadata=described("AMSGrad: divide by the root of the largest mean square so far."))
    name: ClassVar[str] = "adam"
    title: ClassVar[str] = "Adam"
    spellings: ClassVar[tuple[Spelling, ...]] = (
        *_with_amsgrad("torch.Adam", TORCH_ADAM, maximize=False, decoupled_weight_decay=False),
        *_with_amsgrad("keras.Adam", KERAS_ADAM, weight_decay=False),
        *_with_amsgrad("keras.AdamW", KERAS_ADAM, weight_decay=False),
        Spelling("optax.adam", OPTAX_ADAM, only={"nesterov": False}, ignored=OPTAX_IGNORED),
    )

    def __str__(self) -> str:
        return super().__str__().replace(")", ", AMSGrad)") if self.amsgrad else super().__str__()

    def fresh(self, weights: Array) -> Memory:
        """The memory before the first step."""
        return super().fresh(weights) | ({"peak": 0 * weights} if self.amsgrad else {})

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        move, memory = self._move(memory, self._decayed(gradient, weights), count)
        return -lr * move, memory

    def _move(self, memory: Memory, gradient: Array, count: Number) -> tuple[Array, Memory]:
        after = self._averaged(memory, gradient)
        if self.amsgrad:
            after["peak"] = larger(memory["peak"], after["square"])
        root = self._root(after["peak" if self.amsgrad else "square"], count)
        return after["momentum"] / ((1 - self.betas[0] ** count) * root), after

    def _settled(self, at: Conditions) -> Settled:
        return self._with_peak(self._settled_betas(at, decoupled=False))

    def _with_peak(self, settled: Settled) -> Settled:
        """Add the largest mean square: about the maximum over 10 / (1 - β₂) steps. It goes on growing, ever more slowly."""
        square = settled["square"]
        return settled | ({"peak": square._replace(peak_of=10)} if self.amsgrad and isinstance(square, MeanSquare) else {})


@dataclass(frozen=True, kw_only=True)
class AdamW(Adam):
    """Works as ``torch.optim.AdamW``; weight decay is decoupled."""

    weight_decay: float = field(default=0.01, metadata=WEIGHT_DECAY)
    name: ClassVar[str] = "adamw"
    title: ClassVar[str] = "AdamW"
    spellings: ClassVar[tuple[Spelling, ...]] = (
        *_with_amsgrad("torch.Adam", TORCH_ADAM, maximize=False, decoupled_weight_decay=True),
        *_with_amsgrad("torch.AdamW", TORCH_ADAM, maximize=False),
        *_with_amsgrad("keras.Adam", KERAS_ADAM | DECAYED, weight_decay=True),
        *_with_amsgrad("keras.AdamW", KERAS_ADAM | DECAYED, weight_decay=True),
        Spelling("optax.adamw", OPTAX_ADAM | DECAYED, only={"nesterov": False}, ignored=OPTAX_IGNORED),
    )

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        move, memory = self._move(memory, gradient, count)
        return -lr * self._decayed(move, weights), memory

    def _settled(self, at: Conditions) -> Settled:
        return self._with_peak(self._settled_betas(at, decoupled=True))


@dataclass(frozen=True, kw_only=True)
class NAdam(Moments):
    """Works as ``torch.optim.NAdam``. T. Dozat (2016), https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.

    Its momentum keeps growing for about 30,000 steps, and α with it: 0.73 after 10,000 steps, 0.87 at the end. Give ``start`` for a
    younger run. In Keras the momentum stops growing after 100 steps, and in optax it is constant.
    """

    momentum_decay: float = field(
        default=4e-3,
        metadata=described(
            "How fast the momentum grows: it reaches 90 % of its final value after 40 / momentum_decay steps.", AT_LEAST_0
        ),
    )
    decoupled_weight_decay: bool = field(
        default=False, metadata=described("Apply weight decay to the weights themselves, as AdamW does.")
    )
    name: ClassVar[str] = "nadam"
    title: ClassVar[str] = "NAdam"
    default_lr: ClassVar[float] = 2e-3
    spellings: ClassVar[tuple[Spelling, ...]] = (
        Spelling(
            "torch.NAdam",
            {**TORCH_ADAM, "momentum_decay": "momentum_decay", "decoupled_weight_decay": "decoupled_weight_decay"},
            only={"maximize": False},
        ),
        Spelling("keras.Nadam", KERAS_ADAM, only={"weight_decay": False}, fixed={"momentum_decay": 1.0}),
        Spelling(
            "keras.Nadam",
            KERAS_ADAM | DECAYED,
            only={"weight_decay": True},
            fixed={"momentum_decay": 1.0, "decoupled_weight_decay": True},
        ),
        *(
            Spelling(name, OPTAX_ADAM, only={"nesterov": True}, fixed={"momentum_decay": AT_ONCE}, ignored=OPTAX_IGNORED)
            for name in ("optax.adam", "optax.nadam")
        ),
        *(
            Spelling(
                name,
                OPTAX_ADAM | DECAYED,
                only={"nesterov": True},
                fixed={"momentum_decay": AT_ONCE, "decoupled_weight_decay": True},
                ignored=OPTAX_IGNORED,
            )
            for name in ("optax.adamw", "optax.nadamw")
        ),
    )

    def fresh(self, weights: Array) -> Memory:
        """The memory before the first step."""
        return super().fresh(weights) | {"product": 1 + 0 * total(weights)}

    def settles_after(self) -> float:
        """Steps after which its memories are drawn as they are at that step, far sooner than its mean square settles."""
        return max(500.0, 5 / (1 - self.betas[0]))

    def changes_until(self) -> float:
        """Steps until its momentum is within 0.4 % of its final value; 0 where that is soon."""
        steps = 120 / self.momentum_decay if self.momentum_decay else 0.0
        return steps if steps > LONG else 0.0

    def _momentum(self, count: Number) -> Number:
        growth = 0.96 ** (count * self.momentum_decay) if self.momentum_decay else 1.0
        return self.betas[0] * (1 - 0.5 * growth)

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        decoupled = self.decoupled_weight_decay
        gradient = gradient if decoupled else self._decayed(gradient, weights)
        after = self._averaged(memory, gradient)
        now, following = self._momentum(count), self._momentum(count + 1)
        after["product"] = memory["product"] * now
        ahead = following / (1 - after["product"] * following) * after["momentum"]
        move = ((1 - now) / (1 - after["product"]) * gradient + ahead) / self._root(after["square"], count)
        return -lr * (self._decayed(move, weights) if decoupled else move), after

    def _settled(self, at: Conditions) -> Settled:
        settled = self._settled_betas(at, self.decoupled_weight_decay)
        square = settled["square"]
        young = square._replace(age=at.age) if isinstance(square, MeanSquare) else square
        return settled | {"square": young, "product": Constant(0.0)}


@dataclass(frozen=True, kw_only=True)
class ScheduleFreeAdamW(Moments):
    """Works as ``AdamWScheduleFree`` of the package schedulefree. ΔW is the change of the weights at which gradients are taken.

    A. Defazio et al. (2024), doi:10.48550/arXiv.2405.15682.
    It never settles, because its average moves ever more slowly. Unless ``start`` is given, 10,000 steps are assumed to have been taken.
    """

    warmup_steps: int = field(
        default=0, metadata=described("Steps over which the learning rate rises from 0 to its full value.", AT_LEAST_0)
    )
    r: float = field(default=0.0, metadata=described("Power of the step number that weights each step in the average.", POWER))
    weight_lr_power: float = field(
        default=2.0, metadata=described("Power of the learning rate that weights each step in the average.", POWER)
    )
    name: ClassVar[str] = "schedule_free_adamw"
    title: ClassVar[str] = "schedule-free AdamW"
    default_lr: ClassVar[float] = 2.5e-3
    remembers: ClassVar[tuple[str, ...]] = (
        "square",
        "ahead",
    )  # ahead: how far z, which the average follows, is ahead of the weights
    spellings: ClassVar[tuple[Spelling, ...]] = (
        Spelling(
            "schedulefree.AdamWScheduleFree",
            {**TORCH_ADAM, "warmup_steps": "warmup_steps", "r": "r", "weight_lr_power": "weight_lr_power"},
        ),
        Spelling(
            "optax.contrib.schedule_free_adamw",
            OPTAX_ADAM | DECAYED | {"weight_lr_power": "weight_lr_power"},
            only={"warmup_steps": False},
            ignored=frozenset({"state_dtype"}),
        ),
    )

    def fresh(self, weights: Array) -> Memory:
        """The memory before the first step."""
        nothing = 0 * total(weights)
        return super().fresh(weights) | {"total": nothing, "largest_lr": nothing}

    def age(self) -> float:
        """Steps that it is assumed to have taken if the step is unknown."""
        return AGE

    def changes_until(self) -> float:
        """Without end."""
        return math.inf

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        first, second = self.betas
        lr = lr * smaller(count / self.warmup_steps, 1.0) if self.warmup_steps else lr
        largest_lr = larger(memory["largest_lr"], lr)
        weight = count**self.r * largest_lr**self.weight_lr_power
        summed = memory["total"] + weight
        share = weight / summed
        square = second * memory["square"] + (1 - second) * (gradient * gradient)
        move = self._decayed(gradient / self._root(square, count), weights)
        change = share * memory["ahead"] - lr * (1 - first * (1 - share)) * move
        ahead = memory["ahead"] - lr * move - change
        return change, {"square": square, "ahead": ahead, "total": summed, "largest_lr": largest_lr}

    def _settled(self, at: Conditions) -> Settled:
        """Z is a random walk, and the weights y follow its average: z - y = β₁ lr ∫ s^(r + 1) dW, slowed down by weight decay."""
        first, size = self.betas[0], at.scale / (at.scale + self.eps)
        walk = at.lr * size * math.sqrt(at.age / (1 + 2 * at.lr * self.weight_decay * (1 - first) * at.age / 3))
        power = 2 * self.r + 3
        return {
            "weights": Normal(0.0),  # of which weight decay makes a few percent of a change
            "square": self._settled_square(at.scale**2, at),
            "ahead": Normal(first * walk / math.sqrt(power)),
            "total": Constant(at.lr**self.weight_lr_power * at.age ** (self.r + 1) / (self.r + 1)),
            "largest_lr": Constant(at.lr),
        }


@dataclass(frozen=True, kw_only=True)
class RMSprop(Optimizer):
    """Works as ``torch.optim.RMSprop``, not centered; weight decay is L2."""

    alpha: float = field(default=0.99, metadata=described("Share of the mean squared gradient that is kept at each step."))
    eps: float = field(default=1e-8, metadata=EPS)
    momentum: float = field(default=0.0, metadata=MOMENTUM)
    name: ClassVar[str] = "rmsprop"
    title: ClassVar[str] = "RMSprop"
    default_lr: ClassVar[float] = 1e-2
    remembers: ClassVar[tuple[str, ...]] = ("momentum", "square")
    spellings: ClassVar[tuple[Spelling, ...]] = (
        Spelling(
            "torch.RMSprop",
            {name: name for name in ("alpha", "eps", "momentum", "weight_decay")},
            only={"centered": False, "maximize": False},
        ),
        Spelling(
            "keras.RMSprop",  # adds epsilon to the mean square, the null to its root: no difference unless the two are of similar size
            {"alpha": "rho", "momentum": "momentum", "eps": lambda options: cast("float", options["epsilon"]) ** 0.5},
            only={"centered": False, "weight_decay": False},
        ),
        Spelling(
            "optax.rmsprop",
            {"alpha": "decay", "eps": "eps", "momentum": "momentum"},
            only={"nesterov": False},
            ignored=frozenset({"initial_scale", "eps_in_sqrt", "accumulator_dtype"}),
        ),
    )

    def __str__(self) -> str:
        return _momentum_label(self.title, self.momentum)

    def _decays(self) -> tuple[float, ...]:
        return self.momentum, self.alpha

    def gain(self, lr: float, scale: float) -> float | None:  # noqa: D102 - as in the base class
        return lr / scale / (1 - self.momentum)

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


@dataclass(frozen=True, kw_only=True)
class Muon(Optimizer):
    """Works as ``torch.optim.Muon``, in the precision of the gradient instead of bfloat16. Matrices only; weight decay is decoupled.

    α depends on the shape: 0.58 for 8 by 8, 0.51 for 64 by 64, 0.72 for 8 by 32, so give ``dimension``. K. Jordan et al. (2024),
    https://kellerjordan.github.io/posts/muon; J. Liu et al. (2025), doi:10.48550/arXiv.2502.16982.
    """

    weight_decay: float = field(default=0.1, metadata=WEIGHT_DECAY)
    momentum: float = field(default=0.95, metadata=MOMENTUM)
    nesterov: bool = field(default=True, metadata=NESTEROV)
    ns_coefficients: tuple[float, float, float] = field(
        default=(3.4445, -4.7750, 2.0315),
        metadata=described("Coefficients of the Newton–Schulz polynomial: of the singular value, its cube and its fifth power."),
    )
    eps: float = field(default=1e-7, metadata=EPS)
    ns_steps: int = field(default=5, metadata=described("Number of Newton–Schulz steps.", FEW))
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = field(
        default=None, metadata=described('How the rate depends on the shape: "original" or "match_rms_adamw".')
    )
    name: ClassVar[str] = "muon"
    title: ClassVar[str] = "Muon"
    default_shape: ClassVar[tuple[int, ...]] = (8, 8)
    only_matrices: ClassVar[bool] = True
    remembers: ClassVar[tuple[str, ...]] = ("momentum",)
    spellings: ClassVar[tuple[Spelling, ...]] = (
        Spelling(
            "torch.Muon",
            {name: name for name in ("weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn")},
        ),
        Spelling(
            "optax.contrib.muon",
            {"momentum": "beta", "weight_decay": "weight_decay", "nesterov": "nesterov", "ns_steps": "ns_steps"},
            only={
                "adaptive": False,
                "preconditioning": "frobenius",
                "ns_coeffs": (3.4445, -4.7750, 2.0315),
                "weight_decay_mask": False,
                "consistent_rms": False,
            },
            ignored=frozenset(
                {
                    "eps",
                    "mu_dtype",
                    "adam_b1",
                    "adam_b2",
                    "adam_eps_root",
                    "adam_weight_decay",
                    "adam_learning_rate",
                    "muon_weight_dimension_numbers",  # which weights are matrices, and how: if others are left for Adam, its state shows it
                }
            ),
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        values = np.linspace(0, 1, 101)  # which singular values a matrix of norm 1 may have
        a, b, c = self.ns_coefficients
        for _ in range(self.ns_steps):
            values = np.clip(a * values + b * values**3 + c * values**5, -BEYOND, BEYOND)
        if np.max(np.abs(values)) >= BEYOND:
            grown = f"got {self.ns_coefficients}, which make them grow without end"
            msg = f"ns_coefficients must keep singular values bounded, {grown}; the default is {type(self).ns_coefficients}"
            raise ValueError(msg)

    def __str__(self) -> str:
        return _momentum_label(self.title, self.momentum, self.nesterov)

    def _decays(self) -> tuple[float, ...]:
        return (self.momentum,)

    def _adjusted(self, shape: tuple[int, ...]) -> float:
        rows, columns = shape[:2]
        return 0.2 * math.sqrt(max(rows, columns)) if self.adjust_lr_fn == "match_rms_adamw" else math.sqrt(max(1, rows / columns))

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        momentum = self.momentum * memory["momentum"] + (1 - self.momentum) * gradient
        direction = (1 - self.momentum) * gradient + self.momentum * momentum if self.nesterov else momentum
        move = self._orthogonal(direction) * self._adjusted(gradient.shape)
        return -lr * self._decayed(move, weights), {"momentum": momentum}

    def _orthogonal(self, direction: Array) -> Array:
        """The matrix with the same singular vectors and singular values of about 1, for each replicate along the last axis."""
        a, b, c = self.ns_coefficients
        wide = direction.shape[0] <= direction.shape[1]
        matrix = turned(direction, 2, 0, 1) if wide else turned(direction, 2, 1, 0)
        matrix = matrix / larger(total(matrix * matrix, (1, 2), keepdims=True) ** 0.5, self.eps)
        for _ in range(self.ns_steps):
            gram = product(matrix, turned(matrix, 0, 2, 1))
            matrix = a * matrix + product(b * gram + c * product(gram, gram), matrix)
        return turned(matrix, 1, 2, 0) if wide else turned(matrix, 2, 1, 0)

    def _settled(self, at: Conditions) -> Settled:
        size = SINGULAR * math.sqrt(min(at.shape) / math.prod(at.shape)) * self._adjusted(at.shape)
        momentum = Normal(_spread_of_mean(at.scale, self.momentum))
        return {"weights": Normal(self._spread(at.lr, size * self._lasting())), "momentum": momentum}

    def _lasting(self) -> float:
        """How much further the weights walk because changes last: 1 / standard deviation of the matrix that is made orthogonal."""
        decay, spread = self.momentum, _spread_of_mean(1.0, self.momentum)
        return LASTING / (math.hypot((1 - decay) * (1 + decay), decay**2 * spread) if self.nesterov else spread)


@dataclass(frozen=True, kw_only=True)
class Adafactor(Optimizer):
    """Works as ``torch.optim.Adafactor``: it keeps mean squares of the rows and columns of a matrix, and of each number of a vector.

    It never settles, because its mean squares change ever more slowly. Unless ``start`` is given, 10,000 steps are assumed to have been
    taken. N. Shazeer and M. Stern (2018), doi:10.48550/arXiv.1804.04235.
    """

    beta2_decay: float = field(
        default=-0.8,
        metadata=described(
            "Power of the step number, 0 or less: the weight of the newest squared gradient in the mean.", AT_MOST_0
        ),
    )
    eps1: float | None = field(
        default=None,
        metadata=described(
            "Lower bound of the root mean squared gradient. Default: the machine epsilon of the weights.", AT_LEAST_0
        ),
    )
    eps2: float = field(
        default=1e-3,
        metadata=described(
            "Lower bound of the root mean square of the weights, which the learning rate is multiplied by.", AT_LEAST_0
        ),
    )
    d: float = field(
        default=1.0,
        metadata=described(
            "Upper bound of the root mean square of a change, before the learning rate: larger ones are scaled down to it.",
            POSITIVE,
        ),
    )
    name: ClassVar[str] = "adafactor"
    title: ClassVar[str] = "Adafactor"
    default_lr: ClassVar[float] = 1e-2
    default_shape: ClassVar[tuple[int, ...]] = (8, 8)
    spellings: ClassVar[tuple[Spelling, ...]] = (
        Spelling(
            "torch.Adafactor",
            {
                "beta2_decay": "beta2_decay",
                "d": "d",
                "weight_decay": "weight_decay",
                "eps1": _item("eps", 0),
                "eps2": _item("eps", 1),
            },
            only={"maximize": False},
        ),
    )

    def fresh(self, weights: Array) -> Memory:
        """The memory before the first step."""
        if weights.ndim < 3:
            return {"square": 0 * weights}
        return {"rows": 0 * total(weights, 1), "columns": 0 * total(weights, 0)}

    def age(self) -> float:
        """Steps that it is assumed to have taken if the step is unknown."""
        return AGE

    def changes_until(self) -> float:
        """Without end."""
        return math.inf

    def settles_after(self) -> float:
        """From this many steps on, a replay begins at the settled state."""
        return 1000

    def _decays(self) -> tuple[float, ...]:
        return (0.0,)

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        share = count**self.beta2_decay
        size = larger(root_mean_square(weights), self.eps2)
        least = float(np.finfo(cast("np.dtype[np.floating]", weights.dtype)).eps) if self.eps1 is None else self.eps1
        after = {name: (1 - share) * memory[name] + share * square for name, square in self._squares(gradient).items()}
        move = gradient / larger(self._estimate(after, least), least**2) ** 0.5
        move = move / larger(root_mean_square(move) / self.d, 1.0)
        change = -smaller(lr, count**-0.5) * size * move
        return change - lr * self.weight_decay * weights if self.weight_decay else change, after

    def _squares(self, gradient: Array) -> Memory:
        square = gradient * gradient
        if gradient.ndim < 3:
            return {"square": square}
        return {"rows": total(square, 1) / gradient.shape[1], "columns": total(square, 0) / gradient.shape[0]}

    def _estimate(self, memory: Memory, least: float) -> Array:
        """The mean square of each number; for a matrix, estimated from those of its rows and columns."""
        if "square" in memory:
            return memory["square"]
        rows, columns = memory["rows"], memory["columns"]
        return rows[:, None] * columns[None] / larger(total(rows, 0) / rows.shape[0], least)

    def _settled(self, at: Conditions) -> Settled:
        weights, decay = (
            Normal(1.0),
            1 - max(at.age, 1.0) ** self.beta2_decay,
        )  # their size does not matter: changes are proportional to them
        if len(at.shape) < 2:
            return {"weights": weights, "square": MeanSquare(at.scale**2, decay)}
        rows, columns = (MeanSquare(at.scale**2, decay, terms=each) for each in (at.shape[1], at.shape[0]))
        return {"weights": weights, "rows": rows, "columns": columns}


@dataclass(frozen=True, kw_only=True)
class Lion(Betas):
    """Evolved sign momentum; weight decay is decoupled. Its norms have no α. X. Chen et al. (2023), doi:10.48550/arXiv.2302.06675."""

    betas: tuple[float, float] = field(default=(0.9, 0.99), metadata=BETAS)
    name: ClassVar[str] = "lion"
    title: ClassVar[str] = "Lion"
    default_lr: ClassVar[float] = 1e-4
    no_alpha: ClassVar[str | None] = "its changes are signs, so ‖ΔW‖ is constant except for the learning rate and weight decay"
    remembers: ClassVar[tuple[str, ...]] = ("momentum",)
    spellings: ClassVar[tuple[Spelling, ...]] = (
        Spelling("keras.Lion", {"betas": ("beta_1", "beta_2")}, only={"weight_decay": False}),
        Spelling("keras.Lion", {"betas": ("beta_1", "beta_2"), "weight_decay": "weight_decay"}, only={"weight_decay": True}),
        Spelling("optax.lion", {"betas": ("b1", "b2"), "weight_decay": "weight_decay"}, ignored=frozenset({"mu_dtype"})),
    )

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        first, second = self.betas
        mixed = first * memory["momentum"] + (1 - first) * gradient
        sign = 1 * (mixed > 0) - 1 * (mixed < 0)
        momentum = second * memory["momentum"] + (1 - second) * gradient
        return -lr * self._decayed(sign, weights), {"momentum": momentum}

    def _settled(self, at: Conditions) -> Settled:
        momentum = Normal(_spread_of_mean(at.scale, self.betas[1]))
        return {"weights": Normal(self._spread(at.lr, 1 / _spread_of_mean(1.0, self.betas[1]))), "momentum": momentum}


OPTIMIZERS: dict[str, type[Optimizer]] = {
    rule.name: rule for rule in (Adam, AdamW, RMSprop, SGD, NAdam, ScheduleFreeAdamW, Muon, Adafactor, Lion)
}


def named(name: str, hyperparameters: Mapping[str, object]) -> Optimizer:
    """Make the optimizer of this name; hyperparameters replace the defaults of ``torch.optim``.

    >>> print(named("adamw", {"betas": (0.9, 0.99)}), named("sgd", {"momentum": 0.9}), named("sgd", {}))
    AdamW(0.9, 0.99) SGD(momentum 0.9) SGD

    Raises
    ------
    ValueError
        If there is no such optimizer, or a number is out of its range.
    TypeError
        If the optimizer lacks a hyperparameter, or its value has the wrong type.
    """
    if name not in OPTIMIZERS:
        known = ", ".join(map(repr, OPTIMIZERS))
        hint = closest(name, OPTIMIZERS) or "pass the name of the one it behaves like"
        msg = f"optimizer must be one of {known}, got {name!r}; {hint}"
        raise ValueError(msg)
    return with_hyperparameters(OPTIMIZERS[name](), hyperparameters)


def with_hyperparameters(optimizer: Optimizer, hyperparameters: Mapping[str, object], also: Iterable[str] = ()) -> Optimizer:
    """The same optimizer with these hyperparameters in place of its own; `also` names what a user may have meant besides.

    >>> print(with_hyperparameters(SGD(momentum=0.5, nesterov=True), {"momentum": 0.9}))
    SGD(Nesterov momentum 0.9)
    """
    known = [each.name for each in fields(optimizer)]
    for given in hyperparameters:
        if given not in known:
            hint = closest(given, [*known, *also])
            msg = f"{optimizer.name} has no hyperparameter {given!r}; it takes lr, {', '.join(known)}{hint and f'; {hint}'}"
            raise TypeError(msg)
    return replace(optimizer, **hyperparameters)  # type: ignore[arg-type]  # each is checked when it is made


def resolved(optimizer: str | Optimizer, hyperparameters: Mapping[str, object]) -> Optimizer:
    """The optimizer from its name or as it is, with these hyperparameters in place of its own.

    >>> print(resolved("sgd", {"momentum": 0.9}), resolved(SGD(momentum=0.5), {"momentum": 0.9}))
    SGD(momentum 0.9) SGD(momentum 0.9)

    Raises
    ------
    ValueError, TypeError
        As `named`; also if the optimizer is a class, or an object that is no `Optimizer`.
    """
    if isinstance(optimizer, str):
        return named(optimizer, hyperparameters)
    if not isinstance(optimizer, Optimizer):
        example = f"{optimizer.__name__}()" if isinstance(optimizer, type) else 'a name such as "adamw"'
        msg = f"optimizer must be a name or an Optimizer, got {optimizer!r}; pass {example}"
        raise TypeError(msg)
    return with_hyperparameters(optimizer, hyperparameters)
