"""Lines of a log that are no rows: killed processes leave half rows, rows that are joined in one line, and runs of NUL bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from wcdfa.readers.errors import LogError, NothingLogged
from wcdfa.readers.formats.rows import whole_number
from wcdfa.readers.formats.unfinished import CUT
from wcdfa.support.text import several, shown

BLANK = "\0\ufeff \t\r\n"
LONG = 1 << 20  # characters of a line that is not searched for rows
TRIES = 4  # places in a line at which a row may begin again after half a row
PATIENCE = 1000  # lines that are no rows, before a file with more of them than rows is given up
LISTED = 4  # lines in a note
BEGINNING = 40  # characters of a line in a message
DECODER = json.JSONDecoder(parse_int=whole_number)


class Torn:
    """Collects the lines of a log that are no rows, and takes the whole rows out of them."""

    def __init__(self) -> None:
        self._left_out: list[int] = []
        self._joined: list[int] = []
        self._taken = 0
        self._first = ""

    def rows(self, number: int, line: str, why: str, like: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
        """The whole rows in a line that is none itself. A row after half a row must begin with the same name as a row before, `like`."""
        text = line.strip(BLANK)
        if not text and "\0" not in line:
            return
        found = list(objects_in(text, next(iter(like), None))) if len(text) < LONG else []
        if found:
            self._joined.append(number)
            self._taken += len(found)
            yield from found
        else:
            self.leave_out(number, line, why)

    def leave_out(self, number: int, line: str, why: str) -> None:
        """Count a line that holds no row."""
        if not self._left_out:
            self._first = f"line {number} is {why}; it begins with {shown(repr(line[:BEGINNING]))}"
        self._left_out.append(number)

    def too_many(self, rows: int, patience: int = 0) -> bool:
        """Whether more lines were left out than there are rows."""
        return len(self._left_out) > rows + patience

    def refusal(self, rows: int) -> LogError:
        """Say what the log is instead."""
        if not self._left_out:
            return NothingLogged(f"no numbers in {rows} line(s)")
        return LogError(f"{self._first}; {several(len(self._left_out), 'line is', 'lines are')} no row, and {rows:,} are")

    def notes(self, unended: int | None) -> tuple[str, ...]:
        """What was left out, for the user; `unended` is the number of the last line if it has no end."""
        cut = [CUT] if unended is not None and self._left_out[-1:] == [unended] else []
        lines = self._left_out[: len(self._left_out) - len(cut)]
        left = [f"{listed(lines)} {'is no row and was' if len(lines) == 1 else 'are no rows and were'} left out"] if lines else []
        whole = several(self._taken, "whole row was", "whole rows were")
        joined = [f"in {listed(self._joined)} rows, or parts of rows, are joined: {whole} taken"] if self._joined else []
        return (*cut, *left, *joined)


def listed(lines: list[int]) -> str:
    """Name lines by their numbers; if there are many, only the first.

    >>> listed([501]), listed([7, 8, 9, 10, 11, 12])
    ('line 501', '6 lines (7, 8, 9, 10, …)')
    """
    if len(lines) == 1:
        return f"line {lines[0]:,}"
    return f"{len(lines):,} lines ({', '.join(f'{line:,}' for line in lines[:LISTED])}{', …' if len(lines) > LISTED else ''})"


def objects_in(text: str, name: str | None) -> Iterator[dict[str, object]]:
    """The whole objects that follow one another in a text. After half an object, the next one begins with `name`.

    >>> list(objects_in('{"a": 1}{"a": 2}{"a": 3, "b', "a")), list(objects_in('{"a": 1, "b{"a": 2}', "a"))
    ([{'a': 1}, {'a': 2}], [{'a': 2}])
    """
    place, tries = 0, TRIES
    while place < len(text) and tries:
        try:
            found, place = DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            tries -= 1
            place = _next(text, place, name)
            continue
        if isinstance(found, dict):
            yield found
        while text[place : place + 1] in BLANK and place < len(text):
            place += 1


def _next(text: str, place: int, name: str | None) -> int:
    """Where the next object begins after half of one: at the same name as other rows, or else the text is over."""
    key = json.dumps(name, ensure_ascii=False)
    found = [at for at in (text.find(f"{{{space}{key}", place + 1) for space in ("", " ")) if name is not None and at > 0]
    return min(found, default=len(text))
