"""Schedules of one shape share a null, and a null loses what the schedule takes from a window."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wcdfa.nulls.schedule_shape import CAPTURED, MESH, shape_of_schedule, without_shape
from wcdfa.preprocess.preparation import prepare

N = 300
SMOOTH = {
    "exponential": np.geomspace(1, 0.1, N),
    "linear": np.linspace(1, 0.3, N),
    "cosine": 0.55 + 0.45 * np.cos(np.linspace(0, 3, N)),
    "inverse root": 1 / np.sqrt(10 + np.arange(N)),
}
ROUGH = {
    "steps of ten": 0.1 ** (np.arange(N) // 100),
    "a saw": 0.1 + (np.arange(N) % 40) / 40,
    "one step": np.where(np.arange(N) == 7, 2.0, 1.0),
}


@pytest.mark.parametrize("lr", [None, 0.1, np.full(N, 0.3), 0.3 * (1 + 1e-9 * np.arange(N)), np.float64(2)])
def test_a_constant_has_none(lr):
    assert shape_of_schedule(lr) is None


@pytest.mark.parametrize("name", SMOOTH)
def test_the_size_does_not_matter(name):
    """Neither that of the rate nor that of its fall in the logarithm, and a rise is as a fall."""
    rate = SMOOTH[name]
    shape = shape_of_schedule(rate)
    assert shape is not None
    assert len(shape) < 10
    for other in (7 * rate, rate**0.5, rate**2, 1 / rate, rate.astype(np.float32), rate.tolist()):
        assert shape_of_schedule(other) == shape
    assert all(round(each / MESH) * MESH == pytest.approx(each) for each in shape)


@pytest.mark.parametrize("name", SMOOTH)
def test_neighbouring_windows_share_it(name):
    """Of a long schedule: windows a few steps apart, and other lengths of the same stretch."""
    if name == "exponential":
        assert len({shape_of_schedule(SMOOTH[name][i : i + 100]) for i in range(200)}) == 1
    long = np.interp(np.linspace(0, N - 1, 2000), np.arange(N), SMOOTH[name])
    assert np.max(np.abs(np.subtract(shape_of_schedule(long), shape_of_schedule(SMOOTH[name])))) <= MESH + 1e-9


@pytest.mark.parametrize("name", ROUGH)
def test_what_no_polynomial_describes_is_kept_as_it_is(name):
    shape = shape_of_schedule(ROUGH[name])
    assert shape is not None
    assert len(shape) == N
    assert abs(np.corrcoef(shape, np.log(ROUGH[name]))[0, 1]) > 0.999


@pytest.mark.parametrize("name", [*SMOOTH, *ROUGH])
def test_what_a_line_in_the_schedule_explains_is_removed(name):
    """From replays of the optimizer alone, up to what polynomials and rounding leave; and from noise, nothing but that."""
    rate = np.log((SMOOTH | ROUGH)[name])
    shape = shape_of_schedule(np.exp(rate))
    left = without_shape(np.stack([rate, -3 * rate + 5]), shape)
    share = np.var(left, axis=1) / np.var(rate) / [1, 9]
    assert np.all(share < 1.5 * (1 - CAPTURED) + 0.03)
    noise = np.random.default_rng(0).standard_normal((50, N))
    lost = 1 - np.sum(without_shape(noise, shape) ** 2) / np.sum(noise**2)
    assert lost == pytest.approx(1 / N, abs=4 * math.sqrt(2 / 50) / N)


@pytest.mark.parametrize("name", ["exponential", "cosine", "a saw"])
def test_it_is_removed_as_a_window_loses_it(name):
    """Preparation fits a line of log norms against log lr."""
    lr = (SMOOTH | ROUGH)[name]
    norms = np.exp(0.1 * np.random.default_rng(1).standard_normal(N))
    prepared = prepare(norms * lr, lr=lr, spikes=None).values
    ours = without_shape(np.log(norms), shape_of_schedule(lr))
    difference = (prepared - prepared.mean()) - (ours - ours.mean())
    assert np.std(difference) < 0.25 * np.std(np.log(norms))
    if name == "a saw":
        assert np.std(difference) < 1e-3 * np.std(np.log(norms))


def test_without_a_schedule_nothing_is_removed():
    logs = np.random.default_rng(0).standard_normal((3, 20))
    assert without_shape(logs, None) is logs


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7, 8])
def test_short_windows(n):
    shape = shape_of_schedule(np.geomspace(1, 0.1, n))
    assert shape is not None
    line = np.linspace(0, 1, n)
    assert np.std(without_shape(line, shape)) < 1e-6
