r"""Reads a text log by a pattern of the user, such as ``grad_norm[:=] *(?P<value>\S+)``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.base import FileReader, Folder, Found, Reader
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import LogError, Option
from wcdfa.readers.formats.rows import Rows
from wcdfa.readers.formats.text_logs import Lines, is_counter, is_rate_or_loss
from wcdfa.readers.formats.text_patterns import NAME, counted, pairs, whole_name
from wcdfa.readers.formats.unfinished import CUT
from wcdfa.readers.recognition import head_of
from wcdfa.support.extras import needed
from wcdfa.support.text import several, shown

if TYPE_CHECKING:
    from regex import Match, Pattern  # type: ignore[import-untyped]

SECONDS = 1.0  # for a line
VALUE = "value"
SPACES = re.compile(r"(?:(?:\\s|\[(?: |\\s|\\t)+\]| )[+*?]*)+")
ESCAPED = re.compile(r"\\.|\[[^]]*\]|\(\?[a-zA-Z]+[):]")
BREAK = "#"  # for what is in no name
WORDS = re.compile(rf"({NAME})[^A-Za-z]*$")
AROUND = "'\",;:()[]{}"


@lru_cache(16)
def compiled(pattern: str) -> Pattern[str]:
    """The pattern, ready to be searched for.

    Raises
    ------
    ValueError
        If it is no regular expression, or has no named group.
    """
    with needed("a pattern", "wcdfa[cli]"):
        import regex  # noqa: PLC0415 - of the extra

    try:
        found = regex.compile(pattern)
    except regex.error as error:
        msg = f"the pattern {pattern!r} is no regular expression: {error}"
        raise ValueError(msg) from error
    if not found.groupindex:
        msg = (
            rf"the pattern {pattern!r} does not say where the number is: put it into a group with a name, such as (?P<{VALUE}>\S+)"
        )
        raise ValueError(msg)
    return found


def name_of_value(pattern: str) -> str:
    r"""What the group `value` is called: the name before it in the pattern, which may have several words.

    >>> name_of_value(r"grad_norm[:=] *(?P<value>\S+)"), name_of_value(r"(?P<step>\d+) +(?P<value>\S+)")
    ('grad_norm', 'value')
    >>> name_of_value(r"grad\s+norm (?P<value>\S+)"), name_of_value(r"^\[INFO\] the run G (?P<value>\S+)")
    ('grad norm', 'G')
    """
    before = pattern.partition(f"(?P<{VALUE}>")[0].rpartition(")")[2]
    found = WORDS.search(ESCAPED.sub(BREAK, SPACES.sub(" ", before)))
    return (found and whole_name(found[1])) or VALUE


def chosen_by(pattern: str | None) -> tuple[str, ...]:
    r"""The series that a pattern finds: that of its group `value`.

    >>> chosen_by(r"gnorm (?P<value>\S+)"), chosen_by(r"(?P<gnorm>\S+)"), chosen_by(None)
    (('gnorm',), (), ())
    """
    return () if pattern is None or f"(?P<{VALUE}>" not in pattern else (name_of_value(pattern),)


@dataclass(frozen=True)
class _ByPattern(FileReader):
    pattern: str = ""

    def search(self, folder: Folder) -> Found:
        """Find the files with the ending of a text, or without one, in whose beginning the pattern is found."""
        return Found([file for file in folder.files if file.suffix.lower() in ("", *self.endings) and self._fits(head_of(file))])

    def _fits(self, head: bytes) -> bool:
        text = head.decode("utf-8", "replace").replace("\r", "\n")
        return b"\0" not in head and any(_found(self.pattern, i, line) for i, line in enumerate(text.split("\n"), start=1))


def reader_with(pattern: str) -> Reader:
    r"""A reader of all lines in which a pattern is found.

    >>> reader_with(r"gnorm (?P<value>\S+)").endings
    ('.txt', '.log', '.out', '.dat')

    Raises
    ------
    ValueError
        If it is no regular expression, or has no named group.
    """
    compiled(pattern)
    return _ByPattern(
        "text logs by a pattern", (".txt", ".log", ".out", ".dat"), partial(_read, pattern), extra="cli", pattern=pattern
    )


def _read(pattern: str, path: Path) -> Iterator[Run]:
    """Read the groups of the pattern in each line in which it is found, and the step, the rate and the loss that are in the line too."""
    size = path.stat().st_size
    rows, wrong, named = Rows(size), 0, name_of_value(pattern)
    with path.open("rb") as file:
        lines = Lines(file, size)
        for number, line in enumerate(lines, start=1):
            if (found := _found(pattern, number, line)) is None:
                continue
            texts = {named if name == VALUE else name: text for name, text in found.groupdict().items() if text is not None}
            row = {name: value for name, text in texts.items() if (value := _number(text)) is not None}
            wrong += len(row) < len(texts)
            if row:
                rows.add({**_beside(line), **row})
    columns = rows.columns()
    if not columns:
        msg = f"the pattern {shown(pattern)!r} finds no number in any line; try another"
        raise LogError(msg, Option("pattern"))
    left_out = [f"in {several(wrong, 'line', 'lines')} the pattern found what is no number, which was left out"] if wrong else []
    yield Run(path, "", columns, (*([CUT] if lines.cut else []), *left_out))


def _found(pattern: str, number: int, line: str) -> Match[str] | None:
    try:
        return compiled(pattern).search(line, timeout=SECONDS)
    except TimeoutError as error:
        msg = f"the pattern takes longer than {SECONDS:g} second in line {number:,}: it fits in too many ways; make it simpler"
        raise LogError(msg) from error


def _beside(line: str) -> Mapping[str, float]:
    """The step, the rate and the loss in a line."""
    held = {**counted(line, None), **dict(pairs(line))}
    return {name: value for name, value in held.items() if is_counter(name) or is_rate_or_loss(name)}


def _number(text: str) -> float | None:
    """The number in a text, or None. What stands around it, and commas between thousands, are passed over."""
    plain = text.strip().strip(AROUND)
    try:
        return float(plain.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", plain) else plain)
    except ValueError:
        return None
