"""The console that all commands print to."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Span, Text

from wcdfa.support.letters import plain

WIDE = 10_000  # columns, where no terminal is


class PlainConsole(Console):
    r"""A console of rich that writes in the letters that its stream has, and leaves a pipe that nobody reads to the caller.

    What is not read on a terminal is not wrapped, for programs such as grep.

    >>> import io
    >>> stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    >>> PlainConsole(file=stream).print("α of ‖ΔW‖")
    >>> stream.buffer.getvalue()
    b'alpha of |dW|\n'
    """

    def __init__(self, *, wrapped: bool = False, **options: Any) -> None:
        """Open a console; with `wrapped`, lines end at the width that rich assumes also where no terminal is, as pages of help need."""
        super().__init__(**options)
        if not wrapped and not self.is_terminal and "width" not in options:
            self.width = WIDE

    def render_str(self, text: str, **options: object) -> Text:
        """Turn a string into text, before its width is measured."""
        return self._lettered(super().render_str(text, **options))  # type: ignore[arg-type]

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Lay out an object; text in the letters of the stream."""
        return super().render(self._lettered(renderable) if isinstance(renderable, Text) else renderable, options)

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError; rich would exit with status 1."""
        raise BrokenPipeError

    @property
    def knows_all_letters(self) -> bool:
        """Whether every letter can be written."""
        return self.encoding.startswith("utf")

    def _lettered(self, text: Text) -> Text:
        if self.knows_all_letters or text.plain.isascii():
            return text
        parts = [plain(each, self.encoding) for each in text.plain]
        place = [0, *accumulate(map(len, parts))]
        spans = [Span(place[max(0, each.start)], place[min(each.end, len(parts))], each.style) for each in text.spans]
        made = text.blank_copy("".join(parts))
        made.spans = spans
        return made
