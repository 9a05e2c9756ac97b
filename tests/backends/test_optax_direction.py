"""The direction that the optax recorder keeps: against loops over single numbers, in every loop of JAX, and where there is none."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.direction_oracle import sampled_numbers, slow_direction
from tests.helpers.optax_runs import gradients, kinds, network, run
from wcdfa.recording.sample import sample_of

pytestmark = [pytest.mark.usefixtures("float32"), pytest.mark.slow]  # nearly each test compiles a program


def flat(history):
    """The parameters of a history as dicts of arrays by path."""
    leaves = require("jax").tree_util.tree_leaves_with_path
    return [{"/".join(str(key.key) for key in keys): np.asarray(leaf) for keys, leaf in leaves(each)} for each in history]


def sgd(optax, **options):
    return optax.sgd(0.1, momentum=0.9, **options)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "complex64"])
def test_against_a_loop(optax_backend, optax, dtype):
    history, _, state = run(optax_backend.monitor(sgd(optax), groups=2), gradients(7, dtype), network(dtype))
    found = optax_backend.read(state)
    cosines, norms, changes = slow_direction(flat(history))
    np.testing.assert_allclose(found.cosine, cosines["all"], atol=2e-6)
    for group, values in found.cosines.items():
        np.testing.assert_allclose(values, cosines[group], atol=2e-6)
    assert len(found.cosines) == 4
    np.testing.assert_allclose(found.weight_norm, norms, rtol=2e-6)
    kept = sample_of({path: value.size * (1 + (dtype == "complex64")) for path, value in flat(history)[0].items()}).kept
    np.testing.assert_allclose(found.sketch, changes[:, list(kept)], rtol=1e-5, atol=1e-6)


def test_many_parameters_are_sampled(optax_backend, optax):
    rng = np.random.default_rng(0)
    shapes = {"a": (400, 251), "b": (33,), "c": (10, 20, 30), "d": ()}
    params, *given = [
        {name: np.asarray(rng.standard_normal(shape), np.float32) for name, shape in shapes.items()} for _ in range(5)
    ]
    history, _, state = run(optax_backend.monitor(sgd(optax)), given, params)
    found = optax_backend.read(state)
    sample = sample_of({name: value.size for name, value in params.items()})
    assert sample.every > 1
    start = sample.firsts["a"]
    cosines, _, changes = slow_direction(flat(history), sample.every, start)
    np.testing.assert_allclose(found.cosine, cosines["all"], atol=2e-6)
    np.testing.assert_allclose(found.sketch, changes[:, list(sample.kept)], rtol=1e-4, atol=1e-6)
    weights = np.concatenate([np.hstack(list(sampled_numbers(each, sample.every, start).values())) for each in flat(history)[-1:]])
    expected = np.sqrt(np.sum(weights**2) * sum(value.size for value in params.values()) / sample.size)
    np.testing.assert_allclose(found.weight_norm[-1], expected, rtol=1e-6)


def test_white_gradients_give_the_momentum(optax_backend, optax):
    jax = require("jax")
    tx = optax_backend.monitor(sgd(optax))

    def step(carry, key):
        params, state = carry
        updates, state = tx.update(jax.random.normal(key, (1000,)), state, params)
        return (optax.apply_updates(params, updates), state), None

    start = jax.numpy.zeros(1000)
    keys = jax.random.split(jax.random.key(0), 600)
    (_, state), _ = jax.jit(lambda: jax.lax.scan(step, (start, tx.init(start)), keys))()
    found = optax_backend.read(state)
    assert found.cosine.shape == (500,)
    assert found.cosine.mean() == pytest.approx(0.9, abs=0.004)


def test_scan_and_vmap_are_the_loop(optax_backend, optax):
    jax = require("jax")
    tx = optax_backend.monitor(optax.adam(0.1), window=6, groups={"a": "a", "b": "b"}, coordinates=5)
    rng = np.random.default_rng(0)
    starts, given = [
        {name: rng.standard_normal((3, *steps, size)).astype(np.float32) for name, size in (("a", 7), ("b", 9))}
        for steps in ((), (8,))
    ]

    def trained(params, given):
        def step(carry, gradient):
            params, state = carry
            updates, state = tx.update(gradient, state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(step, (params, tx.init(params)), given)[0][1]

    ensemble = optax_backend.read(jax.jit(jax.vmap(trained))(starts, given))
    assert ensemble.sketch.shape == (3, 6, 5)
    for member in range(3):
        own = {name: value[member] for name, value in starts.items()}
        steps = [{name: value[member, i] for name, value in given.items()} for i in range(8)]
        alone = optax_backend.read(run(tx, steps, own)[2])
        one = ensemble.member(member)
        for name in ("cosine", "weight_norm", "sketch"):
            np.testing.assert_allclose(getattr(one, name), getattr(alone, name), atol=1e-5, rtol=1e-5)
        for group in ("a", "b"):
            np.testing.assert_allclose(one.cosines[group], alone.cosines[group], atol=1e-5)


def test_steps_that_were_none_and_steps_that_were_not_finite(optax_backend, optax):
    given = gradients(9)
    jax = require("jax")
    scaled = lambda i, factor: jax.tree.map(lambda g: g * factor, given[i])
    given[3], given[6] = scaled(3, 0.0), scaled(6, np.nan)
    history, _, state = run(optax_backend.monitor(optax.sgd(0.1), window=9), given[:6])
    params = history[-1]
    _, _, state = run(optax_backend.monitor(optax.sgd(0.1), window=9), given[6:7], params, state)
    _, _, state = run(optax_backend.monitor(optax.sgd(0.1), window=9), given[7:], params, state)
    found = optax_backend.read(state)
    assert (found.count, found.skipped) == (8, 1)
    np.testing.assert_array_equal(np.isnan(found.cosine), [1, 0, 0, 0, 0, 1, 1, 0])
    cosines, _, _ = slow_direction(flat([history[0], history[1], history[2], history[3], history[5], history[6]]))
    np.testing.assert_allclose(found.cosine[:5], cosines["all"], atol=2e-6)


def test_several_batches_in_a_step(optax_backend, optax):
    """The cosine is that of whole steps, inside or around MultiSteps."""
    given = gradients(12)
    inside = optax_backend.monitor(optax.MultiSteps(sgd(optax), every_k_schedule=3).gradient_transformation())
    around = optax.MultiSteps(optax_backend.monitor(sgd(optax)), every_k_schedule=3)
    history, _, first = run(inside, given)
    _, _, second = run(around, given)
    cosines, _, _ = slow_direction(flat(history[::3]))
    for state in (first, second):
        np.testing.assert_allclose(optax_backend.read(state).cosine, cosines["all"], atol=2e-5)


def test_parameters_that_are_masked_stand_still(optax_backend, optax):
    tx = optax_backend.monitor(
        optax.multi_transform({"on": sgd(optax), "off": optax.set_to_zero()}, {"encoder": "on", "head": "off"}), groups=1
    )
    history, _, state = run(tx, gradients(4))
    found = optax_backend.read(state)
    cosines, _, _ = slow_direction(flat(history))
    np.testing.assert_allclose(found.cosine, cosines["all"], atol=2e-6)
    np.testing.assert_allclose(found.cosines["encoder"], cosines["all"], atol=2e-6)
    assert np.isnan(found.cosines["head"]).all()


@pytest.mark.parametrize("size", [1, 10, 64, 70])
def test_a_single_small_tensor(optax_backend, optax, size):
    jnp = require("jax").numpy
    params = jnp.ones(size)
    given = [jnp.asarray(np.random.default_rng(i).standard_normal(size), jnp.float32) for i in range(4)]
    history, _, state = run(optax_backend.monitor(sgd(optax)), given, params)
    found = optax_backend.read(state)
    assert found.sketch.shape == (4, min(size, 64))
    cosines, _, _ = slow_direction([{"p": each} for each in history])
    np.testing.assert_allclose(found.cosine, cosines["all"], atol=2e-6)


def test_small_changes(optax_backend, optax):
    """Their squares would be 0 in float32, for one group."""
    jax = require("jax")
    start = jax.tree.map(lambda value: value * 0, network())
    given = gradients(5)
    for each in given:
        each["head"] = jax.tree.map(lambda g: g * 1e-26, each["head"])
    history, _, state = run(optax_backend.monitor(sgd(optax), groups=2), given, start)
    found = optax_backend.read(state)
    cosines, _, _ = slow_direction(flat(history))
    for group, values in found.cosines.items():
        np.testing.assert_allclose(values, cosines[group], atol=2e-6)


def test_without_parameters_there_are_no_weights(optax_backend, optax):
    tx = optax_backend.monitor(optax.sgd(0.1), measure="update")
    params, given = network(), gradients(3)
    state = tx.init(params)
    for gradient in given:
        _, state = tx.update(gradient, state)
    found = optax_backend.read(state)
    assert np.isnan(found.weight_norm).all()
    assert np.isfinite(found.cosine[1:]).all()


def test_switched_off_nothing_is_kept(optax_backend, optax):
    tx = optax_backend.monitor(sgd(optax), direction=False, groups=1)
    state = tx.init(network())
    assert list(state.wcdfa_record.wcdfa_ring.wcdfa_norms) == ["all", "encoder", "head"]
    assert state.wcdfa_record.wcdfa_last is None
    found = optax_backend.read(run(tx, gradients(2))[2])
    assert (found.cosine, found.weight_norm, found.sketch, found.cosines) == (None, None, None, {})


def test_the_structure_of_the_state_stays(optax_backend, optax):
    tx = optax_backend.monitor(sgd(optax), groups=1)
    assert kinds(tx.init(network())) == kinds(run(tx, gradients(2))[2])


def test_states_with_other_settings(optax_backend, optax, caplog):
    state = run(optax_backend.monitor(sgd(optax), coordinates=8), gradients(2))[2]
    given, params = gradients(1)[0], network()
    with pytest.raises(
        ValueError, match=r"the state holds 8 coordinates of each update, and this monitor keeps 64: use coordinates=8"
    ):
        optax_backend.monitor(sgd(optax)).update(given, state, params)
    with pytest.raises(ValueError, match="the state holds the direction of the updates, and this monitor has direction=False"):
        optax_backend.monitor(sgd(optax), direction=False).update(given, state, params)
    old = run(optax_backend.monitor(sgd(optax), direction=False), gradients(2))[2]
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        _, later = optax_backend.monitor(sgd(optax)).update(given, old, params)
    assert "the state holds no direction of the updates, so none is recorded" in caplog.text
    assert (optax_backend.read(later).count, optax_backend.read(later).cosine) == (3, None)
    with pytest.raises(TypeError, match="direction must be True or False, got 1"):
        optax_backend.monitor(sgd(optax), direction=1)
    with pytest.raises(ValueError, match="coordinates must be at least 1, got 0"):
        optax_backend.record(coordinates=0)


def test_other_parameters_than_the_state_was_made_for(optax_backend, optax, caplog):
    tx = optax_backend.monitor(optax.sgd(0.1))
    jnp = require("jax").numpy
    state = tx.init(jnp.ones(10))
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        _, state = tx.update(jnp.ones(12), state, jnp.ones(12))
    assert "made for parameters with 10 numbers in the sample, and these have 12" in caplog.text
    found = optax_backend.read(state)
    assert found.count == 1
    assert np.isnan([found.cosine[0], found.weight_norm[0], *found.sketch[0]]).all()


def test_a_donated_step_keeps_no_copy_of_the_parameters(optax_backend, optax):
    """One layer may be kept back, of which the sample is taken, and a few times the sample."""
    jax = require("jax")
    layers, width = 8, 1024
    params = {str(i): jax.ShapeDtypeStruct((width, width), jax.numpy.float32) for i in range(layers)}

    def temporary(tx):
        def step(params, state, x):
            def loss(params):
                hidden = x
                for weights in params.values():
                    hidden = jax.numpy.tanh(hidden @ weights)
                return (hidden**2).mean()

            updates, state = tx.update(jax.grad(loss)(params), state, params)
            return optax.apply_updates(params, updates), state

        x = jax.ShapeDtypeStruct((32, width), jax.numpy.float32)
        compiled = jax.jit(step, donate_argnums=(0, 1)).lower(params, jax.eval_shape(tx.init, params), x).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    layer = 4 * width**2
    tx = optax_backend.monitor(optax.adam(0.1))
    assert temporary(tx) < temporary(optax.adam(0.1)) + 1.1 * layer + 8 * layers * layer / 64
    assert jax.eval_shape(tx.init, params).wcdfa_record.wcdfa_last.size <= layers * width**2 / 64
