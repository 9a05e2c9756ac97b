"""A window is compared with all members of a null: which of them count, and what is said."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wcdfa
from wcdfa import synthetic
from wcdfa.nulls.comparison import MARGIN, PROBABILITIES, Compared, MemberTable, NullTable, closest, quantiles_of
from wcdfa.nulls.families import Setting
from wcdfa.nulls.gradients import Gradients
from wcdfa.nulls.null_tables import Treatment, computed, table_of
from wcdfa.nulls.nulls import NullResult
from wcdfa.nulls.update_rules import named

N, SIGMA = 128, 0.1
METHODS = {"robust", "gls"}


def logs_of(d, seed, *, count=200, sigma=SIGMA):
    return sigma * synthetic.arfima(N, d=d, batch=(count,), seed=seed)


@pytest.fixture(scope="module")
def white() -> MemberTable:
    return table_of(str(Gradients()), False, logs_of(0.0, 1), Treatment())


@pytest.fixture(scope="module")
def pink() -> MemberTable:
    return table_of("pink", False, logs_of(0.4, 2), Treatment())


@pytest.fixture(scope="module")
def few() -> MemberTable:
    """As of one coordinate: its norms spread widely."""
    return table_of("few", True, logs_of(0.4, 3, sigma=1.0), Treatment())


def compared(table, logs, *, known=True, method="robust") -> Compared:
    curve = wcdfa.dfa(logs, method="gls")
    alpha = float(wcdfa.dfa(logs, method=method).alpha)
    return table.compare(logs if known else None, curve.fluctuations, [int(s) for s in curve.scales], alpha, method)


def shares(table, many):
    return np.mean([compared(table, logs).p_value < 0.05 for logs in many])


def test_the_p_value_is_the_largest_of_all_members(white, pink):
    for logs in (*logs_of(0.0, 11, count=4), *logs_of(0.4, 12, count=4)):
        alone = [compared(NullTable((member,), False), logs) for member in (white, pink)]
        together = compared(NullTable((white, pink), False), logs)
        for name in ("p_value", "p_shape", "p_more"):
            assert getattr(together, name) == max(getattr(each, name) for each in alone)
        assert together.closest == max(alone, key=lambda each: each.p_value).closest
        assert together.null.low == min(each.null.low for each in alone)
        assert together.null.high == max(each.null.high for each in alone)
        assert together.null.p_value == max(each.null.p_value for each in alone)
        assert together.white == alone[0].white
        assert together.null.median == alone[0].null.median


def test_each_member_holds_its_own_and_the_family_both(white, pink):
    whites, pinks = logs_of(0.0, 13, count=60), logs_of(0.4, 14, count=60)
    family = NullTable((white, pink), False)
    for many in (whites, pinks):
        assert shares(family, many) < 0.13  # 5 % of 60, and chance
    assert shares(NullTable((white,), False), pinks) > 0.6
    assert shares(NullTable((pink,), False), whites) > 0.25


@pytest.mark.parametrize("method", sorted(METHODS))
def test_alpha_is_placed_among_those_of_the_replays(white, method):
    alphas = np.asarray(wcdfa.dfa(logs_of(0.0, 1), method=method).alpha)
    logs = logs_of(0.0, 15, count=1)[0]
    found = compared(NullTable((white,), False), logs, method=method)
    np.testing.assert_allclose([found.null.low, found.null.high], np.quantile(alphas, [0.025, 0.975]), atol=0.02)
    assert found.white == (found.null.low, found.null.high)
    assert found.null.median == pytest.approx(np.median(alphas))
    assert found.null.excess == pytest.approx(found.null.alpha - found.null.median)
    assert found.null.p_value == pytest.approx(np.mean(alphas >= found.null.alpha), abs=0.03)


def test_p_of_alpha_beyond_all_replays(white):
    largest = white.alphas["gls"][-1]
    assert white.p_of_alpha(0.0, "gls") == 1
    assert white.p_of_alpha(largest + 1, "gls") == pytest.approx(0.005)
    assert np.all(np.diff([white.p_of_alpha(alpha, "gls") for alpha in np.linspace(0, 2, 50)]) <= 0)


def test_less_is_said_where_memory_is_less_at_all_sizes(white, pink):
    anti = -np.diff(synthetic.white_noise(N + 1, batch=(40,), seed=16)) * SIGMA
    for table in (NullTable((white,), False), NullTable((white, pink), False)):
        assert np.mean([compared(table, logs).less for logs in anti]) > 0.6
    assert np.mean([compared(NullTable((white,), False), logs).less for logs in logs_of(0.0, 17, count=60)]) < 0.35
    more = logs_of(0.4, 18, count=40)
    assert not any(compared(NullTable((white,), False), logs).less for logs in more)


def test_less_memory_than_one_member_alone_is_not_less(white, pink):
    whites = logs_of(0.0, 19, count=40)
    than_pink = [compared(NullTable((pink,), False), logs).less for logs in whites]
    than_both = [compared(NullTable((white, pink), False), logs).less for logs in whites]
    assert np.mean(than_pink) > 0.6
    assert np.mean(than_both) < np.mean(than_pink) - 0.3


def test_less_at_small_sizes_and_more_at_large_ones_is_not_less(white):
    """Anticorrelated from step to step on a slow wander."""
    anti = -np.diff(synthetic.white_noise(N + 1, batch=(20,), seed=20)) * SIGMA
    mixed = anti + 0.02 * synthetic.random_walk(N, batch=(20,), seed=21)
    assert not any(compared(NullTable((white,), False), logs).less for logs in mixed)
    assert np.mean([compared(NullTable((white,), False), logs).p_value < 0.05 for logs in mixed]) > 0.8


@pytest.mark.parametrize("sign", [1, -1])
def test_a_level_that_moves_as_in_no_replay(white, sign):
    moved = logs_of(0.0, 22, count=1)[0] + sign * np.linspace(0, 1.5, N)
    found = compared(NullTable((white,), True), moved)
    assert math.copysign(1, found.rise) == sign
    assert abs(found.rise) == pytest.approx(1.2, abs=0.1)
    assert math.isnan(compared(NullTable((white,), False), moved).rise)  # no window of the start
    assert math.isnan(compared(NullTable((white,), True), moved, known=False).rise)


def test_a_level_that_moves_as_in_some_replay(white):
    falling = table_of("falling", False, logs_of(0.0, 23) - np.linspace(0, 1.5, N), Treatment())
    fallen = logs_of(0.0, 24, count=1)[0] - np.linspace(0, 1.5, N)
    assert compared(NullTable((white,), True), fallen).rise < -1
    assert math.isnan(compared(NullTable((white, falling), True), fallen).rise)
    further = fallen - np.linspace(0, 2 * MARGIN + 0.3, N)
    assert compared(NullTable((white, falling), True), further).rise < -1.2


def test_gradients_of_few_coordinates_do_not_set_the_range_of_levels(white, few):
    moved = logs_of(0.0, 25, count=1)[0] + np.linspace(0, 1.0, N)
    assert few.test.rises[1] > 0.8  # that of few coordinates would hold it
    assert compared(NullTable((white, few), True), moved).rise > 0.5
    assert math.isnan(compared(NullTable((few,), True), 10 * moved).rise)


def test_few_coordinates_count_only_where_norms_spread_as_widely(white, few):
    calm, wild = logs_of(0.4, 26, count=1)[0], logs_of(0.4, 26, count=1, sigma=1.5)[0]
    table, alone = NullTable((white, few), False), NullTable((white,), False)
    assert compared(table, calm) == compared(alone, calm)
    assert compared(table, wild).p_value > compared(alone, wild).p_value
    assert compared(table, wild).closest == "few"
    assert compared(table, wild, known=False).p_value == compared(alone, wild).p_value  # the spread is unknown


def test_where_nothing_can_be_compared(few):
    for table in (NullTable((), False), NullTable((), True), NullTable((few,), False)):
        found = compared(table, logs_of(0.4, 27, count=1)[0])
        assert np.isnan([found.p_value, found.p_shape, found.p_more, found.null.median, found.null.p_value, found.rise]).all()
        assert math.isfinite(found.null.alpha)
        assert (found.less, found.closest) == (False, "")


@pytest.mark.parametrize("start", [None, 0])
@pytest.mark.parametrize("clip_norm", [0.02, 0.001])
def test_always_clipped_gradients_leave_no_null(start, clip_norm):
    table = computed(Setting(rule=named("sgd", {"clip_norm": clip_norm}), n=64, start=start, replicates=30), Treatment(spikes=None))
    assert table.members == ()
    assert math.isnan(compared(table, logs_of(0.4, 28, count=1)[0][:64]).null.median)


def test_where_white_gradients_are_always_clipped_others_are_not():
    """A batch may be small enough where its scale varies."""
    table = computed(Setting(rule=named("sgd", {"clip_norm": 0.3}), n=64, replicates=60), Treatment(spikes=None))
    names = [member.name for member in table.members]
    assert str(Gradients()) not in names
    assert str(Gradients(scatter=1.0)) in names
    found = compared(table, logs_of(0.4, 30, count=1)[0][:64])
    assert np.isnan(found.white).all()
    assert found.null.low < found.null.median < found.null.high


def compared_as(p, low, high, less, name):
    null = NullResult(1.0, low, (low + high) / 2, high, 0.1, p / 2)
    return Compared(p, p / 3, p / 4, null, (low, high), less, name, math.nan)


def test_of_several_nulls_any_may_be_right():
    settled, started = compared_as(0.01, 0.8, 1.1, True, "white"), compared_as(0.3, 0.6, 0.9, False, "with a mean")
    for order in ((settled, started), (started, settled)):
        joined = closest(order)
        assert (joined.p_value, joined.p_shape, joined.p_more) == pytest.approx((0.3, 0.1, 0.075))
        assert (joined.null.low, joined.null.high, joined.null.p_value) == (0.6, 1.1, 0.15)
        assert (joined.less, joined.closest, joined.white) == (False, "with a mean", (0.6, 0.9))
    assert closest([settled]) == settled
    assert closest([settled, compared_as(0.02, 0.8, 1.1, True, "white")]).less


def test_the_curve_is_the_range_over_all_kinds_at_the_level_of_the_window(white, pink):
    logs = logs_of(0.4, 31, count=1)[0]
    one, both = compared(NullTable((white,), False), logs).curve, compared(NullTable((white, pink), False), logs).curve
    assert one.sizes == both.sizes
    assert np.all(np.diff([both.low, one.low, one.high, both.high], axis=0) >= 0)
    louder = compared(NullTable((white,), False), 3 * logs).curve
    np.testing.assert_allclose([louder.low, louder.high], 3 * np.array([one.low, one.high]))
    assert compared(NullTable((), False), logs).curve is None
    joined = closest([compared(NullTable((each,), False), logs) for each in (white, pink)]).curve
    assert joined == both


def test_a_null_that_is_empty_does_not_outdo_one_that_holds_something():
    empty = compared(NullTable((), True), logs_of(0.4, 29, count=1)[0])
    full = compared_as(0.2, 0.6, 0.9, False, "white")
    for order in ((empty, full), (full, empty)):
        joined = closest(order)
        assert (joined.p_value, joined.closest) == (0.2, "white")
        assert (joined.null.low, joined.null.high) == (0.6, 0.9)
    assert math.isnan(closest([empty, empty]).p_value)


def test_quantiles_leave_out_what_has_no_alpha():
    alphas = np.random.default_rng(0).standard_normal(400)
    found = quantiles_of(np.concatenate([alphas, [math.nan, math.inf]]))
    np.testing.assert_allclose(found, np.quantile(alphas, PROBABILITIES))
    assert np.isnan(quantiles_of(np.full(3, math.nan))).all()
