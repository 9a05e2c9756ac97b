"""Writes all windows of all series into one parquet file, which is complete at any time, even if the program is killed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from wcdfa.support.extras import needed

with needed("a table of results", "wcdfa[cli]"):
    import pyarrow as pa
    import pyarrow.parquet as arrow_parquet

from wcdfa.analysis.diagnosing import finding_in_short
from wcdfa.analysis.result_types import Result, SeriesResult
from wcdfa.support.failures import writing
from wcdfa.support.files import replacing
from wcdfa.support.text import shown

PAUSE = 2.0  # seconds between two writes, at least …
SHARE = 20  # … and this many times as long as a write takes
BATCH = 64  # results that are kept unpacked until there are this many

NAMES = ("path", "run", "series", "group")
NUMBERS = ("alpha", "stderr", "low", "high", "r_squared", "adequacy")
NULL = ("low", "median", "high", "excess", "p_value")
SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in (*NAMES, "error")],
        *[(name, pa.int64()) for name in ("n", "order", "window", "windows", "first_step", "last_step")],
        *[(name, pa.float64()) for name in NUMBERS],
        *[(f"null_{name}", pa.float64()) for name in NULL],
        *[(name, pa.string()) for name in ("regime", "explanation", "notes")],
        ("alarms", pa.int64()),
        ("diagnosis", pa.string()),
    ]
)
BEFORE = SCHEMA.remove(SCHEMA.get_field_index("diagnosis"))
"""The schema of tables of earlier releases."""


def rows(result: Result) -> Iterator[dict[str, object]]:
    """A row for each window of a series, numbered from 0; one row for a series that could not be judged. Missing values are null."""
    same: dict[str, str | None] = {name: _text(value) for name in NAMES if isinstance(value := result.get(name), str)}
    if "error" in result:
        yield {**same, "error": _text(result["error"])}
        return
    same["notes"] = _text("; ".join(result["notes"])) if result["notes"] else None
    same["diagnosis"] = _diagnosis(result)
    for number, window in enumerate(result["windows"]):
        values: Mapping[str, object] = window
        null = window["null"] or {}
        yield {
            **same,
            "n": result["n"],
            "order": result["order"],
            "window": number,
            "windows": len(result["windows"]),
            "alarms": len(result["alarms"]),
            **{name: values[name] for name in ("first_step", "last_step", *NUMBERS, "regime", "explanation")},
            **{f"null_{name}": null.get(name) for name in NULL},
        }


def _diagnosis(result: SeriesResult) -> str | None:
    """What was found in the run, in one line."""
    found = result["diagnosis"]
    return None if found is None or not found["found"] else _text(finding_in_short(found))


def _text(text: str) -> str:
    """Escape bytes in a file name that are not text; Python keeps them as lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()


def _is_ours(path: Path) -> bool:
    try:
        return any(arrow_parquet.read_schema(path).equals(schema) for schema in (SCHEMA, BEFORE))
    except (pa.ArrowException, OSError):
        return False


class ResultTable:
    """Collects results. Every few seconds, and at the end, the file is replaced by one with all of them.

    >>> import tempfile
    >>> import pyarrow.parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ResultTable(Path(folder, "results.parquet")) as table:
    ...         table.add({"path": "a.csv", "run": "", "series": None, "error": "a.csv: no numbers in it"})
    ...     pyarrow.parquet.read_table(table.path)["path"].to_pylist()
    ['a.csv']
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts: list[pa.Table] = []
        self._fresh: list[Result] = []
        self._left_out = set[tuple[str | None, ...]]()
        self._next = 0.0

    def __enter__(self) -> Self:
        """Make sure that the file can be written. An existing file is replaced once there are results.

        Raises
        ------
        ValueError
            If there is a file that is not a table of results.
        OSError
            If the folder cannot be written to.
        """
        with writing("table", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and not _is_ours(self.path):
            msg = f"{shown(self.path)} exists and is not a table of results, so it is not replaced: choose another name"
            raise ValueError(msg)
        with writing("table", self.path), tempfile.TemporaryFile(dir=self.path.parent):
            return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Write all results, even if the program is interrupted."""
        if self._fresh or self._parts:
            self._write()

    def add(self, result: Result) -> None:
        """Add the result of a series."""
        self._fresh.append(result)
        if len(self._fresh) >= BATCH:
            self._pack()
        if time.monotonic() >= self._next:
            self._write()

    def leave_out(self, path: str, run: str, series: str) -> None:
        """Leave out the rows of a series that were added before: another log of the same run stands for it."""
        self._pack()
        self._left_out.add((_text(path), _text(run), _text(series)))

    def _kept(self) -> pa.Table:
        table = pa.concat_tables(self._parts or [SCHEMA.empty_table()])
        if self._left_out:
            names = zip(*(table[name].to_pylist() for name in ("path", "run", "series")), strict=True)
            table = table.filter(pa.array([each not in self._left_out for each in names], pa.bool_()))
            self._parts, self._left_out = [table], set()
        return table

    def _pack(self) -> None:
        if self._fresh:
            packed = pa.Table.from_pylist([row for result in self._fresh for row in rows(result)], schema=SCHEMA)
            self._parts, self._fresh = [*self._parts, packed], []  # no signal comes between the two

    def _write(self) -> None:
        self._pack()
        start = time.monotonic()
        with writing("table", self.path), replacing(self.path) as file:
            arrow_parquet.write_table(self._kept(), file)
        now = time.monotonic()
        self._next = now + max(PAUSE, SHARE * (now - start))
