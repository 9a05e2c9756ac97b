"""A monitor that is saved after each norm."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import wcdfa

from .checking import Found, last, left_over
from .killing import Program, Tell, killed

WINDOW = 64


def trials(folder: Path, moment: random.Random) -> Iterator[Found]:
    """Monitor.save: the file is that of the last call that returned, or of the next."""
    path, monitor = folder / "monitor.npz", wcdfa.WeightChangeDFA(WINDOW)
    monitor.update(1).save(path)
    while True:
        told = killed(saving(monitor, path), after=moment.uniform(0, 0.05))
        monitor.load(path)
        count = monitor.reading().count
        damaged = monitor.get_signal().tolist() != [*range(max(1, count - WINDOW + 1), count + 1)] or count > last(told) + 1
        monitor.save(path)
        yield Found(max(0, last(told) - count), damaged, left_over(folder))


def saving(monitor: wcdfa.WeightChangeDFA, path: Path) -> Program:
    """Add the norms 1, 2, 3, …, and save after each."""

    def program(tell: Tell) -> None:
        while True:
            monitor.update(monitor.reading().count + 1).save(path)
            tell(monitor.reading().count, 0.0)

    return program
