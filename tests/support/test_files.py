"""A file is replaced whole or not at all, and what killed processes leave is removed, but nothing that is still written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.helpers.processes import ROOT
from wcdfa.support import locks, temporary_files
from wcdfa.support.files import replacing, write_arrays
from wcdfa.support.temporary_files import DAY

WRITER = """
import sys
from wcdfa.support.files import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer(tmp_path):
    """Starts processes that write until they get a line or are killed."""
    started = []

    def start(name):
        command = [sys.executable, "-c", WRITER, str(tmp_path / name)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT))
        assert started[-1].stdout.readline() == "writing\n"
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def save(path, content=b"new"):
    with replacing(path) as file:
        file.write(content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def left(folder, *, host, age=0.0):
    """A temporary file that nobody writes."""
    path = folder / f".wcdfa-{host}-0123.tmp"
    path.write_bytes(b"half")
    os.utime(path, times=(time.time() - age,) * 2)
    return path


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps them for a minute")
def test_what_a_killed_save_left_is_removed_and_what_is_still_written_stays(writer, tmp_path):
    killed, going_on = writer("a.npz"), writer("b.npz")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(names(tmp_path)) == 2
    save(tmp_path / "c.npz")
    assert len([name for name in names(tmp_path) if name.endswith(".tmp")]) == 1
    going_on.communicate("go on\n")
    assert going_on.returncode == 0
    assert names(tmp_path) == ["b.npz", "c.npz"]
    assert (tmp_path / "b.npz").read_bytes() == b"half"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps them for a minute")
def test_arrays_that_are_kept_for_the_next_run_remove_them_too(tmp_path):
    left(tmp_path, host=temporary_files._host())
    write_arrays(tmp_path / "table.npz", {})
    assert names(tmp_path) == ["table.npz"]


@pytest.mark.parametrize(("age", "stays"), [(0.0, True), (0.9 * DAY, True), (1.1 * DAY, False)])
def test_those_of_another_computer_are_removed_after_a_day(tmp_path, age, stays):
    """Its locks may not be seen here."""
    other = left(tmp_path, host="00000000", age=age)
    save(tmp_path / "file")
    assert other.exists() == stays


@pytest.mark.skipif(os.name == "nt", reason="Windows needs no locks for this")
@pytest.mark.parametrize(("age", "stays"), [(0.9 * DAY, True), (1.1 * DAY, False)])
def test_so_are_those_where_there_are_no_locks(tmp_path, monkeypatch, age, stays):
    ours = left(tmp_path, host=temporary_files._host(), age=age)
    monkeypatch.setattr(temporary_files, "lock", lambda *_: False)
    save(tmp_path / "file")
    assert ours.exists() == stays
    assert (tmp_path / "file").read_bytes() == b"new"


def test_nothing_else_is_removed(tmp_path):
    for name in (".wcdfa-notes", "wcdfa-0.tmp", ".other.tmp"):
        (tmp_path / name).write_text("")
    (tmp_path / ".wcdfa-folder.tmp").mkdir()
    before = names(tmp_path)
    save(tmp_path / "file")
    assert names(tmp_path) == sorted([*before, "file"])


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no file that is open")
def test_a_file_that_is_removed_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    """Another process that looks for what was left may find it in this moment, or be about to remove it."""
    real, seen = locks.lock, []

    def late(descriptor, seconds=0.0):
        seen.append(descriptor)
        if len(seen) == 1:
            for path in tmp_path.iterdir():
                path.unlink()
        if len(seen) == 2:
            raise TimeoutError
        return real(descriptor, seconds)

    monkeypatch.setattr(temporary_files, "lock", late)
    save(tmp_path / "file")
    assert len(seen) >= 3
    monkeypatch.undo()
    save(tmp_path / "file")
    assert names(tmp_path) == ["file"]


def test_many_threads_and_processes_that_save_into_one_folder_lose_nothing(tmp_path):
    errors = []

    def work(number):
        try:
            for i in range(100):
                save(tmp_path / f"{number}", b"%d" % i)
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert names(tmp_path) == ["0", "1", "2", "3"]
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"99"}


@pytest.mark.parametrize(("files", "times"), [(5, 3), (10, 1)])
def test_a_folder_with_many_files_is_looked_through_now_and_then(tmp_path, monkeypatch, files, times):
    looked, real = [], os.scandir
    monkeypatch.setattr(temporary_files, "MANY", 10)
    monkeypatch.setattr(temporary_files, "SHARE", 1e9)
    monkeypatch.setattr(temporary_files.os, "scandir", lambda folder: looked.append(folder) or real(folder))
    for number in range(files):
        (tmp_path / f"{number}").write_text("")
    for _ in range(3):
        save(tmp_path / "file")
    assert looked == [str(tmp_path)] * times


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    """As a device is: nobody may lose /dev/null to a result that was sent there."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    with replacing(pipe) as file:
        file.write(b"result")
    reader.join(60)
    assert found == [b"result"]
    assert pipe.is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]
