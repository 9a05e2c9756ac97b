"""α of series with gaps: unbiased, with an honest interval, and a reason where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conftest import Library
from tests.helpers.eager import dfa
from wcdfa import DFAWarning, synthetic
from wcdfa.inference.approximate_moments import arfima_of
from wcdfa.inference.exponent import EMPTY, REASONS, TOO_FEW, measure
from wcdfa.inference.gap_calibration import moments_with_gaps
from wcdfa.kernel.gapped import Gaps
from wcdfa.scales import half_sizes

N = 300
RNG = np.random.default_rng(11)
AT_RANDOM = RNG.random(N) >= 0.2
BURSTS = ~np.isin(np.arange(N), np.r_[20:45, 110:130, 200:215])
AT_RANDOM[[0, -1]] = BURSTS[[0, -1]] = True
X = synthetic.arfima(N, d=0.3, seed=2)


def with_nan(x, present):
    return np.where(present, x, np.nan)


@pytest.mark.parametrize("present", [AT_RANDOM, BURSTS], ids=["at random", "bursts"])
@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
def test_alpha_is_unbiased_and_its_interval_holds_it(present, method):
    for alpha in (0.5, 1.0, 1.4):
        x = arfima_of(alpha, N, 400, np.random.default_rng(3))
        found = dfa(with_nan(x, present), missing="omit", method=method)
        complete = dfa(x, method=method)
        truth = np.mean(complete.alpha) if method == "ols" else alpha  # the textbook slope keeps the bias that it has without gaps
        assert abs(np.mean(found.alpha) - truth) < 0.02 + 2 * np.std(found.alpha) / 20
        assert np.mean((found.low <= alpha) & (alpha <= found.high)) > 0.92
        assert np.mean(found.adequacy < 0.05) < 0.1
        if method != "ols":  # its alpha is not that to which the error belongs
            assert np.std(found.alpha) / np.mean(found.stderr) == pytest.approx(1, abs=0.15)


def test_deleting_the_samples_instead_is_biased():
    x = synthetic.arfima(N, d=-0.2, batch=(200,), seed=3)
    assert np.mean(dfa(x[:, AT_RANDOM], method="gls").alpha) > 0.33
    assert abs(np.mean(dfa(with_nan(x, AT_RANDOM), missing="omit", method="gls").alpha) - 0.3) < 0.02


def test_without_gaps_nothing_changes():
    for method in ("robust", "ols"):
        expected = dfa(X, method=method)
        for found in (dfa(X, method=method, missing="omit"), dfa(np.ma.masked_array(X), method=method)):
            np.testing.assert_allclose(found[:6], expected[:6], rtol=1e-9)
    rows = dfa(np.stack([X, with_nan(X, BURSTS)]), missing="omit")
    np.testing.assert_allclose([part[0] for part in rows[:6]], dfa(X)[:6], rtol=1e-9)


def test_one_result_for_each_pattern():
    batch = np.stack([with_nan(X, BURSTS), with_nan(X, AT_RANDOM), with_nan(-2 * X, BURSTS)])
    rows = dfa(batch, missing="omit")
    for i in range(3):
        alone = dfa(batch[i], missing="omit")
        np.testing.assert_allclose([np.asarray(part[i]) for part in rows[:6]], alone[:6], rtol=1e-9)
        np.testing.assert_allclose(rows.fluctuations[i], alone.fluctuations, rtol=1e-9)


def test_masked_nan_and_times_agree():
    gapped = with_nan(X, BURSTS)
    expected = dfa(gapped, missing="omit")
    for found in (dfa(np.ma.masked_invalid(gapped)), dfa(X[BURSTS], times=np.flatnonzero(BURSTS))):
        np.testing.assert_allclose(found[:6], expected[:6], rtol=1e-12)


def test_the_default_raises_and_says_what_to_do():
    with pytest.raises(ValueError, match=r'60 value\(s\) that are not finite.*missing="omit"'):
        dfa(with_nan(X, BURSTS))


def test_reasons():
    batch = np.full((3, N), np.nan)
    batch[0], batch[1, 5:7] = with_nan(X, BURSTS), X[:2]
    with pytest.warns(DFAWarning, match="alpha is NaN for 2 of 3 series"):
        rows = dfa(batch, missing="omit")
    assert [rows.at(i).reason for i in range(3)] == [None, REASONS[TOO_FEW], REASONS[EMPTY]]
    assert np.isfinite(rows.alpha[0])
    assert np.isnan(rows.alpha[1:]).all()
    assert not rows.saturated[1:].any()
    assert measure(np.full(N, np.nan), missing="omit").reason == "every sample is missing"
    single = np.full(N, np.nan)
    single[40] = 1.0
    assert measure(single, missing="omit").reason == REASONS[TOO_FEW]
    short = np.where(np.arange(N) < 20, X, np.nan)
    assert measure(short, missing="omit", order=3, scales=[6, 9, 12]).reason == REASONS[TOO_FEW]
    assert "constant" in str(measure(with_nan(np.ones(N), BURSTS), missing="omit").reason)


def test_a_tenth_of_the_samples_has_an_interval_as_wide_as_it_must_be():
    rare = np.random.default_rng(0).random(N) < 0.1
    result = measure(with_nan(X, rare), missing="omit")
    assert result.reason == REASONS[TOO_FEW] or result.high - result.low > 0.4


def test_breaks_and_gaps_together():
    x = with_nan(X, BURSTS)
    x[150:] += 50.0
    broken = dfa(x, missing="omit", breaks=(150,))
    assert broken.low <= 0.8 <= broken.high
    assert dfa(x, missing="omit").alpha > 1.1


def test_a_vector_shares_its_gaps():
    x = np.stack([with_nan(each, BURSTS) for each in synthetic.arfima(N, d=0.2, batch=(16,), seed=5)])
    vector = dfa(x, missing="omit", coordinates=-2)
    assert vector.low <= 0.7 <= vector.high
    single = dfa(x[0], missing="omit")
    assert vector.high - vector.low < 0.5 * (single.high - single.low)
    np.testing.assert_allclose(dfa(x.T, missing="omit", axis=0, coordinates=1)[:4], vector[:4], rtol=1e-9)
    np.testing.assert_allclose(dfa(np.ma.masked_invalid(x.T), axis=0, coordinates=1)[:4], vector[:4], rtol=1e-9)


def test_every_library(array, xp, library):
    x = np.stack([with_nan(X, BURSTS), X])
    expected = dfa(x, missing="omit")
    found = dfa(array(x), missing="omit")
    for got, known in zip(found, expected, strict=True):
        assert isinstance(got, type(array(x)))
        np.testing.assert_allclose(np.asarray(got), known, rtol=1e-8)
    if library is Library.JAX:
        jax = pytest.importorskip("jax")
        alphas = jax.jit(lambda each: dfa(each, missing="omit").alpha)(xp.asarray(x))
        assert np.isnan(np.asarray(alphas[0]))
        np.testing.assert_allclose(np.asarray(alphas[1]), expected.alpha[1], rtol=1e-8)


def test_moments_are_those_of_other_simulated_series():
    sizes = half_sizes(N, 1)
    moments, _, shift = moments_with_gaps(Gaps.of(BURSTS), sizes, 1, "robust")
    assert (np.abs(shift[:, 0]) < 0.1).all()  # the smallest boxes are complete or left out
    at = int(np.argmin(np.abs(moments.alphas - 1.0)))
    x = arfima_of(float(moments.alphas[at]), N, 2000, np.random.default_rng(9))
    found = np.log(dfa(with_nan(x, BURSTS), missing="omit").fluctuations)
    deviation = np.sqrt(np.sum(moments.root[at] ** 2, axis=-1))
    np.testing.assert_allclose(found.mean(axis=0), moments.mean[at], atol=0.15 * deviation.max())
    np.testing.assert_allclose(found.std(axis=0), deviation, rtol=0.12)
