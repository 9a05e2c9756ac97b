"""Keeps the last norms in a ring of fixed size. The functions are pure (state in, state out), so a compiler can trace them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from wcdfa.kernel.arrays import NUMPY, Array, Namespace, namespace_of
from wcdfa.recording.groups import ALL
from wcdfa.recording.reading import Count, Reading
from wcdfa.recording.side_series import COSINE, GRADIENTS, SKETCH, WEIGHT_NORM, cosine_of, given_series, is_side_series, varying

Scalar = TypeVar("Scalar", bound=np.generic)


class Ring(NamedTuple):
    """State of a recorder: arrays of one library, always of the same structure, shapes and dtypes.

    The prefix of the names distinguishes them from a count or learning rate in the optimizer's own state.
    """

    wcdfa_norms: dict[
        str, Array
    ]  # (window,) for each group and side series, (window, K) for the sketch; NaN where nothing is recorded
    wcdfa_lr: Array  # (window,), NaN where unknown
    wcdfa_step: Array  # (window,), the training step of each norm
    wcdfa_count: Array  # norms recorded, including those that have left the ring
    wcdfa_skipped: Array  # norms of 0: no step was taken, so they are not recorded


def init(window: int, groups: Sequence[str] = (), *, coordinates: int = 0, xp: Namespace = NUMPY, dtype: object = None) -> Ring:
    """Make an empty ring.

    >>> ring = init(500)
    >>> ring = record(ring, {"all": 0.25}, lr=1e-3)
    >>> read(ring).norms
    array([0.25])

    Parameters
    ----------
    window : int
        How many norms the ring holds.
    groups : list of str
        Names of the groups, and of `side series <wcdfa.recording.side_series.SIDE_SERIES>`. The group "all", of all parameters, is
        always there.
    coordinates : int
        How many coordinates of each weight change the ring holds, as the side series `wcdfa.recording.side_series.SKETCH`.
    xp : namespace
        The array library of the ring, such as ``jax.numpy``.
    dtype : dtype
        Type of the norms. Default: the floating type of the library.
    """
    # each needs an array of its own: JAX refuses a donated state that holds one buffer twice
    sketch = {SKETCH: xp.full((window, coordinates), math.nan, dtype=xp.float32)} if coordinates else {}
    return Ring(
        wcdfa_norms={name: xp.full((window,), math.nan, dtype=dtype) for name in (ALL, *groups)} | sketch,
        wcdfa_lr=xp.full((window,), math.nan, dtype=dtype),
        wcdfa_step=xp.zeros((window,), dtype=xp.int32),
        wcdfa_count=xp.zeros((), dtype=xp.int32),
        wcdfa_skipped=xp.zeros((), dtype=xp.int32),
    )


def record(ring: Ring, norms: Mapping[str, Array | float], lr: Array | float = math.nan, step: Array | int | None = None) -> Ring:
    """Return the ring with one more norm of each group; a full ring drops the oldest. A norm of 0 is counted as skipped, not recorded.

    >>> ring = init(2)
    >>> for norm in (1.0, 0.0, 2.0, 3.0):
    ...     ring = record(ring, {"all": norm})
    >>> read(ring).norms, read(ring).count, read(ring).skipped
    (array([2., 3.]), 3, 1)

    Parameters
    ----------
    ring : Ring
    norms : dict of numbers
        The norm of each group, and the number for each side series; of the sketch an array of shape (K,). A number that is not finite is
        recorded as NaN.
    lr : number
        Learning rate of the step.
    step : int
        Number of the training step. Default: the number of the norm.
    """
    oldest = ring.wcdfa_norms[ALL]
    xp = namespace_of(oldest)
    count, window = ring.wcdfa_count, oldest.shape[0]
    real = xp.asarray(norms[ALL], dtype=oldest.dtype) != 0
    here = (_places(xp, window) == count % window) & real
    more = xp.astype(real, count.dtype)

    def written(old: Array, new: Array | float) -> Array:
        return xp.where(_along(here, old, xp), xp.asarray(new, dtype=old.dtype), old)

    return Ring(
        wcdfa_norms={name: written(old, _finite(norms[name], old.dtype, xp)) for name, old in ring.wcdfa_norms.items()},
        wcdfa_lr=written(ring.wcdfa_lr, lr),
        wcdfa_step=written(ring.wcdfa_step, count + 1 if step is None else step),
        wcdfa_count=count + more,
        wcdfa_skipped=ring.wcdfa_skipped + (1 - more),
    )


def extend(ring: Ring, norms: Mapping[str, Array], lr: Array, step: Array) -> Ring:
    """Return the ring with m more norms of each group, none of them 0; a full ring drops the oldest.

    >>> import numpy as np
    >>> ring = extend(init(3), {"all": np.array([1.0, 2.0, 3.0, 4.0])}, np.full(4, 0.1), np.arange(1, 5))
    >>> read(ring).norms, read(ring).count
    (array([2., 3., 4.]), 4)

    Parameters
    ----------
    ring : Ring
    norms, lr, step : arrays of shape (m,), m at least 1
        As in `record`, for each of the m steps; the sketch is of shape (m, K).
    """
    oldest = ring.wcdfa_norms[ALL]
    xp = namespace_of(oldest)
    window, m = oldest.shape[0], norms[ALL].shape[0]
    after = (_places(xp, window) - ring.wcdfa_count) % window  # how far each place is behind the first new norm
    fresh = after < m
    source = xp.where(fresh, after + (m - 1 - after) // window * window, xp.zeros_like(after))

    def written(old: Array, new: Array) -> Array:
        return xp.where(_along(fresh, old, xp), xp.take(xp.astype(new, old.dtype), source, axis=0), old)

    return Ring(
        wcdfa_norms={name: written(old, _finite(norms[name], old.dtype, xp)) for name, old in ring.wcdfa_norms.items()},
        wcdfa_lr=written(ring.wcdfa_lr, lr),
        wcdfa_step=written(ring.wcdfa_step, step),
        wcdfa_count=ring.wcdfa_count + xp.asarray(m, dtype=ring.wcdfa_count.dtype),
        wcdfa_skipped=ring.wcdfa_skipped,
    )


def with_series(ring: Ring, names: Sequence[str], *, coordinates: int = 0) -> Ring:
    """Return the ring with these series too: NaN so far, unless it has them.

    >>> ring = with_series(init(3), ["head", "wcdfa_sketch"], coordinates=2)
    >>> {name: values.shape for name, values in ring.wcdfa_norms.items()}
    {'all': (3,), 'head': (3,), 'wcdfa_sketch': (3, 2)}

    Parameters
    ----------
    ring : Ring
    names : list of str
        Names of groups and side series.
    coordinates : int
        How many coordinates a sketch holds. A sketch with another number begins anew.
    """
    norms = ring.wcdfa_norms
    like = norms[ALL]
    shapes = {name: (*like.shape, coordinates) if name == SKETCH else like.shape for name in names}
    new = {name: shape for name, shape in shapes.items() if name not in norms or tuple(norms[name].shape) != tuple(shape)}
    if not new:
        return ring
    xp = namespace_of(like)
    dtypes = {name: xp.float32 if name == SKETCH else like.dtype for name in new}
    added = {name: xp.full(shape, math.nan, dtype=dtypes[name]) for name, shape in new.items()}
    return ring._replace(wcdfa_norms={**norms, **added})


def read(ring: Ring) -> Reading:
    """Read the ring: its norms as NumPy arrays, oldest first.

    If the ring was made for an ensemble by ``jax.vmap``, the axes of the ensemble come first.
    """
    count, skipped = (np.asarray(part).astype(np.int64) for part in (ring.wcdfa_count, ring.wcdfa_skipped))
    window = np.shape(ring.wcdfa_lr)[-1]
    kept = min(window, int(np.max(count, initial=0)))
    number = count[..., np.newaxis] - kept + np.arange(kept)
    order = number % window

    def ordered(values: npt.NDArray[Scalar], missing: float) -> npt.NDArray[Scalar]:
        return np.where(number < 0, np.asarray(missing, dtype=values.dtype), np.take_along_axis(values, order, axis=-1))

    held = dict(ring.wcdfa_norms)
    sketch = held.pop(SKETCH, None)
    norms = {name: ordered(np.asarray(values), math.nan) for name, values in held.items()}
    lr = ordered(np.asarray(ring.wcdfa_lr), math.nan)
    beside = {name: norms.pop(name) for name in held if is_side_series(name)}
    return Reading(
        norms=norms.pop(ALL),
        count=_plain(count),
        skipped=_plain(skipped),
        lr=lr if np.isfinite(lr).any() else None,
        steps=ordered(np.asarray(ring.wcdfa_step), 0),
        groups=norms,
        gradients=beside.get(GRADIENTS),
        varying=varying(beside),
        cosine=beside.get(COSINE),
        weight_norm=beside.get(WEIGHT_NORM),
        sketch=None if sketch is None else np.take_along_axis(np.asarray(sketch), order[..., np.newaxis], axis=-2),
        cosines={name: beside[cosine_of(name)] for name in norms if cosine_of(name) in beside},
        beside={name: beside[held] for name, held in given_series(beside).items()},
    )


def _plain(count: npt.NDArray[np.int64]) -> Count:
    return count if np.ndim(count) else int(count)


def _finite(norm: Array | float, dtype: object, xp: Namespace) -> Array:
    """The norm, or NaN if it is not finite."""
    value = xp.asarray(norm, dtype=dtype)
    return xp.where(xp.isfinite(value), value, xp.asarray(math.nan, dtype=dtype))


def _along(steps: Array, values: Array, xp: Namespace) -> Array:
    """One truth value for each step, in the shape of values that may have several numbers for each step."""
    return xp.reshape(steps, (-1,) + (1,) * (values.ndim - 1)) if values.ndim > 1 else steps


def _places(xp: Namespace, window: int) -> Array:
    """The number of each place in the ring."""
    return xp.arange(window, dtype=xp.int32)
