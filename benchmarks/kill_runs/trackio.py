"""Runs of trackio."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from .checking import NORM, Found, last, left_over, selected, wrong
from .killing import Program, Tell, killed

STEPS = 10  # of a run


def trials(folder: Path, moment: random.Random) -> Iterator[Found]:
    """TrackioSink: what was logged before a `trackio.finish` that returned."""
    os.environ["TRACKIO_DIR"] = str(folder)  # which trackio reads when it is imported
    import wcdfa.sinks.trackio  # noqa: F401 - with trackio, and here, so that no program has to import them

    first = 1
    while True:
        finished = last(killed(finishing(first), after=moment.uniform(0, 1)))
        sound, rows = selected(folder / "wcdfa.db", "SELECT step, metrics FROM metrics")
        steps, norms = np.array([step for step, _ in rows], int), np.array([json.loads(row)[NORM] for _, row in rows])
        lost = len({*range(first, finished + 1)} - {*steps.tolist()})
        yield Found(lost, (not sound) + wrong(steps, norms), left_over(folder))
        first = max(finished, *steps.tolist(), first) + STEPS + 1


def finishing(first: int) -> Program:
    """Log to one run after the other, and finish each."""

    def program(tell: Tell) -> None:
        import trackio

        from wcdfa.sinks.trackio import TrackioSink

        with redirect_stdout(None):
            for begin in range(first, first + 1_000_000, STEPS):
                trackio.init(project="wcdfa", embed=False, auto_log_cpu=False, auto_log_gpu=False)
                sink = TrackioSink()
                for step in range(begin, begin + STEPS):
                    sink(step, {NORM: 1 / step})
                tell(0, 0.0)
                trackio.finish()
                tell(begin + STEPS - 1, 0.0)

    return program
