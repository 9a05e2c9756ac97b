"""Checkpoints of safetensors: headers with values of other types and sizes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.formats.checkpoints import Checkpoints, Weights, damage_bytes, draw, places
from tests.fuzz.plan import Plan

KINDS = {"<f2": "F16", "<f4": "F32", "<f8": "F64"}
NUMBERS = (1.5, -1, 0, 2**63, 10**30, None, "3", True, [], {}, float("nan"), 2**31)
SHAPES = ([-1], [1.5], ["a"], None, 3, {}, [[2]], [2**62, 2**62, 4], [0], [True], [10**400], [1] * 5000, [0, 10**30], "ab", [None])
DTYPES = (5, None, [], {}, "F64", "I8", "BOOL", "U8", "F8_E4M3", "BF16", "C64", "", "x" * 5000, "F32 ", ["F32"], 1.5, True)


def build(folder: Path, plan: Plan) -> Case:
    name = str(plan.log.choice(["step_{}.safetensors", "model-{:06d}.safetensors"]))
    case = draw(plan.log, folder)
    files = [_parts(weights) for weights in case.weights]
    damaged = []
    for at, rng, structural in places(case, plan):
        if structural:
            change(case, at, files[at], rng)
        else:
            damaged.append((at, rng))
    for step, (header, data, extra) in zip(case.steps, files, strict=True):
        text = json.dumps(header).encode() if not isinstance(header, bytes) else header
        (case.path / name.format(step)).write_bytes((len(text) + extra).to_bytes(8, "little") + text + data)
    for at, rng in damaged:
        damage_bytes(case, at, case.path / name.format(case.steps[at]), rng)
    return case


def _parts(weights: Weights) -> list:
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in weights.items():
        raw = array.tobytes()
        header[name] = {
            "dtype": KINDS[array.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    return [header, data, 0]


def change(case: Checkpoints, at: int, parts: list, rng: np.random.Generator) -> None:
    """Change a header, the numbers of which stay as they are."""
    header, data, _ = parts
    if isinstance(header, bytes):
        return
    name = str(rng.choice([each for each in header if each != "__metadata__"] or ["x"]))
    entry = header.get(name)
    kind = int(rng.integers(9))
    if kind < 4 and isinstance(entry, dict):
        field, values = (("shape", SHAPES), ("dtype", DTYPES), ("data_offsets", None))[int(rng.integers(3))]
        entry[field] = values[rng.integers(len(values))] if values else _offsets(entry.get(field), rng)
        what = f"{field} of {name} is {str(entry[field])[:30]}"
    elif kind == 4 and isinstance(entry, dict):
        entry.pop(str(rng.choice(list(entry) or ["x"])), None)
        what = f"{name} lacks something"
    elif kind == 5:
        header[name] = (None, 5, "x", [], [1, 2], {}, {"a": 1}, True)[rng.integers(8)]
        what = f"{name} is {header[name]!r}"
    elif kind == 6:
        odd = (None, 5, "x", [], {"a": 3}, {"a": {"b": 1}}, {"\x00": "é"})[rng.integers(7)]
        header["__metadata__"] = odd
        what = f"__metadata__ is {odd!r}"
    elif kind == 7:
        whole = (
            b"",
            b"[]",
            b"null",
            b"5",
            b"{",
            b'{"a": ' * 20_000,
            b"[" * 100_000,
            b"\xff\xfe",
            b"{}",
            b'{"x": 1, "x": 2}',
            b'"a"',
            b" " * 999 + b"{}",
        )
        parts[0] = whole[rng.integers(len(whole))]
        what = f"header {parts[0][:20]!r}"
    else:
        parts[2] = int(rng.choice([-1, 1, 10, 10_000, 10**8, 10**12])) if rng.random() < 0.5 else 0
        parts[1] = data + rng.bytes(8) if not parts[2] else data
        what = f"header longer by {parts[2]}" if parts[2] else "more bytes than its header says"
        if parts[2] < 0 and len(json.dumps(header)) + parts[2] < 0:
            parts[2] = 0
    case.damage(f"checkpoint {at}: {what}")
    case.touched.add(at)


def _offsets(old: object, rng: np.random.Generator) -> object:
    """Other positions of a tensor."""
    begin, end = old if isinstance(old, list) and len(old) == 2 else (0, 4)
    odd = NUMBERS[rng.integers(len(NUMBERS))]
    return (
        [end, begin],
        [odd, end],
        [begin, odd],
        [begin],
        [begin, end, end],
        odd,
        [odd, odd],
        [begin + 4, end + 4] if isinstance(begin, int) and isinstance(end, int) else [],
    )[rng.integers(8)]
