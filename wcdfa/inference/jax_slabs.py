"""Measures a large batch in JAX on a CPU, some series at a time, so that intermediate arrays stay in the processor's cache."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wcdfa.inference.exponent import DFAResult
    from wcdfa.kernel.arrays import Array

SAMPLES = 1 << 17  # of a slab


def helps(x: object) -> bool:
    """Whether `x` is a large batch that `jax.jit` compiles for a single CPU.

    >>> import numpy as np
    >>> helps(np.zeros((10_000, 512)))
    False

    An accelerator and several devices do best with all at once. Outside `jax.jit` each call would compile anew.
    """
    if type(x).__name__ != "DynamicJaxprTracer":
        return False
    jax: Any = sys.modules["jax"]
    shape = jax.numpy.shape(x)
    return len(shape) > 1 and jax.numpy.size(x) > 2 * SAMPLES and jax.default_backend() == "cpu" and jax.device_count() == 1


def by_slabs(measure: Callable[[Array], DFAResult], x: Array) -> DFAResult:
    """Measure series of shape (..., n) a slab at a time."""
    jax: Any = sys.modules["jax"]
    *batch, n = x.shape
    rows = jax.numpy.reshape(x, (-1, n))
    size = max(1, SAMPLES // n)
    scales: list[Any] = []

    def measured(slab: Array) -> DFAResult:
        result = measure(slab)
        scales[:] = [result.scales]
        return result._replace(scales=())

    whole = (len(rows) - 1) // size * size  # the rest, one series at least, is measured outside the loop
    slabs = jax.lax.map(measured, rows[:whole].reshape(-1, size, n))
    rest = measured(rows[whole:])
    joined: DFAResult = jax.tree.map(
        lambda a, b: jax.numpy.concat([a.reshape(whole, *a.shape[2:]), b]).reshape(*batch, *b.shape[1:]), slabs, rest
    )
    return joined._replace(scales=scales[0])
