"""Is the verdict true? On runs that are made apart: what mundane training gives is explained, and what it does not give is found.

A small version of ``benchmarks/verdicts.py``, in which 60 runs stand for 400: limits leave room for chance.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.mundane import noise, windows
from benchmarks.mundane.gradients import GRADIENTS, White
from benchmarks.mundane.optimizers import OPTIMIZERS, SGD, Adam
from benchmarks.mundane.schedules import SCHEDULES, OneCycle
from tests.conftest import require
from wcdfa.verdicts import judge
from wcdfa.verdicts.single_window import verdict

RUNS, WINDOW = 60, 500
LATER = 1000  # steps after which these optimizers have forgotten their start
RARE = 1e-3  # chance that a cell that keeps to its bar fails


def most(share, runs=RUNS):
    """Hits in so many runs that a share leads to by chance: more are rare."""
    chances = np.cumsum([math.comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(runs + 1)])
    return int(np.argmax(chances > 1 - RARE))


def least(share, runs=RUNS):
    """Hits in so many runs that a share leads to by chance: fewer are rare."""
    return runs - most(1 - share, runs)


def varying(optimizer, made):
    """Hyperparameters as a recorder knows them: momentum or betas of each step where the schedule changes them."""
    if made.momentum is None:
        return optimizer.keywords
    if isinstance(optimizer, Adam):
        return optimizer.keywords | {"betas": np.column_stack([made.momentum, np.full(len(made.momentum), optimizer.betas[1])])}
    return optimizer.keywords | {"momentum": made.momentum}


def verdicts_on(optimizer, made, norms=None, **options):
    known = {"steps": made.steps, "lr": made.lr, **varying(optimizer, made), **options}
    return [verdict(each, **known) for each in (made.norms if norms is None else norms)]


KINDS = ("optimizer", "gradients")  # findings of what is compared


def told_from(found):
    """How many are said to differ from the optimizer."""
    briefs = [" ".join(finding.brief for finding in each.findings if finding.kind in KINDS) for each in found]
    return sum("not explained" in each or "less memory" in each for each in briefs)


def explained(found):
    return sum(bool(set(KINDS).intersection(each.explained_by)) for each in found)


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


def test_limits_leave_room_for_chance():
    draws = np.random.default_rng(0).binomial(RUNS, [[0.07], [0.9]], (2, 20_000))
    assert np.mean(draws[0] > most(0.07)) < 0.002
    assert np.mean(draws[1] < least(0.9)) < 0.002
    assert most(0.07) < 0.2 * RUNS
    assert least(0.9) > 0.7 * RUNS


@pytest.mark.parametrize(
    ("optimizer", "gradients", "first", "schedule"),
    [
        ("SGD .9", "white", LATER, "constant"),
        ("AdamW .9 .999", "white", 0, "constant"),
        ("SGD", "white", LATER, "constant"),
        slow("SGD .99", "white", 0, "constant"),
        ("AdamW .9 .95", "white", 0, "constant"),
        ("RMSprop", "white", 0, "constant"),
        ("SGD .9", "mean 10 %", LATER, "constant"),
        ("SGD .9", "mean 100 %", 0, "constant"),
        ("AdamW .9 .999", "mean 10 %", 0, "constant"),
        ("AdamW .9 .999", "mean 100 %", LATER, "constant"),
        ("SGD .9", "batch lognormal 1", LATER, "constant"),
        ("SGD .9", "quadratic .5", LATER, "constant"),
        slow("SGD .9", "least squares, solved", LATER, "constant"),
        slow("AdamW .9 .999", "white", 0, "warm-up + cosine"),
        slow("SGD .9", "white", 0, "OneCycle"),
    ],
)
def test_mundane_runs_are_rarely_told_from_their_optimizer(optimizer, gradients, first, schedule):
    """At most 7 %, in a later window and in the first one."""
    rule = OPTIMIZERS[optimizer]
    made = windows(rule, GRADIENTS[gradients], runs=RUNS, window=WINDOW, first=first, seed=1, schedule=SCHEDULES[schedule])
    found = verdicts_on(rule, made)
    assert told_from(found) <= most(0.07)
    assert sum(each.p_value < 0.05 for each in found) <= most(0.07)
    assert np.mean(np.isfinite([each.p_value for each in found])) > 0.9  # they were compared


@pytest.mark.parametrize(("optimizer", "alpha"), [("SGD .9", 0.8), ("SGD .9", 1.0), ("AdamW .9 .999", 0.8), ("AdamW .9 .999", 1.0)])
def test_memory_beyond_the_optimizer_is_found(optimizer, alpha):
    """In 90 %, where log norms spread by 0.2 on top of what the optimizer gives."""
    rule = OPTIMIZERS[optimizer]
    made = windows(rule, White(), runs=RUNS, window=WINDOW, first=LATER, seed=2)
    more = made.norms * noise.norms(noise.arfima(alpha, WINDOW, runs=RUNS, seed=3), 0.2)
    assert told_from(verdicts_on(rule, made, more)) >= least(0.9)


@pytest.mark.parametrize("keywords", [SGD(momentum=0.9).keywords, pytest.param(Adam().keywords, marks=pytest.mark.slow)], ids=str)
@pytest.mark.parametrize("first", [LATER, 0, None])
def test_noise_of_long_memory_alone_is_not_explained_by_momentum(keywords, first):
    """In at most 5 %, though momentum gives the same α."""
    norms = noise.norms(noise.arfima(1.0, WINDOW, runs=RUNS, seed=4), 0.2)
    steps = None if first is None else first + 1 + np.arange(WINDOW)
    found = [verdict(each, steps=steps, **keywords) for each in norms]
    assert explained(found) <= most(0.05)
    assert np.median([each.alpha for each in found]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("d", [1, 10, slow(500), slow(5000)])
@pytest.mark.parametrize("optimizer", ["AdamW .9 .999", slow("SGD .9"), slow("AdamW .95 .95")])
def test_the_first_window_is_right_for_any_number_of_coordinates(optimizer, d):
    rule, runs = OPTIMIZERS[optimizer], 30
    made = windows(rule, White(d=d), runs=runs, window=256, seed=5)
    found = verdicts_on(rule, made)
    assert told_from(found) <= most(0.07, runs)
    settled = verdicts_on(rule, made, steps=50_001 + np.arange(256))  # what it was compared with earlier
    if d > 100 and optimizer != "SGD .9":
        assert told_from(settled) > most(0.07, runs)


def test_a_run_whose_steps_are_unknown_may_be_at_its_start():
    rule = OPTIMIZERS["AdamW .9 .95"]
    for first in (0, LATER):
        made = windows(rule, White(d=500), runs=30, window=256, first=first, seed=6)
        assert told_from([verdict(norms, **rule.keywords) for norms in made.norms]) <= most(0.07, 30)


@pytest.mark.parametrize(("alpha", "scale"), [(None, 0.0), (None, 0.3), (0.95, 0.0)])
def test_gradient_norms_are_compared_with_gradients(alpha, scale):
    """White ones are explained, whatever the optimizer; those of α = 0.95 are found in 80 %."""
    made = windows(SGD(), White(d=200, scale=scale), runs=RUNS, window=WINDOW, seed=7)
    norms = made.gradient_norms if alpha is None else noise.norms(noise.arfima(alpha, WINDOW, runs=RUNS, seed=8), 0.2)
    found = [verdict(each, quantity="gradient norm", steps=made.steps, optimizer="adamw") for each in norms]
    assert not any("AdamW" in finding.text for each in found for finding in each.findings)
    if alpha is None:
        assert told_from(found) <= most(0.07)
        assert explained(found) >= least(0.9)
    else:
        assert told_from(found) >= least(0.8)


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, LATER])
def test_every_10th_step_of_momentum_is_explained(first):
    rule = OPTIMIZERS["SGD .9"]
    made = windows(rule, White(), runs=RUNS, window=2560, first=first, seed=9)
    found = [verdict(norms[9::10], steps=made.steps[9::10], lr=made.lr[9::10], **rule.keywords) for norms in made.norms]
    assert explained(found) >= least(0.93)
    assert all("recorded every 10 steps" in each.compared for each in found)
    assert all("thinned" in [finding.kind for finding in each.findings] for each in found)


def test_every_10th_step_is_not_taken_for_every_step():
    """What it was compared with earlier: momentum has left no memory over ten steps."""
    rule = OPTIMIZERS["SGD .9"]
    made = windows(rule, White(), runs=10, window=5000, first=LATER, seed=9)
    steps = LATER + 1 + np.arange(WINDOW)
    assert explained([verdict(norms[9::10], steps=steps, **rule.keywords) for norms in made.norms]) == 0


@pytest.mark.parametrize("total", [slow(1000), slow(1500)])
@pytest.mark.parametrize("optimizer", ["SGD .9", "AdamW .9 .95"])
def test_cycled_momentum_is_replayed_as_it_was(optimizer, total):
    """Its last value alone gives another null, that of no step but one."""
    rule, runs = OPTIMIZERS[optimizer], 30
    made = windows(rule, White(d=300), runs=runs, window=WINDOW, seed=10, schedule=OneCycle(total=total))
    assert told_from(verdicts_on(rule, made)) <= most(0.07, runs)


@pytest.mark.slow
def test_the_last_momentum_alone_would_be_wrong():
    rule = OPTIMIZERS["SGD .9"]
    made = windows(rule, White(d=300), runs=20, window=WINDOW, seed=10, schedule=OneCycle(total=1667))
    assert made.momentum[-1] == pytest.approx(0.85)
    constant = rule.keywords | {"momentum": 0.85}
    assert told_from([verdict(norms, steps=made.steps, lr=made.lr, **constant) for norms in made.norms]) >= least(0.9, 20)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["SGD .9", "AdamW .9 .999"])
def test_a_run_of_many_windows_is_rarely_told_from_its_optimizer(optimizer):
    """At most 7 % of runs have any window that is said to differ."""
    rule, runs = OPTIMIZERS[optimizer], 30
    made = windows(rule, White(mean=0.1), runs=runs, window=10 * 256, seed=11)
    judged = [judge(norms, window=256, steps=made.steps, lr=made.lr, **rule.keywords) for norms in made.norms]
    assert sum(told_from(each.verdicts) > 0 for each in judged) <= most(0.07, runs)
    assert sum(bool(each.run.differing) for each in judged) <= most(0.07, runs)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["SGD .9", "AdamW .9 .999"])
def test_memory_in_one_window_of_a_run_is_found(optimizer):
    rule, runs = OPTIMIZERS[optimizer], 15
    made = windows(rule, White(), runs=runs, window=5 * WINDOW, seed=12)
    norms = made.norms.copy()
    norms[:, 3 * WINDOW : 4 * WINDOW] *= noise.norms(noise.arfima(1.0, WINDOW, runs=runs, seed=13), 0.3)
    judged = [judge(each, window=WINDOW, steps=made.steps, lr=made.lr, **rule.keywords) for each in norms]
    assert sum(3 in each.run.differing for each in judged) >= least(0.9, runs)
    assert all(each.run.compared == 5 for each in judged)


def test_memory_is_found_where_short_memory_would_fit_too():
    """A named optimizer outranks it: each batch was used twice."""
    rng = np.random.default_rng(14)
    buffer, norms = np.zeros((30, 128)), []
    for step in range(300 + WINDOW):
        if step % 2 == 0:
            gradient = rng.standard_normal((30, 128))
        buffer = 0.9 * buffer + gradient
        norms.append(np.linalg.norm(buffer, axis=1))
    steps = LATER + 1 + np.arange(WINDOW)
    found = [verdict(each, optimizer="sgd", momentum=0.9, steps=steps) for each in np.array(norms[300:]).T]
    assert told_from(found) >= least(0.9, 30)
    assert not any("explained by" in str(each) and "not explained" not in str(each) for each in found if each.p_value < 0.05)


def test_an_optimizer_that_no_replay_knows_is_said_to_be():
    torch = require("torch")
    from wcdfa.backends.torch import attach

    class Own(torch.optim.SGD):
        """Steps as SGD does, in its own class."""

    weights = torch.nn.Parameter(torch.zeros(64))
    optimizer = Own([weights], lr=0.1)
    handle = attach(optimizer)
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        weights.grad = torch.randn(64, generator=generator)
        optimizer.step()
    found = handle.read().verdict()
    texts = [finding.text for finding in found.findings if finding.kind == "optimizer"]
    assert any(text.startswith("not compared with the optimizer: Own") for text in texts)
    assert "not compared" in str(found)
    assert math.isnan(found.p_value)
