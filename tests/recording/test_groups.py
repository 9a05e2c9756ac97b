"""Which parameters belong together, and an α of each group."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from wcdfa import WeightChangeDFA, synthetic
from wcdfa.recording.groups import checked, members_of

PATHS = ["embed/weight", "layers/0/weight", "layers/0/bias", "layers/1/weight", "layers/1/bias", "head/weight"]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (None, {}),
        (1, {"embed": [0], "layers": [1, 2, 3, 4], "head": [5]}),
        (2, {"embed/weight": [0], "layers/0": [1, 2], "layers/1": [3, 4], "head/weight": [5]}),
        (9, {path: [i] for i, path in enumerate(PATHS)}),
        ({"first": r"^layers/0/", "rest": "layers"}, {"first": [1, 2], "rest": [3, 4]}),
        (["bias$", "^head"], {"bias$": [2, 4], "^head": [5]}),
        (lambda path: "matrices" if path.endswith("weight") else None, {"matrices": [0, 1, 3, 5]}),
    ],
)
def test_members(groups, expected):
    found = members_of(PATHS, groups)
    assert found.pop("all") == tuple(PATHS)
    assert found == {name: tuple(PATHS[i] for i in places) for name, places in expected.items()}
    assert list(found) == list(expected)


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (0, ValueError, "a depth of groups must be at least 1, got 0; leave groups out for one α"),
        (True, TypeError, "groups must be a depth, a dict or list of patterns, or a callable, got bool; e.g. groups=1"),
        (1.5, TypeError, "got float"),
        ("head", TypeError, "got str"),
        ({"all": "head"}, ValueError, "a group cannot be called 'all'"),
        ({"": "head"}, ValueError, "a group cannot be called ''"),
    ],
)
def test_what_can_be_no_groups_is_refused_before_there_are_parameters(groups, error, message):
    for refuse in (checked, lambda groups: members_of(PATHS, groups), lambda groups: WeightChangeDFA(groups=groups)):
        with pytest.raises(error, match=message):
            refuse(groups)


def test_names_that_only_the_parameters_show_to_be_wrong():
    with pytest.raises(ValueError, match=r"no parameter belongs to group 'tail'; the paths are embed/weight, .*, head/weight$"):
        members_of(PATHS, {"tail": "^tail"})
    with pytest.raises(ValueError, match="a group cannot be called 'all'"):
        members_of(PATHS, lambda path: "all")
    with pytest.raises(ValueError, match="a group cannot be called 3"):
        members_of(PATHS, lambda path: 3)
    with pytest.raises(ValueError, match="paths are p0, p1, p2, p3, p4, p5, p6, p7 …"):
        members_of([f"p{i}" for i in range(20)], ["q"])


def grouped_run(steps, **options):
    """A monitor, and the norms that each of two groups moved by."""
    moves = np.exp(0.1 * synthetic.white_noise(steps, batch=(2,), seed=0))
    body, head = np.zeros(3), np.zeros(2)
    monitor = WeightChangeDFA(64, 16, groups=1, **options)
    monitor.update({"body": {"w": body}, "head": [head]})
    for i in range(steps):
        body[i % 3] += moves[0, i]
        head[i % 2] -= moves[1, i]
        monitor.update({"body": {"w": body}, "head": [head]})
    return monitor, moves


def test_an_alpha_of_each_group():
    logged = []
    monitor, moves = grouped_run(100, logger=lambda step, numbers: logged.append(numbers))
    expected = {"all": np.sqrt(np.sum(moves**2, axis=0)), "body": moves[0], "head": moves[1]}
    assert list(monitor.results) == list(monitor.alphas) == list(monitor.histories) == list(expected)
    for name, norms in expected.items():
        np.testing.assert_allclose(monitor.get_signal(name), norms[-64:], rtol=1e-12)
        prepared = wcdfa.prepare(monitor.get_signal(name))
        assert monitor.verdict(name).alpha == pytest.approx(wcdfa.dfa(prepared.values, breaks=prepared.cuts).alpha)
        alone = WeightChangeDFA(64, 16)
        for norm in norms:
            alone.update(norm)
        np.testing.assert_allclose(monitor.histories[name], alone.history, rtol=1e-9)
    assert monitor.alpha == monitor.alphas["all"]
    assert monitor.history == monitor.histories["all"]
    assert logged[-1]["wcdfa/alpha/head"] == monitor.alphas["head"]
    assert set(logged[-1]) == set(logged[0]) == set(monitor.metrics())


def test_a_group_that_does_not_move_has_no_alpha_and_disturbs_no_other():
    monitor, moves = WeightChangeDFA(64, 16, groups=1), np.exp(0.1 * synthetic.white_noise(80, seed=0))
    w = np.zeros(2)
    for move in [0, *moves]:
        w[0] += move
        monitor.update({"frozen": np.ones(3), "w": w})
    assert np.isnan(monitor.alphas["frozen"])
    assert monitor.alphas["w"] == pytest.approx(monitor.alpha)
    assert monitor.verdict("frozen").label is None
    assert monitor.reason is None


def test_a_number_belongs_to_no_group():
    monitor, _ = grouped_run(3)
    with pytest.raises(TypeError, match="groups need parameters or a Reading, but update was given a number; leave groups out"):
        monitor.update(1.0)
    assert monitor.n_samples == 3


def test_a_group_that_is_not_there():
    monitor, _ = grouped_run(70)
    with pytest.raises(ValueError, match="group must be one of 'all', 'body', 'head', got 'tail'"):
        monitor.verdict("tail")
    with pytest.raises(ValueError, match="group must be one of 'all', 'body', 'head', got 'tail'"):
        monitor.get_signal("tail")
