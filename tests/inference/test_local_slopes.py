"""Local slopes and exponents of ranges: unbiased at each size, with intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.helpers.kinked import kinked
from wcdfa.inference.range_exponents import slope_weights
from wcdfa.synthetic import arfima, white_noise


@pytest.mark.parametrize("alpha", [0.3, 0.9, 1.4])
def test_slopes_of_one_exponent_are_that_exponent_at_every_size(alpha):
    found = wcdfa.local_slopes(arfima(500, d=alpha - 0.5, batch=(1000,), seed=0))
    error = found.slopes.std(axis=0) / np.sqrt(1000)
    assert (np.abs(found.slopes.mean(axis=0) - alpha) < 4 * error + 0.02).all()
    inside = ((found.low <= alpha) & (alpha <= found.high)).mean(axis=0)
    assert (np.abs(inside - 0.95) < 0.045).all()
    together = ((found.all_low <= alpha) & (alpha <= found.all_high)).all(axis=-1).mean()
    assert 0.92 < together < 0.98


def test_the_band_of_all_is_wider_and_narrower_slopes_are_less_sure():
    x = white_noise(1000, seed=0)
    found, wide = wcdfa.local_slopes(x), wcdfa.local_slopes(x, width=4)
    assert (found.all_low <= found.low).all()
    assert (found.all_high >= found.high).all()
    assert np.median(wide.high - wide.low) < np.median(found.high - found.low)
    assert len(str(found).splitlines()) == len(found.sizes) == len(found.spans)


def test_slopes_follow_a_crossover():
    found = wcdfa.local_slopes(kinked(4096, (0.5, 1.3), (48,), batch=20, seed=0), width=4)
    middle = found.slopes.mean(axis=0)
    assert abs(middle[0] - 0.5) < 0.1
    assert abs(middle[-2] - 1.3) < 0.15
    assert (found.all_low[:, -2] > 0.5).mean() > 0.8


@pytest.mark.parametrize("alpha", [0.5, 0.8, 1.3])
def test_ranges_of_one_exponent(alpha):
    found = wcdfa.range_exponents(arfima(500, d=alpha - 0.5, batch=(1000,), seed=1))
    assert np.abs(found.exponents.mean(axis=0) - alpha).max() < 0.03
    assert (np.abs(((found.low <= alpha) & (alpha <= found.high)).mean(axis=0) - 0.95) < 0.03).all()
    assert abs(((found.difference_low <= 0) & (found.difference_high >= 0)).mean() - 0.95) < 0.03
    assert abs((found.p_values < 0.05).mean() - 0.05) < 0.03


def test_the_exponent_of_a_range_is_its_slope_less_its_bias():
    """The mean of the raw slope over series with the exponent that was found is the raw slope of the series."""
    x = arfima(512, d=0.4, seed=3)
    found = wcdfa.range_exponents(x, ((6, 24),))
    result = wcdfa.dfa(x, method="gls")
    weights = slope_weights(tuple(result.scales.tolist()), ((6, 24),))
    raw = np.log(result.fluctuations) @ weights
    many = wcdfa.dfa(arfima(512, d=float(found.exponents[0]) - 0.5, batch=(4000,), seed=4), method="gls")
    slopes = np.log(many.fluctuations) @ weights
    assert abs(slopes.mean() - raw[0]) < 4 * slopes.std() / np.sqrt(4000)


def test_a_difference_is_seen():
    found = wcdfa.range_exponents(kinked(1000, (1.4, 0.6), (20,), batch=20, seed=0), ((4, 12), (24, 120)))
    assert (found.p_values[:, 0] < 0.05).mean() > 0.9
    assert (found.differences < 0).all()


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.ones(100), "no exponents: the series is constant"),
        (np.full(100, np.nan), "no exponents: the series holds a value that is NaN or infinite"),
        (white_noise(30, seed=0), "boxes of 16 to 64 samples: unknown, because two box sizes are needed"),
    ],
)
def test_the_dullest_series_have_a_true_sentence(x, said):
    assert said in str(wcdfa.range_exponents(x))
    assert str(wcdfa.local_slopes(x)).startswith(said.replace("exponents", "local slopes") if "no " in said else "boxes of 3 to 6 ")


@pytest.mark.parametrize("n", [100, 500, 1024])
@pytest.mark.parametrize("sums", [1, 2])
def test_an_exponent_that_a_trend_would_give_is_said_to_be_that(n, sums):
    x = white_noise(n, seed=n)
    for _ in range(sums):
        x = np.cumsum(x)
    for measure in (wcdfa.local_slopes, wcdfa.range_exponents):
        found = measure(x, scales=(4, 8, 16, 24))
        values = found.slopes if measure is wcdfa.local_slopes else found.exponents
        assert np.array_equal(found.saturated, np.isfinite(values) & (values > 1.9))
        assert str(found).count("the largest that this order shows, as for a trend") == found.saturated.sum()
        assert found.saturated[0] == (sums == 2)


@pytest.mark.parametrize("without", [0, 1, 3])
def test_series_without_exponents_are_counted(without):
    x = white_noise(256, batch=(4,), seed=0)
    x[:without] = np.nan
    for measure in (wcdfa.local_slopes, wcdfa.range_exponents, wcdfa.crossovers):
        said = str(measure(x))
        assert ("without exponents" in said) == bool(without)
        assert f"without exponents: {without} (the series holds" in said or not without


def test_a_range_without_sizes_has_a_reason():
    found = wcdfa.range_exponents(white_noise(100, seed=0), ((4, 16), (60, 90)))
    assert np.isfinite(found.exponents[0])
    assert np.isnan(found.exponents[1])
    assert found.reason == "a range holds fewer than two of the box sizes"
    assert wcdfa.range_exponents(white_noise(1000, seed=0)).reason is None


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-100, 1e100), st.booleans(), st.integers(0, 5))
def test_the_unit_the_sign_and_the_level_do_not_matter(unit, turned, seed):
    x = arfima(128, d=0.2, batch=(2, 2), seed=seed)
    other = unit * ((100 - x) if turned else x)
    for measure in (wcdfa.local_slopes, wcdfa.range_exponents):
        for part, same in zip(measure(x), measure(other), strict=True):
            if isinstance(part, np.ndarray) and part.dtype == np.float64:
                assert np.allclose(part, same, equal_nan=True, atol=1e-6)


def test_many_series_are_measured_as_one_is():
    x = np.stack([white_noise(300, seed=0), np.ones(300), arfima(300, d=0.7, seed=1)])
    for measure in (wcdfa.local_slopes, wcdfa.range_exponents):
        found = measure(np.moveaxis(x, -1, 0), axis=0)
        for i, series in enumerate(x):
            alone = measure(series)
            for part, same in zip(found, alone, strict=True):
                if isinstance(part, np.ndarray) and part.shape[:1] == (3,) and part.ndim == same.ndim + 1:
                    assert np.allclose(part[i], same, equal_nan=True)


def test_arrays_of_any_library(xp):
    x = white_noise(300, batch=(2,), seed=0)
    given = xp.asarray(x)
    for measure in (wcdfa.local_slopes, wcdfa.range_exponents, wcdfa.crossovers):
        for part, same in zip(measure(given), measure(x), strict=True):
            if isinstance(part, np.ndarray):
                assert np.allclose(part, same, equal_nan=True, atol=1e-4)


def test_misuse_is_refused():
    x = white_noise(300, seed=0)
    with pytest.raises(ValueError, match=r"width is 1\.1, and no two box sizes are so near"):
        wcdfa.local_slopes(x, width=1.1)
    with pytest.raises(ValueError, match=r"range \(16, 4\) is empty"):
        wcdfa.range_exponents(x, ((16, 4),))
    with pytest.raises(ValueError, match="ranges is empty; give at least one"):
        wcdfa.range_exponents(x, ())
    with pytest.raises(ValueError, match="a slope needs at least two box sizes"):
        wcdfa.range_exponents(x, scales=(8,))
