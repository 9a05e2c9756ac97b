"""Files of Weights & Biases: history items of other types, records that are none, blocks of zeros, all with right checksums."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.drawing import log
from tests.fuzz.formats.jsonl import ODD
from tests.fuzz.formats.records import leveldb
from tests.fuzz.formats.tensorboard import dropped, repeated, swapped
from tests.fuzz.plan import Plan, change, finish

HEAD = b":W&B" + (0xBEE1).to_bytes(2, "little") + b"\0"


class History:
    """The records of a file while it is changed."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.records: list[tuple[bytes, int]] = []

    def add(self, fields: dict[str, str], row: int, *, nested: bool = False) -> None:
        self.records.append((_record(fields, nested=nested), row))


def _record(fields: dict[str, str], *, nested: bool) -> bytes:
    from wandb.proto.wandb_internal_pb2 import Record

    record = Record()
    for name, text in fields.items():
        item = record.history.item.add(value_json=text)
        if nested:
            item.nested_key.extend(name.split("/"))
        else:
            item.key = name
    return record.SerializeToString()


def build(folder: Path, plan: Plan) -> Case:
    from wandb.proto.wandb_internal_pb2 import Record

    rng = plan.log
    drawn = log(rng)
    case = Case(folder / "run-a1b2c3.wandb", drawn.column, drawn.rows)
    history = History(case)
    run = Record()
    run.run.run_id, run.run.display_name = "a1b2c3", str(rng.choice(["", "a run", "\x1b[31m", "🔥" * 9000]))
    others, nested = len(case.rows), rng.random() < 0.5
    history.records.append((run.SerializeToString(), others))
    for i, row in enumerate(drawn.rows):
        fields = {name: json.dumps(value) for name, value in row.beside.items()}
        fields |= {} if row.value is None else {drawn.column: json.dumps(row.value)}
        fields |= {} if row.step is None else {"_step": str(row.step)}
        history.add(fields, i, nested=nested)
    end = Record()
    end.exit.exit_code = 0
    history.records.append((end.SerializeToString(), others + 1))
    change(case, plan, [partial(each, history) for each in CHANGES])
    parts = leveldb(history.records, len(HEAD))
    finish(case, File.of_parts([(HEAD, -1), *parts]), plan, checked=True)
    return case


def other_item(history: History, rng: np.random.Generator) -> None:
    """A row whose items are of other types, or have odd names."""
    row = int(rng.integers(len(history.case.rows)))
    name = str(rng.choice([history.case.column, "_step", "", "a/b", "\x00", "x" * 5000]))
    odd = ODD[rng.integers(len(ODD))].encode("utf-8", "replace").decode()
    places = [i for i, (_, each) in enumerate(history.records) if each == row]
    if places:
        history.records[places[0]] = (_record({name: odd, "lr": "0.5"}, nested=bool(rng.integers(2))), row)
    history.case.damage(f"{name[:10]!r} of row {row} is {odd[:30]}", wild=[row])


def no_record(history: History, rng: np.random.Generator) -> None:
    """A whole record that is none: what follows may not be read, if that is said."""
    at = int(rng.integers(len(history.records) + 1))
    content = (b"", b"\xff" * 3, rng.bytes(30), b"\x12\xff\xff\xff\xff\x0f", bytes(40_000), b"\x12\x02\x0a\x00" * 9)[
        rng.integers(6)
    ]
    history.records.insert(at, (content, len(history.case.rows)))
    history.case.damage(f"record {at} is none")


def metric(history: History, rng: np.random.Generator) -> None:
    """A definition of a metric whose steps are absent, or no whole numbers: then the usual ones count."""
    from wandb.proto.wandb_internal_pb2 import Record

    record = Record()
    record.metric.glob_name = str(rng.choice(["*", "[", "x" * 3000, "*" * 60, ""]))
    record.metric.step_metric = str(rng.choice(["absent", history.case.column, "lr", "_step", "\x00"]))
    history.records.insert(0, (record.SerializeToString(), len(history.case.rows)))
    history.case.done.append(f"steps of {record.metric.glob_name[:10]!r} are {record.metric.step_metric!r}")


CHANGES = (other_item, other_item, no_record, metric, dropped, swapped, repeated)
