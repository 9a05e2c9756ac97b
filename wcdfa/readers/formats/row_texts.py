"""Collects text that stands beside the numbers in the rows of a log, such as the tag or the run of each row."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

import numpy as np

from wcdfa.readers.columns import Lazy, Words

MOST_COLUMNS = 32
MOST_TEXTS = 5000  # different ones in a column
LONGEST = 1000  # characters in a text; a longer one is no name


class Texts:
    """The columns of text in the rows of a log, with 8 bytes for each text.

    >>> texts = Texts()
    >>> for row, tag in enumerate(("loss", "norm", "loss")):
    ...     texts.add("tag", tag, row)
    >>> texts.columns(4)["tag"]
    Words(distinct=('loss', 'norm'), codes=array([ 0,  1,  0, -1]))

    Columns with too many different texts, such as dates, are given up.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        """The columns that hold text, also those that were given up; at most `MOST_COLUMNS`."""
        self.first: dict[str, str] = {}
        """The first text of each of these columns."""
        self._held: dict[str, tuple[dict[str, int], array[int], array[int]]] = {}

    def add(self, name: str, text: str, row: int) -> None:
        """Add the text of a row."""
        held = self._held.get(name)
        if held is None:
            if name in self.names or len(self.names) == MOST_COLUMNS:
                return
            self.names.append(name)
            self.first[name] = text[:LONGEST]
            held = self._held[name] = {}, array("i"), array("i")
        places, codes, rows = held
        code = places.setdefault(text, len(places))
        if code >= MOST_TEXTS or len(text) > LONGEST:
            del self._held[name]
            return
        codes.append(code)
        rows.append(row)

    def columns(self, rows: int) -> Mapping[str, Words]:
        """All text by name, in a log of so many rows."""

        def read(name: str) -> Words:
            places, found, at = self._held[name]
            codes = np.full(rows, -1)
            codes[np.frombuffer(at, np.int32)] = np.frombuffer(found, np.int32)
            return Words(tuple(places), codes)

        return Lazy(list(self._held), read)
