"""Event files of TensorBoard, by torch's writer."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from wcdfa.readers.series import read_series
from wcdfa.sinks.tensorboard import TensorBoardSink

from .checking import NORM, Found, last, left_over
from .killing import Program, Tell, killed


def trials(folder: Path, moment: random.Random) -> Iterator[Found]:
    """TensorBoardSink on a writer of torch: what was logged before the last `close` that returned."""
    for trial in itertools.count():
        place = folder / f"{trial}"
        told = killed(logging_and_closing(place), after=moment.uniform(0, 0.2))
        values = read_series(place).values
        damaged = not np.array_equal(values, np.arange(1, len(values) + 1))
        yield Found(max(0, last(told) - len(values)), damaged, left_over(folder))


def logging_and_closing(place: Path) -> Program:
    """Log the norms 1, 2, 3, …, and close the sink after each fifth."""

    def program(tell: Tell) -> None:
        sink = TensorBoardSink(SummaryWriter(place))
        for step in itertools.count(1):
            sink(step, {NORM: step})
            if step % 5 == 0:
                sink.close()
                tell(step, 0.0)

    return program
