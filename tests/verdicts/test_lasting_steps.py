"""A step of the level that lasts is called that, with its first step and its factor, and is no single change."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa.verdicts.explanations import of_diagnosis
from wcdfa.verdicts.lasting_steps import first_step


def noise(n, seed, width=0.15):
    return np.exp(width * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize("lr", [None, 0.1])
@pytest.mark.parametrize(
    ("n", "since", "by", "seed"),
    [(3000, 2101, 3.0, 0), (2000, 1011, 30.0, 1), (2000, 1507, 0.2, 2), (4000, 2999, 6.0, 3), (2000, 1951, 8.0, 4)],
)
def test_a_step_has_its_first_step_and_its_factor(n, since, by, seed, lr):
    norms = noise(n, seed)
    norms[since - 1 :] *= by
    found = wcdfa.diagnose(norms, lr=lr)
    assert {each.statistic for each in found.changes} == {"size" if lr is None else "level"}
    (step,) = found.changes
    assert step.lasting
    assert since <= step.seen <= since + 50
    assert step.seen == since or by < 8  # one far upwards is seen at once
    assert found.since == step.since == since
    assert np.exp(step.after - step.before) == pytest.approx(by, rel=0.12)
    assert "in a step that lasts (since step" in found.evidence[0]
    if lr is None:
        assert of_diagnosis(found).key == f"sign-size-{'up' if by > 1 else 'down'}"


@pytest.mark.parametrize("seed", range(3))
def test_a_single_large_change_is_still_one(seed):
    norms = noise(3000, seed)
    norms[2100] *= 20
    found = wcdfa.diagnose(norms)
    assert [(each.statistic, each.since) for each in found.changes] == [("burst", 2101)]


def test_a_large_change_far_above_a_step_is_still_said():
    norms = noise(3000, 0)
    norms[1999:] *= 2
    norms[2400] *= 60
    found = wcdfa.diagnose(norms)
    assert {(each.statistic, each.since) for each in found.changes} == {("size", 2000), ("burst", 2401)}


@pytest.mark.parametrize("until", [2300, 2600])
def test_a_slow_rise_is_no_step(until):
    norms = noise(3000, 0, 0.05)
    norms[2000:until] *= np.geomspace(1, 4, until - 2000)
    norms[until:] *= 4
    found = wcdfa.diagnose(norms)
    assert found.found
    assert not any(each.lasting for each in found.changes)


def test_a_level_that_comes_back_does_not_last():
    norms = noise(3000, 0)
    norms[2100:2200] *= 5
    assert not any(each.lasting for each in wcdfa.diagnose(norms).changes)


@pytest.mark.parametrize("values", [np.zeros(300), np.full(300, np.nan), np.arange(300.0), np.ones(3)])
def test_where_nothing_steps(values):
    assert first_step(values, 100, 150) is None
