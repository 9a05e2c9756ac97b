"""The study of instability: its spikes, alarms and rules on made-up series and tables, and one tiny trial of the whole."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("jax", reason="the study trains with JAX")

from studies.common.study import NOT, REPLICATES, UNDECIDED, check_verdict
from studies.instability import divergence, judging, spikes
from studies.instability.networks import rounded, task
from studies.instability.outcomes import outcomes
from studies.instability.ramp import GROWS_FROM, WATCHED, failure
from studies.instability.run import STUDY, run
from studies.instability.scores import NAMES, scores
from studies.instability.training import STEPS, train

SEEDS = 12


def noise(seed=0, size=STEPS):
    return np.random.default_rng(seed).normal(size=size)


def steady_run(name, b2, seed, lead, chance=0.05, placement=None):
    """A run with ten spikes; every statistic alarms `lead` steps before each (0: never)."""
    row = {"arm": "steady", "task": name, "bits": 0, "b2": b2, "rate": 0.01, "seed": seed}
    row |= {"lasted": STEPS, "calm": 2_500, "spikes": 10}
    for each in NAMES:
        leads = lead if np.ndim(lead) else [lead] * 10
        row |= {f"{each}_leads": list(leads), f"{each}_chance": chance, f"{each}_chance_soon": chance / 5, f"{each}_false": 1.0}
        row[f"{each}_placement"] = [(placement or {}).get(each, 0.5)] * 10
    return row


def steady_table(lead=0, **others):
    lead = lead if callable(lead) else (lambda _, value=lead: value)
    arms = [(name, b2) for name in ("curve", "digits") for b2 in (0.999, 0.95)]
    return pd.DataFrame([steady_run(name, b2, seed, lead(seed), **others) for name, b2 in arms for seed in range(SEEDS)])


def ramp_run(arm, seed, steps_of, failed=None):
    """A run whose statistics jump at the given steps; the others only fluctuate."""
    ends = np.arange(500, STEPS + 1, 50)
    rng = np.random.default_rng(seed)
    row = {"arm": arm, "task": "curve", "b2": 0.95, "bits": 0, "rate": 0.001, "seed": seed, "failure": failed, "ends": list(ends)}
    series = {name: rng.normal(0, 0.1, len(ends)) + 5 * (ends >= steps_of.get(name, math.inf)) for name in WATCHED}
    return row | {name: list(values) for name, values in series.items()}


def ramp_table(steps_of, seeds=SEEDS):
    grown = [ramp_run("ramp", seed, steps_of, failed=3_000.0) for seed in range(seeds)]
    return pd.DataFrame([*grown, *(ramp_run("constant", 100 + seed, {}) for seed in range(seeds))])


def verdicts(*tables):
    found = outcomes(pd.concat(tables, ignore_index=True))
    for each in found:
        check_verdict(each.verdict)
    return {each.claim: each.verdict for each in found}


def test_a_spike_is_two_high_losses_within_ten_steps_after_quiet():
    loss = 1 + 0.01 * noise()
    loss[[1_500, 1_503]] += 1
    loss[[1_540, 1_541]] += 3  # less than 50 steps after the spike
    loss[2_000] += 1  # alone
    loss[[2_500, 2_501]] += 1
    loss[[500, 501]] += 1  # before the judged steps
    deviates = spikes.deviating(loss)
    assert {500, 501, 1_540, 1_541} < set(np.flatnonzero(deviates).tolist())
    assert 2_000 not in np.flatnonzero(deviates)
    begins = np.flatnonzero(deviates & spikes.calm(deviates))
    assert begins.tolist() == [1_500, 2_500]
    assert not spikes.undisturbed(deviates)[2_450:2_551].any()
    assert spikes.undisturbed(deviates)[[2_449, 2_552]].all()


def test_a_lead_is_that_of_the_last_burst_that_began_in_the_50_steps_before():
    starts = np.zeros(STEPS, dtype=bool)
    starts[[1_010, 1_040, 2_000, 2_951]] = True
    assert spikes.leads(starts, np.array([1_050, 2_000, 2_050, 2_051, 3_001, 3_002])).tolist() == [10, 0, 50, 0, 50, 0]
    assert spikes.leads(np.zeros(STEPS, dtype=bool), np.array([1_050])).tolist() == [0]


def test_a_burst_begins_once_for_all_that_is_above_within_ten_steps():
    score = np.zeros(100)
    score[[20, 21, 30, 60]] = 5
    assert np.flatnonzero(spikes.onsets(score, 5)).tolist() == [20, 60]


def test_the_threshold_gives_one_alarm_in_1000_steps_and_no_lower_one_does():
    every = [(noise(seed), np.arange(STEPS) >= spikes.START) for seed in range(10)]
    limit = spikes.threshold_of(every)

    def alarms(threshold):
        return sum(int((spikes.onsets(score, threshold) & at).sum()) for score, at in every)

    assert 24 <= alarms(limit) <= 30
    assert alarms(0.95 * limit) > 30


def test_placement_is_chance_for_noise_and_one_where_the_score_always_rises_before():
    at = np.arange(STEPS) >= spikes.START
    places = np.arange(1_100, STEPS, 97)
    score = noise(3)
    assert spikes.placement(score, places, at).mean() == pytest.approx(0.5, abs=0.15)
    score[places - 7] += 20
    assert spikes.placement(score, places, at).min() > 0.15
    calm = at & ~spikes.within_last(np.isin(np.arange(STEPS), places - 7), 50)
    assert spikes.placement(score, places, calm).min() == 1


def test_a_departure_does_not_see_the_step_itself_or_later_ones():
    series = noise(1)
    other = series.copy()
    other[2_001:] = 9
    np.testing.assert_array_equal(spikes.departure(series)[:2_001], spikes.departure(other)[:2_001])
    other[2_000] += 3
    assert spikes.departure(other)[2_000] - spikes.departure(series)[2_000] == pytest.approx(3, rel=0.5)


def test_training_has_failed_from_where_it_stays_bad():
    loss = np.full(STEPS, 0.2)
    loss[2_000:2_100] = 3  # comes back
    loss[3_000:] = 3
    assert failure(loss, guess=2.0) == pytest.approx(3_012, abs=12)
    assert math.isnan(failure(np.full(STEPS, 0.2), guess=2.0))
    assert failure(loss[:2_500], guess=2.0) == 2_500  # the loss was no longer finite


@pytest.mark.parametrize("name", ["curve", "digits"])
def test_the_constant_guess_is_as_good_as_a_constant_gets(name):
    labels = np.asarray(task(name).data[1])
    if name == "curve":
        assert task(name).guess == pytest.approx(float(np.mean((labels - labels.mean()) ** 2)), rel=1e-5)
    else:
        shares = np.bincount(labels) / len(labels)
        assert task(name).guess == pytest.approx(-np.mean(np.log(shares[labels])), rel=1e-5)


def test_four_bits_leave_fifteen_values():
    values = np.unique(np.asarray(rounded(np.linspace(-1, 1, 999, dtype=np.float32), 4)))
    assert len(values) == 15
    assert np.ptp(np.diff(values)) < 1e-6


def test_bursts_before_every_spike_replicate():
    found = verdicts(steady_table(lead=5))
    assert [found[key] for key in ("burst_full_batch", "burst_minibatch", "rms_rule", "alpha_spikes")] == [REPLICATES] * 4
    later = verdicts(steady_table(lead=20))
    assert (later["burst_full_batch"], later["rms_rule"]) == (REPLICATES, NOT)


def test_bursts_no_more_often_than_by_chance_do_not():
    found = verdicts(steady_table(lead=5, chance=0.95))
    assert {found[key] for key in ("burst_full_batch", "burst_minibatch", "alpha_spikes")} == {NOT}
    assert verdicts(steady_table(lead=0))["burst_full_batch"] == NOT


def test_seeds_that_disagree_or_are_few_leave_it_undecided():
    split = steady_table(lead=lambda seed: 5 if seed % 2 else 0)
    assert verdicts(split)["burst_full_batch"] == UNDECIDED
    few = steady_table(lead=5)
    assert set(verdicts(few[few["seed"] < 9]).values()) == {UNDECIDED}


def test_a_warning_must_be_better_than_both_the_loss_and_the_gradient():
    better = {"update_layer": 0.8}
    assert verdicts(steady_table(placement=better))["beyond_loss"] == REPLICATES
    assert verdicts(steady_table(placement=better | {"gradient_layer": 0.8}))["beyond_loss"] == NOT
    assert verdicts(steady_table(placement=better | {"loss": 0.81}))["beyond_loss"] == NOT


def test_fewer_spikes_with_a_lower_beta2():
    table = steady_table()
    assert verdicts(table)["lower_beta2"] == NOT
    fewer = table.assign(spikes=table["spikes"].where(table["b2"] > 0.99, table["seed"] % 3))
    assert verdicts(fewer)["lower_beta2"] == REPLICATES
    noisy = table.assign(spikes=table["spikes"] + np.where(table["b2"] > 0.99, table["seed"] % 5 - 2, 0))
    assert verdicts(noisy)["lower_beta2"] == UNDECIDED


@pytest.mark.parametrize(
    ("alpha", "loss", "verdict"), [(2_000, 2_500, REPLICATES), (2_500, 2_000, NOT), (3_600, 2_500, NOT), (2_000, None, REPLICATES)]
)
def test_alpha_warns_of_divergence_if_it_comes_before_failure_and_no_later_than_the_loss(alpha, loss, verdict):
    steps = {"alpha_500": alpha} | ({"loss": loss} if loss else {})
    assert verdicts(steady_table(), ramp_table(steps))["alpha_divergence"] == verdict
    assert verdicts(steady_table(), ramp_table(steps, seeds=6))["alpha_divergence"] == UNDECIDED


def test_a_study_that_was_stopped_early_has_an_outcome_for_each_claim(tmp_path):
    for table in (steady_table(), ramp_table({}), ramp_table({}).iloc[:2]):
        assert set(verdicts(table)) == {claim.key for claim in STUDY.claims}
        assert all(title for title, _ in STUDY.tables(table))
        assert STUDY.not_done(table)
        STUDY.picture(table, tmp_path / "picture.png")


def test_an_alarm_is_known_at_the_third_window():
    table = ramp_table({"alpha_500": 2_000, "level": GROWS_FROM + 50})
    found = divergence.alarms(table)
    assert set(found["alpha_500"]) == {3_000 - 2_100}
    assert set(found["level"]) == {3_000 - GROWS_FROM - 150}
    assert len(found) == SEEDS


@pytest.fixture(scope="module")
def trial():
    """A trial with fewer stable runs than the study has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "STABLE_SEEDS", range(100, 102))
        judging.thresholds.cache_clear()
        settings = [each for each in STUDY.settings(True) if each["seed"] % 100 == 0]
        yield pd.DataFrame([{**each, **run(**each)} for each in settings])
    judging.thresholds.cache_clear()


def test_a_trial_goes_through_to_the_page(trial, tmp_path):
    assert [each.verdict for each in STUDY.outcomes(trial)] == [UNDECIDED] * len(STUDY.claims)
    assert [each.claim for each in STUDY.outcomes(trial)] == [each.key for each in STUDY.claims]
    assert all(len(table) for _, table in STUDY.tables(trial))
    assert any("failed for good" in each for each in STUDY.not_done(trial))
    STUDY.picture(trial, tmp_path / "picture.png")
    assert 5_000 < (tmp_path / "picture.png").stat().st_size < 80_000


def test_a_run_repeats_to_the_bit_and_holds_up_to_its_definition(trial):
    row = trial[trial["arm"] == "steady"].iloc[0]
    trace = train("curve", 0, 0.999, np.full(STEPS, 0.01), int(row["seed"]))
    again = train("curve", 0, 0.999, np.full(STEPS, 0.01), int(row["seed"]))
    for one, other in zip(trace, again, strict=True):
        np.testing.assert_array_equal(one, other)
    deviates = spikes.deviating(trace.loss)
    begins = np.flatnonzero(deviates & spikes.calm(deviates))
    assert len(begins) == row["spikes"] > 0
    starts = spikes.onsets(scores(trace)["rms_rule"], judging.WORTSMAN)
    assert spikes.leads(starts, begins).tolist() == row["rms_rule_leads"]


def test_the_first_update_of_adam_is_the_rate_in_every_weight():
    trace = train("curve", 0, 0.95, np.full(STEPS, 0.001), 10_000)
    sizes = [64 + 64, 64 * 64 + 64, 64 + 1]
    np.testing.assert_allclose(trace.update[0] / 0.001, np.sqrt(sizes), rtol=0.02)
    np.testing.assert_allclose(trace.rms[0], 1, rtol=0.02)


def test_the_plan_is_that_of_the_protocol():
    plan = pd.DataFrame(STUDY.settings(False))
    assert plan.value_counts("arm").to_dict() == {"steady": 576, "ramp": 72, "constant": 72}
    assert not plan.duplicated().any()
    assert all(claim.name for claim in STUDY.claims)
    assert plan[plan["arm"] == "steady"].groupby(["task", "bits", "b2", "rate"])["seed"].nunique().eq(12).all()
    assert pd.DataFrame(STUDY.settings(True))["seed"].isin([10_000, 10_001, 10_100, 10_101]).all()
