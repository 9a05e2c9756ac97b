"""Reads the rows of a ``.wandb`` file that hold nothing but numbers, which are nearly all, several times as fast as the library."""

from __future__ import annotations

import re

HISTORY = re.compile(rb"(?:\x08[\x80-\xff]{0,9}[\x00-\x7f])?\x12([\x80-\xff]?)([\x00-\x7f])", re.DOTALL)
"""The beginning of a record with a history: its number, and how many bytes the history has."""
ITEM = re.compile(rb"\n([\x00-\x7f])([\n\x12][^\x82]+)\x82\x01([\x00-\x7f])(-?[0-9][-+.0-9eE]*)", re.DOTALL)
"""A number in it: how many bytes it has, its key, how many bytes the text of the number has, and this text."""
STEP = re.compile(rb"\x12(?:\x00|.\x08[\x80-\xff]{0,9}[\x00-\x7f])", re.DOTALL)
"""What follows the numbers."""
KEY, NESTED = 10, 18  # the tags of a key that is not nested, and of each part of one that is
AROUND = 3  # bytes of an item that are neither its key nor the text of its number
MOST = 10_000  # keys that are kept


class PlainRows:
    r"""Takes the numbers from records.

    >>> PlainRows().row(b"\x12\x12\n\x0e\x12\x04norm\x82\x01\x050.125\x12\x00")
    {'norm': 0.125}
    """

    def __init__(self) -> None:
        self._names: dict[bytes, str | None] = {}

    def row(self, record: bytes) -> dict[str, object] | None:
        """The numbers in a record by name; None if it holds anything else, for the library to read."""
        head = HISTORY.match(record)
        if head is None:
            return None
        names, place, row = self._names, head.end(), dict[str, object]()
        for size, key, length, text in ITEM.findall(record, place):
            digits = len(text)
            if length[0] != digits or size[0] != len(key) + digits + AROUND:
                return None
            name = names[key] if key in names else self._new(key)
            if name is None:
                return None
            try:
                row[name] = float(text)
            except ValueError:
                return None
            place += size[0] + 2
        return row if row and _ends(record, head, place) else None

    def _new(self, key: bytes) -> str | None:
        if len(self._names) >= MOST:
            self._names.clear()
        name = self._names[key] = _name(key)
        return name


def _ends(record: bytes, head: re.Match[bytes], place: int) -> bool:
    """Whether the record, and the history in it, ends at this place, or after the number of the step."""
    high, low = head.groups()
    size = low[0] << 7 | high[0] & 127 if high else low[0]
    if head.end() + size != len(record):
        return False
    if place == len(record):
        return True
    step = STEP.fullmatch(record, place)
    return step is not None and place + 2 + record[place + 1] == len(record)


def _name(key: bytes) -> str | None:
    """The name that a key stands for, its parts joined with "/"; None if it is not plain."""
    parts, place = list[bytes](), 0
    while place + 1 < len(key):
        end = place + 2 + key[place + 1]
        if key[place] != NESTED and (key[place] != KEY or end != len(key) or parts):
            return None
        parts.append(key[place + 2 : end])
        place = end
    try:
        return "/".join(str(part, "utf-8") for part in parts) or None if place == len(key) else None
    except UnicodeDecodeError:
        return None
