"""Offline runs of Weights & Biases."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import wandb

from wcdfa.readers.series import read_series
from wcdfa.sinks.wandb import WandbSink

from .checking import NORM, Found, last, left_over
from .killing import Program, Tell, in_a_child, killed

STEPS = 200  # of a run


def trials(folder: Path, moment: random.Random) -> Iterator[Found]:
    """WandbSink, offline: what was logged before a `finish` that returned; of other runs the beginning."""
    in_a_child(lambda: wandb.init(project="kills", dir=folder).finish())
    for trial in itertools.count():
        place = folder / f"{trial}"
        finished = last(killed(finishing(place), after=moment.uniform(0, 1.5)))
        found = {int(path.relative_to(place).parts[0]): values(path) for path in place.rglob("*.wandb")}
        lost = sum(STEPS - len(found.get(number, [])) for number in range(1, finished + 1))
        damaged = sum(norms != [1 / step for step in range(1, len(norms) + 1)] for norms in found.values())
        yield Found(lost, damaged, left_over(folder))


def finishing(place: Path) -> Program:
    """Log to one run after the other, each in a folder of its own, and finish each."""

    def program(tell: Tell) -> None:
        for number in itertools.count(1):
            home = place / f"{number}"
            home.mkdir(parents=True)
            run = wandb.init(project="kills", dir=home, settings=wandb.Settings(silent=True, console="off"))
            sink = WandbSink(run)
            for step in range(1, STEPS + 1):
                sink(step, {NORM: 1 / step})
            tell(0, 0.0)
            run.finish()
            tell(number, 0.0)

    return program


def values(path: Path) -> list[float]:
    """The norms in a file; none if the run was killed before its first row was written."""
    try:
        return read_series(path).values.tolist()
    except ValueError as error:
        if "no numbers in 0 rows" in str(error):
            return []
        raise
