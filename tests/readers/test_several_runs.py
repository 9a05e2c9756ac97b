"""Several runs, seeds or ranks in one table."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.readers.test_long_tables import runs_in, write
from wcdfa.readers.series import read_series, series_of

rng = np.random.default_rng(1)
N = 120
NORMS = rng.lognormal(size=(8, N))
LOSSES = rng.lognormal(size=(8, N))
TWO = [{"seed": 0}, {"seed": 1}]


def rows_of(settings, norms=NORMS, **more):
    """One run after another: rows with the settings of each."""
    return [
        [
            {"step": i, "loss": float(LOSSES[place, i]), "update_norm": float(norm), **setting, **more}
            for i, norm in enumerate(norms[place])
        ]
        for place, setting in enumerate(settings)
    ]


def together(runs, order):
    if order == "one after another":
        return list(itertools.chain(*runs))
    if order == "in turn":
        return [row for rows in zip(*runs, strict=True) for row in rows]
    places = np.random.default_rng(5).permutation(np.repeat(np.arange(len(runs)), [len(rows) for rows in runs]))
    waiting = [iter(rows) for rows in runs]
    return [next(waiting[place]) for place in places]


def check(path, names, norms=NORMS):
    runs = runs_in(path)
    found = {series.run: series for run in runs for series in series_of(run)}
    assert sorted(found) == sorted(names)
    for name, values in zip(names, norms, strict=False):
        np.testing.assert_array_equal(found[name].values, values)
        np.testing.assert_array_equal(found[name].steps, np.arange(len(values)))
        assert found[name].empty == 0
    return found


ORDERS = pytest.mark.parametrize("order", ["one after another", "in turn", "as they come"])


@ORDERS
@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
def test_seeds(tmp_path, kind, order):
    found = check(write(tmp_path / f"log.{kind}", together(rows_of(TWO), order)), ["seed=0", "seed=1"])
    assert "split by seed: 2 runs" in found["seed=0"].notes
    np.testing.assert_array_equal(found["seed=1"].loss, LOSSES[1])


@ORDERS
@pytest.mark.parametrize(
    ("column", "values", "names"),
    [
        ("run", ["a", "b", "c"], ["a", "b", "c"]),
        ("dir_name", ["lr=0.1/seed=1", "lr=0.1/seed=2"], ["lr=0.1/seed=1", "lr=0.1/seed=2"]),
        ("trial_id", [11, 12, 15], ["trial_id=11", "trial_id=12", "trial_id=15"]),
        ("local_rank", [0, 1], ["local_rank=0", "local_rank=1"]),
        ("optimizer", ["sgd", "adam"], ["sgd", "adam"]),
        ("lr", [0.1, 0.01], ["lr=0.1", "lr=0.01"]),
        ("batch_size", [16, 32], ["batch_size=16", "batch_size=32"]),
        ("k", [3, 5, 8], ["k=3", "k=5", "k=8"]),
    ],
)
def test_columns_that_tell(tmp_path, column, values, names, order):
    check(write(tmp_path / "log.csv", together(rows_of([{column: value} for value in values]), order)), names)


@ORDERS
def test_two_columns_together(tmp_path, order):
    grid = [{"lr": lr, "seed": seed} for lr in (0.1, 0.2) for seed in (0, 1, 2)]
    names = [f"seed={each['seed']}, lr={each['lr']}" for each in grid]
    found = check(write(tmp_path / "log.csv", together(rows_of(grid), order)), names)
    assert any("split by seed and lr: 6 runs" in note for note in found[names[0]].notes)


def test_the_column_that_says_most_is_taken(tmp_path):
    settings = [{"k": 2 * i, "seed": i, "run": f"run {i}"} for i in range(3)]
    check(write(tmp_path / "log.csv", together(rows_of(settings, hidden=64), "in turn")), ["run 0", "run 1", "run 2"])


@ORDERS
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_long_table_of_seeds(tmp_path, kind, order):
    runs = [
        [
            {"step": row["step"], "seed": row["seed"], "tag": tag, "value": row[tag]}
            for row in rows
            for tag in ("loss", "update_norm")
        ]
        for rows in rows_of(TWO)
    ]
    found = check(write(tmp_path / f"log.{kind}", together(runs, order)), ["seed=0", "seed=1"])
    np.testing.assert_array_equal(found["seed=1"].loss, LOSSES[1])
    assert [note for note in found["seed=1"].notes if "long" in note or "split" in note] == [
        "a long table: tag holds the names of the metrics, and value their values",
        "split by seed: 2 runs",
    ]


@ORDERS
def test_without_a_column_that_tells_the_runs_apart(tmp_path, order):
    rows = [{name: value for name, value in row.items() if name != "seed"} for row in together(rows_of(TWO), order)]
    path = write(tmp_path / "log.csv", rows)
    said = (
        "its steps go from 0 to 119 twice" if order == "one after another" else "each step was logged twice with different values"
    )
    with pytest.raises(ValueError, match=rf"log\.csv: {said}"):
        read_series(path)


def test_each_seed_may_have_been_restarted(tmp_path):
    runs = [[*rows[:60], *rows[50:]] for rows in rows_of(TWO)]
    found = check(write(tmp_path / "log.csv", together(runs, "one after another")), ["seed=0", "seed=1"])
    assert any("steps went back to 50: a restart" in note for note in found["seed=1"].notes)


@pytest.mark.parametrize("column", ["host", "attempt", "job"])
def test_a_run_that_went_on_elsewhere_is_one_run(tmp_path, column):
    rows = rows_of([{}])[0]
    rows = [{**row, column: 0} for row in rows[:70]] + [{**row, column: 1} for row in rows[60:]]
    series = read_series(write(tmp_path / "log.csv", rows))
    np.testing.assert_array_equal(series.values, NORMS[0])
    assert series.run == ""


def test_a_rate_that_falls_with_each_epoch_tells_no_runs_apart(tmp_path):
    rows = [
        {"epoch": epoch, "iter": i, "lr": 0.1 / (1 + epoch), "update_norm": float(NORMS[epoch % 8, i])}
        for epoch in range(12)
        for i in range(N)
    ]
    (run,) = runs_in(write(tmp_path / "log.csv", rows))
    assert run.name == ""


@ORDERS
def test_ranks_that_log_the_same_numbers_are_one_run(tmp_path, order):
    runs = rows_of([{"rank": rank} for rank in range(4)], np.tile(NORMS[0], (4, 1)))
    found = check(write(tmp_path / "log.csv", together(runs, order)), [""])
    assert "4 values of rank have the same numbers, as the ranks of one run do: the first is taken" in found[""].notes


@ORDERS
def test_ranks_of_two_runs(tmp_path, order):
    settings = [{"seed": seed, "rank": rank} for seed in (0, 1) for rank in (0, 1)]
    check(write(tmp_path / "log.csv", together(rows_of(settings, NORMS[[0, 0, 1, 1]]), order)), ["seed=0", "seed=1"])


def test_seeds_without_a_step(tmp_path):
    rows = [{name: value for name, value in row.items() if name != "step"} for row in together(rows_of(TWO), "in turn")]
    runs = {run.name: run for run in runs_in(write(tmp_path / "log.csv", rows))}
    assert list(runs) == ["seed=0", "seed=1"]
    np.testing.assert_array_equal(runs["seed=1"].columns["update_norm"].values, NORMS[1])


def test_training_and_validation_of_one_logger_are_one_run(tmp_path):
    rows = []
    for i, norm in enumerate(NORMS[0].tolist()):
        rows.append({"epoch": i // 40, "step": i, "train_loss": 2 * norm, "update_norm": norm})
        if i % 40 == 39:
            rows.append({"epoch": i // 40, "step": i, "val_loss": norm})
    (run,) = runs_in(write(tmp_path / "metrics.csv", rows))
    np.testing.assert_array_equal(run.columns["update_norm"].values, NORMS[0])
    np.testing.assert_array_equal(run.columns["val_loss"].steps, [39, 79, 119])


NAMES = ["run", "seed", "trial_id", "experiment", "dir_name", "worker", "fold", "variant", "x", "group", "lr", "width"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(30, 60), min_size=2, max_size=5),
    name=st.sampled_from(NAMES),
    text=st.booleans(),
    kind=st.sampled_from(["csv", "jsonl", "parquet"]),
    long=st.booleans(),
    seed=st.integers(0, 10_000),
)
def test_any_runs_are_read_back_or_refused(tmp_path, lengths, name, text, kind, long, seed):
    draw = np.random.default_rng(seed)
    norms = [draw.lognormal(size=length) for length in lengths]
    labels = [f"{name} {place}" if text else place + 3 for place in range(len(lengths))]
    runs = [[{"step": i, "update_norm": float(norm), "loss": float(-norm)} for i, norm in enumerate(values)] for values in norms]
    if long:
        runs = [
            [{"step": row["step"], "tag": tag, "value": row[tag]} for row in rows for tag in ("update_norm", "loss")]
            for rows in runs
        ]
    places = draw.permutation(np.repeat(np.arange(len(runs)), [len(rows) for rows in runs]))
    waiting = [iter(rows) for rows in runs]
    mixed = [(place, next(waiting[place])) for place in places]
    names = labels if text else [f"{name}={label}" for label in labels]
    check(write(tmp_path / f"log.{kind}", [{**row, name: labels[place]} for place, row in mixed]), names, norms)
    with pytest.raises(ValueError, match=re.escape("nothing tells the runs apart")):
        read_series(write(tmp_path / f"log.{kind}", [row for _, row in mixed]))


@pytest.mark.parametrize("column", ["run_id", "seed"])
def test_a_column_that_splits_nothing_is_named(tmp_path, column):
    rows = [{**row, column: int(row["step"] >= 60)} for row in rows_of([{}])[0]]
    series = read_series(write(tmp_path / "log.csv", rows))
    np.testing.assert_array_equal(series.values, NORMS[0])
    assert f"{column} has 2 values, but steps do not repeat as in several runs: taken as one run" in series.notes


@pytest.mark.parametrize("column", ["gpu_temp", "num_workers", "accuracy", "loss_scale"])
def test_what_is_measured_tells_no_runs_apart_without_steps(tmp_path, column):
    rows = [{"update_norm": norm, column: i % 3} for i, norm in enumerate(NORMS[0].tolist())]
    np.testing.assert_array_equal(read_series(write(tmp_path / "log.csv", rows)).values, NORMS[0])


def test_values_of_repeated_steps_that_are_equal_are_no_runs(tmp_path):
    series = read_series(write(tmp_path / "log.csv", [row for row in rows_of([{}])[0] for _ in range(4)]))
    np.testing.assert_array_equal(series.values, NORMS[0])


def test_steps_within_epochs_of_two_seeds(tmp_path):
    rows = [
        {"seed": seed, "epoch": i // 40, "step": i % 40, "update_norm": float(NORMS[seed, i])} for seed in (0, 1) for i in range(N)
    ]
    check(write(tmp_path / "log.csv", rows), ["seed=0", "seed=1"])
