"""Forks programs that report what they have done, and kills them a given time after the first report."""

from __future__ import annotations

import importlib
import os
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

RECORD = struct.Struct("qdd")  # a step, and the time before and after its call
PATIENCE = 60  # seconds until the first report
Told = list[tuple[int, float, float]]
Tell = Callable[[int, float], None]
Program = Callable[[Tell], None]


def killed(*programs: Program, after: float) -> Told:
    """Fork a process for each program, and kill all `after` seconds after the first report of one; returns all reports.

    Raises
    ------
    RuntimeError
        If none reports anything, or one fails before it is killed: such a trial would prove nothing.
    """
    pipe, tell = os.pipe()
    children = [_forked(program, tell, unused=pipe) for program in programs]
    os.close(tell)
    told = _reports(pipe, after)
    for child in children:
        os.kill(child, signal.SIGKILL)
    failed = [child for child in children if os.WIFEXITED(status := os.waitpid(child, 0)[1]) and os.WEXITSTATUS(status)]
    while piece := os.read(pipe, 1 << 16):
        told += piece
    os.close(pipe)
    if failed or len(told) < RECORD.size:
        msg = "a program failed before it was killed" if failed else "no program reported anything before it was killed"
        raise RuntimeError(msg)
    return [*RECORD.iter_unpack(told[: len(told) // RECORD.size * RECORD.size])]


def in_a_child(action: Callable[[], object]) -> None:
    """Run the action in a process that ends well, and import here what it has imported, so that each program need not."""
    names, tell = os.pipe()

    def program(_: Tell) -> None:
        action()
        with os.fdopen(tell, "w") as file:
            file.write("\n".join(sys.modules))

    child = _forked(program, -1, unused=names)
    os.close(tell)
    with os.fdopen(names) as file:
        modules = file.read().split()
    if os.waitpid(child, 0)[1]:
        msg = "what comes before the kills failed"
        raise RuntimeError(msg)
    for name in modules:
        with suppress(Exception):
            importlib.import_module(name)


def logging_steps(make: Callable[[], Callable[..., object]], first: int, key: str, pause: float = 0.0) -> Program:
    """A program that makes a sink and logs 1 / step at each step from `first` on."""

    def program(tell: Tell) -> None:
        sink = make()
        for step in range(first, first + 1_000_000):
            begun = time.monotonic()
            sink(step, {key: 1 / step})
            tell(step, begun)
            time.sleep(pause)

    return program


def silent() -> None:
    """Send what this process prints nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def _reports(pipe: int, after: float) -> bytes:
    """What comes through the pipe until `after` seconds after the first piece, or until all programs have ended."""
    told, end = b"", time.monotonic() + PATIENCE
    while select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
        piece = os.read(pipe, 1 << 16)
        if not piece:
            break
        end = end if told else time.monotonic() + after
        told += piece
        if time.monotonic() >= end:
            break
    return told


def _forked(program: Program, pipe: int, unused: int) -> int:
    if child := os.fork():
        return child
    os.close(unused)  # so that it ends when its parent has gone
    status = 1
    try:
        program(lambda step, begun: os.write(pipe, RECORD.pack(step, begun, time.monotonic())) and None)
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)
