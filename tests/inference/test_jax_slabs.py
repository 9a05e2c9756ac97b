"""A large batch under `jax.jit` on a CPU goes in slabs, with the results and the gradient of the batch at once."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require
from wcdfa import dfa, synthetic
from wcdfa.inference import jax_slabs


@pytest.fixture
def jax(monkeypatch):
    module = require("jax")
    if module.default_backend() != "cpu" or module.device_count() > 1:
        pytest.skip("slabs are for a single CPU")
    module.config.update("jax_enable_x64", True)
    monkeypatch.setattr(jax_slabs, "SAMPLES", 300)
    return module


def test_results_and_gradient_are_those_of_all_at_once(jax, monkeypatch):
    x = jax.numpy.asarray(synthetic.arfima(128, d=0.3, batch=(3, 3), seed=0)).transpose(2, 0, 1)
    slabs, by_slabs = [], jax_slabs.by_slabs
    monkeypatch.setattr(jax_slabs, "by_slabs", lambda *args: slabs.append(args) or by_slabs(*args))

    def result_and_gradient(v):
        result = dfa(v, axis=0)
        return result, jax.grad(lambda u: dfa(u, axis=0).alpha[1, 2])(v)

    result, gradient = jax.jit(result_and_gradient)(x)
    assert len(slabs) == 1  # what `jax.grad` follows is computed at once
    expected = dfa(np.asarray(x), axis=0)
    for name in expected._fields:
        np.testing.assert_allclose(getattr(result, name), getattr(expected, name), rtol=1e-9, err_msg=name)
    through_slabs = jax.grad(jax.jit(lambda v: dfa(v, axis=0).alpha[1, 2]))(x)
    assert len(slabs) == 2
    np.testing.assert_allclose(through_slabs, gradient, rtol=1e-9, atol=1e-12)
    assert np.count_nonzero(np.any(np.asarray(gradient), axis=0)) == 1


def test_breaks_and_scales_may_be_given_by_iterables_that_end(jax):
    x = synthetic.white_noise(200, batch=(7,), seed=0)
    expected = dfa(x, scales=(4, 8, 16), breaks=(100,))
    given = dfa(x, scales=iter([4, 8, 16]), breaks=iter([100]))
    np.testing.assert_array_equal(given.alpha, expected.alpha)
    in_slabs = jax.jit(lambda v: dfa(v, scales=iter([4, 8, 16]), breaks=iter([100])).alpha)(x)
    np.testing.assert_allclose(in_slabs, expected.alpha, rtol=1e-9)


def test_only_a_large_batch_under_jit(jax):
    large, small = jax.numpy.ones((20, 100)), jax.numpy.ones((5, 100))
    asked = []
    ask = lambda x: asked.append(jax_slabs.helps(x)) or x
    for x in (large, small, large.reshape(-1)):
        ask(x)
        jax.jit(ask)(x)
    jax.vmap(ask)(large)
    assert asked == [False, True, False, False, False, False, False]
