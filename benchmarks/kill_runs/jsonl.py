"""JSON lines, written by one process or several."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from wcdfa.sinks.jsonl import JSONLinesSink

from .checking import NORM, Found, left_over
from .killing import killed, logging_steps

APART = 10_000_000  # steps between those of two processes


def trials(folder: Path, moment: random.Random, processes: int = 1) -> Iterator[Found]:
    """JSONLinesSink: each line whose call returned; after the next use every line is whole."""
    path, step = folder / "run.jsonl", 1
    while True:
        programs = [logging_steps(lambda: JSONLinesSink(path), step + APART * i, NORM) for i in range(processes)]
        promised = {each for each, *_ in killed(*programs, after=moment.uniform(0, 0.05))}
        step = max(each % APART for each in promised) + 2
        with JSONLinesSink(path) as sink:
            sink(step, {NORM: 1 / step})
        promised.add(step)
        step += 1
        rows, torn = read(path)
        changed = sum(row[NORM] != 1 / row["wcdfa/step"] for row in rows)
        yield Found(len(promised - {row["wcdfa/step"] for row in rows}), torn + changed, left_over(folder))
        path.unlink()  # so that what is read stays small


def read(path: Path) -> tuple[list[dict[str, float]], int]:
    """The lines of a file that are whole, and how many are not."""
    rows, torn = [], 0
    for line in path.read_bytes().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            torn += 1
    return rows, torn
