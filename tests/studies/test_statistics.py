"""The intervals of the studies hold, and what is no effect passes for none."""

from __future__ import annotations

import numpy as np
import pytest

from studies.common.statistics import held_out_gain, interval_of_mean, interval_of_median, interval_of_share, partial_spearman


def within(interval, truth):
    _, low, high = interval
    return low <= truth <= high


@pytest.mark.parametrize("interval", [interval_of_mean, interval_of_median])
def test_intervals_over_ten_seeds_hold_nearly_as_often_as_they_say(interval):
    rng = np.random.default_rng(1)
    held = np.mean([within(interval(rng.standard_normal(10)), 0) for _ in range(150)])
    assert 0.84 <= held <= 0.99  # a bootstrap of ten numbers holds in about 90 %


def test_too_few_numbers_have_no_interval():
    for interval in (interval_of_mean, interval_of_median):
        assert np.isnan(interval([1.0, np.nan, 2.0])[1:]).all()
        assert np.isnan(interval([])).all()
    assert interval_of_mean([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)
    assert np.isnan(interval_of_share(0, 0)).all()


def test_what_a_third_explains_of_both_is_no_partial_correlation():
    rng = np.random.default_rng(2)
    common = rng.standard_normal((400, 2))
    a, b = (common.sum(axis=1) + rng.standard_normal(400) for _ in range(2))
    assert np.corrcoef(a, b)[0, 1] > 0.5
    assert within(partial_spearman(a, b, common), 0)
    estimate, low, _ = partial_spearman(a, b, rng.standard_normal(400))
    assert estimate > low > 0.4


def test_rows_of_one_seed_count_as_one():
    rng = np.random.default_rng(3)
    a, b = (np.repeat(rng.standard_normal(12), 30) for _ in range(2))
    given = rng.standard_normal(360)
    _, low, high = partial_spearman(a, b, given)
    _, low_of_groups, high_of_groups = partial_spearman(a, b, given, groups=np.repeat(np.arange(12), 30))
    assert high_of_groups - low_of_groups > 2 * (high - low)


def test_only_what_helps_on_data_held_out_is_a_gain():
    rng = np.random.default_rng(4)
    base, noise = rng.standard_normal((200, 3)), rng.standard_normal((200, 5))
    useful = rng.standard_normal(200)
    target = base[:, 0] + useful + 0.5 * rng.standard_normal(200)
    nothing = held_out_gain(noise, base, target)
    assert nothing[0] < 0.02
    assert nothing[1] <= 0.005
    gain, low, high = held_out_gain(useful, base, target)
    assert 0.2 < low < gain < high < 0.7
    assert np.isnan(held_out_gain(useful[:8], base[:8], target[:8])).all()


def test_a_feature_that_only_names_the_group_is_no_gain():
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(15), 20)
    target = rng.standard_normal(15)[group] + 0.1 * rng.standard_normal(300)
    gain, *_ = held_out_gain(group[:, np.newaxis] == np.arange(15), rng.standard_normal(300), target, groups=group)
    assert gain < 0.1
