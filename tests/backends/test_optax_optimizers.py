"""The optax recorder with optimizers that do more than add an update: right, or one warning."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import require

RIGHT = ("lookahead", "lookahead, reset", "MultiSteps", "contrib.sam, opaque", "contrib.schedule_free", "bfloat16")
WARNED = ("contrib.sam",)


@pytest.mark.parametrize("name", [*RIGHT, *WARNED])
def test_norms_are_right_or_one_warning_says_why_not(optax_backend, name):
    from benchmarks.recorded_optimizers_optax import cases, judged

    verdict, why = judged(cases()[name], 12)
    assert verdict == ("warned" if name in WARNED else "right"), why
    assert ("opaque_mode=True" in why) == (name in WARNED)


def test_the_fast_parameters_of_lookahead_are_measured_and_grouped_as_without_it(optax_backend, optax):
    jnp = require("jax").numpy
    params = optax.LookaheadParams.init_synced({"body": jnp.ones(3), "head": jnp.ones(2)})
    tx = optax_backend.monitor(optax.lookahead(optax.sgd(0.1), 2, 0.5), groups=1)
    state = tx.init(params)
    for _ in range(4):
        updates, state = tx.update({"body": jnp.ones(3), "head": jnp.zeros(2)}, state, params)
        params = optax.apply_updates(params, updates)
    found = optax_backend.read(state)
    assert sorted(found.groups) == ["body", "head"]
    # every second step ends where the two steps began and half of the way on, which is where the first one ended
    np.testing.assert_allclose(found.norms, [0.1 * 3**0.5] * 2, rtol=1e-5)
    np.testing.assert_allclose(found.groups["body"], found.norms)
    assert (found.count, found.skipped) == (2, 2)
