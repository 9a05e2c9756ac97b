"""The order in which values were written, where their steps do not give it: several event files, clocks that go back, no step at all."""

from __future__ import annotations

import json
import sqlite3
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import require
from wcdfa.analysis.series import Settings, analyze
from wcdfa.readers import read_series, series_of, sources
from wcdfa.readers.columns import Column
from wcdfa.readers.errors import NothingLogged
from wcdfa.readers.formats.event_scalars import in_order_of_time
from wcdfa.readers.spacing import Subsampled, spaced

N = 400
NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(N)).astype(np.float32).astype(float)


def masked(data):
    crc = require("google_crc32c").value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def write_events(path, events, tag="update_norm"):
    """An event file of (wall time, step, value); the first event says when the file was begun, as writers do."""
    require("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    path.parent.mkdir(parents=True, exist_ok=True)
    begun = min((time for time, *_ in events[:1]), default=1000.0)
    records = [Event(wall_time=begun, file_version="brain.Event:2")]
    records += [
        Event(wall_time=time, step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=v)]))
        for time, step, v in events
    ]
    with path.open("wb") as file:
        for record in records:
            data = record.SerializeToString()
            header = struct.pack("<Q", len(data))
            file.write(header + masked(header) + data + masked(data))
    return path


def events(steps, times=None):
    times = 1e9 + np.arange(N) if times is None else times
    return [(float(times[step]), int(step), float(NORMS[step])) for step in steps]


def values_of(path):
    return read_series(path).values


def test_workers_that_train_in_turns_lose_nothing(tmp_path):
    write_events(tmp_path / "events.out.tfevents.1.a", events([*range(100), *range(200, 300)]))
    write_events(tmp_path / "events.out.tfevents.2.b", events([*range(100, 200), *range(300, 400)]))
    series = read_series(tmp_path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.notes == ()


def test_files_follow_each_other_by_their_first_time_and_not_by_their_names(tmp_path):
    """Writers of one process and second end their names in .0 to .11."""
    for i in range(8):
        name = f"events.out.tfevents.{1_000_000_000}.host.7.{(5 * i + 3) % 8 + 6}"
        write_events(tmp_path / name, events(range(50 * i, 50 * i + 50)))
    series = read_series(tmp_path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.notes == ()


def test_names_that_end_in_numbers_are_ordered_by_these_where_times_are_equal(tmp_path):
    for i in range(12):
        steps = range(30 * i, 30 * i + 30)
        write_events(tmp_path / f"events.out.tfevents.1.host.7.{i}", events(steps, np.full(N, 5.0)))
    series = read_series(tmp_path)
    np.testing.assert_array_equal(series.values, NORMS[:360])
    assert series.notes == ()


@pytest.mark.parametrize("name", ["a", "z"])
def test_what_a_restart_replaced_is_told_by_the_times(tmp_path, name):
    write_events(tmp_path / "events.out.tfevents.m", events(range(250)))
    again = [(2e9 + step, step, -value) for _, step, value in events(range(200, 400))]
    write_events(tmp_path / f"events.out.tfevents.{name}", again)
    series = read_series(tmp_path)
    np.testing.assert_array_equal(series.values, [*NORMS[:200], *-NORMS[200:]])
    assert series.notes[0].startswith("steps went back to 200: a restart, and the later records count; 50 records")


@pytest.mark.parametrize("back", [1, 600, 10**9])
def test_a_clock_that_goes_back_loses_nothing(tmp_path, back):
    times = 1e9 + np.arange(N)
    times[150:] -= back
    write_events(tmp_path / "one" / "events.out.tfevents.1", events(range(N), times))
    np.testing.assert_array_equal(values_of(tmp_path / "one"), NORMS)
    write_events(tmp_path / "two" / "events.out.tfevents.1", events(range(300), times))
    write_events(tmp_path / "two" / "events.out.tfevents.2", events(range(300, N), 2e9 + np.arange(N)))
    np.testing.assert_array_equal(values_of(tmp_path / "two"), NORMS)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0, 0.0])
def test_times_that_tell_nothing_change_nothing(tmp_path, time):
    write_events(tmp_path / "events.out.tfevents.1", events(range(200), np.full(N, time)))
    write_events(tmp_path / "events.out.tfevents.2", events(range(200, N), np.full(N, time)))
    np.testing.assert_array_equal(values_of(tmp_path), NORMS)


@given(
    files=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    times=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=40, max_size=40),
    steps=st.lists(st.integers(0, 20), min_size=40, max_size=40),
)
def test_each_record_is_kept_once_in_the_order_of_its_file(files, times, steps):
    files, n = np.sort(np.array(files, dtype=np.intc)), len(files)
    order = in_order_of_time(np.array(steps[:n]), np.array(times[:n]), files)
    assert sorted(order) == list(range(n))
    for file in set(files.tolist()):
        assert np.all(np.diff(order[files[order] == file]) > 0)


@given(turns=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30)), min_size=1, max_size=12))
def test_turns_of_any_length_are_put_in_order(turns):
    """Whoever wrote which steps, and when: all are there, in order."""
    by = np.repeat([who for who, _ in turns], [length for _, length in turns])
    steps, stored = np.arange(len(by)), np.argsort(by, kind="stable")
    order = in_order_of_time(steps[stored], 10.0 * steps[stored], by[stored].astype(np.intc))
    assert steps[stored][order].tolist() == steps.tolist()


@pytest.mark.parametrize("step", [0, 3])
def test_scalars_without_a_step_are_taken_in_the_order_written(tmp_path, step):
    write_events(tmp_path / "events.out.tfevents.1", [(time, step, value) for time, _, value in events(range(N))])
    series = read_series(tmp_path)
    np.testing.assert_array_equal(series.values, NORMS)
    assert series.notes == (f"the step is {step} everywhere, so the order written counts",)


def test_a_parent_without_scalars_is_passed_over_if_a_folder_below_has_some(tmp_path):
    """``add_scalars`` of a SummaryWriter writes each of its scalars into a folder of its own."""
    write_events(tmp_path / "run" / "events.out.tfevents.1", [])
    for name in ("encoder", "decoder"):
        write_events(tmp_path / "run" / f"update_norm_{name}" / "events.out.tfevents.2", events(range(N)))
    found = [list(source.runs()) for source in sources(tmp_path / "run")]
    assert [len(runs) for runs in found] == [0, 1, 1]
    with pytest.raises(ValueError, match="no scalars in 1 event file"):  # it was asked for by name
        read_series(tmp_path / "run" / "events.out.tfevents.1")


def test_hyperparameters_in_a_folder_of_their_own_are_passed_over(tmp_path):
    write_events(tmp_path / "run" / "events.out.tfevents.1", events(range(N)))
    write_events(tmp_path / "run" / "1000.5" / "events.out.tfevents.2", [])
    np.testing.assert_array_equal(values_of(tmp_path / "run"), NORMS)


def add_hyperparameters(folder, metrics, when):
    require("tensorboard")
    require("torch")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        writer.add_hparams({"lr": 0.1}, metrics, run_name=when)


@pytest.mark.parametrize("when", [".", "1795813563.55"])
@pytest.mark.parametrize(
    "metrics", [{"hparam/grad_norm": 1.0}, {"hparam/update_norm": 1.0, "hparam/loss": 0.5}, {"grad_norm": 1.0}]
)
def test_results_of_hyperparameters_are_no_series(tmp_path, metrics, when):
    add_hyperparameters(tmp_path / "tried", metrics, when)
    *above, last = sources(tmp_path)
    for source in above:  # the writer's own file beside them
        with suppress(NothingLogged):
            assert not list(source.runs())
    with pytest.raises(NothingLogged, match="only hyperparameters and their results in"):
        list(last.runs())


@pytest.mark.parametrize("when", [".", "1795813563.55"])
@pytest.mark.parametrize("metrics", [{"hparam/update_norm": 1.0}, {"hparam/grad_norm": 1.0, "hparam/loss": 0.5}])
def test_results_of_hyperparameters_do_not_hide_the_series_of_a_run(tmp_path, metrics, when):
    write_events(tmp_path / "events.out.tfevents.1", events(range(N)))
    add_hyperparameters(tmp_path, metrics, when)
    found = [series for source in sources(tmp_path) for run in source.runs() for series in series_of(run)]
    assert [series.column for series in found] == ["update_norm"]
    np.testing.assert_array_equal(found[0].values, NORMS)


@pytest.mark.parametrize("below", [False, True])
def test_event_files_none_of_which_has_a_scalar_are_named(tmp_path, below):
    write_events(tmp_path / "events.out.tfevents.1", [])
    if below:
        write_events(tmp_path / "a" / "events.out.tfevents.1", [])
    for source in sources(tmp_path):
        with pytest.raises(ValueError, match="no scalars in 1 event file"):
            list(source.runs())


METRICS = "CREATE TABLE metrics (key, value, timestamp INT, run_uuid TEXT, step, is_nan INT)"
RUNS = "CREATE TABLE runs (run_uuid TEXT, name TEXT, lifecycle_stage TEXT, start_time INT)"


def mlflow(path, rows, key="update_norm"):
    """A store of MLflow with (step, time, value)."""
    store = sqlite3.connect(path)
    store.execute(METRICS)
    store.execute(RUNS)
    store.execute("INSERT INTO runs VALUES ('0a1b', 'run', 'active', 0)")
    store.executemany(
        "INSERT INTO metrics VALUES (?, ?, ?, '0a1b', ?, 0)", [(key, value, time, step) for step, time, value in rows]
    )
    store.commit()
    store.close()
    return path


def test_rows_of_mlflow_count_in_the_order_written(tmp_path):
    rows = [(step, 10**6 + step - (600 if step >= 200 else 0), value) for step, value in enumerate(NORMS.tolist())]
    np.testing.assert_array_equal(values_of(mlflow(tmp_path / "back.db", rows)), NORMS)
    series = read_series(mlflow(tmp_path / "none.db", [(0, time, value) for _, time, value in rows]))
    np.testing.assert_array_equal(series.values, NORMS)
    assert (series.steps, series.notes[0]) == (None, "the step is 0 everywhere, so the order written counts")
    dates = read_series(mlflow(tmp_path / "dates.db", [(1_790_000_000 + 60 * step, time, value) for step, time, value in rows]))
    assert (dates.steps, dates.notes[0]) == (None, "the step holds dates or times and no steps, so the order written counts")
    batches = read_series(mlflow(tmp_path / "batches.db", [(step % 20, time, value) for step, time, value in rows]))
    assert batches.steps.tolist() == list(range(N))


def test_runs_say_which_program_wrote_them_and_their_id(tmp_path):
    (run,) = sources(mlflow(tmp_path / "mlruns.db", [(0, 0, 1.0)]))[0].runs()
    assert (run.tool, run.identity) == ("mlflow", "mlflow:0a1b")
    path = tmp_path / "project.db"
    with sqlite3.connect(path) as store:
        store.execute(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id TEXT, timestamp TEXT, run_name TEXT, step INT, metrics TEXT)"
        )
        for i, norm in enumerate(NORMS.tolist()):
            row = (i, json.dumps({"update_norm": norm, "train/global_step": 10 * i}))
            store.execute("INSERT INTO metrics (run_id, run_name, step, metrics) VALUES ('4f', 'run', ?, ?)", row)
    store.close()
    (run,) = sources(path)[0].runs()
    assert (run.tool, run.identity) == ("trackio", "trackio:project/4f")
    (series,) = series_of(run)
    assert (series.thinned, series.tool) == (10, "trackio")  # its own counter is one of rows
    write_events(tmp_path / "run" / "events.out.tfevents.1", events(range(3)))
    (run,) = sources(tmp_path / "run")[0].runs()
    assert (run.tool, run.identity) == ("tensorboard", "")


@pytest.mark.parametrize(
    ("tool", "advice"),
    [("trainer", "; log each with logging_steps=1"), ("lightning", "; log each with log_every_n_steps=1"), ("", "")],
)
def test_the_note_on_a_thinned_log_names_the_option_of_the_tool(tool, advice):
    found = spaced(Column(NORMS, 10 * np.arange(N)), tool=tool)
    assert found.notes == (f"only every 10th step was logged: memory below 10 steps cannot be seen{advice}",)
    few = spaced(Column(NORMS[:6], 500 * np.arange(6)), tool=tool)
    assert [note.endswith(advice) for note in few.notes] == ([True] if advice else [])
    with pytest.raises(Subsampled, match="log each with" if advice else "log every step"):
        spaced(Column(NORMS, np.arange(N) ** 2), tool=tool)


def test_what_is_too_short_because_it_was_thinned_names_the_option(tmp_path):
    entries = [{"step": 500 * (i + 1), "wcdfa/update_norm": norm, "epoch": i / 10} for i, norm in enumerate(NORMS[:6].tolist())]
    path = tmp_path / "trainer_state.json"
    path.write_text(json.dumps({"log_history": entries}))
    series = read_series(path)
    assert series.notes == (
        "only every 500th step was logged: memory below 500 steps cannot be seen; log each with logging_steps=1",
    )
    with pytest.raises(
        ValueError, match=r"^6 of 6 norms remain .* and at least 28 are needed; record more steps: log each with logging_steps=1$"
    ):
        analyze(series, Settings())
    with pytest.raises(ValueError, match=r"record more steps$"):
        analyze(series._replace(thinned=1), Settings())
