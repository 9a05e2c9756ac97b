"""The rows of a text table, as Arrow reads them."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np

from wcdfa.readers.column_names import quantity_of
from wcdfa.readers.columns import Column, Integers
from wcdfa.readers.formats.arrow import arrow_compute, arrow_csv, codes_of, column_of, is_numeric, pa
from wcdfa.readers.formats.dialects import Dialect
from wcdfa.readers.formats.heads import Head
from wcdfa.readers.formats.quotes import WIDEST, Quotes
from wcdfa.readers.formats.rewriting import how_spelled, is_odd, is_plain, rewritten
from wcdfa.readers.formats.unfinished import BLOCK, Beginning, is_number
from wcdfa.readers.steps import rank
from wcdfa.support.text import several, shown

LEAST = 1 << 20  # bytes that are read at once
ROWS = 2000  # that are read at once, if they fit into as many bytes as the longest line may have
MOST = 0.5  # a text column counts as numbers if at least this share of it is numbers


@dataclass(frozen=True)
class Table:
    """The rows of a table, as Arrow reads them: it knows the columns by their places."""

    file: BinaryIO
    dialect: Dialect
    head: Head
    quotes: Quotes
    repaired: bool = False
    """Whether what is torn was left out already."""

    def rows(self) -> BinaryIO:
        """The text of the rows. It must be closed: a thread of Arrow may go on reading in the file after an error."""
        return io.BufferedReader(Beginning(self.file, self.quotes.end, self.head.start), BLOCK)

    @property
    def block_size(self) -> int:
        """How many bytes Arrow reads at once: enough for the longest line, or in the first attempt for those that are likely."""
        longest = max((sum(map(len, row)) + len(row) for row in self.head.sample), default=0)
        return WIDEST if self.repaired else min(WIDEST, max(LEAST, ROWS * longest))

    def options(self, chosen: Sequence[int], kind: pa.DataType | None = None) -> dict[str, object]:
        """What Arrow is told: only some columns, which are of one type, or all columns, whose types it finds."""
        columns = [str(i) for i in chosen]
        return {
            "read_options": arrow_csv.ReadOptions(
                use_threads=False, block_size=self.block_size, column_names=[str(i) for i in range(len(self.head.names))]
            ),
            "parse_options": arrow_csv.ParseOptions(
                delimiter=self.dialect.delimiter,
                quote_char='"' if self.quotes.unclosed is None else False,
                newlines_in_values=self.quotes.long,
            ),
            # "nan" in a log is a NaN, not a gap
            "convert_options": arrow_csv.ConvertOptions(
                null_values=[""],
                strings_can_be_null=True,
                decimal_point=self.dialect.decimal,
                include_columns=columns,
                column_types=dict.fromkeys(columns, kind),
            ),
        }


class HasTornRows(Exception):
    """The table holds lines that are no rows, and must be read line by line."""


class Numbers(NamedTuple):
    """What was read of a table."""

    columns: dict[int, Column]
    """By their places."""
    rows: int
    notes: list[str]


def read_numbers(table: Table) -> Numbers:
    """The numeric columns.

    Raises
    ------
    HasTornRows, ArrowException
        If there are lines that are no rows.
    """
    numbers, texts = _told(table.head)
    if table.head.start >= table.quotes.end:
        return Numbers({}, 0, [])
    if not numbers or any(
        _is_wanted(table.head.names[i]) or is_odd(row[i] for row in table.head.sample if i < len(row)) for i in texts
    ):
        return _at_once(table)
    try:
        return _in_blocks(table, numbers)
    except pa.ArrowException:  # a column that begins with numbers, or empty, continues with text
        if not table.repaired:
            raise
        return _at_once(table)


def _told(top: Head) -> tuple[list[int], list[int]]:
    """Which columns hold numbers in the first rows, or nothing, and which hold text. A repeated header is not a row."""
    rows = [row for row in top.sample if list(row) != list(top.names)]
    texts = {i for row in rows for i, field in enumerate(row[: len(top.names)]) if field and not is_number(field)}
    return [i for i in range(len(top.names)) if i not in texts], sorted(texts)


def _in_blocks(table: Table, numbers: list[int]) -> Numbers:
    """The columns of numbers, block by block: at once, Arrow would load the whole file."""
    held = {i: (array("d"), array("q")) for i in numbers}
    count = 0
    for block in _blocks(table, numbers):
        for read, (values, rows) in zip(block.columns, held.values(), strict=True):
            column = column_of(read)
            if column.rows is not None or len(values) < count:  # there are gaps, here or before
                if not rows:
                    rows.frombytes(np.arange(len(values)).tobytes())
                rows.frombytes((count + (np.arange(block.num_rows) if column.rows is None else column.rows)).tobytes())
            values.frombytes(column.values.tobytes())
        count += block.num_rows
    pa.default_memory_pool().release_unused()  # it would keep as much as a column
    found = {
        i: Column(np.frombuffer(values), rows=np.frombuffer(rows, np.int64) if rows else None)
        for i, (values, rows) in held.items()
        if values
    }
    return Numbers(found, count, [])


def _blocks(table: Table, numbers: list[int]) -> Iterator[pa.RecordBatch]:
    if numbers:
        with (
            table.rows() as rows,
            arrow_csv.open_csv(
                rows, **table.options(numbers, pa.float64())
            ) as blocks,  # closed, or its thread may outlive the process
        ):
            yield from blocks


def _at_once(table: Table) -> Numbers:
    """The numeric columns, text columns that are mostly numbers, and notes."""
    with table.rows() as rows:
        read, notes, spelled = arrow_csv.read_csv(rows, **table.options(())), list[str](), list[str]()
    if not table.repaired and _has_header(read, table.head.names):
        raise HasTornRows  # without an error, if there is a column of text
    found = {}
    for i, name in enumerate(table.head.names):
        column = _numbers_in(name, read[i], table.dialect, notes, spelled) if pa.types.is_string(read[i].type) else None
        if is_numeric(read[i].type):
            column = column_of(read[i])
        if column is not None:
            found[i] = column
    if notes and not table.repaired:  # what is no number may be half a row
        raise HasTornRows
    return Numbers(found, len(read), [*notes, *spelled])


def _has_header(table: pa.Table, names: list[str]) -> bool:
    """Whether a row holds one of the names in its column."""
    texts = ((table[i], name) for i, name in enumerate(names) if pa.types.is_string(table[i].type))
    return any(arrow_compute.any(arrow_compute.equal(text, name)).as_py() for text, name in texts)


def _numbers_in(name: str, text: pa.ChunkedArray, dialect: Dialect, notes: list[str], spelled: list[str]) -> Column | None:
    """The numbers in a text column, if most of it is numbers. Other text counts as missing. Notes say so, and how numbers are spelled."""
    plain = rewritten(text, dialect.decimal)
    numeric = is_plain(plain)
    values = arrow_compute.if_else(numeric, plain, None).cast(pa.float64())
    numbers, filled = len(values) - values.null_count, len(text) - text.null_count
    if numbers < MOST * filled or not numbers:
        return None
    spelled += how_spelled(name, text, values, dialect.decimal)
    if numbers < filled:
        other = arrow_compute.and_(arrow_compute.is_valid(text), arrow_compute.invert(numeric))
        example = shown(text.filter(other)[0].as_py(), 40)
        some = several(filled - numbers, "value", "values")
        notes.append(
            f"{some} of {shown(name)} {'is' if filled - numbers == 1 else 'are'} no number and left out: the first is '{example}'"
        )
        if rank(name) is None:  # a row without a step is left out
            values = arrow_compute.if_else(other, np.nan, values)
    return column_of(values)


def _is_wanted(name: str) -> bool:
    """Whether a text column with this name may be needed."""
    return rank(name) is not None or quantity_of(name) not in ("loss", "unknown")


def read_words(table: Table, column: int, places: dict[str | bytes, int]) -> Iterator[Integers]:
    """The text of a column, block by block: its place in `places`, to which new text is added, or -1 where there is none."""
    if table.head.start >= table.quotes.end:
        return
    with table.rows() as rows, arrow_csv.open_csv(rows, **table.options([column], pa.binary())) as blocks:
        for block in blocks:
            yield codes_of(block.column(0), places)
