"""Many runs over processes and over Dask: nothing is lost, whatever dies."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
import time

import numpy as np
import pytest

import wcdfa
from wcdfa.analysis.parallel import SHARES, in_processes, on_dask, run_task, tasks
from wcdfa.analysis.series import Settings
from wcdfa.readers import sources

SETTINGS = Settings(window=128)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "runs"
    place.mkdir()
    for seed in range(12):
        np.save(place / f"norms_{seed:02}.npy", np.exp(0.1 * wcdfa.synthetic.arfima(600, d=0.1 * (seed % 5), seed=seed)))
    (place / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00")
    return place


def by_path(batches):
    return sorted((result for batch in batches for result in batch), key=lambda result: (result["path"], result["run"]))


def expected(folder):
    return by_path(run_task(task) for task in tasks(sources(folder), SETTINGS, 1))


def test_processes_find_what_one_finds(folder):
    todo = tasks(sources(folder), SETTINGS, 2)
    found = by_path(in_processes(todo, 2))
    assert found == expected(folder)
    assert [result["path"] for result in found if "error" in result] == [str(folder / "broken.npy")]
    assert sum(len(result.get("windows", ())) for result in found) == 12 * 4


def test_a_process_that_is_killed_loses_nothing(folder):
    batches = in_processes(tasks(sources(folder), SETTINGS, 2), 2)
    first = next(batches)
    multiprocessing.active_children()[0].kill()
    assert by_path([first, *batches]) == expected(folder)


@pytest.mark.skipif(not os.path.exists("/proc"), reason="looks into /proc for the process that has a file open")
def test_a_log_that_kills_its_process_again_is_found_to_have_failed(folder):
    """A pipe that nobody writes to holds its reader up, until it is killed."""
    poison = folder / "poison.csv"
    os.mkfifo(poison)
    todo = tasks([*sources(folder / "norms_00.npy"), *sources(poison), *sources(folder / "norms_01.npy")], SETTINGS, 2)
    found, done = [], threading.Event()

    def kill_what_reads_it():
        while not done.is_set():
            time.sleep(0.1)
            try:
                end = os.open(poison, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads it
                continue
            time.sleep(0.1)
            for child in multiprocessing.active_children():
                if has_open(child.pid, poison):
                    child.kill()
            os.close(end)

    killer = threading.Thread(target=kill_what_reads_it)
    killer.start()
    try:
        found = by_path(in_processes(todo, 2))
    finally:
        done.set()
        killer.join()
    assert [("error" in result, result["path"]) for result in found] == [
        (False, str(folder / "norms_00.npy")),
        (False, str(folder / "norms_01.npy")),
        (True, str(poison)),
    ]
    assert "died, twice" in found[-1]["error"]


def has_open(process, path):
    folder = f"/proc/{process}/fd"
    return any(os.readlink(f"{folder}/{each}") == str(path) for each in os.listdir(folder))


def test_a_process_that_dies_while_nobody_asks_loses_nothing(folder):
    """While what was found is written down, the pool breaks; the next task is handed to a pool that takes nothing."""
    batches = in_processes(tasks(sources(folder), SETTINGS, 2), 2)
    found = [next(batches)]
    for child in multiprocessing.active_children():
        child.kill()
    time.sleep(2)
    assert by_path([*found, *batches]) == expected(folder)


def test_processes_end_when_nobody_asks_any_more(folder):
    batches = in_processes(tasks(sources(folder), SETTINGS, 2), 2)
    next(batches)
    batches.close()
    assert multiprocessing.active_children() == []


def test_a_store_of_many_runs_is_shared_by_the_workers(tmp_path):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as store:
        store.execute("CREATE TABLE runs (run_uuid, name, lifecycle_stage, start_time)")
        store.execute("CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)")
        for run in range(7):
            store.execute("INSERT INTO runs VALUES (?, ?, 'active', ?)", (f"id{run}", f"run{run}", run))
            rows = [("update_norm", 1 + i % (run + 5), i, f"id{run}", i, 0) for i in range(200)]
            store.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
    store.close()
    todo = tasks(sources(path), SETTINGS, 3)
    assert len(todo) == 3 * SHARES
    found = by_path(run_task(task) for task in todo)
    assert [result["run"] for result in found] == [f"run{run} id{run}" for run in range(7)]
    assert found == by_path(run_task(task) for task in tasks(sources(path), SETTINGS, 1))
    path.write_bytes(b"SQLite format 3\0 and no more")
    assert [len(run_task(task)) for task in todo] == [1] + [0] * (len(todo) - 1)  # the error is said once


def test_dask_finds_what_one_finds_and_a_worker_that_dies_loses_nothing(folder):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        batches = on_dask(tasks(sources(folder), SETTINGS, 2), cluster.scheduler_address, 2)
        first = next(batches)
        os.kill(cluster.workers[0].process.pid, 9)
        assert by_path([first, *batches]) == expected(folder)


def test_no_cluster_answers(folder):
    with pytest.raises(ValueError, match=r"no cluster of Dask answers at tcp://127\.0\.0\.1:1"):
        next(on_dask(tasks(sources(folder), SETTINGS, 2), "tcp://127.0.0.1:1", 2))
