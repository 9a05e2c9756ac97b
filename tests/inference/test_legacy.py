"""`compute_dfa` gives what wcdfa 0.1.0 gave: frozen numbers of its own run, and a slow loop of its definition."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.oracle import slow_fluctuations
from wcdfa import compute_dfa, synthetic

# wcdfa 0.1.0's own compute_dfa(np.random.default_rng(7).standard_normal(60), return_r_squared=True)
ALPHA, R_SQUARED = 0.4668805002964796, 0.9414259598747516
SCALES = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15]
FLUCTUATIONS = [
    0.40372308, 0.44473753, 0.48328762, 0.51069911, 0.55875475, 0.55217506, 0.65739534, 0.65332534, 0.66636395, 0.76001332, 0.68399057,
]  # fmt: skip


def test_frozen_run():
    alpha, sizes, f, r_squared = compute_dfa(np.random.default_rng(7).standard_normal(60), return_r_squared=True)
    assert isinstance(alpha, float)
    assert alpha == pytest.approx(ALPHA, rel=1e-12)
    assert r_squared == pytest.approx(R_SQUARED, rel=1e-12)
    np.testing.assert_array_equal(sizes, SCALES)
    np.testing.assert_allclose(f, FLUCTUATIONS, atol=5e-9)


@pytest.mark.parametrize(
    "options", [{}, {"min_box": 6, "num_scales": 9}, {"max_box": 10}, {"max_box": 3}, {"max_box": 10_000}, {"num_scales": 50}]
)
@pytest.mark.parametrize("n", [50, 99, 500])
def test_slow_loop(n, options):
    x = np.exp(synthetic.white_noise(n, seed=n))
    alpha, sizes, f = compute_dfa(x, **options)
    high = min(options.get("max_box", n // 4), n // 4)
    low = options.get("min_box", 4)
    high = max(high, low + 1) if high < low else high
    grid = np.logspace(np.log10(low), np.log10(high), options.get("num_scales", 20)).astype(int)
    np.testing.assert_array_equal(sizes, np.unique(grid))
    starts = lambda n, s: [*range(0, n - s + 1, s), *range(n - s, -1, -s)]
    np.testing.assert_allclose(f, slow_fluctuations(x, sizes, starts=starts, moment=1).astype(float), rtol=1e-11)
    assert alpha == pytest.approx(np.polyfit(np.log10(sizes), np.log10(f), 1)[0], rel=1e-12)


@pytest.mark.parametrize(
    ("signal", "options", "message"),
    [
        (np.zeros((2, 60)), {}, r"signal must be 1-D, got shape \(2, 60\)"),
        (np.zeros(49), {}, "signal has 49 samples, and at least 50 are needed"),
        (np.full(60, np.nan), {}, "not finite"),
        (np.full(60, 3.7), {}, "the signal is constant up to rounding"),  # 0.1.0 returned -0.04, rounding noise
        (np.zeros(60), {}, "the signal is constant up to rounding"),
        (np.arange(60.0), {"num_scales": 1}, "only 1 box size"),
    ],
)
def test_bad_input(signal, options, message):
    with pytest.raises(ValueError, match=message):
        compute_dfa(signal, **options)


@pytest.mark.parametrize(
    ("signal", "options", "word"),
    [
        (np.ones((3, 80)), {}, "1D"),
        (np.ones(49), {}, "too short"),
        ([0.5], {}, "too short for reliable DFA"),
        ([], {}, "too short"),
        ([0.0, np.nan] * 30, {}, "NaN or Inf"),
        ([0.0, 1.0, -np.inf] * 20, {}, "NaN or Inf"),
        (np.full(80, 2.0), {}, "constant"),
        (np.arange(60.0), {"num_scales": 1}, "valid scales"),
    ],
)
def test_programs_that_look_for_the_words_of_0_1_0_find_them(signal, options, word):
    with pytest.raises(ValueError, match=word):
        compute_dfa(signal, **options)


def test_an_error_says_where_the_first_value_is_that_is_not_finite():
    signal = np.ones(60)
    signal[[7, 9]] = np.inf, np.nan
    with pytest.raises(ValueError, match="2 values are not finite, the first is inf at index 7; drop them"):
        compute_dfa(signal)
