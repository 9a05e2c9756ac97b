"""Reads a JSON text value by value, so that a large one is never in memory as a whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TextIO

from wcdfa.readers.formats.rows import LONGEST_ROW, loads, whole_number
from wcdfa.readers.limits import Deadline

CHUNK = 1 << 20  # characters
BETWEEN = re.compile(r"[ \t\r\n,]*")
MANY = 1 << 16  # characters of objects that are read at once
DIGITS = 3  # characters after a number that tell that it is whole
PLAIN = re.compile(r'[^\[\]{}"]*')  # numbers, and true, false and null
DECODER = json.JSONDecoder(parse_int=whole_number)


class Stream:
    """A JSON text and a place in it.

    >>> from io import StringIO
    >>> stream = Stream(StringIO('[{"a": 1}, {"b": 2}]'))
    >>> stream.peek(), stream.skip(), stream.value(), stream.peek(), stream.value(), stream.peek()
    ('[', None, {'a': 1}, '{', {'b': 2}, ']')

    All methods raise EOFError where the text is cut off or damaged. `text` was read before from the file, and `place` is in it.
    """

    def __init__(self, file: TextIO, size: int = 0, text: str = "", place: int = 0) -> None:
        self._file, self._deadline = file, Deadline(size)
        self._text, self._place = text, place
        self._many = True

    def peek(self) -> str:
        """The next character that is neither blank nor a comma; empty at the end."""
        while True:
            self._place = BETWEEN.match(self._text, self._place).end()  # type: ignore[union-attr] # it also matches the empty string
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more(CHUNK):
                return ""

    def skip(self) -> None:
        """Pass over the next character."""
        self._place += 1

    def value(self) -> object:
        """Read a value. One that is far too long for a row counts as damaged."""
        while True:
            try:
                found, end = DECODER.raw_decode(self._text, self._place)
            except (ValueError, RecursionError) as error:
                if not self._more_of_a_row():
                    raise EOFError from error
                continue
            if len(self._text) - end < DIGITS and isinstance(found, float | int) and self._more_of_a_row():
                continue  # it may go on, as 1 does with "e-5"
            self._place = end
            return found

    def objects(self) -> Iterator[object]:
        """Read an object of a list and those that follow it, many at a time where none holds the end of another."""
        end = self._text.rfind("}", self._place, self._place + MANY) + 1
        if self._many and end > self._place:
            try:
                found = loads(f"[{self._text[self._place : end]}]")
            except (ValueError, RecursionError):
                found = None
            if isinstance(found, list) and all(type(each) is dict for each in found):
                self._place = end
                yield from found
                return
            self._many = False
        yield self.value()

    def plain(self) -> Iterator[list[object]]:
        """Read the values of a list up to its end, or up to a text, an object or another list, many at a time."""
        while True:
            end = PLAIN.match(self._text, self._place).end()  # type: ignore[union-attr]
            closed = self._text[end : end + 1] == "]"
            if not closed:
                end = self._text.rfind(",", self._place, end) + 1 or self._place
            part = self._text[self._place : end].strip(" \t\r\n,")
            if part:
                try:
                    values = loads(f"[{part}]")
                except ValueError as error:
                    raise EOFError from error
                self._place = end
                yield values if isinstance(values, list) else []
            if closed or self.peek() in ('"', "{", "[", "]"):
                return
            if not part and not self._more_of_a_row():
                raise EOFError

    def rest(self) -> str:
        """What follows, up to the length of a row."""
        return self._text[self._place :] + self._file.read(LONGEST_ROW)

    def _more_of_a_row(self) -> bool:
        held = len(self._text) - self._place
        return held < LONGEST_ROW and self._more(max(CHUNK, held))

    def _more(self, count: int) -> bool:
        self._deadline.check()
        more = self._file.read(count)
        if more:
            self._text, self._place = self._text[self._place :] + more, 0
        return bool(more)
