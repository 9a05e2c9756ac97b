"""Reads TensorBoard scalars; the event files in a folder are one run."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.formats.binary_records import Damaged, tensorflow_records
from wcdfa.support.text import shown

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

MARK = "tfevents"  # part of the name of every event file
SINGLE, DOUBLE = 1, 2  # values of tensorflow.DataType


def read_tensorboard(path: Path) -> Iterator[Run]:
    """Read the scalars, with their steps, of an event file, or of all event files in a folder in the order of their start.

    Unlike TensorBoard, it keeps every scalar. If a step has several, all are kept, in the order written.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - of the extra
    from google_crc32c import value as crc32c  # noqa: PLC0415
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415

    files = sorted(each for each in path.glob(f"*{MARK}*") if each.is_file()) if path.is_dir() else [path]
    found: dict[str, tuple[array[float], array[int]]] = {}
    notes = []
    for file in files:
        try:
            with file.open("rb") as opened:
                for record in tensorflow_records(opened, crc32c):
                    _take(Event.FromString(record), found)
        except Damaged as error:
            notes.append(f"{shown(file.name)}: {error}")
        except DecodeError as error:
            notes.append(f"{shown(file.name)}: a record in it is not a TensorBoard event: {error}; everything before was read")
    if not found:
        msg = f"no scalars in {len(files)} event file(s){': ' if notes else ''}{'; '.join(notes)}"
        raise ValueError(msg)
    columns = {name: Column(np.frombuffer(values), np.frombuffer(steps, np.int64)) for name, (values, steps) in found.items()}
    yield Run(path, "", columns, tuple(notes))


class _TensorBoard(FileReader):
    def claims(self, path: Path) -> bool:
        """Whether the file has the name of an event file."""
        return MARK in path.name

    def search(self, folder: Folder) -> Found:
        """Find the folder itself, if there is an event file in it."""
        return Found([folder.path] if any(map(self.claims, folder.files)) else [])


READER = _TensorBoard("TensorBoard event files", (), read_tensorboard, extra="tensorboard")


def _take(event: Event, found: dict[str, tuple[array[float], array[int]]]) -> None:
    for value in event.summary.value:
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            number = value.simple_value
        elif kind == "tensor" and (known := _scalar(value.tensor)) is not None:
            number = known
        else:
            continue
        tag = value.tag
        if tag not in found:
            found[tag] = array("d"), array("q")
        found[tag][0].append(number)
        found[tag][1].append(event.step)


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
