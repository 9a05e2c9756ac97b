"""What a reading knows of the optimizer and its learning rate, the null it takes from that, and ensembles under vmap."""

from __future__ import annotations

from operator import attrgetter

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.optax_runs import gradients, moves, network, run
from wcdfa.nulls.replay import replay
from wcdfa.nulls.update_rules import named

pytestmark = [pytest.mark.usefixtures("float32"), pytest.mark.slow]  # nearly each test compiles a program


# factory, its options, the optimizer and hyperparameters that a reading has
RECOGNISED = [
    ("adam", {"b1": 0.8}, "adam", {"betas": (0.8, 0.999), "eps": 1e-8}),
    ("adam", {"b2": 0.95, "eps": 1e-6}, "adam", {"betas": (0.9, 0.95), "eps": 1e-6}),
    ("adamw", {"weight_decay": 0.02}, "adamw", {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.02}),
    ("sgd", {}, "sgd", {}),
    ("sgd", {"momentum": 0.95}, "sgd", {"momentum": 0.95}),
    ("rmsprop", {"decay": 0.99}, "rmsprop", {"alpha": 0.99, "eps": 1e-8}),
    ("rmsprop", {"momentum": 0.9}, "rmsprop", {"alpha": 0.9, "eps": 1e-8, "momentum": 0.9}),
    ("nadam", {"b1": 0.8}, "nadam", {"betas": (0.8, 0.999), "eps": 1e-8, "momentum_decay": 1e3}),
    ("adam", {"nesterov": True}, "nadam", {"betas": (0.9, 0.999), "eps": 1e-8, "momentum_decay": 1e3}),
    (
        "nadamw",
        {"weight_decay": 0.02},
        "nadam",
        {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.02, "momentum_decay": 1e3, "decoupled_weight_decay": True},
    ),
    ("lion", {"b2": 0.98}, "lion", {"betas": (0.9, 0.98), "weight_decay": 0.001}),
    (
        "contrib.schedule_free_adamw",
        {"b1": 0.95, "weight_decay": 0.1},
        "schedule_free_adamw",
        {"betas": (0.95, 0.999), "eps": 1e-8, "weight_decay": 0.1, "weight_lr_power": 2.0},
    ),
]
# what injects the same numbers as one of these, or looks like one, and is none
OTHERS = [
    "adabelief", "adadelta", "adagrad", "adamax", "adamaxw", "adan", "amsgrad", "fromage", "lamb", "lars", "novograd",
    "optimistic_gradient_descent", "radam", "rprop", "sm3", "yogi",
]  # fmt: skip


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize(("factory", "options", "optimizer", "hyperparameters"), RECOGNISED)
def test_injected_hyperparameters(optax_backend, optax, factory, options, optimizer, hyperparameters, scheduled):
    rate = optax.exponential_decay(0.01, 3, 0.5) if scheduled else 0.01
    tx = optax_backend.monitor(optax.inject_hyperparams(attrgetter(factory)(optax))(rate, **options), window=4)
    _, _, state = run(tx, gradients(6))
    found = optax_backend.read(state)
    assert (found.optimizer, found.hyperparameters) == (optimizer, hyperparameters)
    expected = 0.01 * 0.5 ** (np.arange(6) / 3) if scheduled else np.full(6, 0.01)
    np.testing.assert_allclose(found.lr, expected[-4:], rtol=1e-6)
    # the names and values are such as the null takes
    wcdfa.nulls.replay.optimizer_norms(50, optimizer=found.optimizer, replicates=1, **found.hyperparameters)


REPLAYED = [
    ("nadam", {"b1": 0.8, "b2": 0.95}, (9,)),
    ("nadamw", {"weight_decay": 0.2}, (9,)),
    ("contrib.schedule_free_adamw", {"b1": 0.8, "b2": 0.95, "weight_decay": 0.2}, (9,)),
    ("contrib.muon", {"beta": 0.8, "weight_decay": 0.5, "nesterov": False}, (5, 5)),
]


@pytest.mark.parametrize(("factory", "options", "shape"), REPLAYED)
def test_the_null_replays_what_optax_does(optax_backend, optax, factory, options, shape):
    """Its own norms, on the same gradients, with the hyperparameters of the reading."""
    jax = require("jax")
    tx = optax_backend.monitor(optax.inject_hyperparams(attrgetter(factory)(optax))(0.02, **options), window=60)
    given = jax.random.normal(jax.random.key(0), (60, *shape))
    start = jax.random.normal(jax.random.key(1), shape)
    _, _, state = run(tx, list(given), start)
    found = optax_backend.read(state)
    rule = named(found.optimizer, found.hyperparameters)
    gradients, weights = (np.asarray(each, dtype=np.float64)[..., None] for each in (given, start))
    changes = list(replay(rule, gradients, found.lr.astype(np.float64), weights, rule.fresh(weights)))
    expected = np.array([np.linalg.norm(change) for change in changes])
    np.testing.assert_allclose(found.norms[30:], expected[30:], rtol=1e-2)


@pytest.mark.parametrize("axes", [((1,), (0,)), ((0, 1), (2,))])
def test_muon_that_is_told_which_axes_are_those_of_a_matrix(optax_backend, optax, axes):
    """It is recognised if it steps all parameters; not if some are left for Adam."""
    jax = require("jax")
    dimensions = optax.contrib.MuonDimensionNumbers(*axes)
    params = {"kernel": jax.numpy.ones((4, 5, 6)[: 1 + max(map(max, axes))]), "bias": jax.numpy.ones(3)}
    made = optax.inject_hyperparams(optax.contrib.muon, static_args=("muon_weight_dimension_numbers",))
    for left, known in ((["kernel"], "muon"), (["kernel", "bias"], None)):
        numbers = {name: dimensions if name == "kernel" else None for name in left}
        tx = optax_backend.monitor(made(0.02, beta=0.8, muon_weight_dimension_numbers=numbers))
        own = {name: params[name] for name in left}
        _, state = tx.update(own, tx.init(own), own)
        found = optax_backend.read(state)
        assert found.optimizer == known
        assert found.hyperparameters.get("momentum") == (pytest.approx(0.8) if known else None)


@pytest.mark.parametrize("factory", OTHERS)
def test_no_other_is_taken_for_one(optax_backend, optax, factory):
    tx = optax_backend.monitor(optax.inject_hyperparams(getattr(optax, factory))(0.01))
    state = tx.init(network())
    assert float(optax.tree.get(state, "learning_rate")) == pytest.approx(0.01)
    found = optax_backend.read(state)
    assert (found.optimizer, found.hyperparameters) == (None, {})


def test_no_variant_is_taken_for_one(optax_backend, optax):
    inject, weights = optax.inject_hyperparams, {"encoder": True, "head": False}
    for inner in (
        inject(optax.rmsprop)(0.1, centered=True),
        inject(optax.adamw)(0.1, mask=weights),
        inject(optax.adam, static_args=("b1", "b2"))(0.1),
        inject(lambda learning_rate: optax.chain(optax.clip(1.0), optax.sgd(learning_rate)))(0.1),
        inject(lambda learning_rate, momentum: optax.chain(optax.ema(momentum), optax.sgd(learning_rate)))(0.1, 0.9),
        inject(lambda learning_rate: optax.chain(optax.clip(1.0), optax.scale_by_learning_rate(learning_rate)))(0.1),
        inject(optax.rmsprop)(0.1, bias_correction=True),
        inject(optax.sign_sgd)(0.1),
        inject(optax.contrib.muon)(0.1, adaptive=True),
        inject(optax.contrib.muon)(0.1, consistent_rms=0.2),
        inject(optax.contrib.muon)(0.1),  # of this network, whose bias Adam steps
        optax.chain(inject(optax.adam)(0.1), inject(optax.sgd)(0.2)),
        optax.chain(optax.trace(0.9), inject(optax.sgd)(0.1)),
        optax.chain(inject(optax.adam)(0.1), optax.ema(0.9)),
        optax.partition({"a": inject(optax.adam)(0.1), "b": optax.sgd(0.1)}, {"encoder": "a", "head": "b"}),
        optax.adam(0.1),
    ):
        found = optax_backend.read(optax_backend.monitor(inner).init(network()))
        assert (found.optimizer, found.hyperparameters) == (None, {})


def test_an_optimizer_beside_the_monitor_is_not_its_own(optax_backend, optax):
    tx = optax.chain(optax_backend.monitor(optax.sgd(0.1)), optax.inject_hyperparams(optax.adam)(0.1))
    assert optax_backend.read(tx.init(network())).optimizer is None
    after = optax.chain(optax.inject_hyperparams(optax.adam)(0.1, b1=0.8), optax_backend.record())
    assert optax_backend.read(after.init(network())).optimizer is None  # nor does an element of a chain know the others


def test_hyperparameters_that_were_named(optax_backend, optax):
    jax, params = require("jax"), network()
    named = {"optimizer": "adamw", "b1": 0.8, "b2": 0.99, "weight_decay": 0.1, "eps": 1e-6}
    for tx in (
        optax_backend.monitor(optax.lamb(0.1), **named),
        optax_backend.monitor(optax.inject_hyperparams(optax.sgd)(0.1), **named),  # goes before what is injected
        optax.chain(optax.lamb(0.1), optax_backend.record(**named)),
    ):
        found = optax_backend.read(jax.jit(tx.init)(params))
        assert (found.optimizer, found.hyperparameters) == ("adamw", {"betas": (0.8, 0.99), "weight_decay": 0.1, "eps": 1e-6})
    torch_names = optax_backend.monitor(optax.sgd(0.1), optimizer="sgd", momentum=0.9, nesterov=True)
    assert optax_backend.read(torch_names.init(params)).hyperparameters == {"momentum": 0.9, "nesterov": True}
    assert optax_backend.read(optax_backend.monitor(optax.sgd(0.1), optimizer="sgd").init(params)).hyperparameters == {}


def test_learning_rates(optax_backend, optax):
    given, skipped = gradients(6), gradients(6)
    for i in (1, 4):
        skipped[i] = require("jax").tree.map(lambda g: 0 * g, skipped[i])
    sgd = optax.sgd(0.1)

    def rates(tx, given=given, **extra):
        return optax_backend.read(run(tx, given, **extra)[2]).lr

    assert rates(optax_backend.monitor(sgd)) is None
    np.testing.assert_allclose(rates(optax_backend.monitor(sgd, lr=0.25)), np.full(6, 0.25))
    halving = lambda count: 0.5**count
    np.testing.assert_allclose(rates(optax_backend.monitor(sgd, lr=halving)), 0.5 ** np.arange(6))
    np.testing.assert_allclose(rates(optax_backend.monitor(sgd, lr=halving), skipped), 0.5 ** np.array([0, 2, 3, 5]))
    np.testing.assert_allclose(rates(optax_backend.monitor(sgd), learning_rate=0.5), np.full(6, 0.5))
    np.testing.assert_allclose(rates(optax.chain(sgd, optax_backend.record()), learning_rate=0.5), np.full(6, 0.5))
    np.testing.assert_allclose(rates(optax.MultiSteps(optax_backend.monitor(sgd, lr=halving), 2)), 0.5 ** np.arange(3))
    injected = optax.inject_hyperparams(optax.sgd)(0.1)
    np.testing.assert_allclose(
        rates(optax_backend.monitor(injected), learning_rate=0.5), np.full(6, 0.1)
    )  # what tx used goes first
    np.testing.assert_allclose(
        rates(optax_backend.monitor(injected, lr=0.25)), np.full(6, 0.25)
    )  # and what the user said before it


def test_a_rate_that_is_set_by_hand(optax_backend, optax):
    tx = optax_backend.monitor(optax.inject_hyperparams(optax.sgd)(0.1))
    history, _, state = run(tx, gradients(2))
    state = optax.tree.set(state, learning_rate=0.01)
    more, _, state = run(tx, gradients(2), history[-1], state)
    found = optax_backend.read(state)
    np.testing.assert_allclose(found.lr, [0.1, 0.1, 0.01, 0.01])
    np.testing.assert_allclose(found.norms, [*moves(history), *moves(more)], rtol=5e-6)


@pytest.fixture
def long_run(optax_backend, optax):
    """A step compiled into one loop of 150 steps."""
    jax, jnp = require("jax"), require("jax").numpy

    def train(tx, seed, silent=()):
        """Adam's norms on white gradients; where silent, gradients are zero."""
        params = {"w": jnp.zeros(30)}
        scale = jnp.ones(150).at[jnp.asarray(silent, dtype=int)].set(0.0)

        def step(carry, now):
            number, size = now
            params, state = carry
            gradient = {"w": size * jax.random.normal(jax.random.fold_in(jax.random.key(seed), number), (30,))}
            updates, state = tx.update(gradient, state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(step, (params, tx.init(params)), (jnp.arange(150), scale))[0][1]

    return train


def test_the_verdict_takes_the_null_of_the_optimizer(optax_backend, optax, long_run):
    schedule = optax.exponential_decay(0.01, 100, 0.5)
    tx = optax_backend.monitor(optax.inject_hyperparams(optax.adamw)(schedule, b1=0.8, b2=0.99, weight_decay=0.01), window=128)
    found = optax_backend.read(long_run(tx, 0))
    known = found.verdict(replicates=20)
    named = {"optimizer": "adamw", "betas": (0.8, 0.99), "weight_decay": 0.01, "eps": 1e-8}
    expected = wcdfa.verdict(found.norms, lr=0.01 * 0.5 ** (np.arange(22, 150) / 100), replicates=20, steps=found.steps, **named)
    assert known.null.median == pytest.approx(expected.null.median, abs=1e-4)
    assert known.null.p_value == expected.null.p_value
    assert known.alpha == pytest.approx(expected.alpha, abs=1e-5)
    assert [finding.kind for finding in known.findings] == [finding.kind for finding in expected.findings]
    other = wcdfa.verdict(found.norms, lr=found.lr, steps=found.steps, replicates=20, **(named | {"betas": (0.98, 0.99)}))
    assert abs(other.null.median - known.null.median) > 0.05  # the test can tell one null from another
    assert wcdfa.WeightChangeDFA(window=128, stride=1).update(found).verdict(replicates=20).null == known.null


def test_an_ensemble_has_one_alpha_a_member(optax_backend, optax, long_run):
    jax, jnp = require("jax"), require("jax").numpy
    inner = optax.inject_hyperparams(optax.adam)(0.01, b1=0.8, b2=0.9)
    tx = optax_backend.monitor(inner, window=128, groups=lambda path: "weights")
    ensemble = optax_backend.read(jax.jit(jax.vmap(lambda seed: long_run(tx, seed)))(jnp.arange(3)))
    assert ensemble.norms.shape == ensemble.lr.shape == ensemble.groups["weights"].shape == (3, 128)
    np.testing.assert_array_equal(ensemble.count, [150, 150, 150])
    alphas = [wcdfa.WeightChangeDFA(window=128, stride=1).update(ensemble.member(i)).alpha for i in range(3)]
    assert len({round(alpha, 3) for alpha in alphas}) == 3
    for i in range(3):
        member, alone = ensemble.member(i), optax_backend.read(jax.jit(lambda i=i: long_run(tx, i))())
        np.testing.assert_allclose(member.norms, alone.norms, rtol=1e-5)
        np.testing.assert_array_equal(member.steps, alone.steps)
        assert (member.count, member.skipped, member.optimizer) == (alone.count, alone.skipped, "adam")
        assert member.hyperparameters == alone.hyperparameters == {"betas": (0.8, 0.9), "eps": 1e-8}
        assert member.verdict(replicates=20).null.median == alone.verdict(replicates=20).null.median
        assert alphas[i] == pytest.approx(wcdfa.WeightChangeDFA(window=128, stride=1).update(alone).alpha, abs=1e-3)
    with pytest.raises(ValueError, match="belong to an ensemble; judge its members"):
        ensemble.verdict()
    with pytest.raises(ValueError, match="the reading belongs to an ensemble"):
        wcdfa.WeightChangeDFA(window=128, stride=1).update(ensemble)


def test_members_that_differ(optax_backend, optax):
    """One has steps that were none, each has hyperparameters of its own."""
    jax, jnp = require("jax"), require("jax").numpy
    decays, sizes = jnp.array([0.2, 0.9]), np.array([[1, 2, 3, 4, 5, 6], [0, 7, 0, 8, 9, 0]], dtype=np.float32)

    def train(decay, sizes):
        tx = optax_backend.monitor(optax.inject_hyperparams(optax.rmsprop)(0.01, decay=decay), window=4, measure="update")
        state = tx.init({"w": jnp.zeros(3)})
        return jax.lax.scan(lambda state, size: (tx.update({"w": jnp.full(3, size)}, state)[1], None), state, sizes)[0]

    ensemble = optax_backend.read(jax.jit(jax.vmap(train))(decays, sizes))
    np.testing.assert_array_equal(ensemble.count, [6, 3])
    np.testing.assert_array_equal(ensemble.skipped, [0, 3])
    assert np.isnan(ensemble.norms).tolist() == [[False] * 4, [True, False, False, False]]
    for i in (0, 1):
        alone = optax_backend.read(jax.jit(train)(decays[i], sizes[i]))
        member = ensemble.member(i)
        np.testing.assert_allclose(member.norms, alone.norms, rtol=1e-5)
        np.testing.assert_array_equal(member.steps, alone.steps)
        assert member.hyperparameters["alpha"] == alone.hyperparameters["alpha"] == [0.2, 0.9][i]


def test_nesterov_is_no_number_and_is_seen_all_the_same(optax_backend, optax):
    inject, params = optax.inject_hyperparams, network()
    sgd = inject(optax.sgd)(0.1, momentum=0.9, nesterov=True)
    for tx in (sgd, optax.chain(optax.clip(1.0), sgd), optax.MultiSteps(sgd, 2), optax.apply_if_finite(sgd, 3)):
        found = optax_backend.read(optax_backend.monitor(tx).init(params))
        assert (found.optimizer, found.hyperparameters) == ("sgd", {"momentum": 0.9, "nesterov": True})
    for tx in (inject(optax.nadam)(0.1), inject(optax.nadamw)(0.1)):  # another optimizer than Adam, unless the user says so
        assert optax_backend.read(optax_backend.monitor(tx).init(params)).optimizer == "nadam"
        assert optax_backend.read(optax_backend.monitor(tx, optimizer="adam").init(params)).optimizer == "adam"


def test_a_schedule_that_begins_at_zero_keeps_in_step(optax_backend, optax):
    schedule = optax.warmup_cosine_decay_schedule(0.0, 0.1, 3, 20)
    for tx in (
        optax_backend.monitor(optax.sgd(schedule), lr=schedule),
        optax_backend.monitor(optax.inject_hyperparams(optax.sgd)(schedule)),
        optax.chain(optax.sgd(schedule), optax_backend.record(lr=schedule)),
    ):
        found = optax_backend.read(run(tx, gradients(6))[2])
        assert found.skipped == 1  # the first step, at a rate of 0
        np.testing.assert_allclose(found.lr, [schedule(i) for i in range(1, 6)], rtol=1e-6)
    outside = optax_backend.monitor(optax.MultiSteps(optax.sgd(schedule), 2), lr=schedule)
    found = optax_backend.read(run(outside, gradients(8))[2])
    np.testing.assert_allclose(found.lr, [schedule(i) for i in range(1, 4)], rtol=1e-6)


def test_a_rate_that_is_none_is_refused_at_once(optax_backend, optax):
    with pytest.raises(TypeError, match="lr must be a number or a schedule"):
        optax_backend.monitor(optax.sgd(0.1), lr="fast")


def test_gradients_through_half_precision_are_those_of_the_bare_optimizer(optax_backend, optax):
    jax, jnp = require("jax"), require("jax").numpy
    params = {"w": jnp.array([0.5, -1.5], dtype=jnp.float16)}

    def loss(params, tx):
        start = params
        state = tx.init(params)
        for _ in range(3):
            gradient = jax.tree.map(lambda w: w * w, params)
            updates, state = tx.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
        return jnp.sum((params["w"] - start["w"] * 2).astype(jnp.float32) ** 2)

    bare = jax.grad(loss)(params, optax.sgd(0.1))["w"]
    for measure in ("applied", "update"):
        np.testing.assert_allclose(
            jax.grad(loss)(params, optax_backend.monitor(optax.sgd(0.1), measure=measure))["w"], bare, rtol=2e-2
        )
