"""Breaks: a series in stretches that no box crosses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from array_api_extra.testing import lazy_xp_function

import wcdfa
from tests.conftest import require
from wcdfa import dfa, fluctuations, synthetic

lazy_xp_function(dfa)
lazy_xp_function(fluctuations)

X = synthetic.random_walk(500, seed=1)
BREAKS = {"one": (100,), "middle": (250,), "three": (50, 120, 300), "very short stretches": (2, 5, 9, 480, 499)}
each_breaks = pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS)
LAYOUTS = {"side by side": {}, "half": {"overlap": 0.5}, "eighth, both ways": {"overlap": 0.875, "backward": True}}


def by_hand(x, breaks, sizes, moment, order, overlap=0.0, backward=False):
    """The generalised mean over all boxes of all stretches, each box fitted on its own."""
    means = []
    for size in sizes:
        squares = []
        for start, stop in zip((0, *breaks), (*breaks, len(x)), strict=True):
            n, step = stop - start, max(1, int(size * (1 - overlap)))
            firsts = [*range(0, n - size + 1, step), *(range(n - size, -1, -step) if backward else ())]
            for b in firsts:
                profile = np.cumsum(x[start + b : start + b + size] - x[start + b])
                t = np.arange(size) - (size - 1) / 2
                fit = np.polynomial.legendre.Legendre.fit(t, profile, order)
                squares.append(np.mean((profile - fit(t)) ** 2))
        squares = np.array(squares)
        means.append(np.mean(squares ** (moment / 2)) ** (1 / moment) if moment else math.exp(np.mean(np.log(squares)) / 2))
    return np.array(means)


@each_breaks
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("moment", [0, 1, 2])
def test_f_is_the_mean_over_all_boxes(breaks, layout, moment):
    for order, sizes in [(1, (3, 4, 6, 8, 12, 24, 96)), (2, (5, 7, 11, 50, 101))]:
        options = LAYOUTS[layout]
        _, got = fluctuations(X, scales=sizes, order=order, moment=moment, breaks=breaks, **options)
        np.testing.assert_allclose(got, by_hand(X, breaks, sizes, moment, order, **options), rtol=1e-9)


@pytest.mark.parametrize(
    ("breaks", "overlap"), [*zip(BREAKS.values(), (0.0, 0.5, 0.0, 0.5), strict=True)], ids=BREAKS
)  # every pair: test_f_is_the_mean_over_all_boxes
def test_every_library(xp, array, breaks, overlap):
    x = np.stack([X, X[::-1]])
    sizes, got = fluctuations(array(x), breaks=breaks, overlap=overlap)
    assert isinstance(got, type(array(x)))
    longest = int(np.max(np.diff([0, *breaks, 500])))
    assert int(np.asarray(sizes).max()) <= longest // 4
    _, expected = wcdfa.kernel.fluctuation.fluctuations(x, breaks=breaks, overlap=overlap)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-11)


@pytest.mark.parametrize(("method", "order"), [("robust", 1), ("gls", 1), ("ols", 1), ("robust", 2)])
def test_no_box_crosses_a_break(xp, array, method, order):
    """A step of 1,000 standard deviations at each break, and α, its interval and F are what they were."""
    breaks = (50, 120, 300)
    x = synthetic.white_noise(500, seed=2)
    stepped = x + 1000 * np.searchsorted(breaks, np.arange(500), side="right")
    expected = wcdfa.inference.exponent.dfa(x, order=order, method=method, breaks=breaks)
    result = dfa(array(stepped), order=order, method=method, breaks=breaks)
    for name in ("alpha", "stderr", "low", "high", "adequacy", "fluctuations"):
        np.testing.assert_allclose(np.asarray(getattr(result, name)), getattr(expected, name), rtol=1e-7, err_msg=name)
    if order == 1:  # and without the breaks it is a staircase
        assert float(dfa(array(stepped), order=order, method=method).alpha) > 1.3


@pytest.mark.parametrize("method", ["robust", "gls"])
def test_f_of_dfa_is_that_of_fluctuations(method):
    breaks = (50, 120, 300)
    result = dfa(X, method=method, breaks=breaks)
    sizes, expected = fluctuations(X, scales=result.scales, overlap=0.5, breaks=breaks)
    np.testing.assert_allclose(result.fluctuations, expected, rtol=1e-12)
    assert sizes[-1] == 96  # half of the longest stretch, 200


def test_breaks_may_be_any_whole_numbers():
    expected = dfa(X, breaks=(100, 300)).alpha
    for breaks in ([100, 300], np.array([100, 300]), np.array([100.0, 300.0]), (b for b in (100, 300)), range(100, 301, 200)):
        assert dfa(X, breaks=breaks).alpha == expected
    for none in ((), [], np.array([]), range(0)):
        assert dfa(X, breaks=none).alpha == dfa(X).alpha
        np.testing.assert_array_equal(fluctuations(X, breaks=none)[1], fluctuations(X)[1])


def test_jit_and_grad():
    jax, jnp = require("jax"), require("jax.numpy")
    jax.config.update("jax_enable_x64", True)
    alpha = lambda v: wcdfa.inference.exponent.dfa(v, breaks=(50, 120, 300)).alpha
    np.testing.assert_allclose(jax.jit(alpha)(jnp.asarray(X)), alpha(X), rtol=1e-12)
    gradient, step = jax.jit(jax.grad(alpha))(jnp.asarray(X)), 1e-5
    for i in (0, 49, 50, 299, 499):
        up, down = (X + sign * step * (np.arange(500) == i) for sign in (1, -1))
        np.testing.assert_allclose(gradient[i], (alpha(up) - alpha(down)) / (2 * step), atol=1e-7)
    with pytest.raises(TypeError, match="known before tracing"):
        jax.jit(lambda v, b: wcdfa.inference.exponent.dfa(v, breaks=b).alpha)(jnp.asarray(X), jnp.asarray([100, 300]))


@pytest.mark.parametrize(
    ("breaks", "error", "message"),
    [
        ([0], ValueError, r"breaks must increase strictly from 1 to 499 \(the series has 500 samples\), got \(0,\)"),
        ([-3], ValueError, r"got \(-3,\)"),
        ([500], ValueError, r"got \(500,\)"),
        ([7, 7], ValueError, r"got \(7, 7\)"),
        ([9, 7], ValueError, r"got \(9, 7\)"),
        ([7.5], TypeError, r"breaks must be plain integers, known before tracing; got 7\.5 \(float\)"),
        (["7"], TypeError, "got '7'"),
        (7, TypeError, "breaks must be a sequence of plain integers, known before tracing; got int"),
        (range(10, 500, 10), ValueError, "the longest has 10 samples; the default box sizes of order 1 need at least"),
    ],
)
def test_bad_breaks(breaks, error, message):
    for call in (dfa, fluctuations):
        with pytest.raises(error, match=message):
            call(X, breaks=breaks)


@pytest.mark.parametrize("breaks", [(100,), (250,), (50, 120, 300)])
@pytest.mark.parametrize(("alpha", "d"), [(0.5, 0.0), (1.0, 0.5)])
@pytest.mark.parametrize("method", ["robust", "gls"])
def test_the_interval_holds_with_breaks(method, alpha, d, breaks):
    """1,000 series: the error of a mean is 0.001 to 0.002, that of a coverage of 95 % 0.7 %; three of them are allowed."""
    found = dfa(synthetic.arfima(500, d=d, batch=(1000,), seed=4), method=method, breaks=breaks)
    error = found.alpha.std() / math.sqrt(1000)
    assert abs(found.alpha.mean() - alpha) < 0.01 + 3 * error
    covered = np.mean((found.low <= alpha) & (alpha <= found.high))
    assert 0.92 <= covered <= 0.98
    assert abs(found.alpha.std() / found.stderr.mean() - 1) < 0.1  # the stated error is that of the estimates
