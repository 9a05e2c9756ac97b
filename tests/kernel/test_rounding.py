"""What rounding may leave of F²: one bound, from the samples or from their extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcdfa.kernel.fluctuation import mean_squares
from wcdfa.kernel.rounding import floor_of, floor_of_extremes

SIZES = (4, 7, 16, 64, 256)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6), st.integers(0, 2**32 - 1))
def test_extremes_are_an_upper_bound(offset, scale, seed):
    x = offset + scale * np.random.default_rng(seed).standard_normal(512)
    floor = floor_of(x, np.mean(x**2), SIZES, np)
    of_extremes = floor_of_extremes(x.min(), x.max(), SIZES)
    assert np.all(floor <= of_extremes * (1 + 1e-9) + 1e-30)


def test_the_samples_at_the_extremes_have_the_same_floor():
    x = np.tile([-3.0, 3.0], 100)
    assert floor_of_extremes(-3.0, 3.0, SIZES) == pytest.approx(floor_of(x, np.mean(x**2), SIZES, np), rel=1e-12)


@pytest.mark.parametrize("value", [1 / 3, 800.1, -1e6 / 7])
def test_a_constant_does_not_fluctuate_above_it(value):
    x = np.full(1024, value)
    found = mean_squares(x, scales=SIZES, order=1, axis=-1)
    assert np.all(found.values <= floor_of_extremes(value, value, SIZES))
