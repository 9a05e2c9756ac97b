"""trackio: the rows in its database."""

from __future__ import annotations

import json
import logging
import math
import os
import sqlite3
import threading
from contextlib import closing

import pytest

from tests.conftest import require
from tests.helpers.sink_runs import NORMS, monitored, resumed, same, thousand

SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@pytest.fixture(scope="module")
def trackio():
    os.environ["HF_HUB_OFFLINE"] = "1"
    return require("trackio")


@pytest.fixture
def begin(trackio, tmp_path, monkeypatch):
    from trackio import sqlite_storage, utils

    for module in (sqlite_storage, utils):  # which read TRACKIO_DIR once, when they are imported
        monkeypatch.setattr(module, "TRACKIO_DIR", tmp_path)

    def begin(**options):
        return trackio.init(project="wcdfa", embed=False, auto_log_cpu=False, auto_log_gpu=False, **options)

    yield begin
    if trackio.context_vars.current_run.get() is not None:
        trackio.finish()


@pytest.fixture
def sink(trackio):
    from wcdfa.sinks.trackio import TrackioSink

    return TrackioSink


def query(tmp_path, text):
    with closing(sqlite3.connect(tmp_path / "wcdfa.db")) as database:
        return database.execute(text).fetchall()


def logged(tmp_path):
    found = query(tmp_path, "SELECT step, metrics FROM metrics ORDER BY id")
    return [(key, step, SPECIAL.get(value, value)) for step, row in found for key, value in json.loads(row).items()]


def test_a_thousand_steps_are_read_back(trackio, begin, sink, tmp_path):
    begin()
    expected = thousand(sink())
    trackio.finish()
    assert same(logged(tmp_path), expected)
    assert [step for key, step, _ in logged(tmp_path) if key == "wcdfa/n"] == list(range(1, 1001))
    ((runs,),) = query(tmp_path, "SELECT COUNT(DISTINCT run_id) FROM metrics")
    assert runs == 1


def test_a_run_that_goes_on_from_a_checkpoint_before(trackio, begin, sink, tmp_path):
    lives = []

    def life():
        if lives:
            trackio.finish()
        lives.append(begin(name="again", resume="allow"))
        return sink()

    expected = resumed(life)
    trackio.finish()
    assert same(logged(tmp_path), expected)
    assert [step for key, step, _ in logged(tmp_path) if key == "wcdfa/n"] == [*range(1, 301), *range(201, 401)]
    assert lives[0].id == lives[1].id


def test_no_run(sink, tmp_path, caplog):
    monitor = monitored(sink())
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        monitor.update(1.0).update(2.0)
        monitor.logger.alert("message")
    assert caplog.messages == ["no run of trackio is active, so nothing is logged: call trackio.init(project=...) first"]


def test_a_run_of_another_thread_is_given(trackio, begin, sink, tmp_path):
    monitor = monitored(sink(begin()))
    thread = threading.Thread(target=lambda: [monitor.update(norm) for norm in NORMS[:5]])
    thread.start()
    thread.join()
    trackio.finish()
    assert [value for key, _, value in logged(tmp_path) if key == "wcdfa/update_norm"] == NORMS[:5].tolist()


def test_alerts(trackio, begin, sink, tmp_path, capsys):
    begin()
    own = sink()
    own(7, {"wcdfa/alpha": 1.0})
    own.alert("regime changed from critical to ordered: α = 1.31")
    own.alert("title", "text")
    trackio.finish()
    assert query(tmp_path, "SELECT title, text, level, step FROM alerts ORDER BY id") == [
        ("regime changed from critical to ordered", "regime changed from critical to ordered: α = 1.31", "warn", 7),
        ("title", "text", "warn", 7),
    ]


def test_the_caller_logs_beside_it(trackio, begin, sink, tmp_path):
    begin()
    monitor = monitored(sink())
    for norm in NORMS[:3]:
        monitor.update(norm)
        trackio.log({"loss": float(norm)}, step=monitor.reading().count)
    trackio.log({"done": 1})
    trackio.finish()
    found = logged(tmp_path)
    assert [(step, value) for key, step, value in found if key == "loss"] == [(1, NORMS[0]), (2, NORMS[1]), (3, NORMS[2])]
    assert [step for key, step, _ in found if key == "done"] == [4]
