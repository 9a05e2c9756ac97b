"""Gradients without memory have the power, the mean, the scatter and the slope that they say, and no memory."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest

from wcdfa.nulls.families import Setting, member_norms
from wcdfa.nulls.gradients import Drawn, Gradients
from wcdfa.nulls.update_rules import SGD

KINDS = {
    "white": Gradients(),
    "mean": Gradients(mean=0.3),
    "large mean": Gradients(mean=1.0),
    "some scatter": Gradients(scatter=0.5),
    "much scatter": Gradients(scatter=1.0),
}


def drawn(gradients, shape, steps, *, seed=0, hessian=0.0):
    """What is drawn in so many steps, shape (steps, *shape), with E‖g‖² = 1."""
    rng = np.random.default_rng(seed)
    size = math.sqrt(math.prod(shape[:-1]))
    return np.array([each.noise for each in islice(gradients.drawn(rng, shape, 1 / size, hessian), steps)], dtype=np.float64)


def powers(values):
    """‖g‖² of each step and replicate."""
    return (values**2).sum(axis=tuple(range(1, values.ndim - 1)))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("shape", [(64, 60), (4, 4, 60)], ids=["vector", "matrix"])
def test_their_mean_square_is_1(name, shape):
    found = powers(drawn(KINDS[name], shape, 400))
    error = found.mean(axis=0).std() / math.sqrt(shape[-1])  # replicates are independent
    assert found.mean() == pytest.approx(1, abs=4 * error)
    assert error < 0.05


@pytest.mark.parametrize("power", [0.03, 0.3, 1.0])
def test_the_mean_is_constant_and_has_its_share_of_the_power(power):
    values = drawn(Gradients(mean=power), (50, 80), 300)
    halves = values[:150].mean(axis=0), values[150:].mean(axis=0)
    shared = (halves[0] * halves[1]).sum(axis=0)  # the noise of two halves is independent
    assert shared.mean() == pytest.approx(power / (1 + power), abs=4 * shared.std() / math.sqrt(80))
    directions = values.mean(axis=0)
    directions /= np.linalg.norm(directions, axis=0)
    others = directions.T @ directions - np.eye(80)
    assert np.abs(others).mean() < 2 / math.sqrt(50)  # each replicate has a direction of its own


@pytest.mark.parametrize("sigma", [0.5, 1.0])
@pytest.mark.parametrize("shape", [(256, 40), (16, 16, 40)], ids=["vector", "matrix"])
def test_batches_differ_in_scale(sigma, shape):
    logs = 0.5 * np.log(powers(drawn(Gradients(scatter=sigma), shape, 300)))
    assert logs.std() == pytest.approx(math.sqrt(sigma**2 + 1 / (2 * 256)), rel=0.03)
    between = np.corrcoef(logs.T) - np.eye(40)
    assert np.abs(between).max() < 5 / math.sqrt(300)  # no replicate shares its scales with another


@pytest.mark.parametrize("name", KINDS)
def test_they_have_no_memory(name):
    values = drawn(KINDS[name], (16, 100), 200)
    noise = values - values.mean(axis=0)
    for x in (noise, powers(values)[:, None] - powers(values).mean(axis=0)):
        for lag in (1, 2, 10):
            products = (x[lag:] * x[:-lag]).mean(axis=0) / (x**2).mean(axis=0)
            assert (
                np.abs(products.mean()) < 4 * products.std() / math.sqrt(products.size) + 2 / 200
            )  # the mean of a series is taken away


def stationary_power(curvature, size):
    """E‖ΔW‖² / lr² of SGD with w ← w - lr (h w + noise), of each direction alone, where the noise has the covariance of the slope."""
    k = np.arange(1, size + 1)
    noise = (1 / k) / np.mean(1 / k) / size
    undone = curvature / k
    return float(np.sum(noise * (1 + undone**2 / (1 - (1 - undone) ** 2))))


@pytest.mark.parametrize("curvature", [0.1, 0.5, 1.0])
def test_a_quadratic_is_stationary_where_theory_has_it(curvature):
    lr = 0.02
    norms = member_norms(Setting(rule=SGD(), n=200, lr=lr, replicates=150), Gradients(curvature=curvature), [0]) / lr
    expected = stationary_power(curvature, SGD.default_shape[0])
    for part in (norms[:, :50], norms[:, -50:]):
        found = (part**2).mean(axis=1)
        assert found.mean() == pytest.approx(expected, abs=4 * found.std() / math.sqrt(150))
    assert expected > 1.01  # so that the slope shows


def test_the_slope_falls_off_along_the_first_axis():
    for shape in ((8, 3), (8, 5, 3)):
        one = next(Gradients(curvature=0.2).drawn(np.random.default_rng(0), shape, 1.0, hessian=6.0))
        np.testing.assert_allclose(np.ravel(one.steepness), 6 / np.arange(1, 9), rtol=1e-6)
        weights = np.random.default_rng(1).standard_normal(shape)
        expected = one.noise + weights * (6 / np.arange(1, 9)).reshape(-1, *[1] * (len(shape) - 1))
        np.testing.assert_allclose(one.at(weights), expected, rtol=1e-6)


def test_without_a_slope_weights_do_not_matter():
    one = next(Gradients(mean=0.1).drawn(np.random.default_rng(0), (5, 2), 1.0))
    assert one.at(1e9 * np.ones((5, 2))) is one.noise
    assert Drawn(one.noise, None).at(np.zeros((5, 2))) is one.noise


def test_a_seed_gives_the_same():
    first, again, other = (drawn(Gradients(mean=0.1, scatter=0.5), (9, 4), 6, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).min() > 0


@pytest.mark.parametrize(
    ("gradients", "words"),
    [
        (Gradients(), "white gradients"),
        (Gradients(coordinates=1), "white gradients of one coordinate"),
        (Gradients(coordinates=1200), "white gradients of 1,200 coordinates"),
        (Gradients(mean=1.0), "gradients with a mean of 100 % of their power"),
        (Gradients(scatter=0.5), "gradients of batches whose scale is lognormal, σ = 0.5"),
        (Gradients(curvature=0.2), "gradients on a quadratic, of whose error a step undoes 20 %"),
    ],
)
def test_words(gradients, words):
    assert str(gradients) == words
