"""Studies are tested as they run: in the default precision of JAX, which other tests may have changed."""

from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(autouse=True, scope="package")
def _default_precision():
    if importlib.util.find_spec("jax") is None:
        yield
        return
    import jax

    with jax.enable_x64(False):
        yield
