"""The optimizers of the null are those of their authors, step for step; adding one touches one class."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa.nulls import nulls
from wcdfa.nulls.replay import optimizer_norms, replay
from wcdfa.nulls.settling import Conditions, MeanSquare
from wcdfa.nulls.update_rules import OPTIMIZERS, SGD, Adam, Muon, named

STEPS = 40
SCHEDULE = 0.02 * np.linspace(1.0, 0.2, STEPS) ** 2
WIDE, TALL, VECTOR = (4, 7), (7, 4), (9,)
CASES = [
    ("adam", "Adam", VECTOR, {"amsgrad": True, "betas": (0.9, 0.8)}),
    ("adamw", "AdamW", VECTOR, {"amsgrad": True, "betas": (0.8, 0.9), "weight_decay": 0.3}),
    ("nadam", "NAdam", VECTOR, {}),
    ("nadam", "NAdam", VECTOR, {"betas": (0.8, 0.95), "momentum_decay": 0.5, "weight_decay": 0.2, "eps": 0.01}),
    ("nadam", "NAdam", WIDE, {"momentum_decay": 0.0, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("adafactor", "Adafactor", WIDE, {}),
    ("adafactor", "Adafactor", TALL, {"weight_decay": 0.3, "beta2_decay": -0.5, "d": 1.5}),
    ("adafactor", "Adafactor", VECTOR, {"eps1": 0.3, "eps2": 2.0}),
    ("muon", "Muon", WIDE, {}),
    ("muon", "Muon", TALL, {"weight_decay": 0.5, "momentum": 0.8, "nesterov": False, "ns_steps": 3}),
    ("muon", "Muon", TALL, {"adjust_lr_fn": "match_rms_adamw", "ns_coefficients": (2.0, -1.5, 0.5)}),
]


def gradients_of(shape):
    rng = np.random.default_rng(0)
    return rng.normal(scale=0.5, size=(STEPS, *shape, 2)), rng.normal(size=(*shape, 2))


def ours(rule, gradients, weights):
    changes = list(replay(rule, gradients, SCHEDULE.tolist(), weights, rule.fresh(weights)))
    return np.cumsum(changes, axis=0) + weights


def of_torch(torch, make, gradients, start):
    """The weights after each step."""
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = make([parameter])
    path = []
    for gradient, lr in zip(gradients, SCHEDULE, strict=True):
        parameter.grad = torch.tensor(gradient)
        optimizer.param_groups[0]["lr"] = float(lr)
        optimizer.step()
        path.append(parameter.detach().numpy().copy())
    return np.array(path)


@pytest.fixture
def torch(monkeypatch):
    """Torch, with a Muon that computes in the precision of the gradient, so that its arithmetic can be compared."""
    torch = require("torch")
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    return torch


@pytest.mark.parametrize(("name", "theirs", "shape", "options"), CASES)
def test_each_step_is_that_of_torch(torch, name, theirs, shape, options):
    gradients, weights = gradients_of(shape)
    path = ours(named(name, options), gradients, weights)
    options = dict(options)
    if "eps1" in options:
        options["eps"] = (options.pop("eps1"), options.pop("eps2"))
    for replicate in range(2):
        make = lambda parameters: getattr(torch.optim, theirs)(parameters, lr=1.0, **options)
        expected = of_torch(torch, make, gradients[..., replicate], weights[..., replicate])
        np.testing.assert_allclose(path[..., replicate], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "theirs", "renamed"),
    [("NAdam", "nadam", {}), ("Muon", "muon", {}), ("Adafactor", "adafactor", {"eps": ("eps1", "eps2")})],
)
def test_defaults_are_those_of_torch(torch, name, theirs, renamed):
    defaults = getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(2, 2))]).defaults
    rule = OPTIMIZERS[theirs]()
    assert rule.default_lr == defaults["lr"]
    expected = {key: defaults[key] for key in vars(rule) if key in defaults}
    for key, parts in renamed.items():
        expected |= dict(zip(parts, defaults[key], strict=True))
    assert vars(rule) == expected | {"clip_norm": None}


def schedule_free(gradients, weights, *, beta=0.9, second=0.999, eps=1e-8, weight_decay=0.0, warmup_steps=0, r=0.0, power=2.0):
    """Algorithm 1 of A. Defazio et al. (2024), doi:10.48550/arXiv.2405.15682, as it is written: x, y and z in full."""
    x = z = y = weights
    square, total, largest, path = np.zeros_like(weights), 0.0, 0.0, []
    for t, (gradient, rate) in enumerate(zip(gradients, SCHEDULE, strict=True), 1):
        lr = rate * min(1.0, t / warmup_steps) if warmup_steps else rate
        largest = max(largest, lr)
        square = second * square + (1 - second) * gradient**2
        z = z - lr * (gradient / (np.sqrt(square / (1 - second**t)) + eps) + weight_decay * y)
        weight = t**r * largest**power
        total += weight
        x = (1 - weight / total) * x + weight / total * z
        y = (1 - beta) * z + beta * x
        path.append(y)
    return np.array(path)


@pytest.mark.parametrize(
    "options", [{}, {"betas": (0.8, 0.9), "weight_decay": 0.3, "eps": 0.1}, {"warmup_steps": 10, "r": 1.0, "weight_lr_power": 1.0}]
)
def test_schedule_free_adamw_is_that_of_its_authors(options):
    gradients, weights = gradients_of(VECTOR)
    path = ours(named("schedule_free_adamw", options), gradients, weights)
    beta, second = options.get("betas", (0.9, 0.999))
    others = {{"weight_lr_power": "power"}.get(key, key): value for key, value in options.items() if key != "betas"}
    np.testing.assert_allclose(path, schedule_free(gradients, weights, beta=beta, second=second, **others), rtol=1e-9)


def test_schedule_free_adamw_is_that_of_optax():
    optax, jnp = require("optax"), require("jax").numpy
    gradients, weights = (np.float32(each) for each in gradients_of(VECTOR))
    tx = optax.contrib.schedule_free_adamw(0.01, b1=0.8, b2=0.9, weight_decay=0.3)
    rule = named("schedule_free_adamw", {"betas": (0.8, 0.9), "weight_decay": 0.3})
    changes = list(replay(rule, gradients, [0.01] * STEPS, weights, rule.fresh(weights)))
    params, state = jnp.asarray(weights), tx.init(jnp.asarray(weights))
    for gradient, change in zip(gradients, changes, strict=True):
        updates, state = tx.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
        np.testing.assert_allclose(updates, change, rtol=2e-3, atol=2e-5)


def test_lion_is_that_of_optax():
    optax = require("optax")
    gradients, weights = (np.float32(each) for each in gradients_of(VECTOR))
    tx, rule = optax.lion(0.01, weight_decay=0.2), named("lion", {"weight_decay": 0.2})
    state = tx.init(weights)
    changes = replay(rule, gradients, [0.01] * STEPS, weights, rule.fresh(weights))
    for gradient, change in zip(gradients, changes, strict=True):
        updates, state = tx.update(gradient, state, weights)
        np.testing.assert_allclose(updates, change, rtol=1e-5)
        weights = weights + change


def test_lion_has_no_alpha_and_says_why():
    norms = optimizer_norms(64, optimizer="lion", replicates=3)
    np.testing.assert_allclose(norms, 1e-4 * 8, rtol=1e-6)
    assert np.isnan(nulls.optimizer_alphas(64, optimizer="lion", weight_decay=0.1, replicates=3)).all()
    assert "signs" in OPTIMIZERS["lion"].no_alpha
    found = nulls.optimizer_null(optimizer_norms(64, replicates=1)[0], optimizer="lion", replicates=9)
    assert np.isfinite(found.alpha)
    assert np.isnan([found.median, found.excess]).all()


MATRIX_RULES = [("muon", (4, 16)), ("adafactor", (8, 8)), ("adafactor", (5, 3)), ("adafactor", 20)]


@pytest.mark.parametrize(("name", "dimension"), [*MATRIX_RULES, *((name, 12) for name in OPTIMIZERS if name != "muon")])
def test_a_traced_step_is_the_same(name, dimension):
    jax = require("jax")
    rule = named(name, {"weight_decay": 0.1, "clip_norm": 0.6})
    shape = (dimension,) if isinstance(dimension, int) else dimension
    gradients = np.random.default_rng(0).normal(size=(3, *shape, 2)).astype(np.float32)
    ones = np.ones((*shape, 2), dtype=np.float32)

    def changes(gradients, ones):
        return list(replay(rule, list(gradients), [0.1, 0.2, 0.3], ones, rule.fresh(ones)))

    np.testing.assert_allclose(jax.jit(changes)(gradients, ones), changes(gradients, ones), rtol=2e-3, atol=2e-5)


SETTLING = [
    ("adam", {"amsgrad": True, "betas": (0.9, 0.98)}, 1000),
    ("nadam", {"betas": (0.9, 0.99), "momentum_decay": 1.0}, 1000),
    ("nadam", {}, 700),  # its mean square is young
    ("schedule_free_adamw", {"betas": (0.9, 0.99)}, 2000),
    ("schedule_free_adamw", {"betas": (0.9, 0.99), "weight_decay": 1.0, "lr": 0.01}, 2000),
    ("adafactor", {}, 2000),
    ("adafactor", {"dimension": 32}, 2000),
    ("muon", {"dimension": (3, 8), "momentum": 0.9}, 500),
]


@pytest.mark.parametrize(("name", "options", "steps"), SETTLING)
def test_it_starts_where_a_long_burn_in_leads(name, options, steps):
    """α after the drawn start, and after all steps from zero: the same median and spread, up to chance."""
    rule = type(named(name, {}))
    settings = {"optimizer": name, "replicates": 250, "method": "ols", **options}
    drawn = nulls.optimizer_alphas(200, start=steps, seed=1, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule, "settles_after", lambda self: math.inf)  # so that every step is replayed
        replayed = nulls.optimizer_alphas(200, start=steps, seed=2, **settings)
    assert abs(np.mean(drawn) - np.mean(replayed)) < 4 * math.hypot(np.std(drawn), np.std(replayed)) / math.sqrt(250)
    assert 0.8 < np.std(drawn) / np.std(replayed) < 1.25


def test_memories_start_where_they_settle():
    for name, options, steps in (
        ("schedule_free_adamw", {"betas": (0.9, 0.95)}, 400),
        ("schedule_free_adamw", {"betas": (0.9, 0.95), "weight_decay": 2.0}, 1500),
        ("schedule_free_adamw", {"betas": (0.9, 0.95), "r": 2.0}, 400),
        ("adafactor", {}, 1000),
        ("muon", {"weight_decay": 1.0, "momentum": 0.9}, 400),
    ):
        rule, scale, lr = named(name, options), 0.125, 0.02
        rng = np.random.default_rng(0)
        weights = 0.5 + np.zeros((*rule.default_shape, 60))
        memory = rule.fresh(weights)
        for count in range(1, steps + 1):
            change, memory = rule._step(memory, weights, scale * rng.standard_normal(weights.shape), lr, count)
            weights = weights + change
        settled = rule._settled(Conditions(scale, lr, rule.default_shape, steps))
        for key, values in (memory | ({"weights": weights} if name == "muon" else {})).items():
            found = np.std(values) if key in ("momentum", "ahead", "weights") else np.mean(values)
            np.testing.assert_allclose(found, settled[key][0], rtol=0.15, err_msg=f"{rule} {key}")
            if isinstance(settled[key], MeanSquare):
                drawn = settled[key].draw(rng, np.shape(values))
                assert np.std(values) == pytest.approx(np.std(drawn), rel=0.15)


@pytest.mark.parametrize(
    ("name", "options", "alpha"),
    [
        ("adam", {"amsgrad": True}, 1.03),
        ("nadam", {}, 0.83),
        ("schedule_free_adamw", {}, 0.525),
        ("adafactor", {}, 0.545),
        ("muon", {"dimension": (4, 16)}, 0.638),
    ],
)
def test_known_figures(name, options, alpha):
    """The means that the optimizers of torch themselves, and that of schedulefree, gave on white gradients: 200 replicates."""
    alphas = nulls.optimizer_alphas(500, optimizer=name, replicates=200, seed=1, method="ols", **options)
    assert alphas.mean() == pytest.approx(alpha, abs=0.01 + 4 * alphas.std() / math.sqrt(200))
    assert 0.035 < alphas.std() < 0.09


@pytest.mark.parametrize(
    ("optimizer", "options", "error", "message"),
    [
        ("muon", {"dimension": 64}, ValueError, r"Muon acts on matrices, got dimension 64; give rows and columns"),
        ("muon", {"adjust_lr_fn": "mine"}, ValueError, 'adjust_lr_fn must be None, "original" or "match_rms_adamw", got \'mine\''),
        ("sgd", {"dimension": (2, 0)}, ValueError, r"dimension must be at least 1, got \(2, 0\)"),
        (SGD, {}, TypeError, r"optimizer must be a name or an Optimizer, got .*SGD.*; pass SGD\(\)"),
        (None, {}, TypeError, 'pass a name such as "adamw"'),
        ("AdamW", {}, ValueError, "got 'AdamW'; did you mean 'adamw'"),
        ("SGD", {}, ValueError, "got 'SGD'; did you mean 'sgd'"),
        ("sgd", {"momentm": 0.9}, TypeError, "sgd has no hyperparameter 'momentm'; .*did you mean 'momentum'"),
        ("sgd", {"lr": "0.1"}, TypeError, "lr must be a number .* got '0.1'"),
        ("nadam", {"momentum_decay": -1}, ValueError, "momentum_decay must be 0 or more, got -1; the default is 0.004"),
        ("muon", {"ns_coefficients": (1e5, 2, 3)}, ValueError, "ns_coefficients must keep singular values bounded"),
        ("muon", {"ns_coefficients": (1, 2)}, ValueError, r"ns_coefficients must be three numbers, got \(1, 2\)"),
        ("muon", {"ns_steps": 0}, ValueError, "ns_steps must be from 1 to 99, got 0"),
        ("muon", {"ns_steps": -1}, ValueError, "ns_steps must be from 1 to 99, got -1"),
        ("muon", {"ns_steps": 2.5}, ValueError, "ns_steps must be a whole number, got 2.5"),
        ("schedule_free_adamw", {"weight_lr_power": math.nan}, ValueError, "weight_lr_power must be from 0 to 100, got nan"),
        ("schedule_free_adamw", {"r": -5}, ValueError, "r must be from 0 to 100, got -5"),
        ("schedule_free_adamw", {"warmup_steps": -3}, ValueError, "warmup_steps must be 0 or more, got -3"),
        ("schedule_free_adamw", {"warmup_steps": 2.5}, ValueError, "warmup_steps must be a whole number, got 2.5"),
        ("adafactor", {"beta2_decay": 1}, ValueError, "beta2_decay must be 0 or less, got 1; the default is -0.8"),
        ("adafactor", {"d": -1}, ValueError, "d must be positive, got -1"),
        ("adafactor", {"eps1": -1}, ValueError, "eps1 must be 0 or more, got -1"),
        ("adam", {"amsgrad": "False"}, TypeError, "amsgrad must be True or False, got 'False'"),
        ("sgd", {"dampening": 5}, ValueError, "dampening must be from 0 to below 1, got 5"),
        ("sgd", {"momentum": "0.9"}, TypeError, "momentum must be a number, got '0.9'; the default is 0.0"),
        ("adam", {"eps": "x"}, TypeError, "eps must be a number, got 'x'"),
        ("adam", {"weight_decay": math.inf}, ValueError, "weight_decay must be 0 or more, and finite, got inf"),
        ("adam", {"betas": ("a", 0.9)}, ValueError, "betas must be two numbers"),
        ("sdg", {}, ValueError, "optimizer must be one of 'adam', 'adamw', 'rmsprop', 'sgd', .*, got 'sdg'"),
    ],
)
def test_bad_options(optimizer, options, error, message):
    with pytest.raises(error, match=message):
        optimizer_norms(10, optimizer=optimizer, **options)


def test_an_optimizer_is_given_by_name_or_as_a_value():
    given = optimizer_norms(20, optimizer=SGD(momentum=0.9), replicates=2)
    np.testing.assert_array_equal(given, optimizer_norms(20, optimizer="sgd", momentum=0.9, replicates=2))
    replaced = optimizer_norms(20, optimizer=SGD(momentum=0.5), momentum=0.9, replicates=2)
    np.testing.assert_array_equal(given, replaced)
    assert SGD(momentum=0.9) == named("sgd", {"momentum": 0.9})
    assert len({SGD(momentum=0.9), named("sgd", {"momentum": 0.9}), SGD()}) == 2


@pytest.mark.parametrize(
    ("optimizer", "label"),
    [
        (Adam(amsgrad=True), "Adam(0.9, 0.999, AMSGrad)"),
        (Muon(), "Muon(Nesterov momentum 0.95)"),
        (named("schedule_free_adamw", {}), "schedule-free AdamW(0.9, 0.999)"),
        (named("adafactor", {}), "Adafactor"),
        (named("lion", {}), "Lion(0.9, 0.99)"),
    ],
)
def test_labels(optimizer, label):
    assert str(optimizer) == label


def test_a_verdict_is_against_them():
    norms = optimizer_norms(200, optimizer="muon", dimension=(3, 8), replicates=1, seed=0)[0]
    found = wcdfa.verdict(norms, optimizer="muon", dimension=(3, 8), replicates=60)
    assert found.null.low < found.alpha < found.null.high
    assert found.compared == "Muon(Nesterov momentum 0.95) on gradients without memory"
    assert any(finding.text.startswith(f"{found.compared}, on a matrix of 3 × 8: white ones give") for finding in found.findings)
    against_lion = wcdfa.verdict(norms, optimizer="lion", replicates=9)
    assert any(finding.text.startswith("not compared: Lion(0.9, 0.99) alone has no α") for finding in against_lion.findings)
