"""Reads the history in a ``.wandb`` file of Weights & Biases, from an online or offline run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.base import FileReader
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import NothingLogged
from wcdfa.readers.formats.binary_records import Damaged, leveldb_records
from wcdfa.readers.formats.rows import Rows, loads
from wcdfa.readers.magic import is_wandb
from wcdfa.support.text import several

if TYPE_CHECKING:
    from wandb.proto.wandb_internal_pb2 import HistoryItem, HistoryRecord  # type: ignore[attr-defined]

MAGIC, VERSION = b":W&B", 0
LARGE = 1 << 22  # bytes in a record; what a larger one holds could take many times its size
DIGITS = set("-0123456789NI")  # first characters of numbers, including NaN and Infinity
LONGEST = 20  # most characters in text that stands for a number, such as "-Infinity"
START = 7  # bytes: four for the magic, two for a constant, one for the version


def read_wandb(path: Path) -> Iterator[Run]:
    """Read all numbers of the history, nested names joined with "/". The run is named by its display name and its id."""
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined] # noqa: PLC0415 - of the extra

    # isort: split
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - after wandb, which the error should name if both are missing

    rows, notes, name, axes, large = Rows(path.stat().st_size), [], "", dict[str, str](), 0
    with path.open("rb") as file:
        start = file.read(START)
        if len(start) < START or not start.startswith(MAGIC) or start[-1] != VERSION:
            msg = f"not a log of Weights & Biases of version {VERSION}: it begins with {start!r}; a run writes one as run-ID.wandb"
            raise ValueError(msg)
        try:
            for data in leveldb_records(file, START):
                if len(data) > LARGE:
                    large += 1
                    continue
                record = Record.FromString(data)
                if record.HasField("history"):
                    rows.add(_row(record.history))
                elif record.HasField("metric") and record.metric.step_metric:  # of ``define_metric``
                    axes[record.metric.glob_name or record.metric.name] = record.metric.step_metric
                elif record.HasField("run"):
                    name = " ".join(filter(None, dict.fromkeys([record.run.display_name, record.run.run_id])))
        except Damaged as error:
            notes.append(str(error))
        except DecodeError as error:  # a complete record of another kind
            notes.append(f"a record in it cannot be read: {error}; everything before was read")
    if large:
        notes.append(f"{large:,} record(s) of more than {LARGE >> 20} MB were left out: rows of metrics are smaller")
    columns = rows.columns(axes)
    if not columns:
        msg = f"no numbers in {several(rows.count, 'row', 'rows')} of history{': ' if notes else ''}{'; '.join(notes)}"
        raise ValueError(msg) if notes else NothingLogged(msg)
    yield Run(path, name, columns, tuple(notes))


READER = FileReader(".wandb", (".wandb",), read_wandb, extra="wandb", recognises=is_wandb)


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
