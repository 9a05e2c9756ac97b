"""The recorded beat intervals: those shipped beside this file, and those of packages where they are installed."""

from __future__ import annotations

import csv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).with_name("data")
HEALTHY = ("hour", "five_minutes")
NAMES = {"hour": "an hour, healthy", "five_minutes": "five minutes, healthy", "systole": "four minutes, from systole"}
SYSTOLE = "systole/datasets/rr.txt"


def available() -> list[str]:
    """Names of the recordings that are on this machine.

    >>> available()[:2]
    ['hour', 'five_minutes']
    """
    return [*HEALTHY, *(["systole"] if _of_systole() else [])]


def intervals(name: str) -> npt.NDArray[np.float64]:
    """Times between successive beats in milliseconds.

    >>> intervals("hour").shape, round(intervals("hour").sum() / 60_000)
    ((4684,), 60)

    Raises
    ------
    ValueError
        If no recording has this name, or its package is not installed.
    """
    if name in HEALTHY:
        return np.array((FOLDER / f"{name}.txt").read_text("ascii").split(), dtype=float)
    path = _of_systole() if name == "systole" else None
    if path is None:
        msg = f"recording {name!r} is not here; there are {', '.join(available())}"
        raise ValueError(msg)
    with path.open(encoding="ascii") as file:
        return np.array([float(row["rr"]) for row in csv.DictReader(file)])


def _of_systole() -> Path | None:
    """The file of the package systole. It is found without importing the package, which needs many others."""
    try:
        files = distribution("systole").files or []
    except PackageNotFoundError:
        return None
    found = [Path(str(each.locate())) for each in files if each.as_posix().endswith(SYSTOLE)]
    return found[0] if found and found[0].exists() else None
