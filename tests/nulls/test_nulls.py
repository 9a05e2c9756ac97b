"""The replay is torch's own arithmetic and starts settled; the nulls give the known figures and honest p-values."""

from __future__ import annotations

import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from wcdfa import synthetic
from wcdfa.nulls import nulls
from wcdfa.nulls.replay import optimizer_norms, replay
from wcdfa.nulls.settling import Conditions, MeanSquare
from wcdfa.nulls.update_rules import OPTIMIZERS, named

OLS = {"method": "ols"}
STEPS = 60
SCHEDULE = 0.1 * np.linspace(1.0, 0.2, STEPS) ** 2
CASES = [
    ("sgd", "SGD", {}),
    ("sgd", "SGD", {"momentum": 0.9}),
    ("sgd", "SGD", {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.2}),
    ("sgd", "SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.2}),
    ("sgd", "SGD", {"momentum": 0.5, "clip_norm": 0.7}),
    ("adam", "Adam", {}),
    ("adam", "Adam", {"betas": (0.8, 0.95), "eps": 0.01, "weight_decay": 0.3, "clip_norm": 2.0}),
    ("adamw", "AdamW", {}),
    ("adamw", "AdamW", {"betas": (0.0, 0.9), "weight_decay": 0.5}),
    ("adamw", "AdamW", {"clip_norm": 0.5, "eps": 0.1}),
    ("rmsprop", "RMSprop", {}),
    ("rmsprop", "RMSprop", {"alpha": 0.9, "momentum": 0.8, "weight_decay": 0.2, "eps": 0.01}),
]


def torch_weights(torch, name, options, gradients, weights):
    """The weights before, and after each step, of one parameter."""
    parameter = torch.nn.Parameter(torch.tensor(weights))
    clip_norm = options.get("clip_norm")
    optimizer = getattr(torch.optim, name)([parameter], lr=1.0, **{key: options[key] for key in options if key != "clip_norm"})
    path = [weights]
    for gradient, lr in zip(gradients, SCHEDULE, strict=True):
        parameter.grad = torch.tensor(gradient)
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_([parameter], clip_norm)
        optimizer.param_groups[0]["lr"] = float(lr)
        optimizer.step()
        path.append(parameter.detach().numpy().copy())
    return np.array(path)


@pytest.mark.parametrize(("optimizer", "name", "options"), CASES)
def test_each_step_is_that_of_torch(optimizer, name, options):
    torch = require("torch")
    rng = np.random.default_rng(0)
    gradients, weights = rng.normal(scale=0.5, size=(STEPS, 7, 2)), rng.normal(size=(7, 2))
    rule = named(optimizer, options)
    changes = np.array(list(replay(rule, gradients, SCHEDULE.tolist(), weights, rule.fresh(weights))))
    for column in range(2):
        path = torch_weights(torch, name, options, gradients[..., column], weights[:, column])
        np.testing.assert_allclose(changes[..., column], np.diff(path, axis=0), rtol=1e-6, atol=1e-12)


def test_defaults_are_those_of_torch():
    torch = require("torch")
    for name in ("SGD", "Adam", "AdamW", "RMSprop"):
        defaults = getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(1))]).defaults
        rule = OPTIMIZERS[name.lower()]()
        ours = {key: getattr(rule, key) for key in vars(rule) if key != "clip_norm"}
        assert ours == {key: defaults[key] for key in ours}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_traced_step_is_the_same(optimizer):
    jax = require("jax")
    rule = named(optimizer, {"weight_decay": 0.1, "clip_norm": 0.6})
    shape = (*(5, 4)[: len(rule.default_shape)], 2)  # of matrices, where it acts on them; the last axis is that of replicates
    gradients = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    zeros = np.zeros(shape, dtype=np.float32)

    def changes(gradients, zeros):
        return list(replay(rule, list(gradients), [0.1, 0.2, 0.3], zeros + 1, rule.fresh(zeros)))

    np.testing.assert_allclose(jax.jit(changes)(gradients, zeros), changes(gradients, zeros), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        ("sgd", {"momentum": 0.99}),
        ("sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        ("adam", {"weight_decay": 0.1}),
        ("adam", {"betas": (0.5, 0.0)}),
        ("adamw", {}),
        ("adamw", {"clip_norm": 0.1}),
        ("adamw", {"betas": (0.95, 0.98), "weight_decay": 2.0, "lr": 0.01}),
        ("rmsprop", {"momentum": 0.9, "weight_decay": 0.02}),
    ],
)
def test_by_default_the_transients_have_passed(optimizer, options):
    norms = np.log(optimizer_norms(600, optimizer=optimizer, replicates=400, seed=2, **options))
    first, last = norms[:, :20].mean(axis=1), norms[:, -20:].mean(axis=1)
    assert abs(first.mean() - last.mean()) < 5 * math.hypot(first.std(), last.std()) / 20 + 0.01
    assert 0.8 < first.std() / last.std() < 1.25


@pytest.mark.parametrize(
    ("optimizer", "lr", "options"),
    [
        ("sgd", 0.1, {"weight_decay": 0.2}),
        ("sgd", 0.01, {"momentum": 0.9, "dampening": 0.4, "weight_decay": 0.3}),
        ("sgd", 0.002, {"momentum": 0.9, "nesterov": True, "weight_decay": 1.0}),
        ("adam", 0.01, {"betas": (0.9, 0.99), "weight_decay": 0.3}),
        ("adamw", 0.02, {"betas": (0.9, 0.99), "weight_decay": 1.0, "eps": 0.1}),
        ("rmsprop", 0.005, {"momentum": 0.8, "weight_decay": 0.1}),
    ],
)
def test_settled_is_where_a_long_replay_goes(optimizer, lr, options):
    rule, shape, scale = named(optimizer, options), (50, 200), 0.125
    rng = np.random.default_rng(0)
    weights = np.zeros(shape)
    memory = rule.fresh(weights)
    for count in range(1, 401):  # several times 1 / (lr λ)
        change, memory = rule._step(memory, weights, scale * rng.standard_normal(shape), lr, count)
        weights = weights + change
    settled = rule._settled(Conditions(scale, lr, shape[:1]))
    used = {"weights": weights} | {name: values for name, values in memory.items() if np.any(values)}
    for name, values in used.items():
        found = np.mean(values) if isinstance(settled[name], MeanSquare) else np.std(values)
        np.testing.assert_allclose(found, settled[name][0], rtol=0.1)


def test_weights_settle_where_they_start():
    options = {"optimizer": "sgd", "weight_decay": 0.5, "lr": 0.1, "dimension": 16, "replicates": 400}
    norms = optimizer_norms(400, **options, seed=0)
    # change = lr (g + λ w), with var(w) = lr σ² / (λ (2 - lr λ)) and E‖g‖² = 1
    expected = 0.1 * math.sqrt(1 + 0.5 * 0.1 / (2 - 0.05))
    for step in (0, 399):
        root_mean_square = math.sqrt(np.mean(norms[:, step] ** 2))
        assert root_mean_square == pytest.approx(expected, rel=5 / math.sqrt(2 * 16 * 400))


def test_from_zero_the_true_transient():
    norms = optimizer_norms(50, optimizer="adam", replicates=5, start=0, dimension=9, lr=0.01)
    np.testing.assert_allclose(norms[:, 0], 0.01 * 3, rtol=1e-5)  # Adam's first step is a sign
    assert np.all(norms[:, 20:] < 0.02)  # and its later ones average signs
    buffer = optimizer_norms(400, optimizer="sgd", momentum=0.99, replicates=50, start=0, seed=1)
    assert buffer[:, 0].mean() < 0.2 * buffer[:, 300:].mean()
    later = optimizer_norms(300, optimizer="sgd", momentum=0.99, replicates=50, start=100, seed=1)
    np.testing.assert_allclose(later, buffer[:, 100:], rtol=1e-5)


def test_long_after_the_start_is_settled():
    np.testing.assert_array_equal(optimizer_norms(20, replicates=3, start=10**5), optimizer_norms(20, replicates=3))


def test_gradients_of_given_norm():
    scale = np.exp(synthetic.white_noise(100, seed=0))
    norms = optimizer_norms(100, optimizer="sgd", gradient_norm=scale, lr=SCHEDULE.mean() * np.ones(100), replicates=4)
    np.testing.assert_allclose(norms, np.tile(SCHEDULE.mean() * scale, (4, 1)), rtol=1e-5)
    clipped = optimizer_norms(100, optimizer="sgd", gradient_norm=scale, lr=2.0, replicates=4, clip_norm=0.8)
    np.testing.assert_allclose(clipped, np.tile(2 * np.minimum(scale, 0.8), (4, 1)), rtol=1e-5)


def test_a_schedule_multiplies():
    options = {"optimizer": "adam", "replicates": 4, "seed": 3}
    constant, scheduled = optimizer_norms(STEPS, lr=0.1, **options), optimizer_norms(STEPS, lr=SCHEDULE, **options)
    np.testing.assert_allclose(scheduled, constant * SCHEDULE / 0.1, rtol=1e-5)


def test_seeds():
    options = {"optimizer": "adamw", "replicates": 3}
    norms = optimizer_norms(40, seed=5, **options)
    np.testing.assert_array_equal(norms, optimizer_norms(40, seed=5, **options))
    np.testing.assert_array_equal(norms, optimizer_norms(40, seed=np.random.default_rng(5), **options))
    assert not np.any(norms == optimizer_norms(40, seed=6, **options))
    assert len(np.unique(norms)) == norms.size


@pytest.mark.parametrize(
    ("options", "alpha"),
    [
        ({"optimizer": "sgd"}, 0.52),
        ({"optimizer": "sgd", "momentum": 0.9}, 1.03),
        ({"optimizer": "sgd", "momentum": 0.95}, 1.19),
        ({"optimizer": "sgd", "momentum": 0.99}, 1.40),
        ({"optimizer": "adamw", "betas": (0.9, 0.999)}, 1.03),
        ({"optimizer": "adamw", "betas": (0.0, 0.999)}, 0.52),
        ({"optimizer": "rmsprop", "momentum": 0.9}, 1.03),
    ],
)
def test_known_figures(options, alpha):
    alphas = nulls.optimizer_alphas(500, replicates=200, seed=1, **options, **OLS)
    assert alphas.mean() == pytest.approx(alpha, abs=0.01 + 4 * alphas.std() / math.sqrt(200))
    assert 0.035 < alphas.std() < 0.08


def test_alphas_are_those_of_the_norms():
    options = {"optimizer": "sgd", "momentum": 0.5, "replicates": 3, "seed": 4}
    norms = optimizer_norms(200, **options)
    for log, x in ((True, np.log(norms)), (False, norms)):
        expected = wcdfa.dfa(x, order=2, method="ols").alpha
        np.testing.assert_array_equal(nulls.optimizer_alphas(200, order=2, log=log, **options, **OLS), expected)


def test_p_values_are_uniform_under_their_own_null():
    options = {"optimizer": "sgd", "momentum": 0.9, **OLS}
    null = nulls.optimizer_alphas(200, replicates=499, seed=0, **options)
    windows = nulls.optimizer_alphas(200, replicates=200, seed=1, **options)
    results = [nulls.compare(alpha, null) for alpha in windows]
    p = np.sort([result.p_value for result in results])
    distance = np.max(np.abs(p - (np.arange(200) + 0.5) / 200))
    assert distance < 1.95 * math.sqrt(1 / 200 + 1 / 499)  # Kolmogorov and Smirnov's, at 0.1 %
    outside = sum(not result.low <= result.alpha <= result.high for result in results)
    assert outside < 22  # 10 expected


def test_optimizer_null_tells_memory_from_momentum():
    momentum = {"optimizer": "sgd", "momentum": 0.9, "replicates": 199, **OLS}
    own = nulls.optimizer_null(optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1, seed=9)[0], **momentum)
    walk = nulls.optimizer_null(np.exp(0.1 * synthetic.random_walk(500, seed=0)), **momentum)
    assert own.low < own.alpha < own.high
    assert walk.p_value == 1 / 200
    assert walk.excess == walk.alpha - walk.median > 0.2
    assert (own.low, own.median, own.high) == (walk.low, walk.median, walk.high)


def test_compare_counts():
    null = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    assert nulls.compare(3.0, null) == (3.0, 1.075, 2.5, 3.925, 0.5, 3 / 5)
    assert [nulls.compare(alpha, null).p_value for alpha in (0.0, 4.5)] == [1.0, 1 / 5]
    assert np.isnan(nulls.compare(np.nan, null)).tolist() == [True, False, False, False, True, True]
    assert np.isnan(nulls.compare(1.0, [np.nan])).tolist() == [False, True, True, True, True, True]


def test_shuffled():
    walk = nulls.shuffled(synthetic.random_walk(500, seed=0), log=False, replicates=200, **OLS)
    assert walk.p_value == 1 / 201
    assert walk.median == pytest.approx(0.52, abs=0.02)
    white = [nulls.shuffled(x, log=False, replicates=99, **OLS).p_value for x in synthetic.white_noise(200, batch=(40,), seed=0)]
    assert 0.3 < np.mean(white) < 0.7
    assert nulls.shuffled([1.0, 2.0] * 50, replicates=5, **OLS) == nulls.shuffled([1.0, 2.0] * 50, replicates=5, **OLS)


def test_short_memory():
    found = nulls.short_memory(np.exp(synthetic.ar1(500, phi=0.7, seed=0)), replicates=200, **OLS)
    assert (found.model, found.favoured, found.parameters["theta"]) == ("AR(1)", "short", 0.0)
    assert found.nats > 2
    null = wcdfa.dfa(synthetic.ar1(500, phi=found.parameters["phi"], batch=(400,), seed=1), method="ols").alpha
    np.testing.assert_allclose(found[1:4], np.quantile(null, [0.025, 0.5, 0.975]), atol=0.03)
    noisy = 0.4 * synthetic.ar1(1000, phi=0.9, seed=0) + synthetic.white_noise(1000, seed=1)  # an ARMA(1,1)
    found = nulls.short_memory(noisy, log=False, replicates=200, **OLS)
    assert found.model == "ARMA(1,1)"
    assert found.parameters["theta"] < -0.3
    assert found.low < found.alpha < found.high
    x, e = 0.0, synthetic.white_noise(201_000, seed=2)
    series = np.empty(201_000)
    for t in range(1, len(e)):  # the fitted model, by its recursion
        series[t] = x = found.parameters["phi"] * x + e[t] + found.parameters["theta"] * e[t - 1]
    null = wcdfa.dfa(series[1000:].reshape(200, 1000), method="ols").alpha
    np.testing.assert_allclose(found[1:4], np.quantile(null, [0.025, 0.5, 0.975]), atol=0.04)
    long = nulls.short_memory(synthetic.arfima(4000, d=0.4, seed=0), log=False, replicates=20, **OLS)
    assert (long.favoured, long.nats < -2) == ("long", True)


@hypothesis.settings(max_examples=10, deadline=None)
@hypothesis.given(factor=st.floats(1e-6, 1e6), seed=st.integers(0, 1000))
def test_the_unit_changes_nothing(factor, seed):
    x = np.exp(synthetic.white_noise(64, seed=seed))
    for null in (nulls.optimizer_null, nulls.shuffled, nulls.short_memory):
        for log in (True, False):
            before, after = (null(each, replicates=9, log=log, **OLS) for each in (x, x * factor))
            np.testing.assert_allclose(after[:5], before[:5], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("null", [nulls.optimizer_null, nulls.shuffled, nulls.short_memory])
def test_a_constant_is_nan(null):
    found = null(np.full(100, 0.1), replicates=9, **OLS)
    assert np.isnan([found.alpha, found.excess, found.p_value]).all()
    if null is nulls.optimizer_null:
        assert found.low < found.median < found.high
    if null is nulls.short_memory:
        assert found.favoured == "undecided"
        assert np.isnan([found.nats, *found.parameters.values()]).all()


X = np.exp(synthetic.white_noise(64, seed=0))


@pytest.mark.parametrize("null", [nulls.optimizer_null, nulls.shuffled, nulls.short_memory])
@pytest.mark.parametrize(
    ("norms", "options", "message"),
    [
        (np.where(np.arange(64) == 17, 0.0, X), {}, r"norms\[17\] is 0\.0, which has no logarithm; .*log=False"),
        (-X, {}, r"norms\[0\] is -1\.\d+, which has no logarithm"),
        (np.where(np.arange(64) == 3, np.nan, X), {"log": False}, r"norms\[3\] is nan"),
        (np.where(np.arange(64) == 3, np.inf, X), {}, r"norms\[3\] is inf"),
        (X.reshape(2, 32), {}, r"norms must be one window of shape \(n,\), got shape \(2, 32\)"),
        ([], {}, r"got shape \(0,\)"),
        (X, {"replicates": 0}, "replicates must be at least 1, got 0"),
    ],
)
def test_bad_norms(null, norms, options, message):
    with pytest.raises(ValueError, match=message):
        null(norms, **options, **OLS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"optimizer": "lamb"}, ValueError, "optimizer must be one of 'adam', 'adamw', .*'sgd'.* got 'lamb'"),
        ({"momentum": 0.9}, TypeError, "adamw has no hyperparameter 'momentum'; it takes lr, weight_decay, clip_norm, betas, eps"),
        ({"optimizer": "sgd", "momentum": 1.0}, ValueError, r"must lie from 0 to below 1, got 1\.0"),
        ({"betas": (0.9, 1.0)}, ValueError, r"got 0\.9, 1\.0"),
        ({"optimizer": "sgd", "nesterov": True}, ValueError, "nesterov needs momentum above 0"),
        ({"weight_decay": -1.0}, ValueError, r"weight_decay must be 0 or more, got -1\.0"),
        ({"eps": math.nan}, ValueError, "eps must be 0 or more, got nan"),
        ({"clip_norm": 0.0}, ValueError, r"clip_norm must be positive, got 0\.0"),
        (
            {"optimizer": "sgd", "weight_decay": 3.0, "lr": 1.0},
            ValueError,
            "weight decay of 3.0 at a rate of 1 per step multiplies to 3",
        ),
        ({"lr": np.ones(63)}, ValueError, r"lr must be one number or of shape \(64,\), .*got shape \(63,\)"),
        ({"lr": np.arange(64)}, ValueError, r"lr must be positive and finite, got 0\.0 at step 0"),
        ({"gradient_norm": np.where(np.arange(64) == 5, np.nan, 1.0)}, ValueError, "gradient_norm .* got nan at step 5"),
        ({"start": -1}, ValueError, "start must be 0 or more steps, got -1"),
        ({"dimension": 0}, ValueError, "dimension must be at least 1, got 0"),
    ],
)
def test_bad_optimizer(options, error, message):
    with pytest.raises(error, match=message):
        nulls.optimizer_null(X, **options, **OLS)


def test_no_steps():
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        optimizer_norms(0)


def test_a_young_adam_that_has_settled_has_the_norms_of_an_old_one():
    """Its mean square has not grown to its whole, and the bias correction makes up for that."""
    young, old = (optimizer_norms(50, optimizer="adam", start=start, replicates=50, seed=1) for start in (5001, None))
    np.testing.assert_allclose(np.mean(young, axis=0), np.mean(old, axis=0), rtol=5e-4)


@pytest.mark.parametrize("dimension", [np.int64(16), np.array([2, 8]), [2, 8]], ids=["int64", "array", "list"])
def test_a_dimension_of_any_kind_of_integers(dimension):
    expected = 16 if np.ndim(dimension) == 0 else (2, 8)
    found = optimizer_norms(20, optimizer="sgd", dimension=dimension, replicates=2)
    np.testing.assert_array_equal(found, optimizer_norms(20, optimizer="sgd", dimension=expected, replicates=2))


def test_betas_in_a_list_are_those_in_a_tuple():
    assert named("adam", {"betas": [0.9, 0.99]}) == named("adam", {"betas": (0.9, 0.99)})
    assert hash(named("adam", {"betas": [0.9, 0.99]})) == hash(named("adam", {"betas": (0.9, 0.99)}))
