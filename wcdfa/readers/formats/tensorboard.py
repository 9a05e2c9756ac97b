"""Reads TensorBoard scalars; the event files in a folder are one run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import LogError, NothingLogged
from wcdfa.readers.formats.binary_records import Damaged, tensorflow_records
from wcdfa.readers.formats.decompressing import ENDINGS
from wcdfa.readers.formats.event_scalars import RESULT, Scalars, number_of
from wcdfa.readers.limits import Deadline
from wcdfa.readers.magic import is_events
from wcdfa.support.text import several, shown

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

MARK = "tfevents"  # part of the name of every event file
LARGE = 1 << 21  # bytes in an event; a larger one is taken apart
NEAR = 20  # files in other folders that are searched for a scalar
FIRST = 100  # events at the start of each
DIGITS = re.compile(r"[0-9]+")


def read_tensorboard(path: Path) -> Iterator[Run]:
    """Read the scalars, with their steps, of an event file, or of all event files in a folder.

    Unlike TensorBoard, it keeps every scalar. If a step has several, all are kept, in the order written: within a file as they stand
    there, and of several files as `in_order_of_time` says.

    A folder without scalars holds no run if there are some in a folder below it or above it: a writer that was given a name of its own
    for some scalars, or for hyperparameters, puts these in a folder, and leaves a file that holds nothing else beside it.
    """
    files = sorted((each for each in path.glob(f"*{MARK}*") if _is_event_file(each)), key=_started) if path.is_dir() else [path]
    found, notes = _scalars(files)
    columns = found.columns()
    if columns:
        yield Run(path, "", columns, tuple(notes), "tensorboard")
    elif notes or not path.is_dir() or not _scalars_beside(path):
        held = "only hyperparameters and their results" if found.hyperparameters else "no scalars"
        msg = f"{held} in {several(len(files), 'event file', 'event files')}{': ' if notes else ''}{'; '.join(notes)}"
        raise LogError(msg) if notes else NothingLogged(msg)


def _scalars(files: Sequence[Path]) -> tuple[Scalars, list[str]]:
    """Read event files, and say what in them cannot be read."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - of the extra

    size = sum(file.stat().st_size for file in files)
    found, notes, deadline = Scalars(size, timed=len(files) > 1), list[str](), Deadline(size)
    for file in files:
        found.begin()
        try:
            for event in _events(file):
                deadline.check()
                if isinstance(event, bytes):
                    found.take_apart(event)
                else:
                    found.take(event.summary.value, event.step, event.wall_time)
        except Damaged as error:
            notes.append(f"{shown(file.name)}: {error}")
        except DecodeError as error:
            notes.append(f"{shown(file.name)}: a record in it is not a TensorBoard event: {error}; everything before was read")
    return found, notes


def _events(file: Path) -> Iterator[Event | bytes]:
    """The events in a file; one that is large as it stands there. Raises `Damaged` or a DecodeError after the last whole one."""
    from google_crc32c import value as crc32c  # noqa: PLC0415
    from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415

    with file.open("rb") as opened:
        for record in tensorflow_records(opened, crc32c):
            yield record if len(record) > LARGE else Event.FromString(record)


def _started(file: Path) -> tuple[float, list[int], str]:
    """When a file was begun: by its first event, and among files of one moment by the numbers in its name."""
    first: object = None
    with suppress(Exception):  # whatever is wrong with the file is said when it is read
        first = next(_events(file), None)
    time = getattr(first, "wall_time", 0.0)
    return (time if math.isfinite(time) else 0.0), [int(digits) for digits in DIGITS.findall(file.name)], file.name


def _scalars_beside(folder: Path) -> bool:
    """Whether there are scalars in event files below this folder, or beside it in the folder above."""
    below = folder.glob(f"*/*{MARK}*")
    above = folder.resolve().parent.glob(f"*{MARK}*")
    near = islice((each for each in chain(below, above) if _is_event_file(each)), NEAR)
    return any(_has_scalars(each) for each in near)


def _has_scalars(file: Path) -> bool:
    with suppress(Exception):  # a file that cannot be read has none
        for event in islice(_events(file), FIRST):
            if not isinstance(event, bytes) and any(
                number_of(value) is not None and not value.tag.startswith(RESULT) for value in event.summary.value
            ):
                return True
    return False


class _TensorBoard(FileReader):
    def claims(self, path: Path) -> bool:
        """Whether the file has the name of an event file, and is not compressed."""
        return MARK in path.name and path.suffix.lower() not in ENDINGS

    def search(self, folder: Folder) -> Found:
        """Find the folder itself, if there is an event file in it."""
        return Found([folder.path] if any(map(self.claims, folder.files)) else [])


READER = _TensorBoard("TensorBoard event files", (), read_tensorboard, extra="tensorboard", recognises=is_events)


def _is_event_file(path: Path) -> bool:
    return not path.name.startswith(".") and READER.claims(path) and path.is_file()
