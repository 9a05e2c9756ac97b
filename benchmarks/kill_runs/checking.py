"""What is wrong with the files of a killed process: what was promised and is missing, what is wrong, and what is left over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .killing import Told

NORM = "wcdfa/update_norm"


class Found(NamedTuple):
    """What is wrong after a kill and the next use."""

    lost: int = 0
    damaged: int = 0
    left: int = 0


def last(told: Told) -> int:
    """The last step reported; 0 if there is none."""
    return max((step for step, *_ in told), default=0)


def missing(told: Told, seconds: float, found: set[int]) -> int:
    """How many steps are missing whose call ended so many seconds before the last one began."""
    begun = max((begun for _, begun, _ in told), default=0.0)
    return len({step for step, _, ended in told if ended <= begun - seconds} - found)


def wrong(steps: np.ndarray, norms: np.ndarray) -> int:
    """How many rows are there twice or hold another number than 1 / step."""
    return int(np.sum(norms != 1 / steps)) + len(steps) - len(set(steps.tolist()))


def left_over(folder: Path) -> int:
    """How many temporary files are in a folder."""
    return len(list(folder.rglob(".wcdfa-*.tmp")))


def selected(path: Path, query: str, *values: str) -> tuple[bool, list[tuple[int, float | str]]]:
    """Whether an SQLite database is sound, and the rows of a query."""
    with closing(sqlite3.connect(path)) as database:
        sound = database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return sound, database.execute(query, values).fetchall()
