"""JAX: takes the sample of the parameters that the direction of the weight change is measured on, sharded or not."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from wcdfa.backends.jax.precision import widened
from wcdfa.kernel.arrays import Array, Namespace
from wcdfa.recording.direction import Direction, Layout, directed
from wcdfa.recording.sample import Sample

JNP: Namespace = jnp


def sampled(parameters: Mapping[str, jax.Array], sample: Sample) -> jax.Array:
    """The numbers of the sample in one row, in float32 or wider; of complex parameters, real and imaginary parts in turn.

    >>> from wcdfa.recording.sample import sample_of
    >>> sampled({"w": jnp.ones((2, 2)), "z": jnp.array([2 + 3j])}, sample_of({"w": 4, "z": 2})).tolist()
    [1.0, 1.0, 1.0, 1.0, 2.0, 3.0]
    """
    rows = [widened(picked(parameters[path], sample.firsts[path], sample.every, n)) for path, n in sample.counts.items()]
    return jnp.concatenate(rows) if rows else jnp.zeros(0, jnp.float32)


def direction_of(
    new: Mapping[str, jax.Array], old: Mapping[str, jax.Array], last: Array | None, norm: jax.Array, layout: Layout
) -> Direction:
    """The direction of the change from old to new parameters, in one compiled call whose results stay on the device."""
    found: Direction = _direction(dict(new), dict(old), last, norm, layout)
    return found


@partial(jax.jit, static_argnames="layout")
def _direction(
    new: dict[str, jax.Array], old: dict[str, jax.Array], last: Array | None, norm: jax.Array, layout: Layout
) -> Direction:
    now = sampled(new, layout.sample)
    return directed(now - sampled(old, layout.sample), now, last, norm, layout, JNP)


def picked(x: jax.Array, first: int | jax.Array, every: int, count: int) -> jax.Array:
    """Every n-th number of an array, as real numbers of its own precision; 0 beyond its end. `first` may be traced.

    >>> picked(jnp.arange(6.0).reshape(2, 3), 2, 3, 3).tolist()
    [2.0, 5.0, 0.0]

    Indices and no slice: of a sharded array each device picks what it holds, where a slice would gather all of it. And XLA does not fuse
    it with what uses it, which would keep all gradients in memory until the last one is known.
    """
    shape = jnp.shape(x)
    if not count:
        return jnp.zeros(0, jnp.real(x).dtype)
    if not jnp.iscomplexobj(x):
        return _gathered(x, _places(shape, first, every, count)) if shape else picked(jnp.reshape(x, (1,)), first, every, count)
    *place, part = _places((*shape, 2), first, every, count)
    found = _gathered(x, tuple(place)) if shape else jnp.broadcast_to(x, (count,))
    return jnp.where(part == 0, found.real, found.imag)


def _gathered(x: jax.Array, place: tuple[jax.Array, ...]) -> jax.Array:
    everywhere = _everywhere(x)
    found: jax.Array
    if everywhere is None:  # older releases of JAX know no out_sharding
        found = x.at[place].get(mode="fill", fill_value=0)
    else:
        found = x.at[place].get(mode="fill", fill_value=0, out_sharding=everywhere)
    return found


def _places(shape: tuple[int, ...], first: int | jax.Array, every: int, count: int) -> tuple[jax.Array, ...]:
    """The indices of every n-th number in each dimension, from divisions that no size of array lets overflow."""
    number = jnp.arange(count, dtype=jnp.int32)
    columns = max(1, shape[-1])
    rows = number // columns
    along = every * (number - rows * columns) + first
    found, rest = [along % columns], every * rows + along // columns
    for size in reversed(shape[1:-1]):
        found.append(rest % size)
        rest = rest // size
    return tuple(reversed([*found, rest])) if len(shape) > 1 else (along + every * rows * columns,)


def _everywhere(x: jax.Array) -> NamedSharding | None:
    """The sharding of a result that all devices hold, if JAX tracks how `x` is sharded (explicit axes); else None."""
    sharding = getattr(jax.typeof(x), "sharding", None) if hasattr(jax, "typeof") else None
    if sharding is None or all(axes is None for axes in sharding.spec):
        return None
    return NamedSharding(sharding.mesh, PartitionSpec())  # type: ignore[no-untyped-call]
