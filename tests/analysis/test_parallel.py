"""Many runs over processes and over Dask: nothing is lost, whatever dies."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import wcdfa
from tests.helpers.processes import ROOT
from tests.helpers.stuck import READER
from wcdfa.analysis import cluster as clusters
from wcdfa.analysis.cluster import on_dask
from wcdfa.analysis.parallel import SHARES, in_processes, run_task, tasks
from wcdfa.analysis.series import Settings
from wcdfa.readers import sources
from wcdfa.readers.discovery import Source

SETTINGS = Settings(window=128)
BEGIN = """
import multiprocessing, pathlib, sys, threading
from wcdfa.analysis.parallel import in_processes, tasks
from wcdfa.analysis.series import Settings
from wcdfa.readers.discovery import Source
from tests.helpers.stuck import READER

if __name__ == "__main__":
    todo = tasks([Source(pathlib.Path(sys.argv[1]), READER)], Settings(), 1)
    threading.Thread(target=lambda: list(in_processes(todo, 1)), daemon=True).start()
    open(sys.argv[1], "w")  # returns once a worker reads
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    threading.Event().wait()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    for seed in range(12):
        np.save(place / f"norms_{seed:02}.npy", np.exp(0.1 * wcdfa.synthetic.arfima(600, d=0.1 * (seed % 5), seed=seed)))
    (place / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00")
    return place


def by_path(batches):
    return sorted((result for batch in batches for result in batch), key=lambda result: (result["path"], result["run"]))


@pytest.fixture(scope="module")
def expected(folder):
    return by_path(run_task(task) for task in tasks(sources(folder), SETTINGS, 1))


def test_processes_find_what_one_finds(folder, expected):
    todo = tasks(sources(folder), SETTINGS, 2)
    found = by_path(in_processes(todo, 2))
    assert found == expected
    assert [result["path"] for result in found if "error" in result] == [str(folder / "broken.npy")]
    assert sum(len(result.get("windows", ())) for result in found) == 12 * 4


def test_a_process_that_is_killed_loses_nothing(folder, expected):
    batches = in_processes(tasks(sources(folder), SETTINGS, 2), 2)
    first = next(batches)
    multiprocessing.active_children()[0].kill()
    assert by_path([first, *batches]) == expected


@pytest.mark.skipif(not os.path.exists("/proc"), reason="looks into /proc for the process that has a file open")
def test_a_log_that_kills_its_process_again_is_found_to_have_failed(folder, tmp_path):
    """A log that holds its reader up, until it is killed."""
    poison = tmp_path / "poison.csv"
    os.mkfifo(poison)
    todo = tasks([*sources(folder / "norms_00.npy"), Source(poison, READER), *sources(folder / "norms_01.npy")], SETTINGS, 2)
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


def test_a_process_that_dies_while_nobody_asks_loses_nothing(folder, expected):
    """While what was found is written down, the pool breaks; the next task is handed to a pool that takes nothing."""
    batches = in_processes(tasks(sources(folder), SETTINGS, 2), 2)
    found = [next(batches)]
    for child in multiprocessing.active_children():
        child.kill()
    time.sleep(2)
    assert by_path([*found, *batches]) == expected


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


def test_dask_finds_what_one_finds_and_a_worker_that_dies_loses_nothing(folder, expected, tmp_path):
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    local = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with dask.config.set({"temporary-directory": str(tmp_path)}), distributed.LocalCluster(**local) as cluster:
        batches = on_dask(tasks(sources(folder), SETTINGS, 2), cluster.scheduler_address, 2)
        first = next(batches)
        os.kill(cluster.workers[0].process.pid, 9)
        assert by_path([first, *batches]) == expected


def test_no_cluster_answers(folder, monkeypatch):
    monkeypatch.setattr(clusters, "PATIENCE", 0.5)
    with pytest.raises(ValueError, match=r"no cluster of Dask answers at tcp://127\.0\.0\.1:1"):
        next(on_dask(tasks(sources(folder), SETTINGS, 2), "tcp://127.0.0.1:1", 2))


@pytest.mark.skipif(not os.path.exists("/proc"), reason="looks into /proc for the worker")
def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path):
    """Whatever they are at: here they wait for a pipe to which nobody writes."""
    os.mkfifo(tmp_path / "poison.csv")
    program = tmp_path / "begin.py"
    program.write_text(BEGIN)
    found = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}  # the tests, too
    begun = subprocess.Popen([sys.executable, program, tmp_path / "poison.csv"], stdout=subprocess.PIPE, cwd=ROOT, env=found)
    (process,) = map(int, begun.stdout.readline().split())
    begun.kill()
    begun.wait()
    begun.stdout.close()
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{process}") and not is_zombie(process):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_zombie(process):
    """Whether it has ended, and nobody has asked how."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
