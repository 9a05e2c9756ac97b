"""Event files of TensorBoard: records that are dropped, repeated, swapped or of other types, all with right checksums."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.formats.records import tensorflow
from tests.fuzz.plan import Plan, change, finish
from tests.fuzz.rows import Row

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event

FLOAT, DOUBLE = 1, 2


class Events:
    """The records of a file while it is changed."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.records: list[tuple[bytes, int]] = []

    def some(self, rng: np.random.Generator) -> tuple[int, int]:
        """The place of a record of the series, and its row."""
        places = [i for i, (_, row) in enumerate(self.records) if row < len(self.case.rows)]
        at = int(rng.choice(places)) if places else 0
        return at, self.records[at][1]

    def event(self, at: int) -> Event:
        from tensorboard.compat.proto.event_pb2 import Event

        return Event.FromString(self.records[at][0])


def build(folder: Path, plan: Plan) -> Case:
    from google_crc32c import value as crc32c
    from tensorboard.compat.proto.event_pb2 import Event

    rng = plan.log
    kind = str(rng.choice(["simple", "float", "double", "content"]))
    drawn = log(rng, steps=True, single=kind != "double", gaps=False)
    if any(row.value is not None and abs(row.value) > 3e38 for row in drawn.rows) and kind != "double":
        kind = "double"
    case = Case(folder / str(rng.choice(["events.out.tfevents.1.host", "a.tfevents"])), drawn.column, drawn.rows)
    events = Events(case)
    others = len(case.rows)
    events.records = [(Event(file_version="brain.Event:2", wall_time=1.0).SerializeToString(), others)]
    for i, row in enumerate(drawn.rows):
        events.records += [(_event(drawn.column, row, kind).SerializeToString(), i)]
        for j, (name, value) in enumerate(row.beside.items()):
            other = Event(step=row.step, wall_time=1.0)
            other.summary.value.add(tag=name, simple_value=value)
            events.records.append((other.SerializeToString(), others + 1 + len(row.beside) * i + j))
    change(case, plan, [partial(each, events) for each in CHANGES])
    finish(case, File.of_parts(tensorflow(events.records, crc32c)), plan, checked=True)
    return case


def _event(name: str, row: Row, kind: str) -> Event:
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event(step=row.step, wall_time=2.0)
    value = event.summary.value.add(tag=name)
    if kind == "simple":
        value.simple_value = row.value
    else:
        value.tensor.dtype = DOUBLE if kind == "double" else FLOAT
        if kind == "content":
            value.tensor.tensor_content = np.float32(row.value).tobytes()
        elif kind == "double":
            value.tensor.double_val.append(row.value)
        else:
            value.tensor.float_val.append(row.value)
    return event


def dropped(events: Events, rng: np.random.Generator) -> None:
    """Whole records are absent, which a file cannot show."""
    at = int(rng.integers(len(events.records)))
    stop = min(len(events.records), at + int(rng.integers(1, 5)))
    gone = {row for _, row in events.records[at:stop]}
    del events.records[at:stop]
    events.case.damage(f"records {at} to {stop} are absent")
    events.case.gone |= {row for row in gone if row < len(events.case.rows)}
    if not events.records:
        events.records = [(b"", len(events.case.rows))]


def swapped(events: Events, rng: np.random.Generator) -> None:
    if len(events.records) > 1:
        one, two = rng.choice(len(events.records), size=2, replace=False)
        events.records[one], events.records[two] = events.records[two], events.records[one]
        rows = [row for _, row in (events.records[one], events.records[two]) if row < len(events.case.rows)]
        events.case.damage(f"records {one} and {two} are swapped", wild=rows)


def repeated(events: Events, rng: np.random.Generator) -> None:
    at = int(rng.integers(len(events.records)))
    record, row = events.records[at]
    events.records.insert(int(rng.integers(len(events.records))), (record, row))
    events.case.damage(f"record {at} is repeated", wild=[row] if row < len(events.case.rows) else [])


def other_tensor(events: Events, rng: np.random.Generator) -> None:
    """A tensor of another type, shape or length."""
    at, row = events.some(rng)
    event = events.event(at)
    for value in event.summary.value:
        tensor = value.tensor
        tensor.dtype = int(rng.choice([0, 1, 2, 3, 7, 9, 14, 99]))
        for size in rng.choice([0, 1, 2, 2**40, -1], size=int(rng.integers(4))):
            tensor.tensor_shape.dim.add(size=int(size))
        tensor.tensor_content = rng.bytes(int(rng.choice([0, 3, 4, 8, 9])))
        del tensor.float_val[:]
        tensor.float_val.extend([1.0] * int(rng.integers(3)))
    events.records[at] = (event.SerializeToString(), row)
    events.case.damage(f"another tensor in record {at}", wild=[row] if row < len(events.case.rows) else [])


def other_event(events: Events, rng: np.random.Generator) -> None:
    """Other steps and tags, and values twice in one event."""
    at, row = events.some(rng)
    event = events.event(at)
    kind = int(rng.integers(3))
    if kind == 0:
        event.step = int(rng.choice([-1, 2**63 - 1, -(2**63), 2**53 + 1, 0]))
    for value in event.summary.value:
        value.tag = str(rng.choice(["", "\x00", "x" * 5000, "🔥", "a/b"])) if kind == 1 else value.tag
    if kind == 2:
        event.summary.value.add(tag=events.case.column, simple_value=3.5)
    events.records[at] = (event.SerializeToString(), row)
    events.case.damage(f"another event in record {at}, of kind {kind}", wild=[row] if row < len(events.case.rows) else [])


def no_event(events: Events, rng: np.random.Generator) -> None:
    """A whole record that is none of TensorBoard: what follows may not be read, if that is said."""
    at = int(rng.integers(len(events.records) + 1))
    content = (b"", b"\xff" * 3, rng.bytes(30), b"\x0a\xff\xff\xff\xff\x0f", b"\x08" * 100, b"\x2a\x05" * 60)[rng.integers(6)]
    events.records.insert(at, (content, len(events.case.rows)))
    events.case.damage(f"record {at} is no event")


CHANGES = (dropped, swapped, repeated, other_tensor, other_event, no_event)
