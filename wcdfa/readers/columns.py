"""What a log holds: runs, and in each run columns of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple


class Column(NamedTuple):
    """Numbers that were logged under one name, in the order in which they were written."""

    values: Any
    """(n,), float64; NaN where NaN was logged. What was not logged is not in it."""
    steps: Any = None
    """(n,), int64: the training step of each, where the log tells."""
    rows: Any = None
    """(n,), int64: the row of each in a log of rows; None where they are in all rows, or the log has none."""
    notes: tuple[str, ...] = ()
    """What a reader of this column must know."""


class Run(NamedTuple):
    """One run of a log."""

    path: Path
    name: str
    """Of the run, where a log holds several; else empty."""
    columns: Mapping[str, Column]
    notes: Sequence[str] = ()
    """What a reader of the series must know: that the log was cut off, or is of displacements and not of steps.

    Where the columns are read when asked for, there may be more of them after that.
    """


class Lazy(Mapping[str, Column]):
    """Columns that are read when they are asked for: a log may hold millions of numbers that nobody asks for.

    >>> columns = Lazy(["norm", "loss"], lambda name: Column([len(name)]))
    >>> list(columns), columns["norm"].values
    (['norm', 'loss'], [4])

    The names may also be a function that gives them, which is called once they are needed.
    """

    def __init__(self, names: Iterable[str] | Callable[[], Iterable[str]], read: Callable[[str], Column]) -> None:
        self._given, self._read = names, read

    @cached_property
    def _names(self) -> dict[str, None]:
        return dict.fromkeys(self._given() if callable(self._given) else self._given)

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        """Without reading it."""
        return name in self._names

    def __getitem__(self, name: str) -> Column:
        """One of them."""
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)


def missing(error: ModuleNotFoundError, extra: str) -> ValueError:
    """The error of a reader whose library is not installed."""
    return ValueError(f"reading it needs {error.name}, which is not installed: pip install 'wcdfa[{extra}]'")
