"""Runs the first command that a user would type, and compares what was judged with what is right."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from wcdfa.readers import RecordedSeries, series_of, sources

from .cases import Log, Series

PROGRAM = [sys.executable, "-c", "from wcdfa.cli.app import main; main()"]


class Outcome(NamedTuple):
    """What the command printed."""

    status: int
    rows: list[dict[str, Any]]
    """A result for each series, as JSON has it."""
    said: str
    """The messages, and the notes and explanations of the results."""


class Verdict(NamedTuple):
    """Whether a log was judged as is right."""

    right: bool
    false: bool
    """Whether there is no usable series, and one got an α."""
    text: str
    """What was found."""
    why: str
    """What is wrong; empty if all is right."""


def outcome(log: Log, cwd: Path) -> Outcome:
    """Run ``wcdfa analyze PATH --json`` with default options."""
    arguments = ["analyze", "-" if log.piped else str(log.path), *log.options, "--json"]
    status, out, said = _piped(arguments, log.path, cwd) if log.piped else _called(arguments, cwd)
    found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    results = [row for row in found if "error" not in row]
    notes = [note for row in found for note in row.get("notes", ())]
    errors = [str(row["error"]) for row in found if "error" in row]
    explained = [text for row in results for window in row["windows"] for text in _explained(window)]
    return Outcome(status, results, "\n".join([said.strip(), *errors, *notes, *explained]))


def _explained(window: dict[str, Any]) -> list[str]:
    return [window["explanation"], *(finding["text"] for finding in window["findings"])]


def _called(arguments: list[str], cwd: Path) -> tuple[int, str, str]:
    from wcdfa.cli.app import main

    out, error = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    told = patch.object(sys, "argv", ["wcdfa", *arguments]), patch.dict(os.environ, {"COLUMNS": "1000"})
    with chdir(cwd), redirect_stdout(out), redirect_stderr(error), told[0], told[1]:
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return status, *(each.buffer.getvalue().decode() for each in (out, error))  # type: ignore[attr-defined]


def _piped(arguments: list[str], path: Path, cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run([*PROGRAM, *arguments], input=path.read_bytes(), capture_output=True, check=False, cwd=cwd)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def judged(log: Log, found: Outcome) -> Verdict:
    """Compare an outcome with what is right."""
    text = "; ".join(map(_told, found.rows[:2])) + (f"; {len(found.rows) - 2} more" if len(found.rows) > 2 else "")
    given = [row for row in found.rows if row["alpha"] is not None]
    wrong = list(_wrong(log, found))
    return Verdict(not wrong, bool(given and not log.series), text or _first(found.said), "; ".join(wrong))


def _wrong(log: Log, found: Outcome) -> Iterator[str]:
    if len(found.rows) != len(log.series):
        yield f"{len(found.rows)} series, and not {len(log.series)}"
    elif log.series:
        yield from _of_series(log, found)
    if log.series and found.status:
        yield f"exit status {found.status}"
    if not re.search(log.says, found.said):
        yield f"does not say {log.says!r}"
    if log.never and (said := re.search(log.never, found.said)):
        yield f"says {said[0]!r}"
    if not log.series and not found.said:
        yield "says nothing"
    if "Traceback" in found.said:
        yield "a traceback"


def _of_series(log: Log, found: Outcome) -> Iterator[str]:
    read = _read(log)
    left = list(log.series)
    for row in found.rows:
        series = read.get(("" if log.piped else row["path"], row["run"], row["series"]))
        fits = [i for i, each in enumerate(left) if not list(_differing(each, row, series))]
        if fits:
            del left[fits[0]]
        else:
            yield f"{_told(row)}: " + ", ".join(_differing(left[0], row, series))
            return


def _differing(right: Series, row: dict[str, Any], read: RecordedSeries | None) -> Iterator[str]:
    if row["quantity"] != right.quantity:
        yield f"{row['quantity']}, and not {right.quantity}"
    if row["n"] != len(right.values):
        yield f"{row['n']} values, and not {len(right.values)}"
    if row["thinned"] != right.thinned:
        yield f"every {row['thinned']}, and not every {right.thinned}"
    if row["alpha"] is None:
        yield "no α"
    elif right.alpha is not None and not right.alpha[0] <= row["alpha"] <= right.alpha[1]:
        yield f"α {row['alpha']:.2f}, and not {right.alpha[0]} to {right.alpha[1]}"
    yield from _unlike(right, read)


def _unlike(right: Series, read: RecordedSeries | None) -> Iterator[str]:
    """How the numbers that were judged differ."""
    if read is None:
        yield "not what the readers give"
        return
    if not np.array_equal(read.values, right.values, equal_nan=True):
        yield "other values"
    if (read.steps is None) != (right.steps is None) or (right.steps is not None and not np.array_equal(read.steps, right.steps)):
        steps = "no steps" if read.steps is None else f"steps {read.steps[0]}–{read.steps[-1]}"
        yield f"{steps}, and not {'none' if right.steps is None else f'{right.steps[0]}–{right.steps[-1]}'}"


def _read(log: Log) -> dict[tuple[str, str, str], RecordedSeries]:
    """What the readers give to the command, by path, run and column; what comes through a pipe has no path."""
    given = dict(zip(log.options, log.options[1:], strict=False))
    columns = [given["--column"]] if "--column" in given else []
    spacing = int(given["--spacing"]) if "--spacing" in given else None
    found = {}
    for source in sources(log.path, given.get("--pattern")):
        with suppress(ValueError):
            for run in source.runs():
                with suppress(ValueError):
                    for each in series_of(run, columns, spacing=spacing):
                        found["" if log.piped else str(each.path), each.run, each.column] = each
    return found


def _told(row: dict[str, Any]) -> str:
    thinned = "" if row["thinned"] == 1 else f", every {row['thinned']}"
    window = row["windows"][-1] if row["windows"] else {}
    last = f" to step {window['last_step']}" if window.get("last_step") is not None else ""
    alpha = "no α" if row["alpha"] is None else f"α {row['alpha']:.2f}"
    return f"{row['series']}: {row['quantity']}, {row['n']}{last}{thinned}, {alpha}"


def _first(said: str) -> str:
    """The first sentence of a message, without the path."""
    line = next((line for line in said.splitlines() if line), "nothing")
    return re.sub(r"(wcdfa: )?\S*/(\S+?): ", r"\2: ", line, count=1)
