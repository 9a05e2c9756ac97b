"""Makes the streams of a command fit for any text, whoever put them there: a terminal, a pipe, a tee, or nothing at all."""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO, cast

from wcdfa.support.letters import NAMED, plain


def steady(stream: TextIO | None) -> TextIO:
    """A stream that takes any text and that rich can print to; nowhere if there is none, or it is closed.

    >>> import io
    >>> raw = io.BytesIO()
    >>> stream = steady(io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    >>> stream.write("α = 0.5")
    7
    >>> raw.getvalue()
    b'alpha = 0.5'
    """
    if stream is None or getattr(stream, "closed", False) is True:
        return Nowhere()
    reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
    if reconfigure is None:
        return cast("TextIO", Tee(stream))
    if getattr(stream, "errors", "strict") != NAMED:
        reconfigure(errors=NAMED)
    return stream


def require_output() -> None:
    """Raise an OSError if standard output is closed, because a result would be lost without a word.

    >>> require_output()
    """
    if isinstance(sys.stdout, Nowhere):
        msg = "standard output is closed, so the result cannot be printed: leave it open, or lead it into a file"
        raise OSError(msg)


class Nowhere(io.StringIO):
    """A stream that leads nowhere."""

    def write(self, text: str, /) -> int:
        """Forget the text."""
        return len(text)


class Tee:
    """A stream of which only `write` is known to be there, such as one that a program made to copy its output into a file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = known(getattr(stream, "encoding", None))

    def write(self, text: str) -> int:
        """Write the text, in the letters that the stream takes."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            self._stream.write(plain(text, known(error.encoding, "ascii")))
        return len(text)

    def flush(self) -> None:
        """Flush the stream, if it can be."""
        getattr(self._stream, "flush", lambda: None)()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        with suppress(Exception):  # whatever stands in for a stream
            return bool(self._stream.isatty())
        return False


def known(encoding: object, otherwise: str = "utf-8") -> str:
    """The name of an encoding that Python has.

    >>> known("latin-1"), known(None), known("charmap", "ascii")
    ('latin-1', 'utf-8', 'ascii')
    """
    with suppress(LookupError):
        if isinstance(encoding, str) and encoding != "charmap":  # the name that errors of cp1252 and its like have
            codecs.lookup(encoding)
            return encoding
    return otherwise
