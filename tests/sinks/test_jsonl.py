"""JSON lines: every number as it was, whatever happens to the process or the disk."""

from __future__ import annotations

import json
import logging
import math
import os
import pickle
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.processes import printed, start
from tests.helpers.sink_runs import monitored, resumed, room, same, thousand
from wcdfa import WeightChangeDFA, synthetic
from wcdfa.readers.series import read_series
from wcdfa.sinks import buffer, jsonl
from wcdfa.sinks.jsonl import JSONLinesSink


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def logged(path):
    return [(key, each["wcdfa/step"], value) for each in rows(path) for key, value in each.items()]


def test_a_thousand_steps_are_read_back(tmp_path):
    with JSONLinesSink(tmp_path / "deep" / "er" / "run.jsonl") as sink:
        expected = thousand(sink)
        assert len(rows(sink.path)) == 1000  # before it is closed
    assert same(logged(sink.path), expected)
    assert [step for key, step, _ in logged(sink.path) if key == "wcdfa/n"] == list(range(1, 1001))
    norms = [value for key, _, value in expected if key == "wcdfa/update_norm"]
    assert read_series(sink.path).values.tolist() == pytest.approx(norms, rel=0, abs=0, nan_ok=True)
    frame = require("pandas").read_json(sink.path, lines=True, precise_float=True)
    assert len(frame) == 1000
    assert frame["wcdfa/update_norm"].isna().sum() == sum(map(math.isnan, norms)) == 2  # to infinity and back


def test_a_run_that_goes_on_from_a_checkpoint_before(tmp_path):
    path = tmp_path / "run.jsonl"
    expected = resumed(lambda: JSONLinesSink(path))  # never closed, as by a process that is killed
    assert same(logged(path), expected)
    assert [each["wcdfa/step"] for each in rows(path)] == [*range(1, 301), *range(201, 401)]


@pytest.mark.parametrize(
    ("tail", "kept"),
    [
        ('{"wcdfa/step": 2, "wcdfa/n": 0.', False),
        ('{"wcdfa/step": 2, "wcdfa/note": "\N{GREEK SMALL LETTER ALPHA}'.encode()[:-1], False),
        ('{"wcdfa/step": 2}', True),
        ("x" * 300_000, False),
    ],
    ids=["cut off", "within a letter", "without a newline", "long"],
)
def test_a_last_line_that_was_cut_off(tmp_path, tail, kept):
    path = tmp_path / "run.jsonl"
    whole = b'{"wcdfa/step": 1}\n'
    path.write_bytes(whole + (tail if isinstance(tail, bytes) else tail.encode()))
    with JSONLinesSink(path) as sink:
        sink(3, {"wcdfa/n": 1.0})
    assert [each["wcdfa/step"] for each in rows(path)] == ([1, 2, 3] if kept else [1, 3])


def test_a_file_that_is_but_a_cut_off_line(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text("{")
    with JSONLinesSink(path) as sink:
        sink(3, {})
    assert path.read_text() == '{"wcdfa/step": 3}\n'


def test_alerts_have_lines_of_their_own(tmp_path):
    with JSONLinesSink(tmp_path / "run.jsonl") as sink:
        sink.alert("begun")
        sink(7, {"wcdfa/update_norm": 0.5})
        sink.alert("regime changed from critical to ordered: α = 1.31")
        sink.alert("title", "text")
    assert rows(sink.path)[0] == {"wcdfa/alert": "begun"}
    assert rows(sink.path)[2:] == [
        {"wcdfa/step": 7, "wcdfa/alert": "regime changed from critical to ordered: α = 1.31"},
        {"wcdfa/step": 7, "wcdfa/alert": "title: text"},
    ]
    assert read_series(sink.path).values.tolist() == [0.5]


def test_a_disk_that_fills_up_and_is_emptied(tmp_path, caplog):
    """No line is lost and none is cut off; an error is told of once, and so is that the lines are written."""
    sink = JSONLinesSink(tmp_path / "run.jsonl")
    monitor = monitored(sink)
    with room(10_000):
        for _ in range(200):
            monitor.update(0.25)
        first = len(rows(sink.path))
        assert sink.path.read_bytes().endswith(b"\n")
        assert 50 < first < 150
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert f"File too large: {str(sink.path)!r}\nlines that wait in memory: 1" in caplog.text
    for _ in range(10):
        monitor.update(0.5)
    sink.close()
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert caplog.messages[1] == f"lines that waited are written: {210 - first}"
    assert [each["wcdfa/step"] for each in rows(sink.path)] == list(range(1, 211))


def test_a_full_disk_is_tried_again_while_the_run_goes_on(tmp_path, monkeypatch):
    """Not at every step, but after a pause; then all lines are written in order."""
    monkeypatch.setattr(jsonl, "PAUSE", 0.05)
    sink = JSONLinesSink(tmp_path / "run.jsonl")
    with room(1000):
        with pytest.raises(OSError, match="File too large"):
            log(sink, range(1, 100))
        first = len(rows(sink.path))
        log(sink, range(first + 2, first + 5))  # which is not tried
        time.sleep(0.06)
        with pytest.raises(OSError, match="File too large") as raised:
            log(sink, [first + 5])
        assert raised.value.__notes__ == ["lines that wait in memory: 5"]
    time.sleep(0.06)
    log(sink, [first + 6])
    assert [each["wcdfa/step"] for each in rows(sink.path)] == list(range(1, first + 7))
    log(sink, [first + 7])
    assert len(rows(sink.path)) == first + 7
    sink.close()


def test_the_oldest_lines_are_dropped_if_too_many_wait(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(buffer, "LIMIT", 20)
    sink = JSONLinesSink(tmp_path / "run.jsonl")
    with room(0), pytest.raises(OSError, match="File too large"):
        log(sink, [1])
    with room(0):
        log(sink, range(2, 51))
    sink.close()
    assert [each["wcdfa/step"] for each in rows(sink.path)] == list(range(31, 51))
    assert caplog.messages == [
        "more than 20 lines wait for being written; the oldest are dropped",
        "lines that waited are written: 20; 30 before them were dropped",
    ]


def log(sink, steps):
    for step in steps:
        sink(step, {"wcdfa/update_norm": 0.25})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_device_that_is_always_full(caplog):
    sink = JSONLinesSink("/dev/full")
    monitor = monitored(sink)
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        for _ in range(5):
            monitor.update(1.0)
    assert monitor.n_samples == 5
    assert len(caplog.records) == 1
    assert "No space left on device" in caplog.text
    sink.close()
    assert caplog.messages[1] == "the last lines could not be written (5): they are lost unless that works when the process ends"
    give_up(sink)


def give_up(sink):
    """Forget the lines, so that they are not tried again when the tests end."""
    sink._buffer.items.clear()
    sink.close()


def test_a_path_that_is_a_folder(tmp_path, caplog):
    monitor = monitored(JSONLinesSink(tmp_path))
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        monitor.update(1.0).update(1.0)
    assert monitor.n_samples == 2
    assert len(caplog.records) == 1
    give_up(monitor.logger)


def test_processes_that_share_a_file(tmp_path):
    path = tmp_path / "run.jsonl"
    running = [start("sinks.py", "jsonl", path, 2000 * i, 2000) for i in range(3)]
    assert [printed(each) for each in running] == [2000] * 3
    steps = [each["wcdfa/step"] for each in rows(path)]
    assert sorted(steps) == list(range(1, 6001))
    for i in range(3):
        own = [step for step in steps if 2000 * i < step <= 2000 * (i + 1)]
        assert own == sorted(own)


def test_a_process_that_is_killed_loses_no_line(tmp_path):
    path = tmp_path / "run.jsonl"
    process = start("sinks.py", "jsonl", path, 0, 500, "kill")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert [each["wcdfa/step"] for each in rows(path)] == list(range(1, 501))


@pytest.mark.parametrize("end", ["fork", "spawn"])
def test_a_child_appends_lines_of_its_own(tmp_path, end):
    if end == "fork" and not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    path = tmp_path / "run.jsonl"
    assert printed(start("sinks.py", "jsonl", path, 0, 100, end)) == [100, ""]
    assert [each["wcdfa/step"] for each in rows(path)] == list(range(1, 102))


def test_a_copy_opens_the_file_itself_and_leaves_what_waits(tmp_path):
    sink = JSONLinesSink(tmp_path / "run.jsonl")
    sink(7, {})
    with room(0), pytest.raises(OSError, match="File too large"):
        sink(8, {})
    with pickle.loads(pickle.dumps(sink)) as other:
        other.alert("copied")
    sink.close()
    assert rows(sink.path) == [{"wcdfa/step": 7}, {"wcdfa/step": 8, "wcdfa/alert": "copied"}, {"wcdfa/step": 8}]


def test_lines_are_there_when_the_call_returns(tmp_path):
    sink = JSONLinesSink(tmp_path / "run.jsonl")
    for step in range(1, 4):
        sink(step, {"wcdfa/update_norm": step / 3})
        assert len(rows(sink.path)) == step
    sink.close()


def test_a_monitor_and_the_alarms_of_an_optimizer(torch, attach, tmp_path):
    norms = np.exp(0.1 * np.concatenate([synthetic.white_noise(1500, seed=0), synthetic.random_walk(300, seed=0)]))
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    with JSONLinesSink(tmp_path / "run.jsonl") as sink:
        monitor = WeightChangeDFA(window=128, stride=25, method="gls", logger=sink, log_every=1)
        handle = attach(optimizer, monitor=monitor, alarm=sink.alert, window=200, every=50)
        for norm in norms:
            weight.grad = torch.full_like(weight, norm)
            optimizer.step()
        handle.read()
    alerts = [each["wcdfa/alert"] for each in rows(sink.path) if "wcdfa/alert" in each]
    assert alerts == handle.raised
    assert any("α drifted up" in message for message in alerts)
    np.testing.assert_allclose(read_series(sink.path).values, norms, rtol=1e-6)
