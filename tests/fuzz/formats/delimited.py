"""Tables in text: quotes, widths, encodings, repeated headers, cells that are no numbers."""

from __future__ import annotations

import csv
import io
import math
from functools import partial
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.plan import Plan, change, finish
from tests.fuzz.rows import Row

NO_NUMBERS = ("n/a", "1.5.2", "0x10", "1_000", "tensor(1.5)", "--", "é", "'1'", "1e", "١٢", "True", "1 2", "\u200b", "null?")
NOTES = ("fine", "", "fine, or not", "x", 'an "o" quoted')
HUGE = ("1e999", "9" * 400, "-" + "9" * 30, "1e-400", "0" * 300 + "1", "+1e+0000000000000000005", ".5", "5.")


class Table:
    """The lines of a table while it is changed; the first may be the header."""

    def __init__(self, case: Case, delimiter: str, rng: np.random.Generator) -> None:
        self.case, self.delimiter = case, delimiter
        self.end = str(rng.choice(["\n", "\n", "\r\n"]))
        self.quoting = csv.QUOTE_ALL if rng.random() < 0.1 else csv.QUOTE_MINIMAL
        self.encoding = "utf-8-sig" if rng.random() < 0.1 else "utf-8"
        self.notes = rng.random() < 0.3  # whether the last column is text
        self.names: list[str] | None = None
        self.lines: list[tuple[list[str] | str, int]] = []
        """Cells, or a line as it stands, and the row that each belongs to; -1 if none."""

    def bytes_of(self, line: list[str] | str) -> bytes:
        if isinstance(line, str):
            return (line + self.end).encode("utf-8", "surrogatepass")
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, quoting=self.quoting, lineterminator=self.end).writerow(line)
        return text.getvalue().encode()

    def file(self) -> File:
        head = "\ufeff".encode() if self.encoding == "utf-8-sig" else b""
        names = [] if self.names is None else [(self.bytes_of(self.names), -1)]
        others = len(self.case.rows)
        lines = [(self.bytes_of(line), others if row < 0 else row) for line, row in self.lines]
        parts = [(head, -1), *names, *lines]
        if not self.encoding.startswith("utf-8"):
            mark = "" if self.encoding == "latin-1" else "\ufeff"
            parts = [(mark.encode(self.encoding), -1)] + [
                (part.decode("utf-8", "replace").removeprefix("\ufeff").encode(self.encoding, "replace"), row)
                for part, row in parts
            ]
        return File.of_parts(parts)

    def column(self, name: str) -> int:
        return int(name) if self.names is None else self.names.index(name)


def build(folder: Path, plan: Plan, delimiter: str) -> Case:
    rng = plan.log
    headed = rng.random() < 0.9
    drawn = log(rng, steps=None if headed else False, gaps=headed, long=True)
    rows, name = drawn.rows, drawn.column
    if not headed:
        rows = [Row(row.value, None) for row in rows]
    elif rng.random() < 0.05:
        name = "norm, of all\tparameters"
    case = Case(folder / f"log.{'csv' if delimiter == ',' else 'tsv'}", name if headed else "0", rows)
    table = Table(case, delimiter, rng)
    stepped = rows[0].step is not None
    if headed:
        table.names = [*(["step"] if stepped else []), name, *rows[0].beside, *(["note"] if table.notes else [])]
    table.lines = [
        (
            [
                *([str(row.step)] if stepped else []),
                _text(row.value),
                *map(repr, row.beside.values()),
                *([NOTES[i % len(NOTES)]] if table.notes and headed else []),
            ],
            i,
        )
        for i, row in enumerate(rows)
    ]
    change(case, plan, [partial(kind, table) for kind in CHANGES])
    finish(case, table.file(), plan)
    return case


def _text(value: float | None) -> str:
    return "" if value is None else "nan" if math.isnan(value) else repr(value)


def _some(table: Table, rng: np.random.Generator) -> int | None:
    """The place of a line with cells."""
    places = [i for i, (line, row) in enumerate(table.lines) if row >= 0 and line and not isinstance(line, str)]
    return int(rng.choice(places)) if places else None


def header_again(table: Table, rng: np.random.Generator) -> None:
    if table.names is not None and len(table.lines) > 2:
        table.lines.insert(int(rng.integers(1, len(table.lines))), (list(table.names), -1))
        table.case.done.append("the header is repeated")


def blank_line(table: Table, rng: np.random.Generator) -> None:
    if table.names is not None and len(table.names) > 1:
        table.lines.insert(int(rng.integers(len(table.lines) + 1)), ("", -1))
        table.case.done.append("a blank line")


def other_width(table: Table, rng: np.random.Generator) -> None:
    if (at := _some(table, rng)) is not None:
        line, row = table.lines[at]
        cells = [*line, "7"] if rng.random() < 0.5 else list(line[:-1])
        table.lines[at] = (cells, row)
        table.case.damage(f"{len(cells)} cells in row {row}", wild=[row])


def other_cell(table: Table, rng: np.random.Generator) -> None:
    """A cell of the series or of the steps that is no number, or a huge one."""
    if (at := _some(table, rng)) is None:
        return
    line, row = table.lines[at]
    cells = list(line)
    odd = str(rng.choice(NO_NUMBERS if rng.random() < 0.7 else HUGE))
    place = min(
        int(rng.integers(2)) if table.names is not None and table.names[0] == "step" else table.column(table.case.column),
        len(cells) - 1,
    )
    cells[place] = odd
    table.lines[at] = (cells, row)
    table.case.damage(f"{odd[:20]!r} in row {row}, cell {place}", wild=[row])


def open_quote(table: Table, rng: np.random.Generator) -> None:
    if (at := _some(table, rng)) is not None:
        line, row = table.lines[at]
        cells = list(line)
        cells[int(rng.integers(len(cells)))] = '"' + cells[-1]
        table.lines[at] = (table.delimiter.join(cells), row)
        table.case.damage(f"a quote is not closed in row {row}", wild=[row])


def more_columns(table: Table, rng: np.random.Generator) -> None:
    """Columns of anything beside; nothing of the series changes."""
    if table.names is None or any(isinstance(line, str) for line, _ in table.lines):
        return
    kinds = (
        ["text", "", "x\ny", '"', "é"],
        ["1"],
        ["True", "False"],
        ["2024-01-01", "2024-01-02 03:04"],
        ["9" * 30],
        [""],
        ["[1, 2]"],
    )
    count = int(rng.choice([1, 2, 300], p=[0.6, 0.35, 0.05]))
    for i in range(count):
        kind = kinds[rng.integers(len(kinds))]
        table.names = [*table.names, f"more {len(table.names)}"]
        table.lines = [([*line, kind[(at + i) % len(kind)]], row) for at, (line, row) in enumerate(table.lines)]  # type: ignore[misc]
    table.case.done.append(f"{count} more columns")


def twice(table: Table, rng: np.random.Generator) -> None:
    """Two columns of one name: of the series, or others."""
    if table.names is not None and all(len(line) == len(table.names) for line, _ in table.lines):
        place = int(rng.integers(len(table.names)))
        table.case.free |= table.names[place] in (table.case.column, "step")
        table.names = [*table.names, table.names[place]]
        table.lines = [([*line, "3.5"], row) for line, row in table.lines]
        table.case.damage(f"two columns are named {table.names[place]!r}")


def encoding(table: Table, rng: np.random.Generator) -> None:
    table.encoding = str(rng.choice(["utf-16-le", "utf-16-be", "latin-1", "utf-32-le"]))
    table.case.damage(f"in {table.encoding}")


def comment(table: Table, rng: np.random.Generator) -> None:
    table.lines.insert(int(rng.integers(len(table.lines) + 1)), ("# a comment, with a comma", -1))
    table.case.damage("a comment", wild=[len(table.case.rows)])


CHANGES = (header_again, blank_line, other_width, other_cell, other_cell, open_quote, more_columns, twice, encoding, comment)
