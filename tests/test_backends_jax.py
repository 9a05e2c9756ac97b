"""The optimizer null in JAX: the same distribution as in NumPy, from the same rules."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa import nulls


@pytest.fixture
def optimizer_alphas():
    require("jax")
    from wcdfa.backends.jax import optimizer_alphas

    return optimizer_alphas


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
        {"optimizer": "adamw", "betas": (0.95, 0.999), "weight_decay": 0.1, "lr": np.linspace(1e-3, 1e-4, 256), "clip_norm": 0.9},
        {"optimizer": "rmsprop", "momentum": 0.9},
    ],
    ids=lambda options: options["optimizer"],
)
def test_it_has_the_distribution_of_the_numpy_one(optimizer_alphas, options):
    found = np.asarray(optimizer_alphas(256, replicates=400, **options))
    expected = nulls.optimizer_alphas(256, replicates=400, **options)
    assert found.dtype == np.float32
    error = math.sqrt((found.var() + expected.var()) / 400)
    assert abs(found.mean() - expected.mean()) < 4 * error
    assert abs(found.std() / expected.std() - 1) < 4 / math.sqrt(400)  # the relative error of each is 1 / sqrt(2 · 400)


def test_gradient_norms_are_exact(optimizer_alphas):
    """Plain SGD hands the norm of the gradient on: every replicate has its exponent."""
    gradient_norm = np.exp(0.2 * wcdfa.synthetic.arfima(256, d=0.5, seed=0))
    found = optimizer_alphas(256, optimizer="sgd", gradient_norm=gradient_norm, replicates=5)
    np.testing.assert_allclose(found, wcdfa.dfa(np.log(gradient_norm)).alpha, atol=1e-4)


def test_seeds(optimizer_alphas):
    draw = [np.asarray(optimizer_alphas(128, replicates=8, seed=seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert not np.any(draw[0] == draw[2])


def test_options_of_the_exponent(optimizer_alphas):
    first = optimizer_alphas(256, optimizer="sgd", momentum=0.9, replicates=100)
    second = optimizer_alphas(256, optimizer="sgd", momentum=0.9, replicates=100, order=2, method="gls", log=False)
    assert not np.any(np.asarray(first) == np.asarray(second))
    assert 0.8 < float(np.mean(second)) < 1.4


def test_bad_options(optimizer_alphas):
    with pytest.raises(ValueError, match="optimizer must be one of"):
        optimizer_alphas(128, optimizer="adagrad")
    with pytest.raises(TypeError, match="adamw has no hyperparameter 'momentum'"):
        optimizer_alphas(128, momentum=0.9)
    with pytest.raises(ValueError, match="lr must be one number or of shape"):
        optimizer_alphas(128, lr=np.ones(5))
