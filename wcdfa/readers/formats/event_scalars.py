"""Collects the scalars of TensorBoard events by their tags, in the order in which they were written."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.readers.columns import Column, Floats, Integers, Lazy
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.wire import fields
from wcdfa.readers.limits import Deadline, require_room
from wcdfa.readers.step_values import in_order_written

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

SMALL = 1 << 10  # bytes in a value of a large event that can be a scalar
MANY = 1000  # values of a large event that are held at once
OF_A_TAG = 700  # bytes for each tag
TIME, STEP, SUMMARY, VALUE = 1, 2, 5, 1  # fields of an event, and of its summary
RESULT, HYPERPARAMETERS = "hparam/", "_hparams_/"  # tags of ``add_hparams``: its metrics, by custom, and what it writes with them
SINGLE, DOUBLE = 1, 2  # values of tensorflow.DataType


class Scalars:
    """Collects the scalars of events by their tags, with their steps; if they are timed, with the time at which each was written."""

    def __init__(self, size: int, *, timed: bool = False) -> None:
        self._size, self._needed, self._timed, self._file = size, 0, timed, 0
        self._found: dict[str, Scalar] = {}
        self.hyperparameters = False  # whether there are some of ``add_hparams``

    def begin(self) -> None:
        """Begin another file."""
        self._file += 1

    def columns(self) -> Mapping[str, Column]:
        """The scalars of each tag, but for results of hyperparameters: these are no series."""
        once = self.hyperparameters and all(len(each.steps) == 1 and each.steps[0] == 0 for each in self._found.values())
        series = [tag for tag in self._found if not once and not tag.startswith(RESULT)]
        return Lazy(series, cache(lambda tag: in_order_written(self._found[tag].column())))

    def take(self, values: Iterable[Summary.Value], step: int, time: float) -> None:
        """Take the scalars among the values of an event."""
        for value in values:
            number = number_of(value)
            if number is None:
                self.hyperparameters |= value.tag.startswith(HYPERPARAMETERS)
            else:
                held = self._found.get(value.tag) or self._new(value.tag)
                held.values.append(number)
                held.steps.append(step)
                if self._timed:
                    held.times.append(time)
                    held.files.append(self._file)

    def take_apart(self, record: bytes) -> None:
        """Take the scalars from a large event, value by value: as a whole, it could take many times its size."""
        from google.protobuf.message import DecodeError  # noqa: PLC0415 - of the extra
        from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415

        deadline, step, time, values = Deadline(self._size), 0, 0.0, []
        try:
            for field, content in fields(memoryview(record)):
                if field == STEP and isinstance(content, int):
                    step = (content + (1 << 63)) % (1 << 64) - (1 << 63)
                elif field == TIME and isinstance(content, bytes | memoryview) and len(content) == 8:
                    (time,) = struct.unpack("<d", content)
                elif field == SUMMARY and not isinstance(content, int):
                    for below, value in fields(content):
                        deadline.check()
                        if below == VALUE and not isinstance(value, int) and len(value) <= SMALL:
                            values.append(Summary.Value.FromString(bytes(value)))
                            if len(values) == MANY:
                                self.take(values, step, time)
                                values.clear()
        except LogError:
            raise
        except ValueError as error:
            raise DecodeError(str(error)) from error
        self.take(values, step, time)

    def _new(self, tag: str) -> Scalar:
        self._needed += OF_A_TAG + len(tag)
        require_room(self._needed, self._size, f"{len(self._found) + 1:,} tags")
        held = self._found[tag] = Scalar(array("d"), array("q"), array("d"), array("i"))
        return held


class Scalar(NamedTuple):
    """The values of one tag, in the order of the files; times and files only if there are several."""

    values: array[float]
    steps: array[int]
    times: array[float]
    files: array[int]

    def column(self) -> Column:
        """The values in the order in which they were written."""
        values, steps = np.frombuffer(self.values), np.frombuffer(self.steps, np.int64)
        if not self.files or self.files[0] == self.files[-1]:
            return Column(values, steps)
        order = in_order_of_time(steps, np.frombuffer(self.times), np.frombuffer(self.files, np.intc))
        return Column(values[order], steps[order])


def in_order_of_time(steps: Integers, times: Floats, files: npt.NDArray[np.intc]) -> npt.NDArray[np.intp]:
    """The order in which records of several files were written.

    >>> in_order_of_time(np.array([1, 2, 5, 3, 4]), np.array([1.0, 2.0, 5.0, 3.0, 4.0]), np.array([0, 0, 0, 1, 1])).tolist()
    [0, 1, 3, 4, 2]

    Within a file, they stay as they are, also if the clock was set back. Files follow each other as they were begun, unless several were
    written in turns: if steps go back less often in the order of the times, that order is taken.
    """
    latest, starts = times.copy(), np.flatnonzero(np.diff(files)) + 1
    latest[~np.isfinite(latest)] = 0.0
    for part in np.split(latest, starts):  # views
        np.maximum.accumulate(part, out=part)
    by_time = np.argsort(latest, kind="stable")
    as_begun = np.arange(len(steps))
    return min((as_begun, by_time), key=lambda order: int(np.sum(steps[order][1:] < steps[order][:-1])))


def number_of(value: Summary.Value) -> float | None:
    """The number in a value; None if it is no scalar."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    return _scalar(value.tensor) if kind == "tensor" else None


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
