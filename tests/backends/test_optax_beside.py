"""What the optax recorder keeps beside ‖ΔW‖: gradients, scheduled betas and momentum, steps taken before, and why it knows no optimizer."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.optax_runs import gradients, kinds, network, norm, run

pytestmark = [pytest.mark.usefixtures("float32"), pytest.mark.slow]  # nearly each test compiles a program


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_that_enter_the_optimizer(optax_backend, optax, dtype):
    tx = optax_backend.monitor(optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.01)), window=5, gradients=True, groups=1)
    given = gradients(8, dtype)
    _, _, state = run(tx, given, network(dtype))
    reading = optax_backend.read(state)
    np.testing.assert_allclose(reading.gradients, [norm(each) for each in given][-5:], rtol=1e-5)
    assert list(reading.groups) == ["encoder", "head"]
    assert optax_backend.read(optax_backend.monitor(optax.adam(0.01)).init(network())).gradients is None


def test_clipped_before_the_monitor(optax_backend, optax):
    tx = optax.chain(optax.clip_by_global_norm(0.1), optax_backend.monitor(optax.sgd(0.1), gradients=True))
    _, _, state = run(tx, gradients(3))
    np.testing.assert_allclose(optax_backend.read(state).gradients, 0.1, rtol=1e-5)


def test_in_a_scan_and_in_an_ensemble(optax_backend, optax):
    jax = require("jax")
    schedule = optax.linear_schedule(0.95, 0.85, 10)
    tx = optax_backend.monitor(optax.inject_hyperparams(optax.sgd)(0.1, momentum=schedule), window=6, gradients=True)

    def trained(key):
        def step(carry, gradient):
            params, state = carry
            updates, state = tx.update(gradient, state, params)
            return (optax.apply_updates(params, updates), state), None

        params = jax.numpy.ones(7)
        given = jax.random.normal(key, (9, 7))
        return jax.lax.scan(step, (params, tx.init(params)), given)[0][1], given

    state, given = jax.jit(jax.vmap(trained))(jax.random.split(jax.random.key(0), 3))
    reading = optax_backend.read(state)
    np.testing.assert_allclose(reading.gradients, np.linalg.norm(given, axis=-1)[:, -6:], rtol=1e-5)
    expected = 0.95 - 0.01 * np.arange(3, 9)
    assert reading.varying["momentum"].shape == (3, 6)
    np.testing.assert_allclose(reading.member(1).varying["momentum"], expected, rtol=1e-6)
    np.testing.assert_allclose(reading.member(2).gradients, reading.gradients[2])
    assert (reading.member(0).taken, reading.optimizer) == (3, "sgd")


def test_scheduled_betas(optax_backend, optax):
    make = optax.inject_hyperparams(optax.adamw)
    tx = optax_backend.monitor(make(0.01, b1=optax.linear_schedule(0.95, 0.85, 10), b2=optax.constant_schedule(0.99)))
    _, _, state = run(tx, gradients(5))
    betas = optax_backend.read(state).varying["betas"]
    np.testing.assert_allclose(betas, np.stack([0.95 - 0.01 * np.arange(5), np.full(5, 0.99)], axis=1), rtol=1e-6)
    clipped = optax_backend.monitor(optax.chain(optax.clip(1.0), make(0.01, b1=optax.linear_schedule(0.95, 0.85, 10))))
    assert list(optax_backend.read(run(clipped, gradients(5))[2]).varying) == []  # the second is constant, and not in the ring


def test_constant_ones_take_no_place_in_the_state(optax_backend, optax):
    """So that checkpoints of earlier releases fit."""
    tx = optax_backend.monitor(optax.inject_hyperparams(optax.adamw)(0.01, b1=0.95), direction=False)
    state = tx.init(network())
    assert list(state.wcdfa_record.wcdfa_ring.wcdfa_norms) == ["all"]


@pytest.mark.parametrize("gradients_too", [False, True])
def test_the_structure_of_the_state_stays(optax_backend, optax, gradients_too):
    tx = optax_backend.monitor(
        optax.inject_hyperparams(optax.sgd)(0.1, momentum=optax.linear_schedule(0.9, 0.5, 3)), gradients=gradients_too
    )
    assert kinds(tx.init(network())) == kinds(run(tx, gradients(2))[2])


def test_states_of_earlier_releases_go_on(optax_backend, optax):
    """They have no place for a scheduled momentum; a pickle, and a state that was given to this monitor."""
    tx = optax_backend.monitor(optax.inject_hyperparams(optax.sgd)(0.1, momentum=optax.linear_schedule(0.9, 0.5, 3)), window=5)
    _, _, state = run(tx, gradients(2))
    ring = state.wcdfa_record.wcdfa_ring
    old = state._replace(
        wcdfa_record=state.wcdfa_record._replace(wcdfa_ring=ring._replace(wcdfa_norms={"all": ring.wcdfa_norms["all"]}))
    )
    old = pickle.loads(pickle.dumps(old))
    _, _, later = run(tx, gradients(2), state=old)
    reading = optax_backend.read(later)
    assert (reading.count, reading.varying, kinds(later) == kinds(old)) == (4, {}, True)


def test_a_state_without_gradients_is_told(optax_backend, optax):
    state = optax_backend.monitor(optax.sgd(0.1)).init(network())
    tx = optax_backend.monitor(optax.sgd(0.1), gradients=True)
    with pytest.raises(ValueError, match="holds no gradients, and this monitor has gradients=True: use gradients=False"):
        run(tx, gradients(1), state=state)


def test_gradients_of_single_batches_are_refused(optax_backend, optax):
    accumulating = optax.MultiSteps(optax.sgd(0.1), 2).gradient_transformation()
    for tx in (accumulating, optax.chain(optax.clip(1.0), accumulating)):
        with pytest.raises(ValueError, match="single batches"):
            optax_backend.monitor(tx, gradients=True).init(network())
    with pytest.raises(TypeError, match="gradients must be True or False"):
        optax_backend.monitor(optax.sgd(0.1), gradients=1)
    inside = optax.MultiSteps(optax_backend.monitor(optax.sgd(0.1), gradients=True), 2)
    given = gradients(4)
    _, _, state = run(inside, given)
    halves = [require("jax").tree.map(lambda a, b: (a + b) / 2, *given[i : i + 2]) for i in (0, 2)]
    np.testing.assert_allclose(optax_backend.read(state).gradients, [norm(each) for each in halves], rtol=1e-5)


def test_steps_taken_before(optax_backend, optax):
    for inner in (optax.adam(0.01), optax.sgd(0.1), optax.apply_if_finite(optax.adam(0.01), 3)):
        tx = optax_backend.monitor(inner, window=3)
        given = gradients(5)
        given[1] = require("jax").tree.map(lambda g: 0 * g, given[1])
        _, _, state = run(tx, given[:1])
        assert optax_backend.read(state).taken == 0
        _, _, state = run(tx, given)
        reading = optax_backend.read(state)
        assert reading.taken == reading.count - 3
    _, _, bare = run(optax.adam(0.01), gradients(7))
    tx = optax_backend.monitor(optax.adam(0.01), window=3)
    late = tx.init(network())._replace(inner_state=bare)
    assert optax_backend.read(run(tx, gradients(2), state=late)[2]).taken == 7
    assert optax_backend.read(run(tx, gradients(5), state=late)[2]).taken == 9


def test_why_an_optimizer_is_unknown(optax_backend, optax):
    def told(tx):
        return optax_backend.read(tx.init(network())).unknown

    monitor = optax_backend.monitor
    assert told(monitor(optax.sgd(0.1))).startswith("optax does not tell which optimizer this is: monitor(tx, optimizer=")
    assert told(monitor(optax.inject_hyperparams(optax.adagrad)(0.1))).startswith(
        "the optimizer inside optax.inject_hyperparams is not"
    )
    assert told(monitor(optax.inject_hyperparams(optax.sgd)(0.1))) is None
    assert told(monitor(optax.sgd(0.1), optimizer="sgd")) is None
