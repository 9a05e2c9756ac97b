"""Training loops of flax and equinox: the recorder in the optimizer and the monitor on the host see the same norms, and nothing waits."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.optax_runs import gradients, moves, network

CLOSE = 1e-5
STEPS = 6
INPUTS, TARGETS = (np.random.default_rng(0).standard_normal((STEPS, 8, size)).astype(np.float32) for size in (3, 2))


pytestmark = [pytest.mark.usefixtures("float32"), pytest.mark.slow]  # nearly each test compiles a program


@pytest.fixture
def host():
    return wcdfa.WeightChangeDFA(window=50, groups=1)


def assert_same(reading, host, count=STEPS):
    """The recorder and the monitor on the host tell the same."""
    assert reading.count == len(host.get_signal()) == count
    np.testing.assert_allclose(reading.norms, host.get_signal(), rtol=CLOSE)
    for name, norms in reading.groups.items():
        np.testing.assert_allclose(norms, host.get_signal(name), rtol=CLOSE)


def test_flax_nnx(optax_backend, optax, host):
    require("flax")
    from flax import nnx

    jax = require("jax")

    class Network(nnx.Module):
        def __init__(self, rngs):
            self.first = nnx.Linear(3, 16, rngs=rngs)
            self.norm = nnx.BatchNorm(16, rngs=rngs)
            self.dropout = nnx.Dropout(0.2, rngs=rngs)
            self.last = nnx.Linear(16, 2, rngs=rngs)

        def __call__(self, x):
            return self.last(self.dropout(jax.nn.tanh(self.norm(self.first(x)))))

    model = Network(nnx.Rngs(0))
    tx = optax_backend.monitor(optax.inject_hyperparams(optax.adam)(0.01), window=50, groups=1)
    optimizer = nnx.Optimizer(model, tx, wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, x, y):
        optimizer.update(model, nnx.grad(lambda model: ((model(x) - y) ** 2).mean())(model))

    def pure(kind):
        return nnx.to_pure_dict(nnx.state(model, kind))

    history, statistics = [pure(nnx.Param)], [pure(nnx.BatchStat)]
    host.update(model)
    for x, y in zip(INPUTS, TARGETS, strict=True):
        step(model, optimizer, x, y)
        host.update(model)
        history.append(pure(nnx.Param))
        statistics.append(pure(nnx.BatchStat))
    found = optax_backend.read(optimizer)
    np.testing.assert_allclose(found.norms, moves(history), rtol=CLOSE)
    assert_same(found, host)
    assert set(found.groups) == {"first", "norm", "last"}
    assert (moves(statistics) > 0.1 * moves(history)).all()  # and would have been seen
    assert (found.optimizer, found.hyperparameters["betas"]) == ("adam", (0.9, 0.999))
    assert np.asarray(found.lr).tolist() == pytest.approx([0.01] * STEPS)
    assert optax_backend.readings(optax_backend.strip(optimizer.opt_state)) == {}


def test_flax_linen(optax_backend, optax, host):
    require("flax")
    from flax import linen
    from flax.training.train_state import TrainState

    jax = require("jax")
    model = linen.Sequential([linen.Dense(16), linen.tanh, linen.Dense(2)])
    params = model.init(jax.random.key(0), INPUTS[0])["params"]
    tx = optax_backend.monitor(optax.adamw(0.01), window=50, groups=1)
    state = TrainState.create(apply_fn=model.apply, params=params, tx=tx)

    @jax.jit
    def step(state, x, y):
        loss = lambda params: ((state.apply_fn({"params": params}, x) - y) ** 2).mean()
        return state.apply_gradients(grads=jax.grad(loss)(state.params))

    history, first = [state.params], jax.tree.structure(state)
    host.update(state)
    for x, y in zip(INPUTS, TARGETS, strict=True):
        state = step(state, x, y)
        host.update(state)
        history.append(state.params)
    np.testing.assert_allclose(optax_backend.read(state).norms, moves(history), rtol=CLOSE)
    assert_same(optax_backend.read(state), host)
    assert set(optax_backend.read(state).groups) == {"layers_0", "layers_2"}
    assert jax.tree.structure(state) == first


def test_equinox(optax_backend, optax):
    equinox, jax = require("equinox"), require("jax")
    model = equinox.nn.MLP(3, 2, 16, 1, key=jax.random.key(0))  # with its activation, a function, as a leaf
    host = wcdfa.WeightChangeDFA(window=50, groups=2)
    tx = optax_backend.monitor(optax.adam(0.01), window=50, groups=2)
    state = tx.init(equinox.filter(model, equinox.is_inexact_array))

    @equinox.filter_jit
    def step(model, state, x, y):
        gradient = equinox.filter_grad(lambda model: ((jax.vmap(model)(x) - y) ** 2).mean())(model)
        updates, state = tx.update(gradient, state, equinox.filter(model, equinox.is_inexact_array))
        return equinox.apply_updates(model, updates), state

    history = [equinox.filter(model, equinox.is_array)]
    host.update(model)
    for x, y in zip(INPUTS, TARGETS, strict=True):
        model, state = step(model, state, x, y)
        host.update(model)
        history.append(equinox.filter(model, equinox.is_array))
    np.testing.assert_allclose(optax_backend.read(state).norms, moves(history), rtol=CLOSE)
    assert_same(optax_backend.read(state), host)
    assert set(optax_backend.read(state).groups) == {"layers/0", "layers/1"}


def donating(tx):
    jax, optax = require("jax"), require("optax")

    def step(gradient, state, params):
        updates, state = tx.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    return jax.jit(step, donate_argnums=(1, 2))


@pytest.mark.parametrize("jitted", [False, True])
def test_donated_parameters_and_state(optax_backend, optax, host, jitted):
    """The host is given parameters that the next step destroys, the recorder a state of which it must hold no buffer twice."""
    jax, tx = require("jax"), optax_backend.monitor(optax.inject_hyperparams(optax.adam)(0.1), window=50, groups=1)
    params, step = network(), donating(tx)
    state = (jax.jit(tx.init) if jitted else tx.init)(params)
    host.update(params)
    history = [jax.tree.map(np.array, params)]
    for gradient in gradients(STEPS):
        before = (params, state)
        params, state = step(gradient, state, params)
        assert all(leaf.is_deleted() for leaf in jax.tree.leaves(before))
        host.update(params)
        history.append(jax.tree.map(np.array, params))
    np.testing.assert_allclose(optax_backend.read(state).norms, moves(history), rtol=CLOSE)
    assert_same(optax_backend.read(state), host)
    assert optax_backend.read(state).lr.tolist() == pytest.approx([0.1] * STEPS)


def test_nothing_is_copied_to_the_host(optax_backend, optax):
    """Nor to the device, in steps and in the monitor on the host until α is due. On the CPU JAX guards only the second."""
    jax, jnp = require("jax"), require("jax").numpy
    schedule = optax.cosine_decay_schedule(0.1, 100)
    tx = optax_backend.monitor(optax.inject_hyperparams(optax.adamw)(schedule), window=50, groups=1)
    params, step, given, host = network(), donating(tx), gradients(3 * STEPS), wcdfa.WeightChangeDFA(window=50, groups=1)
    state, zero = tx.init(params), jax.device_put(jnp.zeros(3))
    assert "callback" not in step.lower(given[0], state, params).as_text()
    params, state = step(given[0], state, params)
    host.update(params).update(params)
    with jax.transfer_guard("disallow"):
        with pytest.raises(Exception, match="Disallowed host-to-device transfer"):  # the guard is on
            zero + np.ones(3)
        for gradient in given:
            params, state = step(gradient, state, params)
            host.update(params)
    assert optax_backend.read(state).count == 3 * STEPS + 1
    assert len(host.get_signal()) == 3 * STEPS
    assert host.skipped == 1


def test_the_monitor_drains_a_recorder(optax_backend, optax):
    """Read now and then, α and its history are those of every norm given by hand."""
    tx = optax_backend.monitor(optax.sgd(0.1), window=60, groups=1)
    step, params = donating(tx), network()
    state, direct, drained = tx.init(params), *(wcdfa.WeightChangeDFA(window=60, stride=7, groups=1) for _ in range(2))
    direct.update(params)
    for i, gradient in enumerate(gradients(150)):
        params, state = step(gradient, state, params)
        direct.update(params)
        if i % 31 == 0:
            drained.update(optax_backend.read(state))
    drained.update(optax_backend.read(state))
    np.testing.assert_allclose(drained.get_signal("head"), direct.get_signal("head"), rtol=CLOSE)
    assert len(drained.history) == len(direct.history) > 10
    np.testing.assert_allclose(drained.history, direct.history, atol=1e-3)
    assert set(drained.alphas) == {"all", "encoder", "head"}


@pytest.mark.parametrize("measure", ["applied", "update"])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_a_donated_step_keeps_no_copy_of_the_parameters(name, measure):
    """XLA may keep one layer back to measure it, where a layer is all that it would hold anyway."""
    jax, optax = require("jax"), require("optax")
    from wcdfa.backends.optax.recorder import monitor

    layers, width = 8, 256
    params = {str(i): jax.numpy.full((width, width), 0.01 * i) for i in range(layers)}
    x = jax.numpy.ones((32, width))

    def temporary(tx):
        def step(params, state):
            def loss(params):
                hidden = x
                for weights in params.values():
                    hidden = jax.numpy.tanh(hidden @ weights)
                return (hidden**2).mean()

            updates, state = tx.update(jax.grad(loss)(params), state, params)
            return optax.apply_updates(params, updates), state

        compiled = jax.jit(step, donate_argnums=(0, 1)).lower(params, tx.init(params)).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    bare = getattr(optax, name)(0.1)
    layer = 4 * width**2
    assert temporary(monitor(bare, measure=measure, direction=False)) < temporary(bare) + 1.1 * layer
