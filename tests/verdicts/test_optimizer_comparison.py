"""What a window is compared with: which start, which length, which steps, and when with nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wcdfa import synthetic
from wcdfa.nulls.comparison import Compared
from wcdfa.nulls.nulls import NullResult
from wcdfa.nulls.replay import optimizer_norms
from wcdfa.nulls.schedule_shape import shape_of_schedule
from wcdfa.nulls.update_rules import SGD, named
from wcdfa.scales import SHIPPED, half_sizes
from wcdfa.verdicts import judge, optimizer_comparison
from wcdfa.verdicts.optimizer_comparison import first_step, nominal, rounded
from wcdfa.verdicts.single_window import verdict

N = 128
WHITE = np.exp(0.1 * synthetic.white_noise(N, seed=0))
MOMENTUM = {"optimizer": "sgd", "momentum": 0.9}


class Answer:
    """In place of a null: the same answer to every window."""

    moves = False

    def __init__(self, p_value):
        self.p_value = p_value

    def compare(self, logs, fluctuations, sizes, alpha, method):
        self.asked = (logs, fluctuations, sizes, alpha, method)
        null = NullResult(alpha, 0.4, 0.5, 0.6, alpha - 0.5, self.p_value)
        return Compared(self.p_value, self.p_value, self.p_value, null, (0.4, 0.6), False, "white", math.nan)


@pytest.fixture
def asked(monkeypatch):
    """The settings and treatments that nulls were asked for."""
    calls = []

    def null_table(setting, treatment):
        calls.append((setting, treatment))
        return Answer(0.02 * len(calls))

    monkeypatch.setattr(optimizer_comparison, "null_table", null_table)
    return calls


def settings(asked):
    return [setting for setting, _ in asked]


def texts(found):
    return " ".join(finding.text for finding in found.findings if finding.kind == "optimizer")


@pytest.mark.parametrize(
    ("options", "first", "starts"),
    [
        (MOMENTUM, 1, [0]),
        (MOMENTUM, 0, [0]),  # numbered from 0
        (MOMENTUM, 11, [10]),
        (MOMENTUM, 501, [None]),
        (MOMENTUM, None, [None, 0]),
        ({"optimizer": "adamw"}, 1, [0]),
        ({"optimizer": "adamw"}, 101, [100]),
        ({"optimizer": "adamw"}, 238, [240]),  # windows nearby share one
        ({"optimizer": "adamw"}, 301, [300]),
        ({"optimizer": "adamw"}, 5001, [None]),
        ({"optimizer": "nadam"}, 5678, [5700]),
        ({"optimizer": "rmsprop"}, 1, [0]),
        ({**MOMENTUM, "start": 7}, 501, [7]),
        ({**MOMENTUM, "start": 7}, None, [7]),
        ({**MOMENTUM, "start": 9999}, 1, [None]),
    ],
)
def test_which_start_for_which_steps(asked, options, first, starts):
    verdict(WHITE, steps=None if first is None else first + np.arange(N), **options)
    assert [each.start for each in settings(asked)] == starts


def test_each_window_of_a_run_has_its_own_start(asked):
    judge(np.tile(WHITE, 3), window=N, steps=1 + np.arange(3 * N), optimizer="adam")
    assert [each.start for each in settings(asked)] == [0, 130, 260]


def test_where_steps_are_unknown_either_may_be_right(asked):
    found = verdict(WHITE, **MOMENTUM)
    assert found.p_value == 0.04  # the larger of two
    assert found.null.p_value == 0.04
    assert "optimizer" not in found.explained_by


def test_steps_that_are_apart_are_thinned_unless_they_count_something_else(asked):
    """Such as tokens or batches, of which each optimizer step takes ten."""
    near, later = 10 * (1 + np.arange(N)), 5000 + 10 * (1 + np.arange(N))
    for steps in (near, later):
        verdict(WHITE, steps=steps, **MOMENTUM)
        verdict(WHITE, steps=steps, thinned=1, **MOMENTUM)
    assert [(each.start, each.every) for each in settings(asked)] == [(9, 10), (0, 1), (None, 10), (None, 1)]
    assert first_step([501, 502], 1) == 501
    assert first_step([50, 60], 10) == 5


def test_a_thinned_log_is_compared_with_a_thinned_replay(asked):
    found = verdict(WHITE, steps=10 * (1 + np.arange(N)), thinned=10, **MOMENTUM)
    assert [(each.start, each.every) for each in settings(asked)] == [(9, 10)]
    assert found.compared == "SGD(momentum 0.9) on gradients without memory recorded every 10 steps"
    (note,) = [finding for finding in found.findings if finding.kind == "thinned"]
    assert "memory below 10 steps cannot be seen" in note.text
    assert note.figure == 10
    assert not any(finding.kind == "thinned" for finding in verdict(WHITE, **MOMENTUM).findings)
    assert verdict(WHITE, thinned=1500, **MOMENTUM).compared.endswith("recorded every 1,500 steps")


@pytest.mark.parametrize("thinned", [0, -1])
def test_thinned_is_at_least_1(thinned):
    with pytest.raises(ValueError, match=f"thinned must be at least 1, got {thinned}"):
        verdict(WHITE, thinned=thinned)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_slightly_shorter_window_takes_a_null_that_ships(order):
    for n in range(100, 1100, 7):
        found = nominal(n, order)
        assert found == n or (found in SHIPPED and n < found <= 1.05 * n)
        assert half_sizes(found, order) == half_sizes(n, order)
    for n in SHIPPED:
        assert nominal(n, order) == n
    assert [nominal(n, 1) for n in (497, 499, 990)] == [500, 500, 1000]


def test_norms_that_are_missing_do_not_ask_for_another_null(asked):
    norms = np.exp(0.1 * synthetic.white_noise(500, seed=0))
    norms[[3, 77, 300]] = math.nan
    verdict(norms, steps=1001 + np.arange(500), **MOMENTUM)
    assert [each.n for each in settings(asked)] == [500]


def test_breaks_are_rounded_to_a_few_places(asked):
    """Where the steps of a log jump."""
    for at in (60, 62, 64, 67):
        steps = 5001 + np.arange(N)
        steps[at:] += 1000
        verdict(WHITE, steps=steps, **MOMENTUM)
    assert {treatment.breaks for _, treatment in asked} == {(64,)}
    assert rounded((), 500) == ()
    assert rounded((3, 240, 251, 499), 500) == (31, 250, 468)
    for n in (64, 128, 500, 4096):
        for place in range(1, n, 11):
            (found,) = rounded((place,), n)
            assert 0 < found < n
            assert abs(found - place) <= n / 16


def test_preparation_and_measurement_go_into_the_null(asked):
    lr = np.geomspace(1, 0.1, N)
    verdict(
        WHITE * lr, lr=lr, order=2, method="gls", log=False, spikes=None, steps=1 + np.arange(N), replicates=77, seed=5, **MOMENTUM
    )
    ((setting, treatment),) = asked
    assert (setting.replicates, setting.seed) == (77, 5)
    assert setting.lr == pytest.approx(math.sqrt(0.1))
    assert (treatment.order, treatment.method, treatment.log, treatment.spikes) == (2, "gls", False, None)
    assert treatment.schedule == shape_of_schedule(lr, log=False)
    asked.clear()
    verdict(WHITE, lr=0.3, steps=1 + np.arange(N), dimension=9, **MOMENTUM)
    ((setting, treatment),) = asked
    assert (setting.lr, setting.dimension, treatment.schedule) == (pytest.approx(0.3), 9, None)


@pytest.mark.parametrize("method", ["robust", "gls", "ols"])
def test_the_curve_comes_from_boxes_that_overlap(monkeypatch, method):
    answer = Answer(0.5)
    monkeypatch.setattr(optimizer_comparison, "null_table", lambda *_: answer)
    found = verdict(WHITE, method=method, steps=9001 + np.arange(N), **MOMENTUM)
    logs, fluctuations, sizes, alpha, by = answer.asked
    assert tuple(sizes) == half_sizes(N, 1)
    assert len(fluctuations) == len(sizes)
    assert (alpha, by) == (found.alpha, method)
    np.testing.assert_array_equal(logs, found.prepared.values)


def test_a_gradient_norm_is_compared_with_gradients_alone(asked):
    found = verdict(WHITE, quantity="gradient norm", steps=1001 + np.arange(N), optimizer="adamw", dimension=30)
    ((setting, _),) = asked
    assert setting.rule == SGD()
    assert setting.dimension is None  # that of the optimizer's replay is not that of gradients
    assert found.compared == "gradients without memory"
    assert verdict(WHITE, quantity="gradient norm").compared == "gradients without memory"  # no optimizer is needed


@pytest.mark.parametrize(
    ("quantity", "words"), [("loss", "a loss"), ("displacement", "a displacement"), ("unknown", "of a kind that")]
)
def test_other_quantities_are_compared_with_nothing(asked, quantity, words):
    found = verdict(WHITE, quantity=quantity, gradient_norm=np.ones(N), **MOMENTUM)
    assert asked == []
    assert (found.compared, found.null) == (None, None)
    assert math.isnan(found.p_value)
    assert texts(found).startswith(f"not compared with the optimizer: the series is {words}")
    assert "optimizer" not in found.explained_by
    with pytest.raises(ValueError, match="quantity must be one of 'update norm', 'gradient norm'"):
        verdict(WHITE, quantity="weight norm")


def test_without_an_optimizer_nothing_is_compared(asked):
    found = verdict(WHITE)
    assert asked == []
    assert found.compared is None
    assert math.isnan(found.p_value)


def test_alphas_that_are_given_replace_the_replay(asked):
    found = verdict(WHITE, null=[0.4, 0.5, 0.6], **MOMENTUM)
    assert asked == []
    assert found.null.median == 0.5
    assert found.compared is None
    assert texts(found).startswith("the α given for SGD(momentum 0.9) range from 0.4")


def test_the_momentum_of_each_step_is_replayed(asked):
    momenta = np.linspace(0.95, 0.85, N)
    found = verdict(WHITE, steps=9001 + np.arange(N), optimizer="sgd", momentum=momenta)
    ((setting, _),) = asked
    assert setting.n == N
    assert [rule.momentum for rule in setting.rules] == pytest.approx(momenta)
    assert {type(rule) for rule in setting.rules} == {SGD}
    assert found.compared == "SGD on gradients without memory with the momentum of each step"


def test_the_momentum_of_each_norm_that_is_left_is_replayed(asked):
    norms, momenta = WHITE.copy(), np.linspace(0.95, 0.85, N)
    gone = [0, 5, 100]
    norms[gone] = math.nan
    verdict(norms, steps=9001 + np.arange(N), optimizer="sgd", momentum=momenta)
    ((setting, _),) = asked
    assert setting.n == N - 3
    assert [rule.momentum for rule in setting.rules] == pytest.approx(np.delete(momenta, gone))


def test_betas_of_each_step_are_pairs(asked):
    betas = np.stack([np.linspace(0.95, 0.85, N), np.full(N, 0.99)], axis=1)
    judge(
        np.tile(WHITE, 2), window=N, steps=9001 + np.arange(2 * N), optimizer="adam", betas=np.tile(betas, (2, 1)), weight_decay=0.1
    )
    assert len(asked) == 2
    for setting in settings(asked):
        assert [rule.betas for rule in setting.rules] == [tuple(each) for each in betas.tolist()]
        assert {rule.weight_decay for rule in setting.rules} == {0.1}


def test_lion_is_compared_with_nothing(asked):
    assert verdict(WHITE, optimizer="lion").compared is None
    assert asked == []


@pytest.mark.parametrize(
    "known", [np.ones(N), np.exp(synthetic.white_noise(N, seed=1)), np.exp(synthetic.white_noise(N, seed=1)).astype(np.float32)]
)
def test_gradients_that_were_measured_drive_the_replay(asked, monkeypatch, known):
    driven = []
    monkeypatch.setattr(optimizer_comparison, "driven_by", lambda *of: driven.append(of) or Answer(0.5))
    found = verdict(WHITE, gradient_norm=known, steps=9001 + np.arange(N), **MOMENTUM)
    rules = [each.rule for each in settings(asked)]  # the optimizer without these sizes, and the gradients themselves
    assert rules[0] == named("sgd", {"momentum": 0.9})
    assert rules[1:] in ([], [SGD()])  # constant ones have no α
    ((norms, setting, treatment),) = driven
    np.testing.assert_allclose(norms, known)
    assert (setting.rule, setting.start, treatment.method) == (named("sgd", {"momentum": 0.9}), None, "robust")
    assert found.compared == "SGD(momentum 0.9) on gradients without memory of the sizes that were recorded"


@pytest.mark.parametrize("wrong", [math.nan, 0.0, math.inf, -1.0])
def test_gradients_of_which_one_is_unknown_drive_nothing(asked, wrong):
    known = np.ones(N)
    known[7] = wrong
    found = verdict(WHITE, gradient_norm=known, steps=9001 + np.arange(N), **MOMENTUM)
    assert len(asked) == 1
    assert "recorded" not in found.compared


def test_gradients_of_norms_that_were_left_out_may_be_unknown(monkeypatch):
    driven = []
    monkeypatch.setattr(optimizer_comparison, "driven_by", lambda *of: driven.append(of[0]) or Answer(0.5))
    norms, known = WHITE.copy(), np.arange(1.0, N + 1)
    norms[9] = known[9] = math.nan
    verdict(norms, gradient_norm=known, steps=9001 + np.arange(N), **MOMENTUM)
    np.testing.assert_array_equal(driven[0], np.delete(np.arange(1.0, N + 1), 9))


def test_of_a_thinned_log_the_gradients_between_are_unknown(asked):
    verdict(WHITE, gradient_norm=np.ones(N), thinned=10, **MOMENTUM)
    verdict(WHITE, gradient_norm=np.ones(N), quantity="gradient norm", optimizer="sgd", steps=9001 + np.arange(N))
    assert {each.every for each in settings(asked)} == {10, 1}


def memory_in_gradients(seed):
    """Norms of SGD(0.9) whose gradients have sizes with long memory, and these sizes."""
    logs = synthetic.arfima(256, d=0.8, seed=seed)
    sizes = np.exp(0.5 * (logs - logs.mean()) / logs.std())
    norms = optimizer_norms(256, optimizer="sgd", momentum=0.9, gradient_norm=sizes, replicates=1, seed=seed)[0]
    return norms, sizes


def test_memory_in_the_size_of_gradients_is_told_from_the_rest():
    steps = 9001 + np.arange(256)
    options = {**MOMENTUM, "steps": steps, "replicates": 100}
    runs = [memory_in_gradients(seed) for seed in range(4)]
    unknown = [verdict(norms, **options) for norms, _ in runs]
    known = [verdict(norms, gradient_norm=sizes, **options) for norms, sizes in runs]
    assert sum(each.p_value < 0.05 for each in unknown) == 4
    assert sum(each.p_value < 0.05 for each in known) <= 1
    more = [norms * np.exp(0.6 * synthetic.arfima(256, d=0.3, seed=50 + seed)) for seed, (norms, _) in enumerate(runs)]
    assert sum(verdict(x, gradient_norm=sizes, **options).p_value < 0.05 for x, (_, sizes) in zip(more, runs, strict=True)) >= 3


def test_a_window_of_which_only_the_curve_is_known():
    """As a monitor keeps past windows: the same p-value, but for what only norms show."""
    steps = 9001 + np.arange(256)
    norms = optimizer_norms(256, replicates=1, seed=3, **MOMENTUM)[0]
    found = verdict(norms, steps=steps, replicates=100, **MOMENTUM)
    criteria = optimizer_comparison.Criteria.given(replicates=100, **MOMENTUM)
    sizes = [int(size) for size in found.result.scales]
    again = optimizer_comparison.against_optimizer_by_curve(
        found.result.fluctuations, sizes, found.alpha, 256, criteria, None, (9001, 9256)
    )
    assert again.found.p_value == pytest.approx(found.p_value, abs=1e-9)
    assert again.against == found.compared
    other = optimizer_comparison.against_optimizer_by_curve(
        found.result.fluctuations[1:], sizes[1:], found.alpha, 256, criteria, None, (1, 256)
    )
    assert other is None  # other sizes
