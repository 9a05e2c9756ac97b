"""α in every window of a recorded series."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa import rolling_dfa, synthetic

X = synthetic.random_walk(1000, seed=0)


@pytest.mark.parametrize(("window", "stride"), [(200, None), (200, 50), (300, 299), (1000, 1), (128, 500)])
def test_each_window_is_a_dfa(window, stride):
    rolling = rolling_dfa(X, window=window, stride=stride, order=2)
    starts = list(range(0, 1000 - window + 1, stride or window))
    assert rolling.starts.tolist() == starts
    assert rolling.stops.tolist() == [s + window for s in starts]
    for i, start in enumerate(starts):
        alone = wcdfa.dfa(X[start : start + window], order=2)
        np.testing.assert_allclose(rolling.window(i).alpha, alone.alpha, rtol=1e-12)
        np.testing.assert_allclose(rolling.window(i).fluctuations, alone.fluctuations, rtol=1e-12)
        np.testing.assert_array_equal(rolling.window(i).scales, alone.scales)


def test_a_short_series_is_one_window():
    rolling = rolling_dfa(X[:100])
    assert (rolling.starts.tolist(), rolling.stops.tolist()) == ([0], [100])


def test_windows_without_an_exponent_are_nan_and_spoil_no_other():
    x = X.copy()
    x[250], x[400:600] = np.nan, 1.5
    found = rolling_dfa(x, window=200).result.alpha
    assert np.isnan(found).tolist() == [False, True, True, False, False]
    np.testing.assert_allclose(found[[0, 3, 4]], rolling_dfa(X, window=200).result.alpha[[0, 3, 4]])


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (X.reshape(2, 500), {}, r"x must be one series, got shape \(2, 500\)"),
        ([], {}, r"got shape \(0,\)"),
        (X, {"window": 0}, "window and stride must be at least 1, got 0 and 0"),
        (X, {"stride": 0}, "got 500 and 0"),
        (X, {"window": 10}, "the series has 10 samples"),
    ],
)
def test_bad_input(x, options, message):
    with pytest.raises(ValueError, match=message):
        rolling_dfa(x, **options)


def test_a_window_with_a_value_that_is_not_finite_says_so():
    x = np.random.default_rng(0).standard_normal(600)
    x[4], x[310] = np.nan, np.inf
    found = rolling_dfa(x, window=200)
    assert [found.window(i).reason for i in range(3)] == ["the series holds a value that is NaN or infinite"] * 2 + [None]
    assert np.isnan(found.result.fluctuations).all(axis=-1).tolist() == [True, True, False]
