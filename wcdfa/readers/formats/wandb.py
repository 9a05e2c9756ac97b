"""Reads the history in a ``.wandb`` file of Weights & Biases, from an online or offline run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import NothingLogged
from wcdfa.readers.formats.binary_records import Damaged, leveldb_records
from wcdfa.readers.formats.rows import Rows, loads
from wcdfa.readers.formats.wandb_rows import PlainRows
from wcdfa.readers.magic import is_wandb
from wcdfa.readers.resumed import pieces
from wcdfa.readers.steps import COUNTER
from wcdfa.support.text import several

if TYPE_CHECKING:
    from wandb.proto.wandb_internal_pb2 import HistoryItem, HistoryRecord, Record  # type: ignore[attr-defined]

MAGIC, VERSION = b":W&B", 0
LARGE = 1 << 22  # bytes in a record; what a larger one holds could take many times its size
DIGITS = set("-0123456789NI")  # first characters of numbers, including NaN and Infinity
LONGEST = 20  # most characters in text that stands for a number, such as "-Infinity"
START = 7  # bytes: four for the magic, two for a constant, one for the version


def read_wandb(path: Path) -> Iterator[Run]:
    """Read all numbers of the history, nested names joined with "/". The run is named by its display name and its id.

    The pieces of a run that was resumed are read in the order of their start, whichever of them is named.
    """
    files = pieces(path)
    history = _History(sum(file.stat().st_size for file in files))
    for file in files:
        history.read(file)
    notes = [f"the run was resumed: its {len(files)} pieces are read in the order of their start"] if len(files) > 1 else []
    notes += history.notes()
    rows = history.rows
    columns = rows.columns(history.axes)
    if not columns:
        msg = f"no numbers in {several(rows.count, 'row', 'rows')} of history{': ' if notes else ''}{'; '.join(notes)}"
        raise ValueError(msg) if history.damaged else NothingLogged(msg)
    yield Run(path, history.name, columns, tuple(notes), "wandb", history.identity)


class _History:
    """Collects the rows of the pieces of a run."""

    def __init__(self, size: int) -> None:
        self.rows = Rows(size)
        self.axes: dict[str, str] = {}
        self.name = self.identity = ""
        self.damaged: list[str] = []
        self._large, self._plain = 0, PlainRows()
        self._last = -1  # number of the last row
        self._began, self._before = False, 0  # whether the piece has a row, and how many rows were counted before it
        self._counted_on = False

    def read(self, path: Path) -> None:
        """Read a piece, up to where it is damaged."""
        self._began, self._before = False, self._last + 1
        from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined] # noqa: PLC0415 - of the extra

        # isort: split
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - after wandb, which the error should name if both are missing

        with path.open("rb") as file:
            start = file.read(START)
            if len(start) < START or not start.startswith(MAGIC) or start[-1] != VERSION:
                msg = f"not a log of Weights & Biases of version {VERSION}: it begins with {start!r}; a run writes one as run-ID.wandb"
                raise ValueError(msg)
            try:
                for data in leveldb_records(file, START):
                    if len(data) > LARGE:
                        self._large += 1
                    elif (row := self._plain.row(data)) is not None:
                        self.rows.add(self._counted(row))
                    else:
                        self._take(Record.FromString(data))
            except Damaged as error:
                self.damaged.append(str(error))
            except DecodeError as error:  # a complete record of another kind
                self.damaged.append(f"a record in it cannot be read: {error}; everything before was read")

    def _take(self, record: Record) -> None:
        if record.HasField("history"):
            self.rows.add(self._counted(_row(record.history)))
        elif record.HasField("metric") and record.metric.step_metric:  # of ``define_metric``
            self.axes[record.metric.glob_name or record.metric.name] = record.metric.step_metric
        elif record.HasField("run"):
            self.name = " ".join(filter(None, dict.fromkeys([record.run.display_name, record.run.run_id])))
            self.identity = f"wandb:{record.run.run_id}" if record.run.run_id else ""

    def _counted(self, row: dict[str, object]) -> dict[str, object]:
        """The row, counted on from the pieces before. A run that is resumed offline counts its rows from 0 again."""
        number = row.get(COUNTER)
        if not isinstance(number, float):
            return row
        if not self._began:
            self._began = True
            self._before = self._before if number == 0 else 0
            self._counted_on |= self._before > 0
        self._last = int(number) + self._before
        row[COUNTER] = self._last
        return row

    def notes(self) -> Iterator[str]:
        """What was counted on, and what was left out."""
        if self._counted_on:
            yield f"a later piece counts its rows from 0 again, so {COUNTER} is counted on"
        yield from self.damaged
        if self._large:
            yield f"{several(self._large, 'record', 'records')} of more than {LARGE >> 20} MB {'was' if self._large == 1 else 'were'} left out: rows of metrics are smaller"


class _Wandb(FileReader):
    def search(self, folder: Folder) -> Found:
        """Find each file, and of a run that was resumed the piece that began last. What the program itself has to say is no log of a run."""
        found = super().search(folder).logs
        whole = folder.given or folder.path.is_symlink()  # the other pieces may lie outside of what is searched
        logs = [file for file in found if whole or pieces(file)[-1] == file]
        return Found(logs, [folder.path / "logs"] if found else [])


READER = _Wandb(".wandb", (".wandb",), read_wandb, extra="wandb", recognises=is_wandb)


def _row(history: HistoryRecord) -> dict[str, object]:
    row: dict[str, object] = {}
    for item in history.item:
        text = item.value_json
        first = text[:1]
        if first in DIGITS:
            with suppress(ValueError):
                row[_name(item)] = float(text)
        elif first == "{" or (first == '"' and len(text) <= LONGEST):
            with suppress(ValueError, RecursionError):
                row[_name(item)] = loads(text)
    return row


def _name(item: HistoryItem) -> str:
    return "/".join(item.nested_key) or str(item.key)
