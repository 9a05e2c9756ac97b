"""The diagnosis: what a run is, what changed in it, and why."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wcdfa
from tests.helpers.vector_runs import adam, sgd, white
from wcdfa import diagnose
from wcdfa.recording.reading import Reading
from wcdfa.verdicts.causes import clear, ranked
from wcdfa.verdicts.effects import NOTCHES
from wcdfa.verdicts.signatures import CAUSES, STATISTICS, signatures


def named_sgd(run, **options):
    return diagnose(run.norms, **run.series(), lr=0.1, optimizer="sgd", momentum=0.9, start=0, **options)


def named_adam(run, **options):
    return diagnose(run.norms, **run.series(), lr=1e-3, optimizer="adam", betas=(0.9, 0.99), start=0, **options)


def twice(gradients):
    """Each gradient is that of the batch before in every second step."""
    return np.repeat(gradients[::2], 2, axis=0)[: len(gradients)]


def accumulated(gradients, every):
    """Gradients that are set to zero at every so many steps only."""
    out = gradients.copy()
    for t in range(len(out)):
        if t % every:
            out[t] += out[t - 1]
    return out


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mean", [0.0, 0.3])
@pytest.mark.parametrize("named", [named_sgd, named_adam])
def test_nothing_is_found_in_a_run_that_is_what_it_is_said_to_be(named, mean, seed):
    gradients = white(1500, seed=seed, mean=mean)
    found = named((sgd if named is named_sgd else adam)(gradients), baseline=900)
    assert not found.found
    assert found.causes == ()
    assert found.since is None
    assert str(found).startswith("nothing found. Compared: ")
    assert all(check.p > 0 for check in found.checks)


@pytest.mark.slow
@pytest.mark.parametrize("named", [named_sgd, named_adam])
def test_false_alarms_in_white_runs(named):
    """At most 5 % of runs for each question, so 10 % for both; 80 runs give that ± 3."""
    alarms = 0
    for seed in range(80):
        gradients = white(1500, seed=1000 + seed, mean=0.1 * (seed % 3))
        alarms += named((sgd if named is named_sgd else adam)(gradients), baseline=900).found
    assert alarms <= 0.1 * 80 + 3 * math.sqrt(80 * 0.1 * 0.9)


FAULTS = {
    "batches repeated": lambda g: sgd(twice(g) + 0.7 * white(len(g), seed=77)),
    "gradients not zeroed": lambda g: sgd(accumulated(g, 4)),
    "momentum smaller": lambda g: sgd(g, momentum=0.8),
    "momentum larger": lambda g: sgd(g, momentum=0.99),
    "half precision": lambda g: sgd(g, rounded=True, lr=1e-3),
}


@pytest.mark.parametrize("cause", FAULTS)
def test_faults_from_the_start_are_found_with_their_cause(cause):
    run = FAULTS[cause](white(1000, seed=3))
    lr = 1e-3 if cause == "half precision" else 0.1
    found = diagnose(run.norms, **run.series(), lr=lr, optimizer="sgd", momentum=0.9, start=0, baseline=0)
    assert found.deviations
    assert cause in [each.name for each in found.causes[:3]]
    assert found.since is not None
    assert found.since <= 501
    assert CAUSES[found.causes[0].name].text in str(found)


@pytest.mark.parametrize(("betas", "cause"), [((0.8, 0.99), "momentum smaller"), ((0.95, 0.99), "momentum larger")])
def test_adam_with_another_momentum_than_named(betas, cause):
    found = named_adam(adam(white(800, seed=5), betas), baseline=0)
    assert "size of what gradients add" in [check.statistic for check in found.deviations]
    assert cause in [each.name for each in found.causes[:2]]


def test_a_state_that_is_lost_again_and_again():
    found = named_adam(adam(white(800, seed=6), reset=100), baseline=0)
    assert found.causes[0].name == "state reset"
    lost = next(check for check in found.deviations if check.statistic == "steps without momentum")
    assert 101 <= lost.since <= 102
    assert lost.amount == 100


def test_the_momentum_of_sgd_is_told_from_the_gradient_norms():
    found = named_sgd(sgd(white(600, seed=7), momentum=0.95), baseline=0)
    spread = next(check for check in found.deviations if check.statistic == "spread of the gradient norm")
    assert spread.amount == pytest.approx(0.95, abs=0.002)


@pytest.mark.parametrize("onset", [1200, 1500])
@pytest.mark.parametrize("optimizer", ["sgd", None])
def test_a_change_is_found_with_its_step(onset, optimizer):
    gradients = white(2000, seed=8)
    gradients[onset:] = twice(gradients)[onset:]
    run = sgd(gradients)
    named = {} if optimizer is None else {"optimizer": "sgd", "momentum": 0.9}
    found = diagnose(run.norms, **run.series(), lr=0.1, start=0, baseline=1000, **named)
    assert found.changes
    assert onset - 25 <= found.changes[0].since <= onset + 100
    assert "batches repeated" in [cause.name for cause in found.causes[:3]]
    if optimizer is None:
        assert found.deviations == ()
        assert "only changes are judged" in found.not_compared[0]


def test_groups_that_freeze_or_grow_are_named():
    run = sgd(white(1500, seed=9))
    still, larger = run.norms.copy(), run.norms.copy()
    still[1000:] = 0
    larger[1000:] *= 3
    found = diagnose(run.norms, groups={"still": still, "larger": larger, "usual": run.norms}, lr=0.1, baseline=800)
    events = {(change.statistic, change.group) for change in found.changes}
    assert ("frozen", "still") in events
    assert ("level", "larger") in events
    assert not any(change.group == "usual" for change in found.changes)


def test_a_jump_of_the_learning_rate_is_said_as_such():
    lr = np.where(np.arange(1500) < 1000, 0.1, 0.01)
    run = sgd(white(1500, seed=10), lr=lr)
    found = diagnose(run.norms, **run.series(), lr=lr, optimizer="sgd", momentum=0.9, start=0, baseline=800)
    jump = next(change for change in found.changes if change.statistic == "learning rate")
    assert (jump.since, jump.before, jump.after) == (1001, 0.1, 0.01)
    assert found.causes[0].name == "learning rate"


def test_a_smooth_schedule_is_no_change():
    lr = 0.1 * 0.999 ** np.arange(1500)
    run = sgd(white(1500, seed=11), lr=lr)
    assert not diagnose(run.norms, **run.series(), lr=lr, optimizer="sgd", momentum=0.9, start=0, baseline=800).found


@pytest.mark.parametrize("missing", ["cosine", "sketch", "gradient_norm", "weight_norm"])
def test_what_is_missing_is_said_and_the_rest_is_compared(missing):
    run = sgd(white(1500, seed=12))
    series = {name: values for name, values in run.series().items() if name != missing}
    found = diagnose(run.norms, **series, lr=0.1, optimizer="sgd", momentum=0.9, start=0, baseline=900)
    assert not found.found
    said = " ".join(found.not_compared)
    assert ("cosine" in said) == (missing == "cosine")
    assert ("sketch" in said) == (missing == "sketch")


def test_only_norms():
    found = diagnose(sgd(white(1500, seed=13)).norms)
    assert not found.found
    assert found.checks == ()
    assert "only changes are judged" in str(found)


@pytest.mark.parametrize("n", [0, 1, 30, 249, 320])
def test_short_runs_are_not_compared(n):
    run = sgd(white(max(n, 2), seed=14))
    part = {name: values[:n] for name, values in run.series().items()}
    found = diagnose(run.norms[:n], **part, lr=0.1, optimizer="sgd", momentum=0.9)
    assert not found.found
    assert any("changes" in reason for reason in found.not_compared)


def test_gaps_and_zeros_do_not_raise():
    run = sgd(white(1200, seed=15))
    norms, sketch, cosine = run.norms.copy(), run.sketch.copy(), run.cosine.copy()
    norms[100:110], sketch[100:110], cosine[100:111] = np.nan, np.nan, np.nan
    norms[500], sketch[700] = 0.0, 0.0
    found = diagnose(norms, cosine=cosine, sketch=sketch, lr=0.1, optimizer="sgd", momentum=0.9, baseline=800)
    assert not found.found


@pytest.mark.parametrize("sketch", [np.zeros((1200, 8)), np.full((1200, 8), np.nan), np.ones((1200, 1)), np.zeros((1200, 0))])
def test_a_sketch_that_shows_nothing(sketch):
    run = sgd(white(1200, seed=16))
    found = diagnose(run.norms, sketch=sketch, lr=0.1, optimizer="sgd", momentum=0.9, baseline=800)
    shown = {check.statistic for check in found.checks}
    assert not shown & {"neighbours", "near gradients", "vector α, small boxes"}
    assert not found.changes


def test_thinned_records_have_no_direction():
    run = sgd(white(3000, seed=17))
    every = {name: values[::10] for name, values in run.series().items()}
    found = diagnose(run.norms[::10], **every, steps=np.arange(1, 3001, 10), lr=0.1, optimizer="sgd", momentum=0.9)
    assert any("the direction, because not every step was recorded" in reason for reason in found.not_compared)
    assert not found.deviations


def test_varying_hyperparameters_are_not_compared_with_a_constant():
    momentum = np.linspace(0.8, 0.95, 1500)
    run = sgd(white(1500, seed=18), momentum=momentum)
    found = diagnose(run.norms, **run.series(), lr=0.1, optimizer="sgd", momentum=momentum, start=0, baseline=900)
    assert found.deviations == ()
    assert "because its momentum varies" in " ".join(found.not_compared)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cosine": np.ones(3)}, "cosine must have one number for each of the 500 norms"),
        ({"sketch": np.ones(500)}, "sketch must have one row for each of the 500 norms"),
        ({"baseline": 501}, "baseline must be from 0 to the 500 norms, got 501"),
        ({"groups": {"head": np.ones(4)}}, r"groups\['head'\] must have one number"),
    ],
)
def test_wrong_series_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        diagnose(np.ones(500), **given)


def test_a_reading_diagnoses_itself():
    run = sgd(twice(white(1000, seed=19)))
    reading = Reading(
        run.norms,
        1000,
        0,
        lr=np.full(1000, 0.1),
        optimizer="sgd",
        hyperparameters={"momentum": 0.9},
        cosine=run.cosine,
        sketch=run.sketch,
        weight_norm=run.weight_norm,
        gradients=run.gradient_norm,
        taken=0,
    )
    found = reading.diagnosis(baseline=0)
    assert found.causes[0].name in ("batches repeated", "gradients not zeroed")
    assert any(check.statistic == "neighbours" for check in found.deviations)
    same = wcdfa.diagnose(run.norms, **run.series(), lr=0.1, optimizer="sgd", momentum=0.9, start=0, baseline=0)
    assert str(found) == str(same)
    ensemble = Reading(np.ones((2, 5)), np.array([5, 5]), np.array([0, 0]))
    with pytest.raises(ValueError, match="belong to an ensemble"):
        ensemble.diagnosis()


def test_the_catalogue_has_words_for_all_it_names():
    for signature in wcdfa.verdicts.signatures.signatures():
        assert signature.cause in CAUSES
        assert signature.question in ("change", "named")
        assert all(math.isfinite(mean) and spread >= 0 for mean, spread in signature.effects.values())
    named = {name for signature in wcdfa.verdicts.signatures.signatures() for name in signature.effects}
    assert named <= set(NOTCHES)
    assert {name for name in NOTCHES if "of a group" not in name and name != "level at first"} <= set(STATISTICS)


def test_effects_of_no_known_cause_have_no_clear_cause():
    rng, names = np.random.default_rng(20), list(NOTCHES)
    wild = [dict(zip(names, rng.uniform(-5, 5, len(names)), strict=True)) for _ in range(100)]
    assert sum(clear(ranked(effects, signatures(), "change")) for effects in wild) <= 5


@pytest.mark.parametrize("d", [1, 4, 8, 16])
@pytest.mark.parametrize("named", [named_sgd, named_adam])
def test_few_parameters_lose_no_momentum(named, d):
    for seed in range(3):
        run = (sgd if named is named_sgd else adam)(white(1500, d=d, seed=seed))
        assert "steps without momentum" not in {check.statistic for check in named(run, baseline=0).deviations}


def test_without_rates_no_cause_is_named():
    lr = 0.1 * np.linspace(1, 0.01, 1500)
    run = sgd(white(1500, seed=21), lr=lr)
    found = diagnose(run.norms, **run.series(), optimizer="sgd", momentum=0.9, start=0, baseline=800)
    assert found.causes == ()
    assert any("learning rate" in reason for reason in found.not_compared)


def test_a_weight_norm_that_is_not_known_is_no_deviation():
    run = sgd(white(800, seed=22))
    series = run.series() | {"weight_norm": np.full(800, np.nan)}
    assert not diagnose(run.norms, **series, lr=0.1, optimizer="sgd", momentum=0.9, start=0, baseline=0).deviations


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_gradient_norms_of_another_unit_are_no_other_momentum(factor):
    run = sgd(white(800, seed=23))
    series = run.series() | {"gradient_norm": factor * run.gradient_norm}
    assert not diagnose(run.norms, **series, lr=0.1, optimizer="sgd", momentum=0.9, start=0, baseline=0).deviations


def test_gradient_norms_before_clipping_are_no_other_momentum():
    gradients = white(800, seed=24) * np.exp(0.5 * np.random.default_rng(0).standard_normal((800, 1)))
    norms = np.linalg.norm(gradients, axis=1)
    run = sgd(gradients * np.minimum(1, 8 / norms)[:, np.newaxis])
    series = run.series() | {"gradient_norm": norms}
    assert not diagnose(run.norms, **series, lr=0.1, optimizer="sgd", momentum=0.9, start=0, baseline=0).deviations


def test_the_end_of_a_cosine_schedule_is_no_jump():
    lr = 0.1 * (1 + np.cos(np.pi * np.arange(1500) / 1501)) / 2
    run = sgd(white(1500, seed=25), lr=lr)
    found = diagnose(run.norms, **run.series(), lr=lr, optimizer="sgd", momentum=0.9, start=0, baseline=800)
    assert "learning rate" not in {change.statistic for change in found.changes}


def test_a_group_that_rests_and_moves_again_is_not_frozen():
    run = sgd(white(1500, seed=26))
    rests = run.norms.copy()
    rests[1000:1040] = 0
    found = diagnose(run.norms, groups={"rests": rests, "other": run.norms}, lr=0.1, baseline=800)
    assert "frozen" not in {change.statistic for change in found.changes}
