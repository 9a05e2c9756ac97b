"""Changes of a level: the rate of false alarms, and what is found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wcdfa.support.student import quantile, two_sided
from wcdfa.verdicts.level_watch import LEAST, LevelWatch, block_means, fitted


def first(blocks, **options):
    watch = LevelWatch(40, **options)
    return next((shift for block in blocks if (shift := watch.update(float(block))) is not None), None)


def noise(kind, n, rng):
    x = rng.standard_normal(n)
    if kind == "drift":
        return x + np.cumsum(0.3 * rng.standard_normal(n))
    if kind == "memory":
        for t in range(1, n):
            x[t] += 0.4 * x[t - 1]
        return x
    return rng.standard_t(4, n) if kind == "heavy" else x


@pytest.mark.parametrize(("kind", "most"), [("white", 0.05), ("drift", 0.13), ("memory", 0.1), ("heavy", 0.08)])
def test_false_alarms(kind, most):
    """Heavy tails and memory that the model does not have cost some of the rate."""
    rng, runs = np.random.default_rng(1), 200
    alarms = sum(first(noise(kind, 140, rng), run=100) is not None for _ in range(runs))
    assert alarms <= most * runs + 3 * math.sqrt(runs * most * (1 - most))


@pytest.mark.parametrize("size", [4.0, -6.0])
@pytest.mark.parametrize("at", [40, 77])
def test_a_shift_is_found_where_it_begins(size, at):
    rng, onsets = np.random.default_rng(2), []
    for _ in range(20):
        blocks = rng.standard_normal(140)
        blocks[at:] += size
        shift = first(blocks, run=100)
        if shift is not None:
            assert (shift.after > shift.before) == (size > 0)
            onsets.append(shift.onset)
    assert len(onsets) >= 17
    assert abs(np.median(onsets) - at) <= 1


def test_one_block_far_away_is_no_change_of_level():
    blocks = np.random.default_rng(4).standard_normal(140)
    blocks[90] += 1000
    assert first(blocks, run=100, tests=20) is None


def test_gaps_are_passed_over():
    rng = np.random.default_rng(3)
    blocks = rng.standard_normal(140)
    blocks[rng.random(140) < 0.2] = np.nan
    assert first(blocks, run=100) is None
    blocks[90:] += 8
    assert first(blocks, run=100) is not None


@pytest.mark.parametrize("blocks", [np.zeros(60), np.full(60, np.nan), np.r_[np.full(50, np.nan), np.ones(10)]])
def test_a_baseline_that_shows_nothing_finds_nothing(blocks):
    assert fitted(blocks[:40]) is None
    assert first(blocks) is None


def test_a_short_baseline_is_lengthened():
    assert LevelWatch(1).baseline == LEAST


def test_means_of_blocks_without_gaps():
    values = np.array([1.0, 2.0, 3.0, np.nan, 5.0, np.nan, np.nan, np.nan, 9.0])
    np.testing.assert_array_equal(block_means(values, 4), [2.0, np.nan])


@pytest.mark.parametrize(
    ("t", "freedom", "p"), [(1.0, 1.0, 0.5), (2.228139, 10.0, 0.05), (3.169273, 10.0, 0.01), (12.7062, 1.0, 0.05)]
)
def test_tail_of_student(t, freedom, p):
    """From the usual table."""
    assert two_sided(t, freedom) == pytest.approx(p, rel=1e-5)
    assert quantile(p, freedom) == pytest.approx(t, rel=1e-5)


def test_the_tail_goes_on_to_where_doubles_end():
    assert 0 < two_sided(300.0, 60.0) < two_sided(200.0, 60.0)
