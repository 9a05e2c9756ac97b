"""The last norms in a ring of fixed size: pure, state in and state out, so that a compiler can trace it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from wcdfa.arrays import NUMPY, Array, Namespace
from wcdfa.findings import Verdict, verdict
from wcdfa.groups import ALL
from wcdfa.preprocess import with_usable_rates


class Ring(NamedTuple):
    """State of a recorder: arrays of one library, always of the same structure, shapes and dtypes.

    The prefix keeps apart what the state of an optimizer calls its own count or learning rate.
    """

    wcdfa_norms: dict[str, Array]  # (window,) for each group, NaN where nothing is recorded yet, or no number was
    wcdfa_lr: Array  # (window,), NaN where unknown
    wcdfa_step: Array  # (window,), the training step of each norm
    wcdfa_count: Array  # norms recorded, also those that have left the ring
    wcdfa_skipped: Array  # norms of 0, which were no step and are not recorded


class Reading(NamedTuple):
    """What a recorder holds, as NumPy arrays, oldest first.

    Of an ensemble, the arrays and numbers have the axes of the ensemble in front; a member that recorded less than another then
    begins with NaN.
    """

    norms: Any
    """‖ΔW‖ of each recorded step, shape (n,), n at most the window."""
    count: Any
    """How many norms were recorded in all."""
    skipped: Any
    """How many norms of 0 were counted and not recorded."""
    lr: Any = None
    """Learning rate of each of them, shape (n,); None where unknown."""
    steps: Any = None
    """Number of each of them among the training steps, from 1 on, shape (n,)."""
    groups: dict[str, Any] = {}  # noqa: RUF012 - nothing changes it
    """‖ΔW‖ of each group of parameters, shape (n,)."""
    optimizer: str | None = None
    """The optimizer, as `wcdfa.nulls.optimizer_null` calls it; None where unknown."""
    hyperparameters: dict[str, Any] = {}  # noqa: RUF012
    """Its hyperparameters, under the names of `wcdfa.replay.optimizer_norms`."""
    stderr: Any = None
    """Standard error of each norm, relative to it, shape (n,), where only a sample of the coordinates was measured; None where all."""

    def verdict(self, group: str = ALL, **options: Any) -> Verdict:
        """`wcdfa.verdict` on these norms against the optimizer that made them, so far as it is known; `options` go before it.

        >>> import wcdfa
        >>> norms = wcdfa.replay.optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1)[0]
        >>> print(Reading(norms, 500, 0, optimizer="sgd", hyperparameters={"momentum": 0.9}).verdict().explained_by)
        ('optimizer', 'short memory')

        Raises
        ------
        ValueError
            If there is no such group, or the norms are those of an ensemble, or too few; and as `wcdfa.verdict`.
        """
        if np.ndim(self.norms) != 1:
            msg = f"norms of shape {np.shape(self.norms)} are those of an ensemble; judge its members, reading.member(i).verdict()"
            raise ValueError(msg)
        return judged(self, group, {}, options)

    def of(self, group: str) -> Any:
        """The norms of one group, or of all; raises a ValueError if there is no such group."""
        if group != ALL and group not in self.groups:
            msg = f"group must be one of {', '.join(map(repr, (ALL, *self.groups)))}, got {group!r}"
            raise ValueError(msg)
        return self.norms if group == ALL else self.groups[group]

    def member(self, *index: int) -> Reading:
        """The reading of one member of an ensemble.

        >>> Reading(np.ones((3, 5)), np.array([5, 5, 5]), np.array([0, 1, 0])).member(1).skipped
        1
        """
        count = np.asarray(self.count)[index]
        kept = slice(max(0, np.shape(self.norms)[-1] - int(count)), None)
        lr, steps = (part if part is None else part[index][kept] for part in (self.lr, self.steps))
        own = {name: np.asarray(value)[index] if np.ndim(value) else value for name, value in self.hyperparameters.items()}
        groups = {name: part[index][kept] for name, part in self.groups.items()}
        skipped = int(np.asarray(self.skipped)[index])
        return Reading(self.norms[index][kept], int(count), skipped, lr, steps, groups, self.optimizer, own)


def judged(reading: Reading, group: str, settings: Mapping[str, Any], options: Mapping[str, Any]) -> Verdict:
    """The verdict on one group of a reading; settings go before what the reading knows, and options before both."""
    norms, lr = with_usable_rates(reading.of(group), rates(reading))
    known: dict[str, Any] = {"lr": lr, "steps": reading.steps, **settings}
    optimizer = options.get("optimizer", reading.optimizer)
    if optimizer is not None and optimizer == reading.optimizer:
        known |= {"optimizer": optimizer, **reading.hyperparameters}
    return verdict(norms, **(known | dict(options)))


def rates(reading: Reading) -> Any:
    """The learning rate of each norm, NaN where unknown."""
    return np.full(np.shape(reading.norms), math.nan) if reading.lr is None else reading.lr


def init(window: int, groups: Sequence[str] = (), *, xp: Namespace = NUMPY, dtype: Any = None) -> Ring:
    """An empty ring.

    >>> ring = init(500)
    >>> ring = record(ring, {"all": 0.25}, lr=1e-3)
    >>> read(ring).norms
    array([0.25])

    Parameters
    ----------
    window : int
        Norms that it holds.
    groups : names
        Of the groups beside "all", that of all parameters.
    xp : namespace
        The library of its arrays.
    dtype : dtype
        Of the norms. Default: that of the library.
    """
    # each an array of its own: JAX does not take one buffer twice from a state that is donated
    return Ring(
        wcdfa_norms={name: xp.full((window,), math.nan, dtype=dtype) for name in (ALL, *groups)},
        wcdfa_lr=xp.full((window,), math.nan, dtype=dtype),
        wcdfa_step=xp.zeros((window,), dtype=xp.int32),
        wcdfa_count=xp.zeros((), dtype=xp.int32),
        wcdfa_skipped=xp.zeros((), dtype=xp.int32),
    )


def record(ring: Ring, norms: Mapping[str, Any], lr: Any = math.nan, step: Any = None) -> Ring:
    """The ring with one more norm of each group, in place of the oldest where it is full; one of 0 is counted and not recorded.

    >>> ring = init(2)
    >>> for norm in (1.0, 0.0, 2.0, 3.0):
    ...     ring = record(ring, {"all": norm})
    >>> read(ring).norms, read(ring).count, read(ring).skipped
    (array([2., 3.]), 3, 1)

    Parameters
    ----------
    ring : Ring
    norms : numbers by group
        One that is not finite is recorded as NaN.
    lr : number
        Learning rate of the step.
    step : int
        Number of the training step. Default: of the norm.
    """
    oldest = ring.wcdfa_norms[ALL]
    xp = NUMPY if isinstance(oldest, np.ndarray) else array_api_compat.array_namespace(oldest)
    count, window = ring.wcdfa_count, oldest.shape[0]
    real = xp.asarray(norms[ALL], dtype=oldest.dtype) != 0
    here = (_places(xp, window) == count % window) & real
    more = xp.astype(real, count.dtype)

    def written(old: Array, new: Any) -> Array:
        return xp.where(here, xp.asarray(new, dtype=old.dtype), old)

    return Ring(
        wcdfa_norms={name: written(old, _finite(norms[name], old.dtype, xp)) for name, old in ring.wcdfa_norms.items()},
        wcdfa_lr=written(ring.wcdfa_lr, lr),
        wcdfa_step=written(ring.wcdfa_step, count + 1 if step is None else step),
        wcdfa_count=count + more,
        wcdfa_skipped=ring.wcdfa_skipped + (1 - more),
    )


def extend(ring: Ring, norms: Mapping[str, Any], lr: Any, step: Any) -> Ring:
    """The ring with m more norms of each group at once, none of them 0, in place of the oldest where it is full.

    >>> import numpy as np
    >>> ring = extend(init(3), {"all": np.array([1.0, 2.0, 3.0, 4.0])}, np.full(4, 0.1), np.arange(1, 5))
    >>> read(ring).norms, read(ring).count
    (array([2., 3., 4.]), 4)

    Parameters
    ----------
    ring : Ring
    norms, lr, step : arrays of shape (m,), m at least 1
        As in `record`.
    """
    oldest = ring.wcdfa_norms[ALL]
    xp = NUMPY if isinstance(oldest, np.ndarray) else array_api_compat.array_namespace(oldest)
    window, m = oldest.shape[0], norms[ALL].shape[0]
    after = (_places(xp, window) - ring.wcdfa_count) % window  # of the first norm, the place of each in the ring
    fresh = after < m
    source = xp.where(fresh, after + (m - 1 - after) // window * window, xp.zeros_like(after))

    def written(old: Array, new: Any) -> Array:
        return xp.where(fresh, xp.take(xp.astype(new, old.dtype), source), old)

    return Ring(
        wcdfa_norms={name: written(old, _finite(norms[name], old.dtype, xp)) for name, old in ring.wcdfa_norms.items()},
        wcdfa_lr=written(ring.wcdfa_lr, lr),
        wcdfa_step=written(ring.wcdfa_step, step),
        wcdfa_count=ring.wcdfa_count + xp.asarray(m, dtype=ring.wcdfa_count.dtype),
        wcdfa_skipped=ring.wcdfa_skipped,
    )


def read(ring: Ring) -> Reading:
    """What the ring holds, oldest first, as NumPy arrays.

    A ring of an ensemble, as ``jax.vmap`` makes it, has the axes of the ensemble in front of all others.
    """
    count, skipped = (np.asarray(part).astype(np.int64) for part in (ring.wcdfa_count, ring.wcdfa_skipped))
    window = np.shape(ring.wcdfa_lr)[-1]
    kept = int(min(window, np.max(count, initial=0)))
    number = count[..., np.newaxis] - kept + np.arange(kept)
    order = number % window

    def ordered(values: Any, missing: Any) -> Any:
        values = np.asarray(values)
        return np.where(number < 0, np.asarray(missing, dtype=values.dtype), np.take_along_axis(values, order, axis=-1))

    norms = {name: ordered(values, math.nan) for name, values in ring.wcdfa_norms.items()}
    lr = ordered(ring.wcdfa_lr, math.nan)
    return Reading(
        norms=norms.pop(ALL),
        count=_plain(count),
        skipped=_plain(skipped),
        lr=lr if np.isfinite(lr).any() else None,
        steps=ordered(ring.wcdfa_step, 0),
        groups=norms,
    )


def _plain(count: Any) -> Any:
    return count if np.ndim(count) else int(count)


def _finite(norm: Any, dtype: Any, xp: Namespace) -> Array:
    norm = xp.asarray(norm, dtype=dtype)
    return xp.where(xp.isfinite(norm), norm, xp.asarray(math.nan, dtype=dtype))


def _places(xp: Namespace, window: int) -> Array:
    return xp.arange(window, dtype=xp.int32)
