"""MLflow: the metrics in its database; nothing is lost, and no run is begun."""

from __future__ import annotations

import logging
import math
import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from tests.helpers.processes import printed, start
from tests.helpers.sink_runs import NORMS, Seen, monitored, resumed, same, thousand


@pytest.fixture
def sink(mlflow):
    from wcdfa.sinks.mlflow import MLflowSink

    return MLflowSink


def logged(tmp_path):
    """All there is, by time."""
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        found = database.execute("SELECT key, step, value, is_nan FROM metrics ORDER BY timestamp, step").fetchall()
    return [(key, step, math.nan if is_nan else value) for key, step, value, is_nan in found]


def runs(tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        return [run for (run,) in database.execute("SELECT run_uuid FROM runs")]


def test_a_thousand_steps_are_read_back(mlflow, sink, tmp_path):
    with mlflow.start_run() as run, sink() as own:
        expected = thousand(own)
    assert same(logged(tmp_path), expected)
    assert runs(tmp_path) == [run.info.run_id]
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "wcdfa/update_norm")
    norms = [value for key, _, value in expected if key == "wcdfa/update_norm"]
    assert [each.step for each in history] == list(range(1, 1001))
    np.testing.assert_array_equal([each.value for each in history], norms)
    assert history[0].timestamp <= history[-1].timestamp


def test_a_run_that_goes_on_from_a_checkpoint_before(mlflow, sink, tmp_path):
    with mlflow.start_run() as run:
        pass
    held = []

    def life():
        for each in held:
            each.close()
        held.append(sink(run.info.run_id))
        return held[-1]

    expected = resumed(life)
    held[-1].close()
    assert same(logged(tmp_path), expected)
    assert sum(key == "wcdfa/n" for key, *_ in logged(tmp_path)) == 500
    assert runs(tmp_path) == [run.info.run_id]


def test_no_run_is_active_and_none_is_begun(mlflow, sink, tmp_path, caplog):
    monitor = monitored(sink())
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        monitor.update(1.0).update(2.0)
        monitor.logger.alert("message")
        monitor.logger.close()
    assert caplog.messages == ["no run of MLflow is active, so nothing is logged: call mlflow.start_run() first"]
    assert mlflow.active_run() is None
    assert runs(tmp_path) == logged(tmp_path) == []


def test_runs_one_after_the_other(mlflow, sink, tmp_path):
    """Numbers go to the run that was active when they came, though they are written later, and where runs are kept then."""
    own, ids = sink(), []
    for value in (1.0, 2.0):
        with mlflow.start_run() as run:
            own(1, {"wcdfa/update_norm": value})
            with mlflow.start_run(nested=True) as inner:
                own(1, {"wcdfa/update_norm": 10 * value})
        ids += [run.info.run_id, inner.info.run_id]
    client = mlflow.MlflowClient()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/nowhere.db")
    own.close()
    assert [client.get_run(each).data.metrics["wcdfa/update_norm"] for each in ids] == [1.0, 10.0, 2.0, 20.0]
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize("metrics", [9, 1000, 1001, 2500])
def test_as_many_wait_as_fit_into_a_batch(mlflow, sink, tmp_path, metrics):
    with mlflow.start_run(), sink() as own:
        for step in range(3):
            own(step, {f"wcdfa/alpha/{i}": float(i) for i in range(metrics - 1)})  # and the step
        assert len(logged(tmp_path)) == (0 if metrics == 9 else 2 * metrics)
    assert len(logged(tmp_path)) == 3 * metrics


def test_what_is_old_is_written(mlflow, sink, tmp_path):
    with mlflow.start_run(), sink(seconds=0) as own:
        for step in range(1, 4):
            own(step, {"wcdfa/update_norm": 0.5})
        assert [step for key, step, _ in logged(tmp_path) if key == "wcdfa/step"] == [1, 2]


@pytest.mark.parametrize("end", ["", "kill"])
def test_a_process_that_ends_loses_nothing(mlflow, sink, tmp_path, end):
    """It has an active run of its own library no more, and nobody closed the sink; one that is killed loses what waits."""
    with mlflow.start_run() as run:
        pass
    process = start("sinks.py", "mlflow", f"sqlite:///{tmp_path}/mlflow.db#{run.info.run_id}", 0, 700, end)
    if end:
        process.communicate()
    else:
        assert printed(process) == 700
    assert sum(key == "wcdfa/step" for key, *_ in logged(tmp_path)) == (500 if end else 700)


@pytest.mark.parametrize("end", ["fork", "spawn"])
def test_a_child_logs_its_own_steps_only(mlflow, sink, tmp_path, end):
    if end == "fork" and not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    with mlflow.start_run() as run:
        pass
    process = start("sinks.py", "mlflow", f"sqlite:///{tmp_path}/mlflow.db#{run.info.run_id}", 0, 100, end)
    assert printed(process) == [100, ""]
    assert sorted(step for key, step, _ in logged(tmp_path) if key == "wcdfa/step") == list(range(1, 102))


def test_a_run_that_was_deleted_does_not_hold_up_the_next(mlflow, sink, tmp_path, caplog):
    client, own = mlflow.MlflowClient(), sink()
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        with mlflow.start_run() as run:
            client.delete_run(run.info.run_id)
            monitor = monitored(own)
            for norm in NORMS[:600]:
                monitor.update(norm)
            assert monitor.reading().count == 600
            assert len(caplog.records) == 1
            assert "must be in the 'active' state" in caplog.text
            client.restore_run(run.info.run_id)  # MLflow ends no run that is deleted
        client.delete_run(run.info.run_id)
        seen = Seen(own)
        with mlflow.start_run():
            monitor = monitored(seen)
            for norm in NORMS[:600]:
                monitor.update(norm)
        own.close()
    assert same(logged(tmp_path), seen.logged)
    assert len(caplog.records) == 3  # one of each monitor, and of close
    client.restore_run(run.info.run_id)
    own.close()
    assert len(client.get_metric_history(run.info.run_id, "wcdfa/n")) == 600


def test_alerts_are_tags(mlflow, sink):
    with mlflow.start_run() as run, sink() as own:
        own.alert("regime changed from critical to ordered: α = 1.31")
        own.alert("title", "x" * 10_000)
    tags = mlflow.get_run(run.info.run_id).data.tags
    alerts = [value for name, value in sorted(tags.items()) if name.startswith("wcdfa.alert.")]
    assert alerts == ["regime changed from critical to ordered: α = 1.31", f"title: {'x' * 4993}"]


def test_infinity_is_held_as_the_largest_number(mlflow, sink, tmp_path):
    with mlflow.start_run(), sink() as own:
        own(1, {"wcdfa/alpha": math.inf, "wcdfa/r2": math.nan})
    assert [value for key, _, value in logged(tmp_path) if key == "wcdfa/alpha"] == pytest.approx([1.7976931348623157e308])
    assert [value for key, _, value in logged(tmp_path) if key == "wcdfa/r2"] == pytest.approx([math.nan], nan_ok=True)
