"""The difference of α between runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis.comparison import compare, mean_of_runs, student_quantile
from wcdfa.analysis.series import Settings
from wcdfa.readers.series import RecordedSeries

SETTINGS = Settings(log=False, window=256)


def series(values, steps=None, name="run"):
    return RecordedSeries(Path(name), "", "norms", np.asarray(values, dtype=np.float64), steps, None, None, 0, ())


def noise(n, seed, d=0.0):
    return wcdfa.synthetic.arfima(n, d=d, seed=seed)


def test_windows_are_those_of_the_verdicts_and_the_interval_is_put_together_from_theirs():
    a, b = noise(600, 0), noise(600, 1, d=0.4)
    found = compare(series(a), series(b), SETTINGS)
    assert [(each.first_step, each.last_step) for each in found.windows] == [(1, 256), (257, 512)]
    one, two = wcdfa.verdict(a[:256], log=False), wcdfa.verdict(b[:256], log=False)
    first = found.windows[0]
    assert (first.reference, first.other) == (one.alpha, two.alpha)
    assert first.low == pytest.approx(first.difference - np.hypot(two.alpha - two.low, one.high - one.alpha))
    assert first.high == pytest.approx(first.difference + np.hypot(two.high - two.alpha, one.alpha - one.low))
    assert found.mean.difference == pytest.approx(np.mean([each.difference for each in found.windows]))
    assert (first.p_value < 0.05) == (first.low > 0 or first.high < 0)


def test_the_other_way_round():
    a, b = series(noise(600, 2)), series(noise(600, 3, d=0.3))
    there, back = compare(a, b, SETTINGS).mean, compare(b, a, SETTINGS).mean
    assert there.difference == pytest.approx(-back.difference)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.p_value == pytest.approx(back.p_value)


def test_a_run_differs_from_itself_by_nothing():
    a = series(noise(600, 4))
    mean = compare(a, a, SETTINGS).mean
    assert mean.difference == 0
    assert mean.p_value == 1
    assert mean.low < 0 < mean.high


def test_only_steps_that_both_have_count():
    steps = np.arange(1, 1001)
    a, b = noise(1000, 5), noise(1000, 6)
    left = series(a, steps)
    right = series(b[300:], steps[300:])
    found = compare(left, right, SETTINGS)
    assert [(each.first_step, each.last_step) for each in found.windows] == [(301, 556), (557, 812)]
    assert found.windows[0].reference == wcdfa.verdict(a[300:556], log=False).alpha
    with pytest.raises(ValueError, match=r"left: norms has steps 1 to 200 and right: norms 801 to 1,000: no step is in both"):
        compare(series(a[:200], steps[:200], "left"), series(b[800:], steps[800:], "right"), SETTINGS)


def test_overlapping_windows_are_not_counted_twice():
    a, b = series(noise(1024, 7)), series(noise(1024, 8))
    apart, overlapping = (compare(a, b, Settings(log=False, window=256, stride=stride)) for stride in (256, 64))
    assert len(overlapping.windows) > len(apart.windows)
    assert overlapping.mean == apart.mean


def test_a_window_without_an_exponent_is_left_out():
    a, b = noise(768, 9), noise(768, 10)
    a[256:512] = 1.0
    found = compare(series(a), series(b), SETTINGS)
    assert np.isnan([each.difference for each in found.windows]).tolist() == [False, True, False]
    assert found.mean.difference == pytest.approx((found.windows[0].difference + found.windows[2].difference) / 2)
    with pytest.raises(ValueError, match="no window in which both have an α"):
        compare(series(np.ones(256)), series(b[:256]), SETTINGS)


def test_equal_runs_seldom_differ():
    """60 pairs: of a nominal 5 %, more than 8 would come once in 300 times (benchmarks/comparison.py has the figures)."""
    pairs = [compare(series(noise(512, 2 * i, 0.3)), series(noise(512, 2 * i + 1, 0.3)), SETTINGS).mean for i in range(60)]
    assert sum(each.low > 0 or each.high < 0 for each in pairs) <= 8
    assert abs(np.mean([each.difference for each in pairs])) < 0.05


def test_the_mean_of_runs_has_the_interval_of_student():
    mean, low, high, spread = mean_of_runs([0.8, 1.1])
    assert (mean, spread) == pytest.approx((0.95, 0.3 / np.sqrt(2)))
    assert high - mean == pytest.approx(12.7062 * spread / np.sqrt(2), rel=1e-5)
    assert mean - low == pytest.approx(high - mean)


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.7062), (2, 4.30265), (5, 2.57058), (19, 2.09302), (1000, 1.96234)])
def test_quantiles_of_student(freedom, quantile):
    assert student_quantile(freedom) == pytest.approx(quantile, rel=1e-5)
