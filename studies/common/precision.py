"""Keeps the precision of a run from hanging on what else its process does."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from studies.common.study import Value


def in_float32(run: Callable[..., dict[str, Value]]) -> Callable[..., dict[str, Value]]:
    """Have JAX compute in float32, its default, also where the process has set float64 for everything."""

    @wraps(run)
    def wrapped(*values: str | float | bool | None, **settings: str | float | bool | None) -> dict[str, Value]:
        import jax

        with jax.enable_x64(False):
            return run(*values, **settings)

    return wrapped
