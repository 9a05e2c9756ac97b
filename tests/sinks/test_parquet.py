"""Parquet: a folder that pandas and polars read as one table, at all times."""

from __future__ import annotations

import logging
import math
import os
import signal

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start
from tests.helpers.sink_runs import HOSTILE, NORMS, monitored, resumed, room, same, thousand
from wcdfa import WeightChangeDFA
from wcdfa.readers.series import read_series
from wcdfa.sinks import buffer
from wcdfa.sinks.keys import DIRECTION, METRICS

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

from wcdfa.sinks.parquet import ParquetSink


def logged(folder):
    table = pq.read_table(folder)
    return [
        (key, each["wcdfa/step"], value)
        for each in table.to_pylist()
        for key, value in each.items()
        if value is not None and key != "wcdfa/alert"
    ]


def steps(folder):
    return pq.read_table(folder)["wcdfa/step"].to_pylist()


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_thousand_steps_are_read_back(tmp_path):
    """The groups have an α from the second of four files on; all have its column."""
    folder = tmp_path / "deep" / "run"
    with ParquetSink(folder, rows=100) as sink:
        expected = thousand(sink)
    assert files(folder) == [f"{i:05d}.parquet" for i in range(10)]
    assert same(logged(folder), expected)
    assert steps(folder) == list(range(1, 1001))
    schemas = [pq.read_schema(path) for path in sorted(folder.iterdir())]
    assert all(each.equals(schemas[0]) for each in schemas)
    assert schemas[0].names[: len(METRICS) + 1] == [*METRICS, "wcdfa/alert"]
    assert len(schemas[0].names) == len(METRICS) + 1 + len(DIRECTION) + 3 * len(HOSTILE)  # norm, α and cosine of each group


def test_other_libraries_read_the_folder(tmp_path):
    folder = tmp_path / "run"
    with ParquetSink(folder, rows=300) as sink:
        expected = [value for key, _, value in thousand(sink) if key == "wcdfa/update_norm"]
        sink.alert("it is over")
    frame = require("pandas").read_parquet(folder)
    assert frame["wcdfa/step"].tolist() == list(range(1, 1001))
    np.testing.assert_array_equal(frame["wcdfa/update_norm"], expected)
    assert frame["wcdfa/alert"].dropna().tolist() == ["it is over"]
    polars = require("polars")
    for where in (folder, folder / "*.parquet"):
        frame = polars.read_parquet(where)
        np.testing.assert_array_equal(frame["wcdfa/update_norm"], expected)
        assert frame["wcdfa/alpha"].null_count() == 299  # before there is one; NaN is another thing
        assert frame["wcdfa/regime"].dtype == polars.Float64
    assert read_series(folder / "00001.parquet").values.tolist() == expected[300:600]


def test_a_run_that_goes_on_from_a_checkpoint_before(tmp_path):
    held = []

    def begin():
        if held:
            held[0].close()
        held.append(ParquetSink(tmp_path, rows=250))
        return held[-1]

    expected = resumed(begin)
    held[1].close()
    assert steps(tmp_path) == [*range(1, 301), *range(201, 401)]
    assert same(logged(tmp_path), expected)
    assert files(tmp_path) == ["00000.parquet", "00001.parquet", "00002.parquet"]


def test_groups_that_come_with_the_second_life(tmp_path):
    with ParquetSink(tmp_path) as sink:
        sink(1, {"wcdfa/update_norm": 1.0})
    with ParquetSink(tmp_path) as sink:
        sink(2, {"wcdfa/update_norm": 2.0, "wcdfa/alpha/b": 0.5, "wcdfa/alpha/a": 0.25})
    with ParquetSink(tmp_path) as sink:
        sink(3, {"wcdfa/update_norm": 3.0})
    frame = require("pandas").read_parquet(tmp_path)
    assert frame["wcdfa/step"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(frame["wcdfa/alpha/a"], [math.nan, 0.25, math.nan])


def test_files_that_a_crash_left_with_fewer_columns(tmp_path):
    with ParquetSink(tmp_path, rows=1) as sink:
        for step in range(1, 4):
            sink(step, {})
    table = pq.read_table(tmp_path / "00002.parquet")
    pq.write_table(table.append_column("wcdfa/alpha/a", [[0.5]]), tmp_path / "00002.parquet")
    with ParquetSink(tmp_path, rows=1) as sink:
        sink(4, {})
    assert {tuple(pq.read_schema(path).names) for path in tmp_path.iterdir()} == {(*METRICS, "wcdfa/alert", "wcdfa/alpha/a")}
    assert pq.read_table(tmp_path)["wcdfa/alpha/a"].to_pylist() == [None, None, 0.5, None]


def test_a_slow_run_can_be_followed(tmp_path):
    """It is one file that grows; what is read is all but the last row."""
    sink = ParquetSink(tmp_path, seconds=0)
    for step in range(1, 6):
        sink(step, {"wcdfa/update_norm": step})
        assert step == 1 or steps(tmp_path) == list(range(1, step))
    sink.close()
    sink.close()
    assert steps(tmp_path) == [1, 2, 3, 4, 5]
    sink(6, {})
    sink.close()
    assert steps(tmp_path) == [1, 2, 3, 4, 5, 6]
    assert files(tmp_path) == ["00000.parquet"]


def test_alerts_are_in_the_last_row(tmp_path):
    with ParquetSink(tmp_path, rows=2, seconds=0) as sink:
        sink.alert("begun")
        for step in range(1, 5):
            sink(step, {})
            if step != 3:
                sink.alert("title", f"α at {step}")
        sink.alert("another")
    assert pq.read_table(tmp_path).select(["wcdfa/step", "wcdfa/alert"]).to_pylist() == [
        {"wcdfa/step": None, "wcdfa/alert": "begun"},
        {"wcdfa/step": 1, "wcdfa/alert": "title: α at 1"},
        {"wcdfa/step": 2, "wcdfa/alert": "title: α at 2"},
        {"wcdfa/step": 3, "wcdfa/alert": None},
        {"wcdfa/step": 4, "wcdfa/alert": "title: α at 4\nanother"},
    ]


def test_a_process_that_ends_loses_nothing_and_one_that_is_killed_the_last_rows(tmp_path):
    running = [start("sinks.py", "parquet", tmp_path / end, 0, 500, end) for end in ("end", "kill")]
    assert printed(running[0]) == 500
    assert steps(tmp_path / "end") == list(range(1, 501))
    running[1].communicate()
    assert running[1].returncode == -signal.SIGKILL
    assert steps(tmp_path / "kill") == list(range(1, 401))


def test_what_cannot_be_written_is_written_later(tmp_path, caplog):
    folder = tmp_path / "run"
    folder.write_text("a file is in the way")
    sink = ParquetSink(folder, rows=10)
    monitor = WeightChangeDFA(logger=sink, log_every=1)
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        for norm in NORMS[:55]:
            monitor.update(norm)
    assert len(caplog.records) == 1
    assert "rows that wait in memory: 10" in caplog.text
    assert monitor.n_samples == 55
    folder.unlink()
    for norm in NORMS[55:75]:
        monitor.update(norm)
    sink.close()
    assert steps(folder) == list(range(1, 76))
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert caplog.messages[1] == "rows that waited are written: 60"
    assert len(files(folder)) == 8


def test_a_disk_that_fills_up_and_is_emptied(tmp_path):
    sink, failures = ParquetSink(tmp_path, rows=10), []
    for step in range(1, 96):
        with room(3000 if 25 < step < 80 else None):
            try:
                sink(step, {"wcdfa/update_norm": step / 3})
            except OSError as error:
                failures += error.__notes__
    assert failures == [f"rows that wait in memory: {number}" for number in (10, 20, 30, 40, 50)]
    assert files(tmp_path) == [f"{i:05d}.parquet" for i in range(9)]
    sink.close()
    assert steps(tmp_path) == list(range(1, 96))


def test_rows_that_are_dropped_are_said_and_none_that_was_written_is_among_them(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(buffer, "LIMIT", 30)
    sink = ParquetSink(tmp_path, rows=10, seconds=0)
    for step in range(1, 7):
        sink(step, {})
    assert steps(tmp_path) == [1, 2, 3, 4, 5]
    with monkeypatch.context() as patch:
        patch.setattr(sink, "_put", fail)
        for step in range(7, 66):
            with pytest.raises(OSError, match="full"):
                sink(step, {})
    sink.close()
    assert steps(tmp_path) == [*range(1, 6), *range(36, 66)]
    assert caplog.messages == [
        "more than 30 rows wait for being written; the oldest are dropped",
        "rows that waited are written: 30; 30 before them were dropped",
    ]


def fail(*_):
    raise OSError("full")


def test_a_file_may_take_more_rows_than_may_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(buffer, "LIMIT", 30)
    with ParquetSink(tmp_path, rows=100) as sink:
        for step in range(1, 96):
            sink(step, {})
    assert steps(tmp_path) == list(range(1, 96))


@pytest.mark.parametrize("end", ["fork", "spawn"])
def test_a_child_does_not_touch_the_files_of_its_parent(tmp_path, end):
    """A forked one is told why; one that gets the sink pickled writes files of its own."""
    if end == "fork" and not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    count, error = printed(start("sinks.py", "parquet", tmp_path, 0, 500, end))
    assert count == 500
    assert ("make a ParquetSink with a folder of its own in each process" in error) == (end == "fork")
    assert sorted(steps(tmp_path)) == list(range(1, 501 if end == "fork" else 502))


def test_a_second_sink_in_a_folder_does_not_overwrite_the_first(tmp_path):
    with ParquetSink(tmp_path, rows=5) as one, ParquetSink(tmp_path, rows=5) as other:
        for step in range(1, 41):
            (one if step % 2 else other)(step, {})
    assert sorted(steps(tmp_path)) == list(range(1, 41))


def test_an_alert_after_the_end_is_written_too(tmp_path):
    with ParquetSink(tmp_path) as sink:
        sink(1, {})
    sink.alert("late")
    sink.close()
    assert pq.read_table(tmp_path)["wcdfa/alert"].to_pylist() == ["late"]


def test_a_block_that_fails_writes_what_there_is(tmp_path):
    def block():
        with ParquetSink(tmp_path) as sink:
            sink(1, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()
    assert steps(tmp_path) == [1]


def test_a_folder_that_never_takes_it(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.ERROR, logger="wcdfa"), ParquetSink(tmp_path / "file" / "run", rows=2) as sink:
        monitor = monitored(sink)
        for norm in NORMS[:9]:
            monitor.update(norm)
    assert monitor.n_samples == 9
    assert [record.exc_info[0] for record in caplog.records] == [NotADirectoryError] * 2
    assert "the last rows could not be written (9): they are lost unless that works when the process ends" in caplog.messages
    sink._buffer.items.clear()
    sink.close()


def test_tables_of_something_else_are_not_touched(tmp_path):
    pa = require("pyarrow")
    pq.write_table(pa.table({"price": [1.0]}), tmp_path / "00000.parquet")
    with pytest.raises(ValueError, match=r"00000\.parquet is not a file of a monitor .*: name another folder"):
        ParquetSink(tmp_path)
    os.rename(tmp_path / "00000.parquet", tmp_path / "prices.parquet")
    (tmp_path / "7.parquet").write_text("")
    with ParquetSink(tmp_path) as sink:
        sink(1, {})
    assert files(tmp_path) == ["00000.parquet", "7.parquet", "prices.parquet"]
    (tmp_path / "00003.parquet").write_text("no table")
    with pytest.raises(ValueError, match=r"00003\.parquet: not a parquet file"):
        ParquetSink(tmp_path)


@pytest.mark.parametrize(("options", "message"), [({"rows": 0}, "rows must be at least 1"), ({"seconds": -1}, "seconds must be")])
def test_options_that_are_none(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        ParquetSink(tmp_path, **options)
