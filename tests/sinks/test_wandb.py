"""Weights & Biases, offline: what ends up in the run's file, and that nothing of it reaches the training loop."""

from __future__ import annotations

import json
import logging
import struct
import sys
import time
import types
import warnings
from unittest import mock

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.sink_runs import monitored, resumed, same, thousand
from wcdfa import RollingWeightChangeDFA, synthetic
from wcdfa.sinks.wandb import WandbSink

NORMS = np.exp(0.1 * synthetic.white_noise(400, seed=0))
BLOCK = 32 * 1024
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@pytest.fixture
def wandb(tmp_path, monkeypatch):
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / name))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what it imports
        module = require("wandb")
    yield module
    if module.run is not None:
        module.run.finish()


@pytest.fixture
def begin(wandb, tmp_path):
    def begin(**options):
        return wandb.init(project="wcdfa", dir=tmp_path, settings=wandb.Settings(silent=True, console="off"), **options)

    return begin


def records(path):
    """The records of one run's file, as far as it is written."""
    from wandb.proto import wandb_internal_pb2

    data = path.read_bytes()
    assert data[:7] in (b":W&B\xe1\xbe\x00", b"")
    place, record = 7, b""
    while place + 7 <= len(data):
        if (left := BLOCK - place % BLOCK) < 7:  # no header is split
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        if place + 7 + length > len(data):
            break
        record += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (WHOLE, LAST):
            found = wandb_internal_pb2.Record()
            found.ParseFromString(record)
            yield found
            record = b""


def finished(tmp_path, run):
    """All records of a run that has ended."""
    (path,) = tmp_path.glob(f"wandb/offline-run-*/run-{run.id}.wandb")
    found = list(records(path))
    for _ in range(1000):
        if found and found[-1].HasField("exit"):
            break
        time.sleep(0.01)  # another process writes the file, and finish does not wait for the end of that
        found = list(records(path))
    return found


def history(tmp_path, run):
    """The rows of a run, and its definitions of metrics."""
    found = finished(tmp_path, run)
    rows = [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in found
        if record.HasField("history")
    ]
    metrics = [
        (record.metric.name or record.metric.glob_name, record.metric.step_metric) for record in found if record.HasField("metric")
    ]
    return rows, metrics


def values(rows, name):
    return [row[name] for row in rows if name in row]


DEFINED = [("wcdfa/step", ""), ("wcdfa/*", "wcdfa/step")]


def test_what_is_logged_is_read_back(begin, tmp_path):
    run, monitor, expected = begin(), RollingWeightChangeDFA(window=64, stride=16), []
    for i, norm in enumerate(NORMS[:100], start=1):
        monitor.update(norm)
        if i % 10 == 0:
            monitor.log_wandb()
            expected.append(monitor.metrics())
    run.finish()
    rows, metrics = history(tmp_path, run)
    assert metrics == DEFINED
    assert values(rows, "wcdfa/step") == list(range(10, 101, 10))
    for row, numbers in zip(rows, expected, strict=True):
        np.testing.assert_equal({name: value for name, value in row.items() if not name.startswith("_")}, numbers)
    assert "wcdfa/alpha" not in rows[5]
    assert rows[-1]["wcdfa/alpha"] == monitor.alpha


@pytest.mark.parametrize("ours_first", [True, False])
def test_the_caller_keeps_every_row_of_his_own(begin, tmp_path, ours_first):
    """Both with the step of the caller, as code written for wcdfa 0.1.0 has it."""
    run, monitor = begin(), RollingWeightChangeDFA(window=64, stride=16)
    for epoch in range(10):
        for norm in NORMS[:20]:
            monitor.update(norm)
        if ours_first:
            monitor.log_wandb(step=epoch)
        run.log({"loss": epoch / 10}, step=epoch)
        if not ours_first:
            monitor.log_wandb(step=epoch)
    run.finish()
    rows, _ = history(tmp_path, run)
    assert values(rows, "loss") == [epoch / 10 for epoch in range(10)]
    assert values(rows, "wcdfa/step") == list(range(10))
    assert len(values(rows, "wcdfa/alpha")) == 7


def test_steps_that_go_back_are_kept(begin, tmp_path):
    run, monitor = begin(), RollingWeightChangeDFA(window=64)
    run.log({"accuracy": 1.0}, step=1000)
    for step in (5, 6, 3, 3, 4):
        monitor.update(float(step))
        monitor.log_wandb(step=step)
        run.log({"loss": 0.5})
    monitor.log_wandb(step=np.int64(7))
    run.finish()
    rows, _ = history(tmp_path, run)
    assert values(rows, "wcdfa/step") == [5, 6, 3, 3, 4, 7]
    assert values(rows, "wcdfa/update_norm") == [5, 6, 3, 3, 4, 4]
    assert values(rows, "loss") == [0.5] * 5
    assert [row["_step"] for row in rows] == list(range(1000, 1006))


def test_two_runs_and_two_monitors(begin, tmp_path):
    """Also a run that is taken up again, with a monitor that goes on from its state."""
    runs, monitor = [], RollingWeightChangeDFA(window=64)
    for i in range(2):
        run = begin(id=f"run{i}")
        runs.append(run)
        for norm in NORMS[:20]:
            monitor.update(norm)
        monitor.log_wandb()
        second = RollingWeightChangeDFA(window=64)
        second.load_state_dict(monitor.state_dict())
        second.update(1.0).log_wandb()
        monitor = second
        run.finish()
    for run, steps in zip(runs, ([20, 21], [41, 42]), strict=True):
        rows, metrics = history(tmp_path, run)
        assert values(rows, "wcdfa/step") == steps
        assert metrics == DEFINED


def test_a_run_that_is_taken_up_again(begin, tmp_path):
    monitor = RollingWeightChangeDFA(window=64)
    for i in range(2):
        monitor.update(1.0)
        run = begin(id="again", resume="allow" if i else None)
        monitor.log_wandb()
        monitor.update(2.0).log_wandb()
        run.finish()
        path = next(tmp_path.glob("wandb/offline-run-*"))
        rows, metrics = history(tmp_path, run)
        assert values(rows, "wcdfa/step") == [2 * i + 1, 2 * i + 2]
        assert metrics == DEFINED
        path.rename(tmp_path / f"first-{i}")


@pytest.mark.parametrize("mode", ["disabled", "offline"])
def test_before_there_is_anything_to_log(begin, tmp_path, mode):
    run, monitor = begin(mode=mode), RollingWeightChangeDFA()
    monitor.log_wandb()
    monitor.log_wandb(step=3)
    run.finish()
    if mode == "offline":
        rows, _ = history(tmp_path, run)
        assert values(rows, "wcdfa/step") == [0, 3]
        assert values(rows, "wcdfa/n") == [0, 0]


def test_no_run_is_active(wandb):
    assert wandb.run is None
    with pytest.warns(UserWarning, match=r"no run of wandb is active, so nothing is logged: call wandb\.init\(\) first") as caught:
        RollingWeightChangeDFA().log_wandb()
    assert caught[0].filename == __file__


@pytest.mark.parametrize("absent", [None, types.ModuleType("wandb")], ids=["not installed", "the folder that it logs to"])
def test_wandb_is_not_there(monkeypatch, absent):
    monkeypatch.setitem(sys.modules, "wandb", absent)
    message = (
        r"wandb cannot be imported, and nothing is logged .*: pip install 'wcdfa\[wandb\]'"
        if absent is None
        else "no run of wandb is active"
    )
    with pytest.warns(UserWarning, match=message):
        RollingWeightChangeDFA().log_wandb()


@pytest.mark.parametrize("broken", ["log", "define_metric", "step"])
def test_whatever_wandb_raises_training_goes_on(monkeypatch, caplog, broken):
    run = mock.MagicMock()
    if broken == "step":
        type(run).step = mock.PropertyMock(side_effect=ConnectionError("server is away"))
    else:
        getattr(run, broken).side_effect = ConnectionError("server is away")
    module = types.ModuleType("wandb")
    module.run = run
    monkeypatch.setitem(sys.modules, "wandb", module)
    monitor = RollingWeightChangeDFA(window=64)
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        for norm in NORMS[:3]:
            monitor.update(norm).log_wandb()
    assert monitor.n_samples == 3
    assert len(caplog.records) == 3
    assert "server is away" in caplog.text


def logged(rows):
    return [
        (key, row["wcdfa/step"], value)
        for row in rows
        if "wcdfa/step" in row
        for key, value in row.items()
        if not key.startswith("_") and key != "loss"
    ]


def test_a_thousand_steps_of_a_monitor(begin, tmp_path):
    """Among the caller's own, each with its step; the summary holds the last."""
    run, sink = begin(), WandbSink()

    def among(step, metrics):
        sink(step, metrics)
        run.log({"loss": 1 / step}, step=step)

    expected = thousand(among)
    run.finish()
    rows, metrics = history(tmp_path, run)
    assert metrics == DEFINED
    assert same(logged(rows), expected)
    assert values(rows, "wcdfa/step") == list(range(1, 1001))
    assert values(rows, "loss") == [1 / step for step in range(1, 1001)]
    assert values(rows, "_step") == list(range(1001))  # ours are in the row before
    summary = {
        item.key or "/".join(item.nested_key): json.loads(item.value_json)
        for record in finished(tmp_path, run)
        if record.HasField("summary")
        for item in record.summary.update
    }
    last = {key: value for key, _, value in expected}
    np.testing.assert_equal({key: summary[key] for key in last}, last)


def test_a_monitor_that_goes_on_from_a_checkpoint_before(begin, tmp_path):
    rows = []

    def finish(run):
        run.finish()
        rows.extend(history(tmp_path, run)[0])
        next(tmp_path.glob("wandb/offline-run-*")).rename(tmp_path / f"life-{len(rows)}")

    def life():
        if rows or runs:
            finish(runs[-1])
        runs.append(begin(id="again", resume="allow" if runs else None))
        return WandbSink()

    runs = []
    expected = resumed(life)
    finish(runs[-1])
    assert same(logged(rows), expected)
    assert values(rows, "wcdfa/step") == [*range(1, 301), *range(201, 401)]


def test_alerts(begin, tmp_path):
    run, sink = begin(), WandbSink()
    sink.alert("regime changed from critical to ordered: α = 1.31")
    sink.alert("x" * 100, "text")
    run.finish()
    alerts = [record.alert for record in finished(tmp_path, run) if record.HasField("alert")]
    assert [(each.title, each.text, each.level) for each in alerts] == [
        ("regime changed from critical to ordered", "regime changed from critical to ordered: α = 1.31", "WARN"),
        ("x" * 63, "text", "WARN"),
    ]


def test_a_sink_without_a_run_says_so_once_and_begins_none(wandb, caplog):
    monitor = monitored(WandbSink())
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        monitor.update(1.0).update(2.0)
        monitor.logger.alert("message")
    assert caplog.messages == ["no run of wandb is active, so nothing is logged: call wandb.init() first"]
    assert wandb.run is None


def test_a_run_that_is_given_and_has_ended(begin, caplog):
    run = begin()
    monitor = monitored(WandbSink(run))
    monitor.update(1.0)
    run.finish()
    begun = time.monotonic()
    for _ in range(5):
        monitor.update(2.0)
    assert monitor.n_samples == 6
    assert ["is finished" in str(record.exc_info) for record in caplog.records if record.name == "wcdfa"] == [True]
    assert time.monotonic() - begun < 10  # wandb waits half a minute for the step of a run that has ended


def test_a_sink_where_wandb_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ImportError, match="wandb"):
        WandbSink()


@pytest.mark.parametrize("shared", ["TensorBoard is synced", "another process writes too"])
def test_where_others_write_rows_too_no_step_is_passed_and_nothing_is_lost(begin, tmp_path, monkeypatch, wandb, shared):
    run, sink = begin(), WandbSink()
    if shared == "TensorBoard is synced":
        monkeypatch.setitem(wandb.patched, "tensorboard", [("module", "writer")])
    else:
        monkeypatch.setattr(run, "_is_attached", True)
    for step in range(1, 6):
        sink(step, {"wcdfa/update_norm": float(step)})
    monkeypatch.undo()
    run.finish()
    rows, _ = history(tmp_path, run)
    assert values(rows, "wcdfa/step") == values(rows, "wcdfa/update_norm") == [1, 2, 3, 4, 5]


def test_a_call_asks_the_process_that_writes_nothing(begin, tmp_path, monkeypatch):
    run, sink = begin(), WandbSink()
    monkeypatch.setattr(type(run), "step", property(lambda _: pytest.fail("it was asked for its step")))
    for step in range(1, 4):
        sink(step, {"wcdfa/update_norm": float(step)})
    monkeypatch.undo()
    run.finish()
    assert values(history(tmp_path, run)[0], "wcdfa/step") == [1, 2, 3]
