"""Reads TensorBoard scalars; the event files in a folder are one run."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.errors import LogError, NothingLogged
from wcdfa.readers.formats.binary_records import Damaged, tensorflow_records
from wcdfa.readers.formats.wire import fields
from wcdfa.readers.limits import Deadline, require_room
from wcdfa.readers.magic import is_events
from wcdfa.support.text import shown

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

MARK = "tfevents"  # part of the name of every event file
LARGE = 1 << 21  # bytes in an event; a larger one is taken apart
SMALL = 1 << 10  # bytes in a value of a large event that can be a scalar
MANY = 1000  # values of a large event that are held at once
STEP, SUMMARY, VALUE = 2, 5, 1  # fields of an event, and of its summary
OF_A_TAG = 700  # bytes for each tag
SINGLE, DOUBLE = 1, 2  # values of tensorflow.DataType


def read_tensorboard(path: Path) -> Iterator[Run]:
    """Read the scalars, with their steps, of an event file, or of all event files in a folder in the order of their start.

    Unlike TensorBoard, it keeps every scalar. If a step has several, all are kept, in the order written.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - of the extra
    from google_crc32c import value as crc32c  # noqa: PLC0415
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415

    files = sorted(each for each in path.glob(f"*{MARK}*") if _is_event_file(each)) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    found, notes, deadline = Scalars(size), [], Deadline(size)
    for file in files:
        try:
            with file.open("rb") as opened:
                for record in tensorflow_records(opened, crc32c):
                    deadline.check()
                    if len(record) > LARGE:
                        found.take_apart(record)
                    else:
                        event = Event.FromString(record)
                        found.take(event.summary.value, event.step)
        except Damaged as error:
            notes.append(f"{shown(file.name)}: {error}")
        except DecodeError as error:
            notes.append(f"{shown(file.name)}: a record in it is not a TensorBoard event: {error}; everything before was read")
    columns = found.columns()
    if not columns:
        msg = f"no scalars in {len(files)} event file(s){': ' if notes else ''}{'; '.join(notes)}"
        raise LogError(msg) if notes else NothingLogged(msg)
    yield Run(path, "", columns, tuple(notes))


class _TensorBoard(FileReader):
    def claims(self, path: Path) -> bool:
        """Whether the file has the name of an event file."""
        return MARK in path.name

    def search(self, folder: Folder) -> Found:
        """Find the folder itself, if there is an event file in it."""
        return Found([folder.path] if any(map(self.claims, folder.files)) else [])


READER = _TensorBoard("TensorBoard event files", (), read_tensorboard, extra="tensorboard", recognises=is_events)


def _is_event_file(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file()


class Scalars:
    """Collects the scalars of events by their tags, with their steps."""

    def __init__(self, size: int) -> None:
        self._size, self._needed = size, 0
        self._found: dict[str, tuple[array[float], array[int]]] = {}

    def columns(self) -> dict[str, Column]:
        """The scalars of each tag."""
        return {tag: Column(np.frombuffer(values), np.frombuffer(steps, np.int64)) for tag, (values, steps) in self._found.items()}

    def take(self, values: Iterable[Summary.Value], step: int) -> None:
        """Take the scalars among the values of an event."""
        for value in values:
            kind = value.WhichOneof("value")
            if kind == "simple_value":
                number: float | None = value.simple_value
            else:
                number = _scalar(value.tensor) if kind == "tensor" else None
            if number is not None:
                numbers, steps = self._found.get(value.tag) or self._new(value.tag)
                numbers.append(number)
                steps.append(step)

    def take_apart(self, record: bytes) -> None:
        """Take the scalars from a large event, value by value: as a whole, it could take many times its size."""
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - of the extra
        from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415

        deadline, step, values = Deadline(self._size), 0, []
        try:
            for field, content in fields(memoryview(record)):
                if field == STEP and isinstance(content, int):
                    step = (content + (1 << 63)) % (1 << 64) - (1 << 63)
                elif field == SUMMARY and not isinstance(content, int):
                    for below, value in fields(content):
                        deadline.check()
                        if below == VALUE and not isinstance(value, int) and len(value) <= SMALL:
                            values.append(Summary.Value.FromString(bytes(value)))
                            if len(values) == MANY:
                                self.take(values, step)
                                values.clear()
        except LogError:
            raise
        except ValueError as error:
            raise DecodeError(str(error)) from error
        self.take(values, step)

    def _new(self, tag: str) -> tuple[array[float], array[int]]:
        self._needed += OF_A_TAG + len(tag)
        require_room(self._needed, self._size, f"{len(self._found) + 1:,} tags")
        held = self._found[tag] = array("d"), array("q")
        return held


def _scalar(tensor: TensorProto) -> float | None:
    """The number in a float tensor; None if it holds text or more than one number."""
    if tensor.dtype not in (SINGLE, DOUBLE) or any(axis.size != 1 for axis in tensor.tensor_shape.dim):
        return None
    single = tensor.dtype == SINGLE
    listed = tensor.float_val if single else tensor.double_val
    if len(listed) == 1:
        return float(listed[0])
    content = tensor.tensor_content
    return float(np.frombuffer(content, "<f4" if single else "<f8")[0]) if len(content) == (4 if single else 8) else None
