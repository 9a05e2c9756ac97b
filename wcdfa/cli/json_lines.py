"""Prints a line of JSON for each run: at once, or at the end, when it is known which logs hold one run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from wcdfa.analysis.result_types import SeriesResult
from wcdfa.cli.printing import print_json


class JsonLines(AbstractContextManager["JsonLines"]):
    """Prints results as lines of JSON.

    Parameters
    ----------
    held : bool
        Whether to keep the lines in a temporary file until `close`. A later log may then stand for the run instead.
    """

    def __init__(self, *, held: bool) -> None:
        self._file = tempfile.TemporaryFile("w+b") if held else None  # noqa: SIM115 - __exit__ closes it
        self._places: dict[int, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def take(self, run: int, result: SeriesResult) -> bool:
        """Take the result of a run, instead of the one taken before; returns whether it was printed."""
        if self._file is None:
            print_json(result)
            return True
        place = self._file.seek(0, 2)
        self._places[run] = place, self._file.write(json.dumps(result, allow_nan=False).encode())
        return False

    def print_held(self, note: Callable[[int], str]) -> bool:
        """Print what was held, each with a note if there is one; returns whether lines are held."""
        if self._file is None:
            return False
        for run, (place, length) in self._places.items():
            self._file.seek(place)
            result = json.loads(self._file.read(length))
            print_json({**result, "notes": [*result["notes"], *filter(None, [note(run)])]})
        return True
