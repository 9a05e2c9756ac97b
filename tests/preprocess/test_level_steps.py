"""Steps of the level that hide in the noise: found where they are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa import synthetic
from wcdfa.preprocess.level_steps import level_steps, step_heights
from wcdfa.preprocess.preparation import prepare


def white(n, sd, seed):
    return sd * np.random.default_rng(seed).standard_normal(n)


def momentum(runs, n, seed, beta=0.9, coordinates=64):
    """Log ‖ΔW‖ of SGD with momentum on white gradients, settled."""
    rng, buffer, norms = np.random.default_rng(seed), 0.0, []
    for step in range(n + 200):
        buffer = beta * buffer + rng.standard_normal((runs, coordinates))
        if step >= 200:
            norms.append(np.log(np.linalg.norm(buffer, axis=-1)))
    return np.array(norms).T


@pytest.mark.parametrize("sd", [0.1, 0.17, 0.23, 0.3])
@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_a_step_by_two_leaves_the_interval_right(sd, factor):
    rng, holds, near = np.random.default_rng(int(1000 * sd)), [], []
    for i in range(60):
        place = int(rng.integers(60, 440))
        norms = np.exp(white(500, sd, [i, 7])) * np.where(np.arange(500) >= place, factor, 1.0)
        prepared = prepare(norms)
        result = wcdfa.dfa(prepared.values, breaks=prepared.cuts)
        holds.append(result.low <= 0.5 <= result.high)
        near.append(len(prepared.breaks) == 1 and abs(prepared.breaks[0] - place) <= 3)
    assert np.mean(holds) >= 0.9
    assert np.mean(near) >= 0.85


@pytest.mark.parametrize("alpha", [0.5, 0.8, 1.0, 1.2, 1.5])
@pytest.mark.parametrize(("n", "runs"), [(200, 100), (500, 100), (2500, 30)])
def test_long_memory_has_no_steps(alpha, n, runs):
    series = synthetic.arfima(n, d=alpha - 0.5, batch=(runs,), seed=int(10 * alpha) + n)
    assert sum(bool(level_steps(x)) for x in series) <= 2


def test_short_memory_noise_on_top_and_momentum_have_no_steps():
    noise = synthetic.arfima(500, d=0.5, batch=(60,), seed=3) + np.random.default_rng(4).standard_normal((60, 500))
    autoregression = np.zeros((60, 700))
    shocks = np.random.default_rng(5).standard_normal((60, 700))
    for i in range(1, 700):
        autoregression[:, i] = 0.5 * autoregression[:, i - 1] + shocks[:, i]
    for series in (noise, autoregression[:, 200:], momentum(60, 500, 6), momentum(60, 500, 7, beta=0.99)):
        assert sum(bool(level_steps(x)) for x in series) <= 2


@pytest.mark.parametrize(
    "trend",
    [
        lambda t: t,
        lambda t: 4 * t * (1 - t),
        lambda t: np.sin(2 * np.pi * t),
        lambda t: np.exp(-10 * t),
        lambda t: np.clip(5 * t - 2, 0, 1),
    ],
    ids=["line", "parabola", "wave", "decay", "ramp"],
)
def test_what_moves_slowly_is_no_step(trend):
    x = [trend(np.arange(500) / 500) + white(500, 0.2, [i, 8]) for i in range(40)]
    assert sum(bool(level_steps(each)) for each in x) <= 2


@pytest.mark.parametrize("length", [60, 120, 200])
def test_a_level_that_comes_back_has_two_steps(length):
    """One step alone would explain little of it."""
    found = []
    for i in range(20):
        x = white(500, 0.2, [i, 9])
        start = 60 + 13 * i
        x[start : start + length] += np.log(2)
        found.append(level_steps(x))
    right = [
        len(each) == 2 and abs(each[0] - (60 + 13 * i)) <= 3 and abs(each[1] - each[0] - length) <= 4
        for i, each in enumerate(found)
    ]
    assert np.mean(right) >= 0.9


def test_many_steps_of_a_long_series_with_their_heights():
    places = [900, 3000, 3400, 7777, 11000]
    heights = [0.7, -0.5, 0.4, 1.0, -0.8]
    x = white(12_000, 0.2, 10)
    for place, height in zip(places, heights, strict=True):
        x[place:] += height
    found = level_steps(x)
    np.testing.assert_allclose(found, places, atol=4)
    np.testing.assert_allclose(step_heights(x, found), heights, atol=0.1)


@pytest.mark.parametrize("factor", [2**0.5, 2**-0.5, 2.0])
def test_a_step_in_the_norms_of_momentum(factor):
    """The batch is doubled: the norms take memory from the momentum, and the step is found in it."""
    series = [x + np.log(factor) * (np.arange(500) >= 211) for x in momentum(40, 500, 11)]
    assert np.mean([len(found) == 1 and abs(found[0] - 211) <= 6 for found in map(level_steps, series)]) >= 0.85
    heights = [step_heights(x, [211])[0] for x in series]
    assert abs(np.median(heights) - np.log(factor)) < 0.1


def test_a_step_beside_a_known_break_is_that_break():
    x = white(600, 0.2, 12)
    x[310:] += np.log(2)
    assert level_steps(x, breaks=[300]) == []
    assert level_steps(x, breaks=[200])[0] in range(307, 314)


@pytest.mark.parametrize(
    "x", [np.ones(500), np.zeros(300), np.where(np.arange(400) < 200, 1.0, 3.0), np.arange(500.0), white(149, 1, 0)]
)
def test_what_has_no_noise_or_is_too_short_is_left_alone(x):
    assert level_steps(x) == [] or len(np.unique(x)) == 2


def test_the_sentence_names_the_step_and_the_factor():
    norms = np.exp(white(500, 0.2, 13)) * np.where(np.arange(500) >= 250, 2.0, 1.0)
    prepared = prepare(norms, steps=1000 + 10 * np.arange(500))
    (position, height), (break_,) = prepared.level_steps[0], prepared.breaks
    assert position == break_
    factor = f"{np.exp(height):.3g}"
    assert f"boxes are split at step {1000 + 10 * position:,}: the level rises by a factor of {factor}" in prepared.findings
    assert abs(np.exp(height) - 2) < 0.15
    linear = prepare(1 + white(500, 0.2, 14) - 0.8 * (np.arange(500) >= 200), log=False)
    assert any("the level falls by 0." in finding for finding in linear.findings)


def test_spikes_do_not_hide_a_step():
    x = white(500, 0.2, 15) + np.log(2) * (np.arange(500) >= 300)
    x[5::50] += 3
    prepared = prepare(np.exp(x))
    assert prepared.spikes >= 10
    assert [abs(position - 300) <= 3 for position in prepared.breaks] == [True]
