"""The spectrum of series whose h(q) is known, its intervals and nulls, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from wcdfa import synthetic
from wcdfa.multifractal.gaussian import gaussian
from wcdfa.multifractal.slopes import Layout

Q = (-3.0, -1.0, 0.0, 2.0, 5.0)
NONE = {"nulls": ()}


def coverage(found, truth):
    return np.mean((found.h_low <= truth) & (truth <= found.h_high), axis=0)


SERIES = {
    "white noise": (lambda n: synthetic.white_noise(n, batch=(80,), seed=2), np.full(5, 0.5)),
    "ARFIMA": (lambda n: synthetic.arfima(n, d=0.3, batch=(80,), seed=2), np.full(5, 0.8)),
    "fractional Brownian motion": (lambda n: synthetic.fgn(n, hurst=0.3, batch=(80,), seed=3).cumsum(axis=-1), np.full(5, 1.3)),
    "cascade": (
        lambda n: synthetic.binomial_cascade(n, weight=0.7, batch=(80,), seed=4),
        synthetic.cascade_exponents(Q, weight=0.7),
    ),
}


@pytest.mark.parametrize("name", SERIES)
def test_intervals_hold_what_theory_gives(name):
    make, truth = SERIES[name]
    found = wcdfa.mfdfa(make(512), q=Q, **NONE)
    assert np.all(coverage(found, truth) >= 0.87)  # 95 % less three Monte-Carlo errors
    assert np.all(np.abs(found.h.mean(axis=0) - truth) < 0.25 * (found.h_high - found.h_low).mean(axis=0))
    taus = np.asarray(Q) * truth - 1
    assert np.all(np.mean((found.tau_low <= taus) & (taus <= found.tau_high), axis=0) >= 0.87)


def test_intervals_are_no_wider_than_they_must_be():
    found = wcdfa.mfdfa(SERIES["ARFIMA"][0](512), q=Q, **NONE)
    spread = found.h.std(axis=0)
    half = (found.h_high - found.h_low).mean(axis=0) / 2
    assert np.all(half < 2.8 * spread)
    narrow = wcdfa.mfdfa(SERIES["ARFIMA"][0](512), q=Q, confidence=0.5, **NONE)
    np.testing.assert_allclose((narrow.h_high - narrow.h_low) / (found.h_high - found.h_low), 0.6745 / 1.96, rtol=1e-3)


def test_slopes_are_those_of_the_fluctuations():
    x = synthetic.arfima(700, d=0.2, seed=0)
    found = wcdfa.mfdfa(x, q=Q, scales=(16, 24, 40, 100), order=2, **NONE)
    for i, q in enumerate(Q):
        sizes, plain = wcdfa.fluctuations(x, scales=(16, 24, 40, 100), order=2, moment=q)
        np.testing.assert_allclose(found.fluctuations[i], plain, rtol=1e-12)
        assert found.slopes[i] == pytest.approx(np.polyfit(np.log(sizes), np.log(plain), 1)[0], rel=1e-9)


def test_spectrum_is_the_transform_of_its_exponents():
    found = wcdfa.mfdfa(synthetic.binomial_cascade(1024, weight=0.7, seed=0), q=Q, **NONE)
    q = np.asarray(Q)
    np.testing.assert_allclose(found.tau, q * found.h - 1, atol=1e-12)
    np.testing.assert_allclose(found.alpha, np.gradient(found.tau, q), atol=1e-12)
    np.testing.assert_allclose(found.f, q * found.alpha - found.tau, atol=1e-12)
    assert found.delta_h == pytest.approx(found.h[0] - found.h[-1])


def test_nulls_tell_apart_memory_distribution_and_cascades():
    rng = np.random.default_rng(0)
    cascade = wcdfa.mfdfa(synthetic.binomial_cascade(1024, weight=0.7, seed=1), q=Q, replicates=39)
    assert max(cascade.p_memory, cascade.p_phase, cascade.p_shuffled) <= 0.05
    assert cascade.width_low > 0
    heavy = wcdfa.mfdfa(rng.lognormal(0, 1, 1024), q=Q, replicates=39)
    assert max(heavy.p_memory, heavy.p_phase) <= 0.05 < heavy.p_shuffled
    assert "the distribution of the values explains it, in any order" in str(heavy)
    plain = wcdfa.mfdfa(synthetic.arfima(1024, d=0.3, seed=3), q=Q, replicates=39)
    assert min(plain.p_memory, plain.p_phase) > 0.05
    assert "nothing shows more than one exponent" in str(plain)


def test_nulls_hold_their_level_on_gaussian_series():
    found = wcdfa.mfdfa(synthetic.arfima(512, d=0.3, batch=(60,), seed=5), q=Q, replicates=19, nulls=("memory", "phase"))
    for p in (found.p_memory, found.p_phase):
        assert np.mean(p <= 0.05) <= 0.15
        assert 0.35 < np.mean(p) < 0.65
    assert np.all(np.isnan(found.p_shuffled))


def events(share):
    return lambda n, rng: (rng.random((6, n)) < share).astype(float)


REPEATING = {
    "2 % events": events(0.02),
    "5 % events": events(0.05),
    "a coin": events(0.5),
    "rounded": lambda n, rng: np.rint(rng.normal(size=(6, n))),
    "few counts": lambda n, rng: rng.poisson(0.3, (6, n)).astype(float),
    "counts": lambda n, rng: rng.poisson(3, (6, n)).astype(float),
    "t of 3 degrees": lambda n, rng: rng.standard_t(3, (6, n)),
    "exponential": lambda n, rng: rng.exponential(1, (6, n)),
}


@pytest.mark.parametrize("name", REPEATING)
def test_a_width_above_0_is_never_said_to_show_nothing(name):
    x = REPEATING[name](1024, np.random.default_rng(3))
    for row in x:
        for nulls in (("memory",), ("memory", "phase"), ("phase",)):
            found = wcdfa.mfdfa(row, nulls=nulls, replicates=19)
            assert found.width_low == 0 or "nothing shows more than one exponent" not in str(found)
            if found.p_memory > 0.05:
                assert found.width_low == 0
                assert found.delta_h_low <= 0


@pytest.mark.parametrize("name", [name for name in REPEATING if name not in ("t of 3 degrees", "exponential")])
def test_independent_values_that_repeat_have_one_exponent(name):
    found = wcdfa.mfdfa(REPEATING[name](2048, np.random.default_rng(1)), q=np.arange(0.5, 5.5, 0.5), **NONE)
    assert np.all(np.abs(found.h - found.slopes) < 0.15)  # no bias is removed that such series do not have
    assert np.mean((found.h_low <= 0.5) & (found.h_high >= 0.5)) > 0.75


def outlier(size):
    x = synthetic.white_noise(1024, seed=4)
    x[500] = size
    return x


SMOOTH = {
    "line": np.arange(1000.0),
    "sine": np.sin(np.arange(1024) / 50),
    "parabola": np.arange(1000.0) ** 2,
    "outlier": outlier(1e12),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_trends_and_outliers_are_not_called_memory(name):
    found = wcdfa.mfdfa(SMOOTH[name], q=(-3, -1, 0, 0.25, 0.5, 1, 2, 5), **NONE)
    assert found.saturated
    assert "a smooth trend or a large outlier gives as well as memory does: look at the series" in str(found)


def test_wide_spectra_of_noise_are_compared_with_noise_of_the_right_memory():
    layout = Layout(512, (16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128), 1, (*Q, 2.0))
    h = np.array([0.6, 0.55, 0.52, 0.5, 0.45, 0.5])
    noise = gaussian(h, layout)
    assert noise.p_value(0.2, 0.4) < noise.p_value(0.2, 0.5) < noise.p_value(0.2, 0.6)  # widths grow with the exponent
    assert noise.p_value(0.0, 0.5) == 1
    assert noise.p_value(9.0, 0.5) == pytest.approx(1 / 1201)


@settings(deadline=None, max_examples=10)
@given(exponent=st.floats(-150, 150), sign=st.sampled_from([-1, 1]), offset=st.floats(-100, 100))
def test_units_and_offsets_do_not_matter(exponent, sign, offset):
    x = synthetic.white_noise(300, seed=7)
    plain = wcdfa.mfdfa(x, q=Q, replicates=19)
    unit = sign * 10.0**exponent
    other = wcdfa.mfdfa(unit * (x + offset), q=Q, replicates=19)
    np.testing.assert_allclose(other.h, plain.h, atol=1e-9)
    np.testing.assert_allclose(other.width_high, plain.width_high, atol=1e-9)
    np.testing.assert_allclose(other.fluctuations / abs(unit), plain.fluctuations, rtol=1e-9)
    assert str(other) == str(plain)


def test_a_batch_is_its_series_one_by_one():
    x = synthetic.arfima(300, d=0.1, batch=(2, 3), seed=0)
    found = wcdfa.mfdfa(x.transpose(2, 0, 1), q=Q, axis=0, replicates=19)
    for index in np.ndindex(2, 3):
        alone = wcdfa.mfdfa(x[index], q=Q, replicates=19)
        np.testing.assert_array_equal(found.h[index], alone.h)
        assert (found.p_phase[index], found.width[index]) == (alone.p_phase, alone.width)
    assert str(found).startswith("6 series. Wider than that of")


def test_other_libraries_give_the_same():
    x = synthetic.white_noise(300, seed=0)
    torch = require("torch")
    np.testing.assert_array_equal(wcdfa.mfdfa(torch.tensor(x), q=Q, **NONE).h, wcdfa.mfdfa(x, q=Q, **NONE).h)


@pytest.mark.parametrize(("start", "length"), [(0, 32), (1004, 9), (1004, 32), (2048 - 32, 32)])
def test_a_flat_stretch_does_not_make_a_spectrum_wide(start, length):
    x = synthetic.white_noise(2048, seed=8)
    stuck = x.copy()
    stuck[start : start + length] = stuck[start]
    clean, found = wcdfa.mfdfa(x, q=Q, **NONE), wcdfa.mfdfa(stuck, q=Q, **NONE)
    assert abs(found.delta_h - clean.delta_h) < 0.1
    assert (found.flat_count, found.flat_start, found.flat_length) == (1, start, length)
    assert f"{length} equal samples from {start:,} on: boxes inside are left out of q ≤ 0." in str(found)


def test_a_series_that_is_flat_most_of_the_time_has_no_negative_moments():
    rain = np.maximum(synthetic.arfima(2048, d=0.4, seed=3) - 1, 0)
    found = wcdfa.mfdfa(rain, q=(-3, -1, 0, 1, 2, 3, 4), **NONE)
    assert np.all(np.isnan(found.h[:3]))
    assert np.all(np.isfinite(found.h[3:]))
    assert found.width < 1
    assert "Too much is flat for q ≤ 0, which is left out" in str(found)


DULL = {
    "constant": (np.ones(500), "the series is constant"),
    "a few samples": (np.arange(30.0) ** 1.5, "too short for four box sizes"),
    "one sample": (np.ones(1), "constant"),
    "not finite": (np.where(np.arange(300) == 7, np.nan, np.arange(300) % 7.0), "NaN or infinite"),
    "flat but for a step": (np.repeat([0.0, 1.0], 512), "constant or a polynomial"),
}


@pytest.mark.parametrize("name", DULL)
def test_what_has_no_spectrum_has_a_reason(name):
    x, reason = DULL[name]
    found = wcdfa.mfdfa(x)
    assert reason in found.reason
    assert reason in str(found)
    assert np.all(np.isnan([*found.h, found.width, found.p_memory]))


def test_of_many_series_those_without_a_spectrum_are_counted():
    x = synthetic.white_noise(300, batch=(3,), seed=0)
    x[1, 5] = np.nan
    found = wcdfa.mfdfa(x, q=Q, nulls="memory")
    np.testing.assert_array_equal(np.isnan(found.h[:, 0]), [False, True, False])
    assert "3 series. No spectrum for 1: the series holds a value that is NaN or infinite." in str(found)
    assert "of 2 spectra" in str(found)


def test_a_trend_is_said_to_be_none_of_memory():
    assert "measure with a higher order" in str(wcdfa.mfdfa(np.arange(1000.0), **NONE))


def test_few_values_are_measured_without_complaint():
    found = wcdfa.mfdfa(np.rint(2 * synthetic.white_noise(1024, seed=1)), q=Q, **NONE)
    assert found.reason is None
    assert found.width < 0.3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"q": (2,)}, "at least three numbers"),
        ({"q": (1, 3, 2)}, "increase"),
        ({"q": (1, 2, 30)}, "from -20 to 20"),
        ({"nulls": ("shift",)}, "'shuffled', 'phase', 'memory', got 'shift'"),
        ({"confidence": 95}, "between 0 and 1"),
        ({"scales": (16,)}, "at least two box sizes"),
        ({"replicates": 0}, "at least 1"),
        ({"order": 5}, "order must be 1, 2, 3 or 4"),
    ],
)
def test_misuse_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        wcdfa.mfdfa(synthetic.white_noise(300, seed=0), **options)


def test_fluctuations_agree_with_a_peer():
    peer = require("MFDFA").MFDFA
    x = synthetic.binomial_cascade(1024, weight=0.65, seed=0)
    q = np.array([-3.0, -1.0, 1.0, 2.0, 4.0])
    found = wcdfa.mfdfa(x, q=q, scales=(16, 32, 64, 128, 256), **NONE)
    _, theirs = peer(x, lag=np.array([16, 32, 64, 128, 256]), q=q, order=1)  # boxes from both ends, which here are the same
    np.testing.assert_allclose(found.fluctuations, theirs.T, rtol=1e-9)
