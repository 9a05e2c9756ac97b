"""What waits is written in order and once, survives a tracker that fails, and does not grow without end."""

from __future__ import annotations

import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.processes import ROOT
from wcdfa.sinks import buffer
from wcdfa.sinks.buffer import Buffer


class Disk:
    def __init__(self):
        self.batches, self.full = [], False

    def write(self, items):
        if self.full:
            raise OSError("disk is full")
        self.batches.append(items.copy())
        items.clear()

    @property
    def held(self):
        return [item for batch in self.batches for item in batch]


@given(st.lists(st.integers(1, 5)), st.integers(1, 7), st.sets(st.integers(0, 20)))
def test_all_is_written_once_and_in_order(sizes, most, failing):
    disk, added = Disk(), 0
    waiting = Buffer(disk.write, most, 60)
    for i, size in enumerate(sizes):
        disk.full = i in failing
        try:
            waiting.add(list(range(added, added + size)))
        except OSError:
            assert disk.full
        added += size
    disk.full = False
    waiting.close()
    assert disk.held == list(range(added))
    if not failing:
        assert all(len(batch) <= max(most, max(sizes)) for batch in disk.batches)


def test_what_is_old_is_written():
    disk = Disk()
    waiting = Buffer(disk.write, 100, 0.05)
    waiting.add([1])
    waiting.add([2])
    assert disk.batches == []
    time.sleep(0.06)
    waiting.add([3])
    assert disk.batches == [[1, 2]]
    waiting.close()
    assert disk.batches == [[1, 2], [3]]


def test_a_disk_that_is_full_is_asked_now_and_then_and_some_are_kept(monkeypatch):
    monkeypatch.setattr(buffer, "LIMIT", 50)
    disk, raised = Disk(), []
    disk.full = True
    waiting = Buffer(disk.write, 10, 60)
    for item in range(95):
        try:
            waiting.add([item])
        except OSError:
            raised.append(item)
    assert raised == list(range(10, 95, 10))
    disk.full = False
    waiting.close()
    assert disk.held == list(range(45, 95))


def test_closing_does_not_raise(caplog):
    disk = Disk()
    disk.full = True
    waiting = Buffer(disk.write, 10, 60)
    waiting.add([1])
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        waiting.close()
    assert "the last numbers could not be written" in caplog.text
    disk.full = False
    waiting.close()
    waiting.close()
    assert disk.batches == [[1]]


@pytest.mark.parametrize("seconds", [-1, float("nan"), "60", None])
def test_seconds_are_a_number(seconds):
    with pytest.raises(ValueError, match=f"seconds must be a number of at least 0, got {seconds!r}"):
        Buffer(print, 1, seconds)


FORKED = """
import os, sys
from wcdfa.sinks.buffer import Buffer

def write(items):
    os.write(1, b"".join(b"%d %d\\n" % (os.getpid() == parent, item) for item in items))
    items.clear()

parent, buffer = os.getpid(), Buffer(write, 10, 60)
buffer.add([1, 2])
with buffer.lock:
    child = os.fork()
if not child:
    if sys.argv[1] == "adds":
        buffer.add([3])
    sys.exit()
os.waitpid(child, 0)
buffer.add([4])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("child", ["adds", "ends"])
def test_a_forked_child_writes_its_own_items_only(child):
    """At its end, as its parent; what the parent holds is not in it, even if the lock was held."""
    done = subprocess.run([sys.executable, "-c", FORKED, child], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    assert done.stdout.splitlines() == (["0 3"] if child == "adds" else []) + ["1 1", "1 2", "1 4"]


WORKER = """
import multiprocessing, os, sys
from wcdfa.sinks.buffer import Buffer

def write(items):
    os.write(1, b"".join(b"%d\\n" % item for item in items))
    items.clear()

def work():
    Buffer(write, 10, 60).add([1, 2])

if __name__ == "__main__":
    process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
    process.start()
    process.join()
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_process_of_multiprocessing_writes_its_items_when_it_ends(tmp_path, method):
    """It may end without the handlers of atexit."""
    (tmp_path / "worker.py").write_text(WORKER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, tmp_path / "worker.py", method]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert done.stdout == "1\n2\n"


def test_what_is_lost_is_said_when_the_process_ends():
    program = "from wcdfa.sinks.buffer import Buffer; Buffer(lambda items: 1 / 0, 10, 60, 'rows').add([1, 2])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.startswith("the last rows could not be written (2): they are lost\nTraceback")
    assert "ZeroDivisionError: division by zero\nrows that wait in memory: 2" in done.stderr


def test_two_threads_may_add():
    disk = Disk()
    waiting = Buffer(disk.write, 7, 0)
    threads = [threading.Thread(target=lambda i=i: [waiting.add([(i, j)]) for j in range(2000)]) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waiting.close()
    assert sorted(disk.held) == [(i, j) for i in range(3) for j in range(2000)]
