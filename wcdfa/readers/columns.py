"""The content of a log: runs, and in each run columns of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from wcdfa.readers.errors import LogError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Held = TypeVar("Held")


class SeveralOfOneName(LogError):
    """Columns of one name hold different numbers, so it is not known which is meant. Raised when the name is read."""


class Column(NamedTuple):
    """Numbers that were logged under one name, in the order in which they were written."""

    values: Floats
    """(n,); NaN if NaN was logged. Rows without a value are left out."""
    steps: Integers | None = None
    """(n,): the training step of each value; None if the log does not tell."""
    rows: Integers | None = None
    """(n,): the row of each value, in a log of rows; None if there is a value in every row, or the log has no rows."""
    notes: tuple[str, ...] = ()
    """Remarks for the user about this column."""


class Words(NamedTuple):
    """Text that was logged under one name, such as the tag or the run that each row belongs to.

    >>> tags = Words(("loss", "norm"), np.array([0, 1, -1, 1]))
    >>> [tags.distinct[code] if code >= 0 else None for code in tags.codes]
    ['loss', 'norm', None, 'norm']
    """

    distinct: tuple[str, ...]
    """Each text once, in the order in which they first appear."""
    codes: Integers
    """(rows,): the place of the text of each row in `distinct`; -1 if the row has none. Rows are counted as in `Column.rows`."""


class Run(NamedTuple):
    """One run of a log."""

    path: Path
    name: str
    """The name of the run if a log holds several; else empty."""
    columns: Mapping[str, Column]
    notes: Sequence[str] = ()
    """Remarks for the user: for example that the log was cut off, or holds displacements and not norms of steps.

    If columns are read only on demand, notes may be added at that time.
    """
    tool: str = ""
    """The program that wrote the log, as in `wcdfa.readers.tools`; empty if it is not known."""
    identity: str = ""
    """The id that this program gives the run, such as "wandb:abc123"; empty if there is none. Two logs of one id hold one run."""
    texts: Mapping[str, Words] = {}  # nothing changes it
    """Text beside the numbers by name, read only on demand; empty unless the log is a table with columns of text."""
    unread: Mapping[str, str] = {}
    """The first text under each name that holds text and no numbers; of a name that is that of a norm, it is said."""
    optimizer: str | None = None
    """The name of the optimizer, as ``optimizer=`` takes it, if the log holds it."""
    hyperparameters: Mapping[str, object] = {}


class Lazy(Mapping[str, Held]):
    """Columns that are read on demand, because a log may hold millions of numbers that nobody needs.

    >>> columns = Lazy(["norm", "loss"], lambda name: Column(np.array([float(len(name))])))
    >>> list(columns), columns["norm"].values
    (['norm', 'loss'], array([4.]))

    `names` may also be a function that returns them; it is called when they are needed.
    """

    def __init__(self, names: Iterable[str] | Callable[[], Iterable[str]], read: Callable[[str], Held]) -> None:
        self._given, self._read = names, read

    @cached_property
    def _names(self) -> dict[str, None]:
        return dict.fromkeys(self._given() if callable(self._given) else self._given)

    def __iter__(self) -> Iterator[str]:
        """The names of the columns."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a column; it is not read."""
        return name in self._names

    def __getitem__(self, name: str) -> Held:
        """Read the column."""
        if name not in self._names:
            raise KeyError(name)
        return self._read(name)
