"""A run is judged by all of its windows at a stated rate, and says so in sentences that are true."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wcdfa import synthetic
from wcdfa.verdicts import judge
from wcdfa.verdicts.across import across, across_groups
from wcdfa.verdicts.single_window import verdict

RUNS = 3000
ERROR = 3.5 * math.sqrt(0.05 * 0.95 / RUNS)


def normal_tail(z):
    return 0.5 * np.vectorize(math.erfc)(z / math.sqrt(2))


def differing(p_values, **options):
    return np.mean([bool(across(each, **options).differing) for each in p_values])


@pytest.mark.parametrize("windows", [1, 2, 20, 50])
def test_independent_windows_differ_by_chance_in_5_percent_of_runs(windows):
    p_values = np.random.default_rng(windows).uniform(size=(RUNS, windows))
    assert abs(differing(p_values) - 0.05) < ERROR
    assert np.mean([across(each).p_value < 0.05 for each in p_values]) == differing(p_values)
    if windows >= 20:  # what it protects from
        assert np.mean(np.min(p_values, axis=1) < 0.05) > 0.6


@pytest.mark.parametrize("kind", ["alike", "opposed", "mixed", "the same"])
def test_dependent_tests_differ_by_chance_in_at_most_5_percent(kind):
    rng = np.random.default_rng(0)
    own, shared = rng.standard_normal((RUNS, 50)), rng.standard_normal((RUNS, 1))
    signs = {"alike": np.ones(50), "opposed": np.repeat([1, -1], 25), "mixed": np.sin(np.arange(50)), "the same": np.ones(50)}[kind]
    share = 1.0 if kind == "the same" else 0.7
    weights = share * signs
    z = weights * shared + np.sqrt(1 - weights**2) * own
    assert differing(normal_tail(z), dependent=True) < 0.05 + ERROR


def test_what_is_found_is_mostly_true():
    """Ten of fifty differ: of what is called different, 5 % or less does not."""
    rng = np.random.default_rng(1)
    wrong, power = [], []
    for _ in range(400):
        p_values = normal_tail(rng.standard_normal(50) + np.where(np.arange(50) < 10, 4.0, 0.0))
        found = np.array(across(p_values).differing, dtype=int)
        wrong.append(np.mean(found >= 10) if len(found) else 0.0)
        power.append(np.sum(found < 10) / 10)
    assert np.mean(wrong) < 0.05 + 3.5 * np.std(wrong) / 20
    assert np.mean(power) > 0.7


@pytest.mark.parametrize("dependent", [False, True])
def test_one_clear_window_among_many_is_found(dependent):
    p_values = np.linspace(0.1, 1, 20)
    p_values[13] = 1e-6
    found = across(p_values, dependent=dependent)
    assert found.differing == (13,)
    assert found.p_value == pytest.approx(2e-5 * (np.sum(1 / np.arange(1, 21)) if dependent else 1))


def test_many_moderate_windows_are_found_together():
    """Each would be lost alone."""
    assert across([0.02, *[0.5] * 9]).differing == ()
    assert across([*[0.02] * 9, 0.5]).differing == tuple(range(9))


def test_what_was_not_compared_is_left_out():
    p_values = np.array([math.nan, 0.001, math.nan, 0.6, 0.7])
    found, without = across(p_values), across(p_values[[1, 3, 4]])
    assert (found.compared, found.p_value, found.alone) == (without.compared, without.p_value, without.alone) == (3, 0.003, 1)
    assert found.differing == (1,)  # its place in the run
    assert without.differing == (0,)
    for none in ([], [math.nan], [math.nan] * 4):
        found = across(none)
        assert (found.compared, found.differing, found.alone) == (0, (), 0)
        assert math.isnan(found.p_value)


def test_order_does_not_matter():
    p_values = np.random.default_rng(3).uniform(size=30) ** 3
    turned = np.random.default_rng(4).permutation(30)
    one, other = across(p_values), across(p_values[turned])
    assert {int(turned[place]) for place in other.differing} == set(one.differing)
    assert (one.p_value, one.alone) == (other.p_value, other.alone)


@pytest.mark.parametrize(
    ("p_values", "parts", "line"),
    [
        ([], "windows", "no window was compared with the optimizer"),
        ([math.nan] * 3, "groups", "no group was compared with the optimizer"),
        ([0.31], "windows", "the only window that was compared does not differ from the optimizer (p = 0.31)"),
        ([0.31, math.nan], "groups", "the only group that was compared does not differ from the optimizer (p = 0.31)"),
        ([0.002], "groups", "the only group that was compared differs from the optimizer (p = 0.002)"),
        ([0.5, 0.6], "windows", "no difference from the optimizer over all 2 windows (p = 0.6 for the run)"),
        (
            [0.04, 0.5, 0.6],
            "windows",
            "no difference from the optimizer over all 3 windows (p = 0.12 for the run): 1 of 3 windows below 0.05 is no more than chance",
        ),
        (
            [0.04, 0.03, 0.6, 0.7, 0.8],
            "groups",
            "no difference from the optimizer over all 5 groups (p = 0.1 for the run): 2 of 5 groups below 0.05 are no more than chance",
        ),
        ([0.5, 0.001, 0.6], "windows", "1 of 3 windows differs from the optimizer (number 2; p = 0.003 for the run)"),
        ([0.001, 0.5, 0.002], "groups", "2 of 3 groups differ from the optimizer (number 1, 3; p = 0.003 for the run)"),
        ([1e-9] * 7, "windows", "7 of 7 windows differ from the optimizer (number 1, 2, 3, 4, 5 …; p < 0.0001 for the run)"),
        ([1e-9] * 5, "windows", "5 of 5 windows differ from the optimizer (number 1, 2, 3, 4, 5; p < 0.0001 for the run)"),
    ],
)
def test_sentences(p_values, parts, line):
    assert str(across(p_values, parts=parts)) == line


@pytest.fixture(scope="module")
def wandering():
    """Norms that no SGD gives, then white ones."""
    x = 0.1 * synthetic.white_noise(1024, seed=0)
    x[:256] += 0.05 * synthetic.random_walk(256, seed=1)
    return np.exp(x)


@pytest.mark.parametrize("stride", [None, 256, 128])
def test_a_run_is_judged_by_all_of_its_windows(wandering, stride):
    options = {"optimizer": "sgd", "replicates": 100, "window": 256, "steps": 5001 + np.arange(1024)}
    judged = judge(wandering, stride=stride, **options)
    expected = across(judged.numbers("p_value"), dependent=stride == 128)
    assert judged.run == expected
    assert judged.run.compared == (7 if stride == 128 else 4)
    assert 0 in judged.run.differing
    assert len(judged.run.differing) < len(judged.verdicts)
    assert judge(wandering, window=256).run.compared == 0


def slightly_unlike(**options):
    """A window that differs from the optimizer at the level of 5 %, and not at that of 20 windows."""
    series = 0.1 * synthetic.arfima(128, d=0.15, batch=(40,), seed=3)
    return next(norms for norms in np.exp(series) if 0.004 < verdict(norms, **options).p_value < 0.05)


def test_windows_that_differ_by_no_more_than_chance_say_so():
    """Each of many windows would say that it differs, if it were the only one."""
    options = {"optimizer": "sgd", "start": 5000}
    x = np.exp(0.1 * synthetic.white_noise(20 * 128, seed=3))
    x[5 * 128 : 6 * 128] = slightly_unlike(**options)
    judged = judge(x, window=128, **options)
    alone, among = verdict(x[5 * 128 : 6 * 128], **options), judged.verdicts[5]
    assert judged.run.differing == ()
    assert judged.run.alone >= 1
    assert among.p_value == alone.p_value
    assert "not explained" in str(alone)
    assert "no more than chance among 20" in str(among)
    assert "not explained" not in str(among)
    assert "optimizer" not in among.explained_by
    assert not any("among 20" in str(each) for each in judged.verdicts if each.p_value >= 0.05)


def test_a_window_that_differs_among_many_says_that_it_does(wandering):
    judged = judge(wandering, window=256, optimizer="sgd", replicates=100, steps=5001 + np.arange(1024))
    for place, each in enumerate(judged.verdicts):
        assert ("not explained" in str(each)) is (place in judged.run.differing)


def test_groups_depend_on_each_other(wandering):
    options = {"optimizer": "sgd", "replicates": 100, "steps": 5001 + np.arange(256)}
    one, other = (verdict(norms, **options) for norms in (wandering[:256], wandering[256:512]))
    groups = {"all": one, "body": one, "head": other}
    joined = across([one.p_value, other.p_value], dependent=True, parts="groups")
    assert across_groups(groups) == joined._replace(names=("body", "head"))
    assert across_groups({"all": one}) == across([one.p_value], dependent=True, parts="groups")._replace(names=("all",))
    assert "groups" in str(across_groups(groups))
