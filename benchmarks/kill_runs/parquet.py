"""A folder of parquet files."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pyarrow import parquet

from wcdfa.sinks.parquet import ParquetSink

from .checking import NORM, Found, last, left_over, missing, wrong
from .killing import killed, logging_steps

SECONDS = 0.01


def trials(folder: Path, moment: random.Random) -> Iterator[Found]:
    """ParquetSink: what was logged `seconds` or more before the last call; every file can be read."""
    step = 1

    def make() -> ParquetSink:
        return ParquetSink(folder, rows=50, seconds=SECONDS)

    while True:
        told = killed(logging_steps(make, step, NORM, pause=0.0005), after=moment.uniform(0, 0.2))
        steps, norms = read(folder)
        step = max(last(told), *steps.tolist(), 0) + 2
        with make() as sink:
            sink(step, {NORM: 1 / step})
        step += 1
        yield Found(missing(told, SECONDS, set(steps.tolist())), wrong(steps, norms), left_over(folder))


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps and norms."""
    if not any(folder.glob("*.parquet")):
        return np.array([], int), np.array([])
    table = parquet.read_table(folder)
    return np.asarray(table["wcdfa/step"]), np.asarray(table[NORM])
