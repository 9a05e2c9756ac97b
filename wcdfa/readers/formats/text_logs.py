"""Reads what training programs print: lines with numbers by name, or what a pattern of the user finds."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from wcdfa.readers.base import FileReader
from wcdfa.readers.column_names import quantity_of
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import LogError, Option
from wcdfa.readers.formats.binary import require_text
from wcdfa.readers.formats.dialects import wide_encoding_of
from wcdfa.readers.formats.json_documents import is_document
from wcdfa.readers.formats.jsonl import is_json_lines
from wcdfa.readers.formats.rows import Rows
from wcdfa.readers.formats.spelled_numbers import plain_line
from wcdfa.readers.formats.text_patterns import COLOURS, Program, counted, pairs, program_of, rank_of
from wcdfa.readers.formats.text_shapes import Shape, Shapes
from wcdfa.readers.formats.trainer_state import is_trainer_state
from wcdfa.readers.formats.unfinished import CUT, beginning
from wcdfa.readers.limits import Deadline
from wcdfa.readers.name_tokens import is_rate
from wcdfa.readers.step_names import UPDATES, rank
from wcdfa.support.text import several, shown

LONGEST = 1 << 14  # characters of a line that are read; a longer one is cut
HEAD = 500  # lines that tell the program
LAST = 48  # lines before the end of the beginning of a file; those before may be about settings
TELLING = 16  # of these, lines that tell the program
NEAR = 1 << 13  # bytes that hold so many lines, if they are short
FIRST = 12  # of these, lines that are looked at first: they mostly tell
SURE = 5  # lines with a step and a norm or loss
COUNTERS = {"epoch", "of"}
BYTES = 1 << 20
AT_ONCE = 1000  # lines of one shape


def read_text(path: Path) -> Iterator[Run]:
    """Read the numbers after names, such as "step: 10" or "loss=3.2", in lines with a step or below a line with nothing but a step.

    Colours and the prefixes of loggers are passed over, and progress bars, which overwrite a line, are lines of their own. Of several
    ranks that print into one file, the first counts.
    """
    require_text(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        lines = Lines(file, size)
        plain = map(plain_line, lines)
        first = list(itertools.islice(plain, HEAD))
        program = program_of(first)
        table = Printed(size, program)
        for line in itertools.chain(first, plain):
            table.take(line)
    rows, notes = table.done()
    if not rows.numbers():
        raise _nothing(first)
    yield from rows.runs(Run(path, "", {}, (*([CUT] if lines.cut else []), *notes), program.tool if program else ""))


class Lines:
    """The whole lines of a text, without colours. A carriage return ends a line too."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._deadline = file, Deadline(size)
        self._lines = self._all()
        self.cut = False
        """Whether the last line has no end; it is left out, because digits may be missing."""

    def __iter__(self) -> Iterator[str]:
        """The lines that have not been read yet."""
        return self._lines

    def _all(self) -> Iterator[str]:
        rest = ""
        decode: Callable[[bytes], str] | None = None
        with beginning(self._file) as part:
            while data := part.read(BYTES):
                self._deadline.check()
                decode = decode or _decoder(data)  # a letter may lie across two blocks
                *lines, rest = (rest + decode(data)).replace("\r", "\n").split("\n")
                rest = rest[:LONGEST]
                for line in lines:
                    if line:
                        yield COLOURS.sub("", line[:LONGEST]) if "\x1b" in line else line[:LONGEST]
        self.cut = bool(rest.strip())


def _decoder(beginning: bytes) -> Callable[[bytes], str]:
    """Makes text of the blocks of a file that begins so: UTF-16, as PowerShell writes what a program prints, or else UTF-8."""
    return codecs.getincrementaldecoder(wide_encoding_of(beginning) or "utf-8")("replace").decode


class Printed:
    """Collects printed lines as rows. A line with nothing but a step, such as "Epoch 3", begins a row of the lines after it."""

    def __init__(self, size: int, program: Program | None) -> None:
        self._size, self._program = size, program
        self._ranks: dict[int | None, Rows] = {}
        self._loose = Rows(size)
        self._above: dict[str, float] = {}
        self._row: dict[str, float] = {}
        self._shapes, self._alike = Shapes(), False
        self._shape: Shape | None = None
        self._texts: list[tuple[str, ...]] = []
        self._unnamed = program is not None and program.counter is not None

    def take(self, line: str) -> None:
        """Add the numbers of a line."""
        found = self._shapes.of(line)
        if found is None:
            self._take(line, {**counted(line, self._program), **dict(pairs(line))})
            return
        shape, texts = found
        if not shape.names and not self._unnamed:
            return
        if shape is not self._shape:
            self._end_shape()
            self._shape, self._alike = shape, self._is_alike(shape)
        if not self._alike:
            told = {name: each[0] for name, each in shape.columns([texts]).items()}
            self._take(line, {**counted(line, self._program), **told})
            return
        self._texts.append(texts)
        if len(self._texts) == AT_ONCE:
            self._end_shape()

    def _is_alike(self, shape: Shape) -> bool:
        """Whether each line of a shape is a row of its own, and of no special rank."""
        return not (shape.ranked or self._unnamed or all(map(is_counter, shape.names))) and is_stepped(shape.names)

    def _end_shape(self) -> None:
        """Add the lines of one shape that were read."""
        if self._shape is not None and self._texts:
            self._end()
            self._above = {}
            self._rows_of(None).add_alike(self._shape.columns(self._texts))
            self._texts.clear()
        self._shape = None

    def _take(self, line: str, row: dict[str, float]) -> None:
        """Add a row of numbers, and a line that is no row is none."""
        if not row:
            return
        self._end_shape()
        if not is_stepped(row):
            self._below(row)
        elif all(map(is_counter, row)):
            self._end()
            self._above = row
        else:
            self._end()
            self._above = {}
            self._add(line, row)

    def _add(self, line: str, row: Mapping[str, float]) -> None:
        self._rows_of(rank_of(line)).add(row)

    def _rows_of(self, rank: int | None) -> Rows:
        if rank not in self._ranks:
            self._ranks[rank] = Rows(self._size)
        return self._ranks[rank]

    def _below(self, row: dict[str, float]) -> None:
        if not self._above:
            if any(quantity_of(name) != "unknown" for name in row):
                self._loose.add(row)
            return
        if self._row.keys() & row.keys():
            self._end()
        self._row |= row

    def _end(self) -> None:
        if self._row:
            self._add("", {**self._above, **self._row})
            self._row = {}

    @property
    def has_steps(self) -> bool:
        """Whether there are rows with a step."""
        return bool(self._ranks) or bool(self._texts)

    def done(self) -> tuple[Rows, list[str]]:
        """All rows with a step, or if there are none, those with a norm or a loss; and notes."""
        self._end_shape()
        self._end()
        if not self._ranks:
            return self._loose, []
        most = max(rows.count for rows in self._ranks.values())
        first = min(
            (each for each in self._ranks if 2 * self._ranks[each].count >= most), key=lambda each: -1 if each is None else each
        )
        others = len(self._ranks.keys() - {None, first})
        return self._ranks[first], [
            f"{several(others, 'other rank prints', 'other ranks print')} into it: left out"
        ] if others else []


def is_stepped(row: Iterable[str]) -> bool:
    """Whether one of the names is that of a step or an epoch."""
    return any(map(is_counter, row))


@lru_cache(4096)
def is_counter(name: str) -> bool:
    """Whether the name is that of a step or an epoch."""
    plain = name.casefold()
    return plain in COUNTERS or rank(name) is not None or plain.rpartition("/")[2] in UPDATES


@lru_cache(4096)
def is_rate_or_loss(name: str) -> bool:
    """Whether the name is that of a learning rate or a loss."""
    return is_rate(name) or quantity_of(name) == "loss"


def _nothing(lines: list[str]) -> LogError:
    """Say what is there instead of numbers."""
    first = f"; it begins with {shown(lines[0].strip(), 60)!r}" if lines else ""
    msg = f"no line with numbers by name, such as 'step: 10 loss: 3.2'{first}. If it holds numbers in another form, say how they look with"
    return LogError(msg, Option("pattern"))


def is_text_log(head: bytes) -> bool:
    r"""Whether a file that begins so is text with steps and a norm or a loss in several lines.

    >>> is_text_log(b"step 1: loss 3.2\n" * 9), is_text_log(b"The step: 10. The loss: 3.\n")
    (True, False)
    """
    if wide := wide_encoding_of(head):
        head = head.decode(wide, "replace").encode()
    if b"\0" in head or is_json_lines(head) or is_trainer_state(head) or is_document(head):
        return False
    lines = [plain_line(COLOURS.sub("", line[:LONGEST])) for line in _last(head)]
    return _tells(lines[-FIRST:], stepped=True) or _tells(lines)


def _last(head: bytes) -> list[str]:
    """The last whole lines of a beginning."""
    near = _whole_lines(head[-NEAR:])[1:]  # the first may be cut off
    return (near if len(near) >= LAST else _whole_lines(head))[-LAST:]


def _whole_lines(text: bytes) -> list[str]:
    return text.decode("utf-8", "replace").replace("\r", "\n").split("\n")[:-1]


def _tells(lines: list[str], *, stepped: bool = False) -> bool:
    """Whether a norm or a loss stands in several lines; if `stepped`, only those with a step count."""
    table = Printed(sum(map(len, lines)), None if stepped else program_of(lines[-TELLING:]))  # those have names
    for line in lines:
        table.take(line)
    rows, _ = table.done()
    if stepped and not table.has_steps:
        return False
    columns = rows.numbers() if stepped else rows.columns()
    return any(quantity_of(name) != "unknown" and len(columns[name].values) >= SURE for name in columns)


READER = FileReader(
    "text logs (.txt, .log, .out)", (".txt", ".log", ".out"), read_text, recognises=is_text_log, doubtful=True, last_resort=True
)
