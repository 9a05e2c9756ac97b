"""What a Keras optimizer is to the null: recognised where the replay does the same, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa.nulls.replay import replay
from wcdfa.nulls.update_rules import named

KNOWN = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"nesterov": True}),
    ("SGD", {"weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}),
    ("Adam", {"weight_decay": 0.1}),
    ("AdamW", {"weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.99, "momentum": 0.9}),
    ("Adam", {"amsgrad": True}),
    ("Nadam", {"beta_1": 0.8}),
    ("Nadam", {"weight_decay": 0.1}),
    ("Lion", {}),
    ("Lion", {"beta_1": 0.8, "weight_decay": 0.1}),
]
OTHERS = [
    ("SGD", {"momentum": 0.9, "weight_decay": 0.1}),
    ("Adam", {"use_ema": True, "ema_overwrite_frequency": 5}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"weight_decay": 0.1}),
    ("SGD", {"momentum": 1.0}),
    *((name, {}) for name in ("Adadelta", "Adagrad", "Adamax", "Adafactor", "Ftrl", "Lamb", "Muon")),
]


@pytest.fixture
def keras():
    return require("keras")


@pytest.fixture
def backend(keras):
    from wcdfa.backends.keras import parameters as backend

    return backend


def recorded(keras, backend, optimizer, gradients, start):
    variable = keras.Variable(start, name="weights")
    optimizer = backend.monitored(optimizer, window=len(gradients))
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return backend.read(optimizer)


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize(("name", "options"), KNOWN)
def test_the_null_replays_what_keras_does(keras, backend, name, options, scheduled):
    """Its own norms, on the same gradients, at the learning rates and with the hyperparameters of the reading."""
    rng = np.random.default_rng(0)
    gradients, start = rng.standard_normal((40, 64)).astype(np.float32), rng.standard_normal(64).astype(np.float32)
    rate = keras.optimizers.schedules.ExponentialDecay(0.02, 20, 0.8) if scheduled else 0.02
    found = recorded(keras, backend, getattr(keras.optimizers, name)(rate, **options), gradients, start)
    np.testing.assert_allclose(found.lr, 0.02 * 0.8 ** (np.arange(40) / 20) if scheduled else 0.02, rtol=1e-5)
    rule = named(found.optimizer, found.hyperparameters)
    changes = replay(rule, gradients.astype(np.float64), found.lr.astype(np.float64), start, rule.fresh(np.zeros(64)))
    expected = [np.linalg.norm(change) for change in changes]
    if scheduled and options.get("momentum"):
        # Keras keeps the rate in the velocity of SGD, torch and the null do not: with a schedule the scale is another, the shape is not
        expected = np.array(expected) * np.mean(found.norms[20:] / expected[20:])
        np.testing.assert_allclose(found.norms[20:], expected[20:], rtol=0.03)
    else:  # epsilon has another place in Keras' Adam and RMSprop, which shows in the first steps
        np.testing.assert_allclose(found.norms, expected, rtol=0.03)
        np.testing.assert_allclose(found.norms[20:], expected[20:], rtol=2e-3)


@pytest.mark.parametrize(("name", "options"), OTHERS)
def test_no_other_is_taken_for_one(keras, backend, name, options):
    if not hasattr(keras.optimizers, name):
        pytest.fail(f"Keras has no optimizer {name}")
    found = backend.read(backend.monitored(getattr(keras.optimizers, name)(0.01, **options)))
    assert (found.optimizer, found.hyperparameters) == (None, {})


def test_settings_that_leave_it_what_it_is(keras, backend):
    for options in ({"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"gradient_accumulation_steps": 4}, {"loss_scale_factor": 8.0}):
        scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01, **options))
        for optimizer in (keras.optimizers.Adam(0.01, **options), scaled):
            assert backend.read(backend.monitored(optimizer)).optimizer == "adam"


def test_a_subclass_and_a_constraint_are_something_else(keras, backend):
    class Mine(keras.optimizers.SGD):
        pass

    assert backend.read(backend.monitored(Mine(0.1))).optimizer is None
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_constraint="max_norm")])
    model.compile(backend.monitored(keras.optimizers.SGD(0.1)), loss="mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert backend.read(model).optimizer is None


def test_the_verdict_is_against_the_optimizer(keras, backend):
    """White gradients through momentum 0.9, with a rate that falls: α near 1, and explained by what the optimizer's config says."""
    rng = np.random.default_rng(1)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 600)
    gradients = rng.standard_normal((400, 300)).astype(np.float32)
    found = recorded(keras, backend, keras.optimizers.SGD(schedule, momentum=0.9), gradients, np.zeros(300, np.float32))
    verdict = found.verdict()
    assert "optimizer" in verdict.explained_by
    assert verdict.alpha == pytest.approx(wcdfa.verdict(found.norms, lr=found.lr, optimizer="sgd", momentum=0.9).alpha)
