"""The memory of an optimizer: against theory, and undone on replays of its own."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.vector_runs import adam, sgd, white
from wcdfa.nulls.memory_filter import LAGS, geometric, memory_filter
from wcdfa.nulls.update_rules import OPTIMIZERS, named


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
def test_sgd_is_geometric(momentum):
    found = memory_filter(named("sgd", {"momentum": momentum}))
    np.testing.assert_allclose(found.autocorrelation, momentum ** np.arange(LAGS + 1.0))
    assert found.cosine() == pytest.approx(momentum)
    assert found.innovation is None


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_nesterov_has_the_cosine_of_its_moving_average(momentum):
    """ΔW = (1 + β) g + β² (g₋₁ + β g₋₂ + …): cosine from the weights of the gradients."""
    weights = np.r_[1 + momentum, momentum ** np.arange(2.0, 400.0)]
    exact = weights[1:] @ weights[:-1] / (weights @ weights)
    assert memory_filter(named("sgd", {"momentum": momentum, "nesterov": True})).cosine() == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("mean", [0.1, 0.5])
def test_a_mean_gradient_raises_the_cosine_as_it_should(mean):
    run = sgd(white(4000, d=400, seed=1, mean=mean))
    share = mean**2 / (1 + mean**2)
    assert np.nanmean(run.cosine[100:]) == pytest.approx(memory_filter(named("sgd", {"momentum": 0.9})).cosine(share), abs=0.005)


def test_gradients_come_back():
    gradients = white(300, seed=2)
    run = sgd(gradients, lr=0.1)
    back = memory_filter(named("sgd", {"momentum": 0.9})).undo(run.sketch / -0.1)
    np.testing.assert_allclose(back, gradients[1:, :64], atol=1e-4)


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.9, 0.95), (0.8, 0.999)])
def test_what_gradients_add_to_adam_has_the_size_that_is_said(betas):
    found = memory_filter(named("adam", {"betas": betas}))
    left = found.undo(adam(white(3000, seed=3), betas).sketch / 1e-3)[1000:]
    assert np.sqrt((left**2).mean()) == pytest.approx(found.innovation, rel=0.03)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_has_a_memory_that_can_be_undone(name):
    found = memory_filter(named(name, {}))
    assert found.autocorrelation[0] == pytest.approx(1)
    assert -0.05 < found.cosine() < 1
    assert found.cosine(0.5) > found.cosine()
    assert found.noise_gain >= 1 - 1e-9


def test_the_exponents_of_a_vector_are_those_of_theory():
    """Measured on white gradients through momentum 0.9: 1.371 and 1.061 in windows of 500."""
    small, large = geometric(0.9).exponents(500)
    assert (small, large) == (pytest.approx(1.371, abs=0.01), pytest.approx(1.061, abs=0.02))
    white_small, white_large = geometric(0.0).exponents(500)
    assert (white_small, white_large) == (pytest.approx(0.5, abs=0.1), pytest.approx(0.5, abs=0.02))
