"""Whittle fits: the likelihood against its formula, the minimum, parameters of known processes, and the rates of its verdicts."""

from __future__ import annotations

import cmath
import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from wcdfa import synthetic
from wcdfa.nulls import whittle

TAPERED = 35 / 18  # variance of an estimate under the Hann taper, relative to none


def slow_loss(x, d, phi, theta):
    """Frequency by frequency: the tapered transform, the spectrum of ARFIMA(1, d, 1) from its transfer function, the likelihood."""
    n = len(x)
    mean = sum(x) / n
    ratios, logs = [], []
    for j in range(1, (n + 1) // 2):
        z = cmath.exp(-2j * math.pi * j / n)
        transform = sum((x[t] - mean) * (1 - math.cos(2 * math.pi * (t + 0.5) / n)) / 2 * z**t for t in range(n))
        density = abs((1 + theta * z) / ((1 - phi * z) * (1 - z) ** d)) ** 2
        ratios.append(abs(transform) ** 2 / density)
        logs.append(math.log(density))
    scale = sum(ratios) / len(ratios)
    # minus the log of a product of exponential densities of mean scale · density, but for the m that is the same for all models
    return sum(math.log(scale) + each for each in logs) / TAPERED


@pytest.mark.parametrize("n", [40, 41])
def test_likelihood_is_its_formula(n):
    x = synthetic.random_walk(n, seed=0)
    frequencies, spectrum = whittle.periodogram(x)
    points = [(0.3, 0.5, -0.4), (-0.4, 0.0, 0.0), (1.4, 0.9, 0.9)]
    fast = [
        whittle.loss(spectrum, whittle.log_spectrum(frequencies, np.array([d, math.atanh(p), math.atanh(q)]))) for d, p, q in points
    ]
    slow = [slow_loss(x, *point) for point in points]
    np.testing.assert_allclose(np.diff(fast), np.diff(slow), rtol=1e-9)  # the scale of x is taken out: differences remain


@pytest.mark.parametrize("model", whittle.MODELS)
def test_fit_is_the_minimum(model):
    x = synthetic.arfima(300, d=0.3, batch=(5,), seed=0) + synthetic.ar1(300, phi=0.8, batch=(5,), seed=1)
    found = whittle.fit(x, model)
    assert tuple(found.parameters) == whittle.MODELS[model]
    frequencies, spectrum = whittle.periodogram(x)
    rng = np.random.default_rng(0)
    points = np.zeros((3000, 3))
    for i, (name, low, high) in enumerate([("d", -0.45, 1.45), ("phi", -2.6, 2.6), ("theta", -2.6, 2.6)]):
        if name in found.parameters:
            points[:, i] = rng.uniform(low, high, size=3000)
    anywhere = whittle.loss(spectrum[:, None], whittle.log_spectrum(frequencies, points))
    assert np.all(anywhere.min(axis=-1) > found.loss - 1e-9)
    assert np.all(anywhere.min(axis=-1) < found.loss + 2)  # and it is the same function


def test_fit_walks_along_a_ridge():
    x = synthetic.ar1(500, phi=0.3, batch=(100,), seed=1)  # where phi and theta nearly cancel
    frequencies, spectrum = whittle.periodogram(x)
    found = whittle.fit(x, "ARMA(1,1)")
    centre = np.stack([np.zeros(100), *(np.arctanh(found.parameters[name]) for name in ("phi", "theta"))], axis=-1)
    steps = np.random.default_rng(0).normal(scale=[0.0, 0.1, 0.1], size=(400, 3))
    around = np.clip(centre[:, None] + np.concatenate([steps, steps[:, [0, 1, 1]] * [0, 1, -1]]), -2.6, 2.6)
    losses = whittle.loss(spectrum[:, None], whittle.log_spectrum(frequencies, around))
    assert np.max(found.loss - losses.min(axis=-1)) < 0.005


def arma(n, phi, theta, seed):
    longer = synthetic.ar1(n + 1, phi=phi, seed=seed)
    return longer[1:] + theta * longer[:-1]


@pytest.mark.parametrize(
    ("x", "model", "expected", "error"),
    [
        (synthetic.ar1(8000, phi=0.7, seed=0), "AR(1)", {"phi": 0.7}, math.sqrt(1 - 0.49)),
        (synthetic.ar1(8000, phi=-0.5, seed=0), "AR(1)", {"phi": -0.5}, math.sqrt(1 - 0.25)),
        # the covariance matrix of Box and Jenkins
        (arma(8000, 0.9, -0.5, 0), "ARMA(1,1)", {"phi": 0.9, "theta": -0.5}, 0.55 / 0.4 * math.sqrt(1 - 0.25)),
        (synthetic.arfima(8000, d=-0.3, seed=0), "ARFIMA(0,d,0)", {"d": -0.3}, math.sqrt(6) / math.pi),
        (synthetic.arfima(8000, d=0.4, seed=0), "ARFIMA(0,d,0)", {"d": 0.4}, math.sqrt(6) / math.pi),
        (synthetic.arfima(8000, d=1.2, seed=0), "ARFIMA(0,d,0)", {"d": 1.2}, math.sqrt(6) / math.pi),
        (synthetic.arfima(8000, d=0.3, seed=0), "ARFIMA(1,d,0)", {"d": 0.3, "phi": 0.0}, 1 / math.sqrt(math.pi**2 / 6 - 1)),
    ],
)
def test_parameters_of_known_processes(x, model, expected, error):
    found = whittle.fit(x, model).parameters
    for name, value in expected.items():
        assert abs(found[name] - value) < 4 * error * math.sqrt(TAPERED / len(x)), name


@pytest.mark.parametrize("alpha", [0.3, 0.5, 1.0, 1.5, 1.7])
def test_alpha(alpha):
    x = synthetic.arfima(500, d=alpha - 0.5, batch=(200,), seed=3)
    found = whittle.whittle_alpha(x)
    assert found.shape == (200,)
    assert abs(found.mean() - alpha) < 0.015 + 4 * found.std() / math.sqrt(200)
    assert found.std() < 0.06  # at best sqrt(6 · 35 / 18 / n) / π = 0.049
    if alpha > 0.3:
        nuisance = whittle.whittle_alpha(x, model="ARFIMA(1,d,0)")
        assert abs(nuisance.mean() - alpha) < 0.06
        assert nuisance.std() < 0.15


SERIES = 100


@pytest.mark.parametrize(
    ("phi", "least"),
    [(0.3, 0.5), (0.5, 0.8), (0.7, 0.85), (0.9, 0.6)],  # over 600 series: 0.66, 0.92, 0.94, 0.77
)
def test_short_memory_is_recognised(phi, least):
    nats = whittle.compare(synthetic.ar1(500, phi=phi, batch=(SERIES,), seed=7)).nats
    assert np.mean(nats > 2) >= least
    assert np.mean(nats < -2) <= 0.03


@pytest.mark.parametrize(("alpha", "long"), [(0.7, 0.0), (0.9, 0.25), (1.0, 0.35), (1.2, 0.35), (1.4, 0.0)])
def test_long_memory_is_not_called_short(alpha, long):
    nats = whittle.compare(synthetic.arfima(500, d=alpha - 0.5, batch=(SERIES,), seed=8)).nats
    assert np.mean(nats > 2) <= 0.07  # over 600 series: 0.035 at 0.7, 0.007 at 1.4
    assert np.mean(nats < -2) >= long


def test_short_memory_in_noise_is_not_called_long():
    x = 0.4 * synthetic.ar1(500, phi=0.9, batch=(SERIES,), seed=5) + synthetic.white_noise(500, batch=(SERIES,), seed=6)
    found = whittle.compare(x)
    assert np.mean(whittle.fit(x, "ARFIMA(0,d,0)").loss < whittle.fit(x, "AR(1)").loss - 2) > 0.9  # the simple pair alone would
    assert np.mean(found.nats < -2) <= 0.1
    assert np.mean(found.model == "ARMA(1,1)") > 0.9
    assert found.nats.max() == 0  # ARMA(1,1) holds the long models back, and does not speak for short memory


def test_a_batch_is_its_series():
    x = synthetic.arfima(64, d=0.4, batch=(150, 2), seed=0)
    x[3, 1] = 0.1
    together = whittle.compare(x)
    assert together.nats.shape == together.model.shape == together.parameters["phi"].shape == (150, 2)
    for place in [(0, 0), (3, 1), (149, 1)]:
        alone = whittle.compare(x[place])
        assert alone.model == together.model[place]
        values = [alone.nats, *alone.parameters.values()]
        np.testing.assert_allclose(
            [together.nats[place], *(each[place] for each in together.parameters.values())], values, atol=1e-6
        )
    assert np.argwhere(np.isnan(together.nats)).tolist() == [[3, 1]]
    assert np.argwhere(np.isnan(whittle.whittle_alpha(x))).tolist() == [[3, 1]]


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(exponent=st.integers(-300, 300), offset=st.floats(-10, 10), seed=st.integers(0, 1000))
def test_unit_and_offset_change_nothing(exponent, offset, seed):
    x = synthetic.ar1(64, phi=0.5, seed=seed)
    before, after = whittle.compare(x), whittle.compare((x + offset) * 2.0**exponent)
    np.testing.assert_allclose(after.nats, before.nats, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: whittle.compare(np.ones(31)), "a spectrum needs at least 32 samples, got 31"),
        (lambda: whittle.compare(1.0), "got 0"),
        (lambda: whittle.fit(np.ones(40), "AR(2)"), r"model must be one of 'AR\(1\)', .* got 'AR\(2\)'"),
        (lambda: whittle.whittle_alpha(np.ones(40), model="AR(1)"), r"got 'AR\(1\)': α = d \+ 1/2 needs a d"),
        (lambda: whittle.whittle_alpha(np.ones(40), largest_phi=1.0), r"at most 0\.99, got 1\.0; 0\.8 keeps"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
