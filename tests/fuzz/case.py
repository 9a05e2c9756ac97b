"""What a case is: a log with a known series, what was done to it, and what may be claimed of reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from tests.fuzz.oracle import silent
from tests.fuzz.reading import Read, read
from tests.fuzz.rows import Row


@dataclass
class Case:
    """A log, and what a reader may make of it. It begins as whole: everything must then be read, exactly."""

    path: Path
    column: str
    rows: list[Row]
    wild: set[int] = field(default_factory=set)
    """Rows that the damage touched: they may be absent, or have any value."""
    gone: set[int] = field(default_factory=set)
    """Rows that are no longer in the file."""
    damaged: bool = False
    """Whether an error is a right answer too."""
    lost: bool = False
    """Whether the file shows that something is missing, so that a reader must say so."""
    slack: int = 0
    """How many more values may be absent or wrong, where it is not known which rows the damage touched."""
    free: bool = False
    """Whether the values may be anything, because the damage can change them without a trace; their number must still be right."""
    beside: bool = True
    """Whether the other numbers of the rows are as they were written."""
    compared: ClassVar[bool] = True
    """Whether the log is read before it is damaged as well, so that only new remarks count as said."""
    done: list[str] = field(default_factory=list)
    """What was done to the log, in words."""

    def damage(self, what: str, *, wild: Sequence[int] = (), slack: int = 0, lost: bool = False) -> None:
        """Note a change after which not everything has to be read any more."""
        self.done.append(what)
        self.damaged = True
        self.wild.update(wild)
        self.slack += slack
        self.lost |= lost

    def certain(self) -> list[Row]:
        """The rows that were not touched."""
        return [row for i, row in enumerate(self.rows) if i not in self.wild and i not in self.gone]

    def read(self) -> Read:
        """Read it as a user would."""
        return read(self.path, self.column)

    def silent(self, found: Read, whole: Read | None) -> str | None:
        """What is wrong with what was read although no error says so.

        Parameters
        ----------
        whole : Read, optional
            What came of reading it before it was damaged, if it was.
        """
        return silent(self, found, whole)
