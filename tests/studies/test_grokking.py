"""Grokking: the rules of the protocol, the events, the losses, and a tiny trial from runs to picture."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("jax")
pytest.importorskip("optax")
import jax
import jax.numpy as jnp

from studies.common import results
from studies.grokking import leads
from studies.grokking.alarms import alarms
from studies.grokking.events import second_transition, slingshot
from studies.grokking.losses import loss_named
from studies.grokking.network import tasks
from studies.grokking.recorded import EVERY, Recorded
from studies.grokking.run import STUDY, settings
from studies.grokking.summary import summary_of
from studies.grokking.tracks import NAMES
from studies.grokking.training import last_step

STEPS = 7_000


@pytest.fixture(scope="module")
def trial():
    """A run of the quick trial, twice."""
    plain, *_ = settings(True)
    return [plain | STUDY.run(**plain) for _ in range(2)]


def test_a_run_gives_the_same_bits_again(trial):
    first, again = trial
    assert str(first) == str(again)
    assert first["memorised"] < 500
    assert all(len(value) <= 200 for value in first.values() if isinstance(value, list))


def test_a_trial_becomes_verdicts_tables_and_a_picture(trial, tmp_path):
    runs = pd.DataFrame([trial[0], trial[1] | {"arm": "shuffled answers"}])
    assert {each.verdict for each in results.judged(STUDY, runs)} == {"undecided"}
    assert all(len(table) for _, table in STUDY.tables(runs))
    assert "float32, p = 11: 1 of 10 seeds." in STUDY.not_done(runs)
    assert any("float32, p = 97; float64 logits, p = 97" in each for each in STUDY.not_done(runs))
    for each in STUDY.outcomes(runs):
        assert not {"nan", "inf", "unknown"} & set(" ".join(each[2:5]).replace("(", " ").split())
        assert "0 of 0" not in " ".join(each[2:5])
    STUDY.picture(runs, tmp_path / "picture.png")
    assert 5_000 < (tmp_path / "picture.png").stat().st_size < 80_000


def test_shuffled_answers_follow_no_rule_and_the_pairs_stay():
    known, unknown = tasks(7, seed=3)
    shuffled, _ = tasks(7, seed=3, shuffled=True)
    first, second = (np.asarray(each).argmax(1) for each in (known.first, known.second))
    assert ((first + second) % 7 == known.answer).all()
    assert (shuffled.first == known.first).all()
    assert (shuffled.answer == known.answer).mean() < 0.6
    assert (len(known.answer), len(unknown.answer)) == (14, 35)
    assert len(tasks(43, seed=0)[0].answer) == 739


def test_settings_put_first_what_the_verdicts_need():
    planned = settings(False)
    assert len({str(each) for each in planned}) == len(planned)
    assert {each["arm"] for each in planned[:30]} == {"float32", "float64 logits", "shuffled answers"}
    assert {each["p"] for each in planned[:30]} == {43}
    for arm in {each["arm"] for each in planned}:
        assert [each["seed"] for each in planned if each["arm"] == arm and each["p"] == 43] == list(range(10))


def row(arm, seed, grok=9_000.0, second=math.nan, spike=math.nan, early=()):
    """A made-up run, with alarms of α by 0.1.0 only."""
    events = {"arm": arm, "p": 43, "seed": seed, "risen": grok - 3_000, "grok": grok, "second": second, "slingshot": spike}
    others = {"second_loss": 4e-7, "lowest_alpha_old": 1.4, "spike_times": 1e6, "spike_test": 0.9, "steps_done": 30_000}
    return events | others | {f"alarms_{name}": [*early] if name == "alpha_old" else [] for name in NAMES}


def verdict(key, rows):
    return next(each for each in STUDY.outcomes(pd.DataFrame(rows)) if each.claim == key).verdict


def with_second(arm, hits, seeds=10, after=9_000.0):
    return [row(arm, seed, second=9_000 + after if seed < hits else math.nan) for seed in range(seeds)]


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        (with_second("float32", 9), "replicates"),
        (with_second("float32", 9, after=1_600.0), "undecided"),
        (with_second("float32", 1), "does not replicate"),
        (with_second("float32", 5), "undecided"),
        (with_second("float32", 5, seeds=5), "undecided"),
    ],
)
def test_second_transition(rows, word):
    assert verdict("second_transition", rows) == word


@pytest.mark.parametrize(
    ("float32", "float64", "word"),
    [
        (9, 0, "artefact of float32 in the loss"),
        (9, 9, "replicates"),
        (9, 4, "undecided"),
        (4, 0, "undecided"),
        (0, 9, "replicates"),
    ],
)
def test_of_learning(float32, float64, word):
    rows = with_second("float32", float32) + with_second("float64 logits", float64)
    assert verdict("of_learning", rows) == word
    assert verdict("of_learning", [each for each in rows if each["seed"] < 5]) == "undecided"


@pytest.mark.parametrize(
    ("steps", "seeds", "word"),
    [
        ((10_000, 14_000, 22_000), 3, "replicates"),
        ((10_000, 14_000, math.nan), 3, "replicates"),
        ((10_000, 14_000, 22_000), 1, "undecided"),
        ((14_000, 10_000, 22_000), 3, "undecided"),
        ((14_000, 10_000, 22_000), 6, "does not replicate"),
        ((math.nan, math.nan, math.nan), 6, "does not replicate"),
    ],
)
def test_coarser_sooner(steps, seeds, word):
    arms = zip(("rounded 17", "rounded 20", "float32"), steps, strict=True)
    rows = [row(arm, seed, spike=step) for arm, step in arms for seed in range(seeds)]
    assert verdict("coarser_sooner", rows) == word


@pytest.mark.parametrize(("hits", "word"), [(10, "does not replicate"), (0, "replicates"), (5, "undecided")])
def test_stays_critical(hits, word):
    rows = [row("float32", seed, second=18_000, spike=20_000 if seed < hits else 27_000) for seed in range(10)]
    assert verdict("stays_critical", rows) == word
    assert verdict("stays_critical", rows[:5]) == "undecided"


def outcome(key, rows):
    return next(each for each in STUDY.outcomes(pd.DataFrame(rows)) if each.claim == key)


def test_a_run_that_ended_too_soon_tells_nothing_about_what_follows():
    known = [row("float32", seed, second=18_000, spike=20_000) | {"steps_done": 23_000} for seed in range(8)]
    short = [row("float32", seed, second=27_000) for seed in (8, 9)]
    found = outcome("stays_critical", known + short)
    assert (found.seeds, found.verdict) == (8, "does not replicate")
    assert "8 of 8 runs have a slingshot" in found.line
    assert "ended too soon to tell: 2" in found.effect
    before = row("float32", 8, second=22_000, spike=20_000) | {"steps_done": 23_000, "spike_test": 0.1}
    assert outcome("stays_critical", [*known, before]).line == found.line
    assert any("claim 4" in each and each.endswith(": 2.") for each in STUDY.not_done(pd.DataFrame(known + short)))


def test_a_run_that_a_slingshot_ended_is_named_where_it_counts():
    rows = [row("float32", seed, spike=12_000) for seed in range(3)] + [row("float64 logits", seed) for seed in range(3)]
    assert "of those without, 3 had a slingshot first" in outcome("second_transition", rows).effect
    assert "slingshot first" not in outcome("of_learning", rows).effect
    assert any("float32 3" in each for each in STUDY.not_done(pd.DataFrame(rows)))


def test_medians_of_slingshots_say_how_many_runs_have_one():
    steps = {"rounded 17": 10_000, "rounded 20": math.nan, "float32": math.nan}
    found = outcome("coarser_sooner", [row(arm, seed, spike=step) for arm, step in steps.items() for seed in range(3)])
    assert "2⁻¹⁷ 10,000 (10,000 to 10,000), 3 of 3 runs, 2⁻²⁰ none, float32 none" in found.effect


def warned(main, control, cheap=0, seeds=10):
    """Runs of which some have an alarm 1,000 steps before the rise, in α and in the loss."""
    rows = [row("float32", seed, early=[3_000, 5_000] if seed < main else []) for seed in range(seeds)]
    rows += [row("shuffled answers", seed, grok=math.nan, early=[5_000] if seed < control else []) for seed in range(seeds)]
    for each in rows[:cheap]:
        each["alarms_loss"] = [4_800.0]
    return rows


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        (warned(9, 0), "replicates"),
        (warned(9, 9), "does not replicate"),
        (warned(9, 0, cheap=9), "does not replicate"),
        (warned(9, 0, cheap=1), "replicates"),
        (warned(0, 0), "does not replicate"),
        (warned(5, 2), "undecided"),
        (warned(5, 0, seeds=5), "undecided"),
    ],
)
def test_leads(rows, word):
    assert verdict("leads", rows) == word


def test_a_seed_that_rises_after_its_control_ended_is_left_out_and_counted():
    rows = warned(9, 0)
    for each in rows[:4]:
        each["risen"] = 10_050.0
    for each in rows[10:]:
        each["steps_done"] = 10_000
    found = outcome("leads", rows)
    assert found.seeds == 6
    assert "accuracy rises after the control ended: 4" in found.null
    assert any("claim 5" in each and each.endswith(": 4.") for each in STUDY.not_done(pd.DataFrame(rows)))


def test_a_lead_is_counted_from_the_first_alarm_in_time():
    table = leads.table_of(pd.DataFrame(warned(10, 4))).set_index("name")
    assert table.loc["alpha_old", ["alarm before 10 %", "control", "alarm before 90 %"]].tolist() == [10, 4, 0]
    assert table.loc["alpha_old", "lead"] == (1_000, 1_000, 1_000)


def recorded(loss, norms=None):
    """A run that groks at 2,000."""
    steps, evaluations = len(loss), len(loss) // EVERY
    test = (np.arange(1, evaluations + 1) * EVERY >= 2_000).astype(float)
    sketch = np.random.default_rng(0).standard_normal((steps, 8))
    norms = np.exp(-np.arange(steps) / 2_000) if norms is None else norms
    return Recorded(norms, loss, loss, np.full(steps, 0.9), sketch, np.ones(evaluations), test, np.ones(evaluations))


def test_events_are_where_they_were_put():
    loss = np.exp(-np.arange(STEPS) / 1_000)
    loss[900] *= 100  # too early, and it must not hide the next one
    loss[6_000:6_100] *= 100
    rng = np.random.default_rng(1)
    norms = np.exp(-np.arange(STEPS) / 2_000)
    norms[5_000:] *= np.exp(0.1 * rng.standard_normal(STEPS - 5_000))
    row = summary_of(recorded(loss, norms))
    assert row["grok"] == row["risen"] == 2_000
    assert 6_000 < row["slingshot"] < 6_010
    assert 5_100 <= row["second"] <= 5_500
    assert row["lowest_alpha_old"] < 0.7
    assert 5_100 <= row["alarms_alpha_old"][-1] <= 5_600
    assert row["slingshot_loss"][3] - row["slingshot_loss"][1] == pytest.approx(-1, abs=0.01)
    assert row["spike_times"] == pytest.approx(100, rel=0.02)


def test_a_run_goes_on_after_its_slingshot_and_after_grokking():
    loss = np.exp(-np.arange(STEPS) / 1_000)
    assert last_step(recorded(loss)) == math.inf
    loss[1_500:] *= 100
    assert last_step(recorded(loss)) == 2_000 + 1_500 + 3_000
    loss = np.exp(-np.arange(STEPS) / 1_000)
    loss[5_000:] *= 100
    assert last_step(recorded(loss)) == pytest.approx(5_000 + 3_000, abs=10)


def test_what_never_happens_is_infinitely_late():
    calm = recorded(np.exp(-np.arange(4_000) / 1_000))
    assert slingshot(calm) == second_transition(calm, np.array([3_600]), np.array([0.9])) == math.inf
    assert second_transition(calm, np.array([3_600, 3_700, 3_800]), np.array([0.9] * 3)) == 3_600
    row = summary_of(calm)
    assert np.isnan([row["second"], row["slingshot"], row["spike_times"]]).all()


def test_an_alarm_is_a_break_and_not_a_trend():
    ends = np.arange(500, 10_500, 100)
    line = np.linspace(0, 5, len(ends)) + 0.01 * np.random.default_rng(0).standard_normal(len(ends))
    assert not len(alarms(line, ends))
    broken = line + (ends >= 6_000)
    assert alarms(broken, ends)[0] == 6_200


def test_float32_has_no_gradient_left_where_float64_has():
    names = ("cross-entropy", "cross-entropy float64", "rounded 17", "rounded 52", "stablemax")
    with jax.enable_x64(True):
        scores = jnp.array([[40.0, 5.0, 0.0]], dtype=jnp.float32)
        every = jax.jit(lambda scores: {name: loss_named(name)(scores, jnp.array([0])) for name in names})
        found = {name: [np.asarray(each) for each in pair] for name, pair in every(scores).items()}
    assert found["cross-entropy"][0] == 0
    assert found["cross-entropy float64"][0] == pytest.approx(math.exp(-35), rel=1e-3)
    assert found["cross-entropy float64"][1][0, 0] == pytest.approx(-math.exp(-35), rel=1e-3)
    assert found["cross-entropy float64"][1].dtype == np.float32
    assert not found["rounded 17"][1].any()
    assert found["rounded 17"][0] == found["cross-entropy float64"][0]
    assert found["rounded 52"][1][0, 1] == pytest.approx(math.exp(-35), rel=0.5)
    assert found["stablemax"][0] == pytest.approx(math.log((41 + 6 + 1) / 41), rel=1e-5)
    assert found["stablemax"][1][0] == pytest.approx([1 / 48 - 1 / 41, 1 / 48, 1 / 48], rel=1e-4)
