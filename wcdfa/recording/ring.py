"""The last norms in a ring of fixed size: pure, state in and state out, so that a compiler can trace it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace
from wcdfa.recording.groups import ALL
from wcdfa.recording.reading import Reading


class Ring(NamedTuple):
    """State of a recorder: arrays of one library, always of the same structure, shapes and dtypes.

    The prefix keeps apart what the state of an optimizer calls its own count or learning rate.
    """

    wcdfa_norms: dict[str, Array]  # (window,) for each group, NaN where nothing is recorded yet, or no number was
    wcdfa_lr: Array  # (window,), NaN where unknown
    wcdfa_step: Array  # (window,), the training step of each norm
    wcdfa_count: Array  # norms recorded, also those that have left the ring
    wcdfa_skipped: Array  # norms of 0, which were no step and are not recorded


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
    kept = min(window, int(np.max(count, initial=0)))
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
