"""Several processes append to one file: nobody removes what another one has written, and a lock is never waited for without end."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time

import pytest

from wcdfa.support import locks, shared_file
from wcdfa.support.shared_file import SharedFile

WHOLE, TORN = b'{"step": 1}\n', b'{"step": 2, "no'


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(WHOLE + TORN)
    return path


@pytest.fixture
def open_file(path):
    """Opens the file as another process would: with a descriptor of its own."""
    opened = []

    def open_file():
        opened.append(SharedFile(path))
        return opened[-1]

    yield open_file
    for each in opened:
        each.close()


def meanwhile(action):
    """Start it in a thread and give it time; it ends later if it has to wait."""
    thread = threading.Thread(target=action)
    thread.start()
    thread.join(0.2)
    return thread


@pytest.mark.parametrize("at", ["ftruncate", "lseek"])
def test_a_line_that_comes_while_a_torn_one_is_removed_stays(open_file, path, monkeypatch, at):
    """As two processes do that both have found the torn line, and one of which is the slower to remove it."""
    first, second, threads = open_file(), open_file(), []
    real = getattr(os, at)

    def slow(*arguments):
        if not threads:
            threads.append(None)
            threads[0] = meanwhile(lambda: second.append([b'{"of": "second"}\n']))
        return real(*arguments)

    monkeypatch.setattr(shared_file.os, at, slow)
    first.append([b'{"of": "first"}\n'])
    threads[0].join()
    assert path.read_bytes() == WHOLE + b'{"of": "first"}\n{"of": "second"}\n'


def test_a_line_that_is_half_written_is_not_taken_for_a_torn_one(open_file, path, monkeypatch):
    first, second, threads = open_file(), open_file(), []
    real = os.write

    def in_halves(descriptor, line):
        if not threads:
            threads.append(None)
            half = real(descriptor, line[:5])
            threads[0] = meanwhile(lambda: second.append([b'{"of": "second"}\n']))
            return half
        return real(descriptor, line)

    monkeypatch.setattr(shared_file.os, "write", in_halves)
    first.append([b'{"of": "first"}\n'])
    threads[0].join()
    assert path.read_bytes() == WHOLE + b'{"of": "first"}\n{"of": "second"}\n'


def test_a_line_that_a_killed_neighbour_left_torn_is_removed_by_those_that_go_on(open_file, path):
    one = open_file()
    one.append([b'{"of": "first"}\n'])
    with path.open("ab") as file:
        file.write(TORN)
    one.append([b'{"of": "second"}\n'])
    assert path.read_bytes() == WHOLE + b'{"of": "first"}\n{"of": "second"}\n'


def test_a_lock_that_is_not_released_holds_up_one_line_only(open_file, path, monkeypatch):
    monkeypatch.setattr(shared_file, "PATIENCE", 0.2)
    one, other = open_file(), os.open(path, os.O_RDWR)
    assert locks.lock(other)
    lines, pauses, pause = [WHOLE], [], time.sleep
    monkeypatch.setattr(locks.time, "sleep", lambda seconds: pauses.append(seconds) or pause(seconds))
    for waits in (True, False):
        pauses.clear()
        with pytest.raises(TimeoutError, match=r"another process has had the file locked for .* s: '.*run.jsonl'"):
            one.append(lines)
        assert bool(pauses) == waits
    os.close(other)  # as the system does when a process is killed
    one.append(lines)
    assert lines == []
    assert path.read_bytes() == 2 * WHOLE


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_told_of_once(open_file, path, monkeypatch, caplog, code):
    def missing(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(locks, "_lock", missing)
    one = open_file()
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        for _ in range(3):
            one.append([WHOLE])
    assert path.read_bytes() == 4 * WHOLE
    (message,) = caplog.messages
    assert message.startswith(f"{path}: its file system has no locks")


@pytest.mark.parametrize("locked", [True, False])
def test_a_line_of_which_a_part_was_written_leaves_nothing(open_file, path, monkeypatch, locked):
    one, real, lines = open_file(), os.write, [b'{"step": 3}\n', b'{"step": 4}\n']
    if not locked:
        monkeypatch.setattr(shared_file, "lock", lambda *_: False)

    def full(descriptor, line):
        if line.startswith(b'{"step": 4'):
            return real(descriptor, line[:4])
        if line.startswith(b'ep": 4'):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, line)

    with monkeypatch.context() as patch:
        patch.setattr(shared_file.os, "write", full)
        with pytest.raises(OSError, match=r"No space left on device: '.*run.jsonl'"):
            one.append(lines)
    assert lines == [b'{"step": 4}\n']
    if locked:
        assert path.read_bytes() == WHOLE + b'{"step": 3}\n'
    one.append(lines)
    assert path.read_bytes() == WHOLE + b'{"step": 3}\n{"step": 4}\n'


@pytest.mark.parametrize("what", ["moved", "deleted", "replaced"])
def test_a_file_that_is_no_longer_there_is_made_again(open_file, path, monkeypatch, what):
    monkeypatch.setattr(shared_file, "LOOK", 0.0)
    one = open_file()
    one.append([b'{"step": 3}\n'])
    aside = path.with_name("aside")
    if what == "moved":
        path.rename(aside)
    elif what == "deleted":
        path.unlink()
    else:
        aside.write_bytes(WHOLE)
        aside.replace(path)
    one.append([b'{"step": 4}\n'])
    assert path.read_bytes() == (WHOLE if what == "replaced" else b"") + b'{"step": 4}\n'
    assert what != "moved" or aside.read_bytes() == WHOLE + b'{"step": 3}\n'
