"""What a case is, and the numbers that are logged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wcdfa import synthetic

STEPS = 600  # of most runs: one window
NORM, GRADIENT, LOSS = "update norm", "gradient norm", "loss"


class Series(NamedTuple):
    """A series that must be found."""

    values: np.ndarray
    steps: np.ndarray | None
    """None where the log has no steps."""
    quantity: str = NORM
    thinned: int = 1
    alpha: tuple[float, float] | None = None
    """Between which numbers α must lie, if that tells what was done."""


class Log(NamedTuple):
    """A log, and what the first command must find in it."""

    path: Path
    series: Sequence[Series] = ()
    """None: there is nothing usable, and no α may be given."""
    says: str = ""
    """A regular expression for what must be said, in a note, an explanation or the error."""
    options: Sequence[str] = ()
    """Besides the path, where one is needed."""
    piped: bool = False
    """Whether the log comes through a pipe, as ``-``."""
    never: str = ""
    """A regular expression for what must not be said."""


class Case(NamedTuple):
    """One way in which a tool writes a log."""

    tool: str
    way: str
    needs: tuple[str, ...]
    """Packages."""
    write: Callable[[Path], Log]

    @property
    def kind(self) -> str:
        """The module that it is in."""
        return self.write.__module__.rpartition(".")[2]


CASES: list[Case] = []


def case(tool: str, way: str, *needs: str) -> Callable[[Callable[[Path], Log]], Callable[[Path], Log]]:
    """Add a function to the cases."""

    def add(write: Callable[[Path], Log]) -> Callable[[Path], Log]:
        CASES.append(Case(tool, way, needs, write))
        return write

    return add


@cache
def norms(seed: int = 0, n: int = STEPS) -> np.ndarray:
    """Norms with α near 0.9."""
    return 0.02 * np.exp(0.1 * synthetic.arfima(n, d=0.4, seed=seed))


@cache
def gradients(seed: int = 0, n: int = STEPS) -> np.ndarray:
    """Gradient norms without memory."""
    return np.exp(0.2 * np.random.default_rng(100 + seed).standard_normal(n))


@cache
def losses(n: int = STEPS) -> np.ndarray:
    """A loss that falls."""
    return 1 + 2 / np.sqrt(1 + np.arange(n)) + 0.02 * np.random.default_rng(1).standard_normal(n)


def counted(n: int = STEPS, first: int = 0, every: int = 1) -> np.ndarray:
    return first + every * np.arange(n)


def columns(
    n: int = STEPS, *, step: str = "step", name: str = "update_norm", seed: int = 0, every: int = 1
) -> dict[str, np.ndarray]:
    """What many people log: step, loss, rate and norm."""
    rate = np.full(n, 1e-3)
    return {step: counted(n, every=every), "loss": losses(n), "lr": rate, name: norms(seed, n)}


def usual(seed: int = 0, n: int = STEPS, every: int = 1) -> Series:
    """The series of `columns`."""
    return Series(norms(seed, n), counted(n, every=every), thinned=every)


def rows(table: Mapping[str, np.ndarray]) -> Iterator[dict[str, float]]:
    for row in zip(*(values.tolist() for values in table.values()), strict=True):
        yield dict(zip(table, row, strict=True))


def lines(path: Path, given: Iterable[Mapping[str, object]]) -> Path:
    """JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in given))
    return path


def csv(path: Path, table: Mapping[str, np.ndarray]) -> Path:
    """A table with the csv module, as its documentation has it."""
    import csv

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, table)
        writer.writeheader()
        writer.writerows(rows(table))
    return path
