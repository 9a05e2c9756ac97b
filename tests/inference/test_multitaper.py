"""The spectrum by sine tapers."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from wcdfa import synthetic
from wcdfa.inference.multitaper import INFORMATION, TAPERS, leakage, spectrum


def slow_power(x, ordinate):
    """Mean over the tapers of the squared sum, sample by sample."""
    n, mean = len(x), sum(x) / len(x)
    total = 0.0
    for k in range(1, TAPERS + 1):
        taper = [math.sqrt(2 / (n + 1)) * math.sin(math.pi * k * (t + 1) / (n + 1)) for t in range(n)]
        total += (
            abs(
                sum(
                    h * (v - mean) * cmath.exp(-2j * math.pi * ordinate * t / n)
                    for t, (h, v) in enumerate(zip(taper, x, strict=True))
                )
            )
            ** 2
        )
    return total / TAPERS


@pytest.mark.parametrize("n", [64, 65])
def test_the_power_is_the_slow_sum(n):
    x = synthetic.arfima(n, d=0.3, seed=n)
    found = spectrum([x[None]])
    count = (n + 1) // 2 - 1
    slow = np.array([slow_power(x.tolist(), j) for j in range(1, count + 1)])
    assert found.ordinates.tolist() == [1] * count  # a short series has a bin for each ordinate
    np.testing.assert_allclose(found.power[0], slow / slow.mean(), rtol=1e-10)
    np.testing.assert_allclose(found.frequency, 2 * np.pi / n * np.arange(1, count + 1))


def test_bins_hold_every_ordinate_once():
    x = synthetic.white_noise(10_001, batch=(2,), seed=0)
    found = spectrum([x])
    assert found.ordinates.sum() == 5000
    assert np.all(np.diff(found.frequency) > 0)
    np.testing.assert_allclose(found.power @ found.ordinates / 5000, 1)


@pytest.mark.parametrize("d", [-0.3, 0.0, 0.4, 0.9, 1.2])
def test_leakage_is_that_of_simulated_series(d):
    x = synthetic.arfima(400, d=d, batch=(6000,), seed=1)
    found = spectrum([x])
    # the mean of the series, each with a power of its own, weighted with that power
    x = x - x.mean(axis=-1, keepdims=True)
    time = np.pi * np.arange(1, 401) / 401
    power = sum(np.abs(np.fft.rfft(np.sin(k * time) * x)) ** 2 for k in (1, 2)).mean(axis=0)[1:200]
    ratio = power * (2 * np.sin(np.pi * np.arange(1, 200) / 400)) ** (2 * d)
    expected = np.exp(leakage(np.array([[d]]), found.leakage)[0][0])
    np.testing.assert_allclose((ratio / ratio[20:60].mean())[:12], expected[:12] / expected[20:25].mean(), rtol=0.08)


def test_stretches_are_put_together_in_order_of_frequency():
    x = synthetic.white_noise(300, batch=(1,), seed=2)
    found, level = spectrum([x[:, :100], x[:, 100:]]), spectrum([x[:, :100] + 7, x[:, 100:] - 5])
    assert found.ordinates.sum() == 49 + 99
    assert np.all(np.diff(found.frequency) >= 0)
    np.testing.assert_allclose(found.power, level.power)  # each stretch has a level of its own


def test_the_mean_power_of_white_noise_varies_as_much_as_its_information_says():
    found = spectrum([synthetic.white_noise(2000, batch=(2000,), seed=3)])
    halves = found.power[:, found.frequency < np.pi / 2] @ found.ordinates[found.frequency < np.pi / 2]
    share = halves / found.ordinates.sum()
    independent = 0.25 / (found.ordinates.sum() * INFORMATION)
    assert np.var(share) == pytest.approx(independent, rel=0.1)
