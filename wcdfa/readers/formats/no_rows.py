"""Counts the lines of a text table that are no rows, and keeps those that are longer until it is clear whether a column was added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wcdfa.readers.formats.converting import spool

NAMED = 5  # lines that are named in a note


@dataclass
class Torn:
    """The lines that are no rows."""

    count: int = 0
    lines: list[int] = field(default_factory=list)
    """The first of them."""
    first: str = ""
    """What is wrong with the first of them."""

    def add(self, number: int, found: int, wanted: int) -> None:
        """Count a line; `found` is how many fields it has, or 0 if it is damaged in another way."""
        self.count += 1
        if len(self.lines) < NAMED:
            self.lines.append(number)
        if not self.first:
            self.first = f"line {number:,}: " + (f"Expected {wanted} columns, got {found}" if found else "it is damaged")

    def join(self, other: Torn) -> None:
        """Add the lines of another one."""
        if other.count and (not self.count or other.lines[0] < self.lines[0]):
            self.first = other.first
        self.count += other.count
        self.lines = sorted([*self.lines, *other.lines])[:NAMED]

    def notes(self) -> Iterator[str]:
        """Name the lines."""
        if self.count:
            more = f" and {self.count - NAMED:,} more" if self.count > NAMED else ""
            one = self.count == 1
            yield (
                f"{'line' if one else f'{self.count:,} lines:'} {', '.join(f'{each:,}' for each in self.lines)}{more} {'is no whole row and was' if one else 'are no whole rows and were'} "
                f"left out: {self.first}"
            )


class Grown:
    """Rows that are longer than the header, one after another, without what is beyond it."""

    def __init__(self, names: int) -> None:
        self.file, self.torn, self.first = spool(), Torn(), 0
        self._names, self._least, self._most = names, 0, 0

    def add(self, number: int, fields: int, row: bytes) -> bool:
        """Take a row of so many fields, unless it is shorter than those before; returns whether it was taken."""
        if fields < self._most:
            return False
        self.first, self._least, self._most = self.first or number, self._least or fields, fields
        self.file.write(row + b"\n")
        self.torn.add(number, fields, self._names)
        return True

    def note(self) -> str:
        """What was done with them."""
        fields = f"{self._least:,}" if self._least == self._most else f"{self._least:,} to {self._most:,}"
        return (
            f"from line {self.first:,} on, {self.torn.count:,} rows have {fields} fields and the header has {self._names:,}: a column was added; "
            f"the first {self._names:,} were read, so if it stands between them, name it in the header"
        )
