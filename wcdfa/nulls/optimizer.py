"""The base class of the optimizers that the null replays: hyperparameters, one step, memories, and where they settle."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, cast

from wcdfa.kernel.arrays import Array
from wcdfa.nulls.hyperparameters import AT_LEAST_0, FINITE, POSITIVE, Limits, check, kinds
from wcdfa.nulls.settling import Conditions, Settled
from wcdfa.nulls.spelling import Spelling

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Memory = dict[str, Array]
"""What an optimizer keeps from one step to the next: arrays by name."""
Number = float | Array
"""A number, or a traced array in its place."""

LARGEST_MATRIX = 1024  # numbers: 32 by 32 takes half a minute for 500 replicates


def described(text: str, limits: Limits = FINITE) -> dict[str, str | Limits]:
    """The metadata of a field: what it is, which the command line shows, and what numbers it takes."""
    return {"help": text, "limits": limits}


WEIGHT_DECAY = described("Weight decay per step, in units of the learning rate.", AT_LEAST_0)


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """An optimizer with its hyperparameters. To add one, write a subclass and put it into `wcdfa.nulls.update_rules.OPTIMIZERS`.

    A subclass gives ``name`` and ``title``, its hyperparameters as fields with a default and a description, `_step`, `_settled`,
    `_decays` and `remembers`; and ``spellings``, by which recorders recognise it.
    """

    name: ClassVar[str]
    """The name that ``optimizer=`` takes."""
    title: ClassVar[str]
    """The name that people write."""
    default_lr: ClassVar[float] = 1e-3
    default_shape: ClassVar[tuple[int, ...]] = (64,)
    """Shape of the parameter that is replayed if ``dimension`` is not given."""
    remembers: ClassVar[tuple[str, ...]] = ()
    """Names of the memories that have the shape of the gradient."""
    spellings: ClassVar[tuple[Spelling, ...]] = ()
    no_alpha: ClassVar[str | None] = None
    """Why its norms never have an α, if that is so."""
    only_matrices: ClassVar[bool] = False
    """Whether it changes matrices only; frameworks then give vectors to another optimizer."""

    weight_decay: float = field(default=0.0, metadata=WEIGHT_DECAY)
    clip_norm: float | None = field(
        default=None, metadata=described("Gradients are clipped to this norm, in units of their typical norm.", POSITIVE)
    )

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, list):  # as a file of options has it, and no list can be a key of what is compiled
                object.__setattr__(self, name, tuple(value))
        types = kinds(type(self))  # type: ignore[arg-type]  # mypy takes the hash of an instance for that of its class
        for each in fields(self):
            limits = each.metadata.get("limits", FINITE)
            check(each.name, getattr(self, each.name), types[each.name], limits, each.default)
        if not all(0 <= decay < 1 for decay in self._decays()):
            msg = f"momentum, betas and alpha must lie from 0 to below 1, got {', '.join(map(str, self._decays()))}; 0.9 is usual"
            raise ValueError(msg)

    def __str__(self) -> str:
        """The title with the hyperparameters that matter, as people write it."""
        return self.title

    def _decays(self) -> tuple[float, ...]:
        """The share of each memory that is left after a step, the momentum first."""
        raise NotImplementedError

    def _step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        """The change applied to the weights, and the next memory; `count` is 1 at the first step."""
        raise NotImplementedError

    def _settled(self, at: Conditions) -> Settled:
        """Distributions of weights and memories after many steps, to first order in lr · weight_decay; "weights" come first."""
        raise NotImplementedError

    def step(self, memory: Memory, weights: Array, gradient: Array, lr: Number, count: Number) -> tuple[Array, Memory]:
        """Take one step with the gradient clipped; returns the change applied and the next memory."""
        return self._step(memory, weights, _clipped(gradient, self.clip_norm), lr, count)

    def fresh(self, weights: Array) -> Memory:
        """The memory before the first step."""
        return {name: 0 * weights for name in self.remembers}

    def age(self) -> float:
        """Steps that it is assumed to have taken if ``start`` is not given: infinitely many, unless it never settles."""
        return math.inf

    def gain(self, lr: float, scale: float) -> float | None:
        """How far a constant gradient of 1 moves a weight in a step, if gradients have this root mean square; None if it is unknown."""
        return None

    def settles_after(self) -> float:
        """From this many steps on, a replay begins at the settled state: bias corrections are then within 0.4 % of 1."""
        return 5 / (1 - max(self._decays()))

    def starts_within(self) -> float:
        """Steps at the start of a run in which its norms still show that its memories began empty."""
        return self.settles_after()

    def changes_until(self) -> float:
        """Steps up to which its null goes on changing, so that it matters how many were taken; 0 where it settles soon."""
        return 0.0

    @property
    def depends_on_shape(self) -> bool:
        """Whether α of its null is another one for each shape of a matrix."""
        return len(self.default_shape) == 2

    def burn_in(self) -> int:
        """Steps to replay before the window, so that memories drawn one by one come to depend on each other."""
        return min(math.ceil(3 / (1 - self._decays()[0])), 200)

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise a ValueError for a parameter that it cannot change, or that takes too long to replay."""
        if len(shape) == 2 and math.prod(shape) > LARGEST_MATRIX:
            msg = (
                f"a matrix of {shape[0]:,} by {shape[1]:,} takes too long to replay: {LARGEST_MATRIX:,} numbers are the most; "
                f"give a smaller matrix whose sides have the same ratio, such as {default_like(shape)}"
            )
            raise ValueError(msg)
        if self.only_matrices and len(shape) != 2:
            msg = f"{self.title} acts on matrices, got dimension {shape[0]}; give rows and columns, dimension={self.default_shape}"
            raise ValueError(msg)

    def _decayed(self, gradient: Array, weights: Array) -> Array:
        return gradient + self.weight_decay * weights if self.weight_decay else gradient

    def _spread(self, lr: float, scale: float) -> float:
        """Standard deviation of w ← (1 - lr λ) w - lr g: its variance is lr² σ² / (1 - (1 - lr λ)²). Memory in g only rescales lr."""
        product = lr * self.weight_decay
        if product >= 2:
            msg = f"weight decay of {self.weight_decay} at a rate of {lr:.3g} per step multiplies to {product:.3g}, and 2 or more diverges"
            raise ValueError(msg)
        return lr * scale / math.sqrt(product * (2 - product)) if product else 0.0

    def _root_mean_square(self, lr: float, scale: float) -> float:
        """The root mean square s of a gradient that includes λ w: s² = σ² + λ² var(w), where w moves at the rate lr / s."""
        product = lr * self.weight_decay
        return (product + math.sqrt(product**2 + 16 * scale**2)) / 4


def default_like(shape: tuple[int, ...]) -> tuple[int, int]:
    """A matrix of at most 1,024 numbers, and sides of the same ratio so far as that goes.

    >>> default_like((768, 3072)), default_like((50_000, 8))
    ((16, 64), (128, 8))
    """
    ratio = min(max(shape) // min(shape), LARGEST_MATRIX // 64)
    short = math.isqrt(LARGEST_MATRIX // ratio)
    return (short, short * ratio) if shape[0] <= shape[1] else (short * ratio, short)


def axes_of(array: Array) -> tuple[int, ...]:
    """The axes of one parameter in an array of shape (dimension,), (dimension, replicates) or (rows, columns, replicates)."""
    return tuple(range(max(1, array.ndim - 1)))


def total(array: Array, axes: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Array:
    """Sum over axes, by a method that NumPy and JAX arrays have and `Array` does not declare."""
    summed: Array = cast("npt.NDArray[np.float64]", array).sum(axis=axes, keepdims=keepdims)
    return summed


def turned(array: Array, *axes: int) -> Array:
    """Put the axes into another order, by a method that NumPy and JAX arrays have and `Array` does not declare."""
    other: Array = cast("npt.NDArray[np.float64]", array).transpose(axes)
    return other


def product(first: Array, second: Array) -> Array:
    """Matrix product over the last two axes."""
    found: Array = cast("npt.NDArray[np.float64]", first) @ cast("npt.NDArray[np.float64]", second)
    return found


def larger(first: Array, second: Number) -> Array:
    """The larger of two, by operators alone, so that traced arrays work too."""
    return first * (first >= second) + second * (first < second)


def smaller(first: Number, second: Number) -> Number:
    """The smaller of two, by operators alone, so that traced arrays work too."""
    return first * (first < second) + second * (first >= second)


def root_mean_square(array: Array) -> Array:
    """Root mean square of each replicate's parameter: one number per replicate."""
    return (total(array * array, axes_of(array)) / math.prod(array.shape[axis] for axis in axes_of(array))) ** 0.5


def _clipped(gradient: Array, clip_norm: float | None) -> Array:
    """Scale each replicate down to the norm `clip_norm` if it is larger, as ``torch.nn.utils.clip_grad_norm_`` does."""
    if clip_norm is None:
        return gradient
    factor = clip_norm / (total(gradient * gradient, axes_of(gradient)) ** 0.5 + 1e-6)
    return gradient * (factor * (factor < 1) + (factor >= 1))
