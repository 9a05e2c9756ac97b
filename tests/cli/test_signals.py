"""A command that is asked to end, or is killed, ends with all its processes, and leaves nothing half written."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

import wcdfa
from tests.helpers.commands import start
from wcdfa.cli.signals import ending_in_order

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signals")
SECONDS = 90  # for what takes one


def children(process):
    """The processes that a process has started, and those that they have."""
    with open(f"/proc/{process}/task/{process}/children") as file:
        found = [int(each) for each in file.read().split()]
    return [*found, *(each for child in found for each in children(child))]


def lives(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="looks into /proc for the processes")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_processes_end_with_the_command(tmp_path, number):
    number = getattr(signal, number)
    (tmp_path / "runs").mkdir()
    for seed in range(60):
        np.save(tmp_path / "runs" / f"{seed}.npy", np.exp(0.1 * wcdfa.synthetic.white_noise(10_000, seed=seed)))
    before = signal.getsignal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup the command would ignore it, as it should
    try:
        process = start("analyze", "runs", "--jobs", 2, "--json", "--table", "t.parquet", "--window", 128, cwd=tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        assert process.stdout.readline().startswith("{")  # one of 60 is done
        begun = children(process.pid)
        assert len(begun) >= 2
        process.send_signal(number)
        _, error = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.communicate()
    deadline = time.monotonic() + SECONDS
    while any(map(lives, begun)):
        assert time.monotonic() < deadline, begun
        time.sleep(0.05)
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert "Traceback" not in error
        assert sorted(os.listdir(tmp_path)) == ["runs", "t.parquet"]  # with what was found, and no temporary file


def end_twice(number, tidied):
    """As `timeout` does, which sends a signal to the process and again to its group."""
    with ending_in_order():
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
            tidied.append(True)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_block_once(number):
    number = getattr(signal, number)
    before = signal.getsignal(number)
    signal.signal(number, signal.SIG_DFL)
    tidied = []
    try:
        with pytest.raises(SystemExit) as ended:
            end_twice(number, tidied)
        assert (ended.value.code, tidied) == (128 + number, [True])
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ending_in_order():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
