"""The optax recorder: what it records, when, and what it refuses; against norms counted step by step outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from tests.helpers.optax_runs import gradients, kinds, moves, network, norm, run

CLOSE = 5e-6  # XLA on the CPU adds up a small array term by term


pytestmark = [pytest.mark.usefixtures("float32"), pytest.mark.slow]  # nearly each test compiles a program


@pytest.mark.parametrize("measure", ["applied", "update"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_norms_are_those_of_the_parameters(optax_backend, optax, dtype, measure):
    tx = optax_backend.monitor(optax.adam(2e-3, eps=1e-4), window=20, measure=measure)
    history, updates, state = run(tx, gradients(12, dtype), network(dtype))
    applied, handed_over = moves(history), [norm(update) for update in updates]
    found = optax_backend.read(state)
    np.testing.assert_allclose(found.norms, applied if measure == "applied" else handed_over, rtol=CLOSE)
    np.testing.assert_array_equal(found.steps, 1 + np.arange(12))
    assert (found.count, found.skipped, found.lr, found.optimizer) == (12, 0, None, None)
    if dtype == "bfloat16":  # the test can tell one from the other
        assert np.min(np.abs(applied / handed_over - 1)) > 0.01


@pytest.mark.parametrize("measure", ["applied", "update"])
def test_eager_jit_and_scan_agree_and_train_as_without(optax_backend, optax, measure):
    jax = require("jax")
    given = gradients(6)
    bare, _, _ = run(optax.adamw(1e-2), given)
    tx = optax_backend.monitor(optax.adamw(1e-2), window=4, measure=measure)
    with jax.disable_jit():
        eager, _, eager_state = run(tx, given, jit=False)
    jitted, _, state = run(tx, given)

    def step(carry, gradient):
        updates, state = tx.update(gradient, carry[1], carry[0])
        return (optax.apply_updates(carry[0], updates), state), None

    stacked = jax.tree.map(lambda *parts: jax.numpy.stack(parts), *given)
    (scanned, scanned_state), _ = jax.jit(lambda carry: jax.lax.scan(step, carry, stacked))((network(), tx.init(network())))
    for params in (eager[-1], jitted[-1], scanned):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), params, bare[-1])
    np.testing.assert_allclose(optax_backend.read(eager_state).norms, moves(eager)[-4:], rtol=CLOSE)
    np.testing.assert_allclose(optax_backend.read(state).norms, moves(jitted)[-4:], rtol=CLOSE)
    np.testing.assert_allclose(
        optax_backend.read(scanned_state).norms, moves(jitted)[-4:], rtol=1e-4
    )  # other fusions, other digits
    assert kinds(eager_state) == kinds(scanned_state) == kinds(state)


def test_the_state_is_of_one_kind_from_init_on(optax_backend, optax):
    # So that lax.scan, lax.cond and checkpoints take it.
    inject, sgd = optax.inject_hyperparams, {"optimizer": "sgd", "momentum": 0.9, "nesterov": False}
    for tx, dtype in (
        (optax_backend.monitor(optax.sgd(0.1)), "bfloat16"),
        (optax_backend.monitor(inject(optax.adamw)(optax.linear_schedule(0.1, 0.01, 9), b1=0.8), groups=1), "float32"),
        (optax_backend.monitor(optax.sgd(0.1, momentum=0.9), **sgd, lr=lambda count: 0.1 / (1 + count)), "float32"),
        (optax.MultiSteps(optax_backend.monitor(optax.sgd(0.1), lr=0.1), 2), "float32"),
        (optax.chain(optax.sgd(0.1), optax_backend.record(window=3, groups=["weight$"], optimizer="adamw", b1=0.8)), "bfloat16"),
    ):
        first = tx.init(network(dtype))
        _, _, last = run(tx, gradients(2, dtype), network(dtype), first)
        assert kinds(last) == kinds(first)
    others = optax.monitor({"norm": optax.tree.norm})  # optax's own has no measurements yet after init
    _, changed = others.update(network(), others.init(network()))
    assert kinds(changed) != kinds(others.init(network()))


def test_a_run_compiles_once(optax_backend, optax):
    jax = require("jax")
    tx, traces = (
        optax_backend.monitor(optax.inject_hyperparams(optax.adam)(optax.cosine_decay_schedule(0.1, 9)), window=3, groups=1),
        [],
    )

    @jax.jit
    def step(gradient, state, params):
        traces.append(1)
        updates, state = tx.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    params, state = network(), tx.init(network())
    for gradient in gradients(8):  # the ring wraps around
        params, state = step(gradient, state, params)
    assert len(traces) == step._cache_size() == 1
    assert optax_backend.read(state).count == 8


@pytest.mark.parametrize("window", [1, 4, 9, 10, 11])
def test_the_last_norms_oldest_first(optax_backend, optax, window):
    history, _, state = run(optax_backend.monitor(optax.sgd(0.1), window=window), gradients(10))
    found = optax_backend.read(state)
    np.testing.assert_allclose(found.norms, moves(history)[-window:], rtol=CLOSE)
    np.testing.assert_array_equal(found.steps, np.arange(1, 11)[-window:])
    assert found.count == 10


def test_no_step_is_counted_and_not_recorded(optax_backend, optax):
    given = gradients(9)
    outside = optax_backend.monitor(optax.MultiSteps(optax.sgd(0.1), 3), window=10)
    history, _, state = run(outside, given)
    expected = moves(history)
    assert np.count_nonzero(expected) == 3
    found = optax_backend.read(state)
    np.testing.assert_allclose(found.norms, expected[expected > 0], rtol=CLOSE)
    assert (found.count, found.skipped) == (3, 6)
    inside = optax.MultiSteps(optax_backend.monitor(optax.sgd(0.1), window=10), 3)
    history, _, state = run(inside, given)
    np.testing.assert_allclose(optax_backend.read(state).norms, moves(history)[2::3], rtol=CLOSE)
    assert (optax_backend.read(state).count, optax_backend.read(state).skipped) == (3, 0)  # it is called at each third step only


def test_refused_updates_are_no_steps(optax_backend, optax):
    jax, given = require("jax"), gradients(6)
    given[2] = jax.tree.map(lambda g: g * np.nan, given[2])
    for tx, skipped in (
        (optax_backend.monitor(optax.apply_if_finite(optax.adam(0.1), 5), window=10), 1),
        (optax.apply_if_finite(optax_backend.monitor(optax.adam(0.1), window=10), 5), 0),  # it is not called at all
    ):
        history, _, state = run(tx, given)
        found = optax_backend.read(state)
        np.testing.assert_allclose(found.norms, np.delete(moves(history), 2), rtol=CLOSE)
        assert (found.count, found.skipped) == (5, skipped)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_a_gap(optax_backend, optax, bad):
    jax, given = require("jax"), gradients(6)
    given[2]["head"]["bias"] = jax.numpy.array([1.0, bad, 2.0])
    _, updates, state = run(optax_backend.monitor(optax.sgd(0.1), window=10, measure="update", groups=1), given)
    found = optax_backend.read(state)
    expected = np.array([norm(update) for update in updates])
    expected[2] = np.nan
    np.testing.assert_allclose(found.norms, expected, rtol=CLOSE)
    assert found.count == 6
    assert np.isnan(found.groups["head"][2])
    assert np.isfinite(found.groups["encoder"]).all()
    _, _, state = run(optax_backend.monitor(optax.sgd(0.1), window=10), given)  # applied: the parameters are lost from there on
    np.testing.assert_array_equal(np.isnan(optax_backend.read(state).norms), np.arange(6) >= 2)


def test_alpha_goes_with_the_gaps_and_comes_back(optax_backend, optax):
    jax, given = require("jax"), gradients(180)
    for i in range(60, 115):
        given[i] = jax.tree.map(lambda g: g * np.inf, given[i])
    tx, host = optax_backend.monitor(optax.sgd(0.1), window=60, measure="update"), wcdfa.WeightChangeDFA(window=60, stride=1)
    state, said = None, []
    for start in (0, 60, 120):
        _, _, state = run(tx, given[start : start + 60], state=state)
        host.update(optax_backend.read(state))
        said.append((np.isfinite(host.alpha), host.reason is None, host.verdict().label is None))
    assert said == [(True, True, False), (False, False, True), (True, True, False)]
    host = wcdfa.WeightChangeDFA(window=60, stride=1)
    _, _, state = run(tx, given[60:120])
    host.update(optax_backend.read(state))
    assert host.reason in str(host.verdict())


def test_leaves_that_are_not_trained(optax_backend, optax):
    jnp = require("jax").numpy
    params = {"w": jnp.ones(4), "none": None, "count": jnp.array(3), "flag": jnp.array([True])}
    given = [{"w": jnp.full(4, float(i)), "none": None, "count": jnp.array(1), "flag": jnp.array([False])} for i in (1, 2, 3)]
    tx = optax_backend.monitor(optax.identity(), window=5, groups=lambda path: path)
    state = tx.init(params)
    for gradient in given:
        _, state = tx.update(gradient, state, params)
    found = optax_backend.read(state)
    np.testing.assert_allclose(found.norms, [2, 4, 6])
    assert list(found.groups) == ["w"]


def test_masked_and_empty_parameters(optax_backend, optax):
    mask = {"encoder": {"weight": True, "bias": False}, "head": {"weight": False, "bias": True}}
    history, _, state = run(optax.masked(optax_backend.monitor(optax.sgd(0.1), window=9, groups=1), mask), gradients(4))
    parts = (moves(history, lambda path: path in ("['encoder']['weight']", "['head']['bias']")), moves(history))
    np.testing.assert_allclose(optax_backend.read(state).norms, parts[0], rtol=CLOSE)
    assert (parts[0] < parts[1]).all()  # gradients of what is masked are applied as they are, and not counted
    tx = optax_backend.monitor(optax.sgd(0.1), window=9, groups=1)
    _, state = tx.update({}, tx.init({}), {})
    assert (optax_backend.read(state).count, optax_backend.read(state).skipped, optax_backend.read(state).groups) == (0, 1, {})


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (1, {"encoder": "encoder", "head": "head"}),
        (2, {f"{layer}/{name}": f"{layer}']['{name}" for layer in ("encoder", "head") for name in ("weight", "bias")}),
        ({"weights": "weight$", "rest": "."}, {"weights": "weight", "rest": "bias"}),
        (["^head/"], {"^head/": "head"}),
        (lambda path: "biases" if path.endswith("bias") else None, {"biases": "bias"}),
    ],
)
def test_groups(optax_backend, optax, groups, expected):
    history, _, state = run(optax_backend.monitor(optax.adam(0.1), window=4, groups=groups), gradients(6))
    found = optax_backend.read(state)
    assert set(found.groups) == set(expected)
    for name, part in expected.items():
        np.testing.assert_allclose(found.groups[name], moves(history, lambda path, part=part: part in path)[-4:], rtol=CLOSE)
    np.testing.assert_allclose(found.norms, moves(history)[-4:], rtol=CLOSE)


def test_paths_that_look_alike_are_counted_apart(optax_backend, optax):
    jnp = require("jax").numpy
    params = {"a/b": jnp.ones(4), "a": {"b": jnp.ones(5)}}
    tx = optax_backend.monitor(optax.identity(), groups=1)
    for tree, expected in ((params, 3.0), (jnp.ones(4), 2.0), ([jnp.ones(1)] * 9, 3.0)):
        _, state = tx.update(tree, tx.init(tree), tree)
        assert optax_backend.read(state).norms.tolist() == [expected]


@settings(deadline=None, max_examples=25)
@given(scale=st.floats(1e-6, 1e6), values=st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3))
def test_scaled_updates_have_scaled_norms(scale, values):
    optax, jnp = require("optax"), require("jax").numpy
    from wcdfa.backends.optax.recorder import monitor, read

    tx = monitor(optax.identity(), measure="update")
    update = {"w": jnp.asarray([1.0, *values])}
    scaled = {"w": update["w"] * jnp.float32(scale)}
    _, state = tx.update(scaled, tx.update(update, tx.init(update))[1])
    first, second = read(state).norms.astype(np.float64)
    assert second == pytest.approx(float(np.float32(scale)) * first, rel=CLOSE)


def test_misuse_when_made(optax_backend, optax):
    for make in (lambda **options: optax_backend.monitor(optax.sgd(0.1), **options), optax_backend.record):
        for window in (0, -3, 2.5):
            with pytest.raises(ValueError, match="window must be"):
                make(window=window)
        with pytest.raises(ValueError, match='measure must be "applied" or "update", got \'relative\''):
            make(measure="relative")
        with pytest.raises(TypeError, match="b1, eps belongs to an optimizer; name it with optimizer="):
            make(b1=0.9, eps=1e-8)
        with pytest.raises(TypeError, match="sgd has no hyperparameter 'b1'; it takes lr"):
            make(optimizer="sgd", b1=0.9)
        with pytest.raises(ValueError, match="optimizer must be one of"):
            make(optimizer="lamb")
        with pytest.raises(ValueError, match="a depth of groups must be at least 1, got 0"):
            make(groups=0)


def test_misuse_at_a_step(optax_backend, optax):
    params, (gradient,) = network(), gradients(1)
    tx = optax_backend.monitor(optax.sgd(0.1), window=5)
    with pytest.raises(ValueError, match=r'call update\(updates, state, params\), or use measure="update"'):
        tx.update(gradient, tx.init(params))
    anew = optax_backend.monitor(optax.sgd(0.1), window=5, measure="update")
    assert optax_backend.read(anew.update(gradient, anew.init(params))[1]).count == 1
    with pytest.raises(
        ValueError, match=r"there is an update for 'head/bias' but no such parameter; give update\(\) the parameters"
    ):
        tx.update(gradient, tx.init(params), params | {"head": {"weight": params["head"]["weight"]}})
    with pytest.raises(ValueError, match="no parameter belongs to group 'tail'; the paths are encoder/bias"):
        optax_backend.monitor(optax.sgd(0.1), groups=["tail"]).init(params)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            {"window": 5},
            {"window": 7},
            "the state holds a ring of 5 norms, and this monitor has window=7: use window=5 to go on, or",
        ),
        (
            {"groups": 1},
            {"groups": ["bias$"]},
            r"the groups of the state and of this step differ in 'bias\$', 'encoder', 'head': use",
        ),
        ({"groups": 1}, {}, "differ in 'encoder', 'head': use the groups that the state was made with, or start over"),
    ],
)
def test_a_state_of_another_monitor(optax_backend, optax, before, after, said):
    params, given = network(), gradients(3)
    _, _, state = run(optax_backend.monitor(optax.adam(0.1), **before), given)
    tx = optax_backend.monitor(optax.adam(0.1), **after)
    with pytest.raises(ValueError, match=said) as caught:
        tx.update(given[0], state, params)
    way_out = str(caught.value).rpartition("start over with ")[2]
    names = {"monitor": lambda tx: tx, "tx": tx, "params": params, "strip": optax_backend.strip, "opt_state": state}
    began = eval(way_out, names)
    assert optax_backend.read(began).count == 0
    assert optax.tree.get(began, "count") == 3  # the optimizer goes on
    _, _, state = run(tx, given, params, began)
    assert optax_backend.read(state).count == 3


def test_misuse_when_read(optax_backend, optax):
    jax, params = require("jax"), network()
    with pytest.raises(ValueError, match=r"no monitor in this state: make it with monitor\(tx\).init\(params\)"):
        optax_backend.read(optax.adam(0.1).init(params))
    for inner in (optax.adam(0.1), optax.inject_hyperparams(optax.adam)(0.1)):
        tx = optax_backend.monitor(inner)
        state = tx.init(params)
        with pytest.raises(TypeError, match="read was called inside a function that JAX compiles; return the state from it"):
            jax.jit(lambda state: optax_backend.read(state).norms)(state)
        (gradient,) = gradients(1)
        _, after = jax.jit(tx.update, donate_argnums=1)(gradient, state, params)
        with pytest.raises(ValueError, match="the state was donated to a later step, which returned a new one: read that"):
            optax_backend.read(state)
        assert optax_backend.read(after).count == 1
    nested = optax_backend.monitor(optax_backend.monitor(optax.adam(0.1))).init(params)
    with pytest.raises(
        ValueError, match="2 monitors in this state, at 'wcdfa_record', 'inner_state/wcdfa_record'; take one of readings"
    ):
        optax_backend.read(nested)
