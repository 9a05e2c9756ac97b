"""Sealed, lock-in, corrigibility: the training is what it says, and verdicts follow the rules of the protocol."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("jax", reason="the networks of this study are trained with JAX")
optax = pytest.importorskip("optax", reason="the update rules are compared with those of optax")

from studies.common.measures import vector_alphas
from studies.common.study import NOT, REPLICATES, UNDECIDED
from studies.plasticity import alarms, continual, foretelling, measures, network, relearning, tables, tasks, training, verdicts
from studies.plasticity.foretelling import Foretelling
from studies.plasticity.run import PLANNED, STUDY

rng = np.random.default_rng(0)


def made_up(failure=30, alpha=None, count=20, tasks=80, arms=continual.ARMS):
    """Runs of continual learning whose loss goes to chance at a task (healthy arms: never), and whose α is what is asked for."""
    rows = []
    for arm in arms:
        for seed in range(count):
            at = failure + seed % 7 if arm.startswith("labels") else 2 * tasks
            loss = 1.3 + np.tanh((np.arange(tasks) - at) / 1.4) + 0.01 * rng.standard_normal(tasks)
            others = {name: rng.standard_normal(tasks) for name in measures.NAMES}
            row = {"loss": loss, **others} | ({"alpha_old": alpha(np.arange(tasks), at, loss)} if alpha else {})
            rows.append({"part": "continual", "arm": arm, "seed": seed} | {name: list(each) for name, each in row.items()})
    return pd.DataFrame(rows)


def corrections(count=400, effect=0.0):
    """Runs of relearning whose time follows the rate, and α by as much as is asked for."""
    rows = []
    for seed in range(count):
        hyper = relearning.random_settings(seed)
        measured = {name: rng.standard_normal() for name in measures.NAMES} | {"loss": rng.random(), "accuracy": 0.9}
        log_time = 4 - 0.5 * np.log(hyper["rate"]) + effect * measured["alpha_old"] + 0.5 * rng.standard_normal()
        rows.append({"part": "relearning", "seed": seed, **hyper, **measured, "relearning": float(np.exp(log_time))})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("adam", [True, False])
def test_steps_are_those_of_optax(adam):
    h = training.Hyperparameters(float(adam), 0.01, 0.9, 0.1)
    sgd = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.01, momentum=0.9))
    theirs = optax.adamw(0.01, b1=0.9, weight_decay=0.1) if adam else sgd
    state = training.fresh(np.random.default_rng(1))
    parameters = state.parameters
    memory = theirs.init(parameters)
    for _ in range(5):
        gradient = rng.standard_normal(parameters.shape).astype(np.float32)
        before, state = state, training.updated(state, gradient, h)
        updates, memory = theirs.update(gradient, memory, parameters)
        parameters = optax.apply_updates(parameters, updates)
        np.testing.assert_allclose(state.parameters, parameters, atol=3e-6)
        np.testing.assert_array_equal(state.change, state.parameters - before.parameters)


@pytest.fixture(scope="module")
def trained():
    """A few tasks of two arms, and a few corrections."""
    settings = [{"part": "continual", "arm": arm, "seed": 10_000, "tasks": 6} for arm in ("labels-sgd-3e-3", "renewed-sgd-3e-3")]
    settings += [each for each in STUDY.settings(True) if each["part"] == "relearning"][:4]
    return settings, [STUDY.run(**each) for each in settings]


def test_a_run_follows_from_its_settings(trained):
    settings, results = trained
    for number in (0, 3):
        again = STUDY.run(**settings[number])
        assert {name: np.asarray(each).tobytes() for name, each in again.items()} == {
            name: np.asarray(each).tobytes() for name, each in results[number].items()
        }
    assert not np.array_equal(results[0]["loss"], results[1]["loss"])


def test_networks_learn_and_relearn(trained):
    _, results = trained
    assert results[0]["loss"][-1] < np.log(10) - 0.2  # of random labels
    for each in results[2:]:
        assert each["accuracy"] > 0.7
        assert 5 <= each["relearning"] < 1000


def test_few_runs_give_outcomes_tables_and_a_picture(trained, tmp_path):
    runs = pd.DataFrame([{**settings, **results} for settings, results in zip(*trained, strict=True)])
    for some in (runs, runs.iloc[:2], runs.iloc[2:]):
        assert {each.verdict for each in STUDY.outcomes(some)} == {UNDECIDED}
        shown = dict(STUDY.tables(some))
        assert not any("nan" in str(cell) for table in shown.values() for cell in table.to_numpy().ravel())
        STUDY.picture(some, tmp_path / "picture.png")
        assert (tmp_path / "picture.png").stat().st_size < 80_000
        assert all(each.endswith(".") for each in STUDY.not_done(some))
    assert "labels-adamw-1e-3: 0 of 20 seeds." in STUDY.not_done(runs)


def test_the_plan_has_whole_arms_first_and_each_run_once():
    planned = STUDY.settings(False)
    assert len({str(each) for each in planned}) == len(planned) == sum(PLANNED.values()) + 960
    assert {each["arm"] for each in planned[:100]} == set(continual.ARMS)
    lengths = {each["length"] for each in planned if each["part"] == "relearning"}
    assert min(lengths) >= 1000
    assert max(lengths) <= 6000


def test_a_correction_changes_all_labels_and_only_labels():
    wrong, right = relearning.lessons(np.random.default_rng(3), 0.3, 0.0)
    assert (wrong.labels.argmax(1) != right.labels.argmax(1)).all()
    assert (wrong.test_labels != right.test_labels).all()
    assert wrong.digits is right.digits
    flipped, _ = relearning.lessons(np.random.default_rng(3), 0.3, 0.2)
    assert 0.1 < (flipped.labels != wrong.labels).any(1).mean() < 0.25


def test_epochs_take_each_digit_once():
    order = continual.batches(np.random.default_rng(0), 400, 100)
    assert sorted(order.digits[:4].ravel()) == list(range(400))
    drawn = continual.batches(np.random.default_rng(0), 400, 100, replace=True)
    assert len(set(drawn.digits[:4].ravel())) < 400


def test_many_windows_at_once_have_the_exponents_of_each():
    sketches = np.cumsum(rng.standard_normal((3, 500, 20)), axis=1) * 1e-12
    sketches[1, :, :5] = 1.0
    sketches[2] = 0
    found = measures.vector_slopes(sketches)
    for window in range(2):
        expected = vector_alphas(sketches[window])
        np.testing.assert_allclose([found[name][window] for name in ("vector_short", "vector_long")], expected, rtol=1e-6)
    assert np.isnan(found["vector_short"][2])


def test_dead_units_and_rank():
    parameters = network.initial(np.random.default_rng(0))
    parameters[network.ENDS[0] : network.ENDS[0] + 8] = -1e3  # biases of eight units of the first layer
    found = measures.of_network(parameters, rng.standard_normal((50, 64)).astype(np.float32))
    assert found["dead"] == pytest.approx(8 / 64, abs=2 / 64)
    parameters[network.ENDS[2] : network.ENDS[3]] = -1e3
    assert measures.of_network(parameters, rng.standard_normal((50, 64)).astype(np.float32))["rank"] == 0


def test_failure_is_the_first_of_three_tasks_beyond_half():
    table = tasks.table(made_up(failure=30, count=1))
    assert table[table["arm"] == "labels-adamw-1e-3"]["failure"].unique() == pytest.approx([30], abs=1)
    assert table[table["arm"].str.startswith("renewed")]["failure"].isna().all()


@pytest.mark.parametrize(
    ("lost", "learned", "word"), [(1.7, 1.0, REPLICATES), (1.0, 1.7, NOT), (1.7, 1.7, UNDECIDED)], ids=["sealed", "not", "all"]
)
def test_sealed_band(lost, learned, word):
    runs = made_up(
        alpha=lambda task, at, loss: np.where(loss > 1.5, lost, learned) + 0.01 * rng.standard_normal(len(task)), count=3
    )
    outcome = verdicts.sealed_band(tasks.table(runs))
    assert outcome.verdict == word
    assert outcome.seeds == 15
    assert verdicts.sealed_band(tasks.table(runs[runs["seed"] < 1])).verdict == UNDECIDED


def test_foretelling():
    def early(task, at, loss):
        return 1.0 * (task > at - 10) + 0.1 * rng.standard_normal(len(task))

    ageing = list(continual.ARMS)[:3]
    told, noise = (verdicts.foretells_loss(tasks.table(made_up(alpha=each, count=10, arms=ageing))) for each in (early, None))
    assert (told.verdict, noise.verdict) == (REPLICATES, NOT)
    assert told.seeds == 30


def test_rows_for_foretelling_end_before_failure():
    rows = foretelling.before_failure(tasks.table(made_up(failure=30, count=1)))
    assert rows[rows["arm"] == "labels-sgd-3e-3"]["task"].max() == pytest.approx(29, abs=1)
    assert rows[rows["arm"] == "pixels-sgd-1e-2"]["task"].max() == 69
    assert not rows["arm"].str.startswith("renewed").any()


@pytest.mark.parametrize(
    ("partial", "gain", "word"),
    [
        ((0.3, 0.2, 0.4), (0.05, 0.02, 0.08), REPLICATES),
        ((0.3, 0.2, 0.4), (0.005, 0.001, 0.009), NOT),
        ((0.0, -0.1, 0.1), (0.05, 0.02, 0.08), NOT),
        ((-0.5, -0.6, -0.4), (0.2, 0.1, 0.3), NOT),
        ((0.2, 0.05, 0.35), (0.03, -0.01, 0.06), UNDECIDED),
        ((np.nan,) * 3, (np.nan,) * 3, UNDECIDED),
    ],
)
def test_rule_of_prediction(partial, gain, word):
    assert verdicts.prediction_verdict(Foretelling(0.0, partial, gain, 300), 300) == word
    assert verdicts.prediction_verdict(Foretelling(0.0, partial, gain, 299), 300) == UNDECIDED


@pytest.mark.parametrize(("effect", "count", "word"), [(1.0, 320, REPLICATES), (0.0, 400, NOT)])
def test_correction(effect, count, word):
    outcome = verdicts.correction(corrections(count, effect))
    assert outcome.verdict == word
    assert outcome.seeds == count


def test_runs_that_had_not_learned_are_left_out():
    runs = corrections(60)
    runs.loc[:9, "relearning"] = np.nan
    assert verdicts.correction(runs).seeds == 50
    assert any(each.startswith("10 of 60 relearning runs") for each in STUDY.not_done(runs))
    assert tables.bands(foretelling.corrections(runs))["runs"].sum() == 50


def test_a_run_that_diverges_is_left_out():
    hyper = {
        "optimizer": "sgd",
        "rate": 1e6,
        "momentum": 0.0,
        "decay": 1e-3,
        "batch": 32,
        "noise": 0.0,
        "flips": 0.0,
        "length": 1000,
    }
    diverged = relearning.run(seed=10_000, **hyper)
    runs = pd.concat([corrections(5), pd.DataFrame([{"part": "relearning", "seed": 5, **hyper, **diverged}])], ignore_index=True)
    assert set(diverged) >= set(corrections(1).columns) - {"part", "seed", *hyper}
    assert len(foretelling.corrections(runs)) == 5
    assert any(each.startswith("1 of 6 relearning runs") for each in STUDY.not_done(runs))


def test_leads_and_false_alarms():
    def early(task, at, loss):
        return np.where(task >= at - 12, 3.0, 0.0) + 0.01 * np.sin(7 * task)

    arms = {name: arm for name, arm in continual.ARMS.items() if name in {*continual.TWINS, *continual.TWINS.values()}}
    table = tasks.table(made_up(alpha=early, arms=arms))
    found = alarms.alarms_of(table, "alpha_old")
    assert len(found.leads) == 60
    assert np.median(found.before_failure) == pytest.approx(11, abs=1)
    assert np.median(found.leads) == pytest.approx(9, abs=3)
    assert (found.false, found.healthy) == (0, 30)
    assert verdicts.alarm_first(table).verdict == REPLICATES
    assert verdicts.alarm_first(tasks.table(made_up(arms=arms))).verdict == NOT
    assert verdicts.alarm_first(tasks.table(made_up(arms=arms, count=4))).verdict == UNDECIDED
    without = alarms.alarms_of(table[table["arm"] != "renewed-sgd-3e-3"], "alpha_old")
    assert len(without.leads) == 40  # no limit, so no leads, without healthy runs


def test_lines_say_nothing_of_what_is_not_there():
    sealed = made_up(alpha=lambda task, at, loss: np.where(loss > 1.5, np.nan, 1.0), count=1, arms=["labels-sgd-3e-3"])
    tables_of = [sealed, sealed.assign(loss=[[2.3] * 80]), made_up(count=1), made_up(count=1, arms=["pixels-sgd-1e-2"])]
    for table in tables_of:
        for outcome in STUDY.outcomes(table):
            assert outcome.verdict == UNDECIDED
            assert not any(word in text for text in outcome[2:5] for word in ("nan", "inf"))


def test_rule_of_alarms():
    few, many = (0.1, 0.03, 0.26), (0.6, 0.4, 0.75)
    assert verdicts.alarm_verdict((5.0, 2.0, 8.0), few, 30) == REPLICATES
    assert verdicts.alarm_verdict((5.0, 2.0, 8.0), many, 30) == NOT
    assert verdicts.alarm_verdict((-1.0, -3.0, 0.0), few, 30) == NOT
    assert verdicts.alarm_verdict((1.0, -1.0, 3.0), few, 30) == UNDECIDED
    assert verdicts.alarm_verdict((5.0, 2.0, 8.0), few, 29) == UNDECIDED


def test_an_alarm_needs_two_tasks_beyond_the_limit():
    track = np.array([9.0, 1.0, 1.0, 1.0, 3.0, 1.0, 3.0, 3.1, 1.0])
    assert alarms.alarm_task(track, 1.9) == 7
    assert alarms.alarm_task(track, 2.0) == len(track)
    assert alarms.limit_of([track, np.full(9, np.nan)]) == 2.0
