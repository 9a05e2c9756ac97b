"""Rows of W&B that are read without its library: as the library reads them, or left to it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.readers.formats.wandb import _row
from wcdfa.readers.formats.wandb_rows import PlainRows

NUMBERS = (0, 7, -3, 0.5, 1e-300, 1.7958343260528855e09, 10**30, math.nan, math.inf, -math.inf)


def record(items, *, step=None, number=10, key=False):
    """A record as the library writes it, from texts by names."""
    proto = require("wandb.proto.wandb_internal_pb2")
    made = [
        proto.HistoryItem(key=name, value_json=text) if key else proto.HistoryItem(nested_key=name.split("/"), value_json=text)
        for name, text in items
    ]
    history = proto.HistoryRecord(item=made)
    if step is not None:
        history.step.num = step
    return proto.Record(num=number, history=history)


def plain(made):
    return PlainRows().row(made.SerializeToString())


def same(row, other):
    return list(row) == list(other) and np.array_equal(list(row.values()), list(other.values()), equal_nan=True)


@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize("step", [None, 0, 5, 1000, 10**9])
@pytest.mark.parametrize("number", [0, 1, 200, 10**6])
def test_numbers(key, step, number):
    made = record([("update_norm", "0.5"), ("_step", "12"), ("α", "-1.5e-07"), ("lr", "1")], step=step, number=number, key=key)
    assert same(plain(made), _row(made.history))


def test_nested_names():
    made = record([("a/b/c", "1.5"), ("a/d", "2")], step=3)
    assert plain(made) == {"a/b/c": 1.5, "a/d": 2.0} == _row(made.history)


def test_many_rows():
    """Whatever a row holds: it is read as by the library, or left to it."""
    rng = np.random.default_rng(0)
    names = ["norm", "a/b", "x" * 100, "x" * 120, "x" * 200, "\u2082", "é", "n\n", "\x12", "/", "_step"]
    texts = [
        *(json.dumps(each) for each in NUMBERS),
        '"NaN"',
        '{"a": 1}',
        '"text"',
        "null",
        "1e",
        "-",
        ".5",
        "+1",
        "1_0",
        "[1]",
        "1" * 40,
        "0." + "3" * 130,
    ]
    rows, read = PlainRows(), 0
    for _ in range(3000):
        chosen = rng.permutation(names)[: rng.integers(0, 9)]
        likely = rng.random() < 0.7
        items = [(str(name), texts[rng.integers(6) if likely else rng.integers(len(texts))]) for name in chosen]
        made = record(items, step=None if rng.random() < 0.3 else int(rng.integers(10**6)), number=int(rng.integers(10**5)))
        row = rows.row(made.SerializeToString())
        if row is not None:
            read += 1
            assert same(row, _row(made.history))
    assert read > 500


def test_other_records():
    proto = require("wandb.proto.wandb_internal_pb2")
    for made in (
        proto.Record(num=3, run=proto.RunRecord(run_id="a")),
        proto.Record(num=3, summary=proto.SummaryRecord()),
        proto.Record(num=3, history=proto.HistoryRecord()),
        record([("norm", "1")], step=2).__class__(num=1, history=record([("norm", "1")]).history, uuid="a"),
    ):
        assert plain(made) is None
    whole = record([("norm", "1"), ("lr", "0.1")], step=2).SerializeToString()
    assert PlainRows().row(whole) is not None
    assert [end for end in range(len(whole)) if PlainRows().row(whole[:end]) is not None] == []
