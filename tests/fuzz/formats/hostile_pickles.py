"""Pickles that would execute something, swell, recurse, or do not end."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from tests.fuzz.formats.pickles import Build, Call, Global, Raw, dumps

OPCODES = b"(.0125FIJKLMNPQRSTUVXabcdeghijloprqstu}\x80\x81\x82\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98"


def hostile(code: bytes, rng: np.random.Generator, marker: Path) -> tuple[bytes, str]:
    """Another pickle in place of one, and what it is."""
    kinds = (executes, executes, opcodes, opcodes, cut, laughs, memo, deep, itself, huge, states, other)
    kind = kinds[rng.integers(len(kinds))]
    return kind(code, rng, str(marker)), kind.__name__


def executes(code: bytes, rng: np.random.Generator, marker: str) -> bytes:
    """Calls that would make a file."""
    program = f"open({marker!r}, 'w')"
    calls = (
        Call(Global("posix", "system"), (f"touch {marker}",)),
        Call(Global("builtins", "exec"), (program,)),
        Call(Global("builtins", "open"), (marker, "w")),
        Call(Global("builtins", "eval"), (program,)),
        Call(Global("subprocess", "check_output"), (["touch", marker],)),
        Build(Call(Global("torch.nn", "Linear"), ()), {"__class__": Global("builtins", "open")}),
        Call(Call(Global("builtins", "getattr"), (Global("os", "system"), "__call__")), (f"touch {marker}",)),
        Call(Global("torch._utils", "_rebuild_from_type_v2"), (Global("os", "system"), 1, (f"touch {marker}",), {})),
        Call(Global("collections", "defaultdict"), (Global("os", "system"),)),
    )
    call = calls[rng.integers(len(calls))]
    return dumps({"w": call} if rng.random() < 0.5 else [call, Raw(code[2:-1])])


def opcodes(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """A few opcodes are others."""
    changed = bytearray(code)
    for at in rng.integers(2, len(code), size=int(rng.integers(1, 4))):
        changed[at] = OPCODES[rng.integers(len(OPCODES))]
    return bytes(changed)


def cut(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """It ends too early, or not at all."""
    return code[: int(rng.integers(1, len(code)))] if rng.random() < 0.7 else code[:-1]


def laughs(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """Tuples or lists of two of the one before: 2 to the power of their number if they are walked through."""
    depth = int(rng.choice([5, 30, 200]))
    step = (b"h\x00h\x00\x86q\x00", b"](h\x00h\x00eq\x00", b"}(X\x01\0\0\0ah\x00X\x01\0\0\0bh\x00uq\x00")[rng.integers(3)]
    return b"\x80\x02Nq\x00" + step * depth + b"."


def memo(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """Places in the memo that are far away."""
    at = int(rng.choice([2**16, 2**24, 2**28, 2**31 - 1, 2**32 - 1]))
    return b"\x80\x02Nr" + struct.pack("<I", at) + code[2:]


def deep(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """Lists, tuples or dicts within each other."""
    depth = int(rng.choice([50, 2_000, 100_000]))
    return (
        b"\x80\x02"
        + (b"]" * depth + b"a" * (depth - 1), b"N" + b"\x85" * depth, b"}X\x01\0\0\0a" * depth + b"N" + b"s" * depth)[
            rng.integers(3)
        ]
        + b"."
    )


def itself(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """A list or a dict in itself."""
    return (b"\x80\x02]q\x00h\x00a.", b"\x80\x02}q\x00X\x01\0\0\0ah\x00s.", b"\x80\x02]q\x00(h\x00h\x00h\x00e.")[rng.integers(3)]


def huge(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """Sizes of strings and integers beyond the end."""
    kinds = (
        b"X\xff\xff\xff\x7f",
        b"\x8d" + b"\xff" * 7 + b"\x7f",
        b"\x8b\xff\xff\xff\x7f",
        b"B\xff\xff\xff\xff",
        b"\x95" + b"\xff" * 8,
        b"\x8e\x00\x00\x00\x00\x10\0\0\0",
        b"T\xff\xff\xff\x7f",
    )
    return b"\x80\x04" + kinds[rng.integers(len(kinds))] + b"abc."


def states(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """Objects of unknown classes, with states, as items, keys and arguments."""
    thing = Call(Global("my.module", "Model"), ())
    kinds = (
        Build(thing, {"a": 1}),
        {"w": Build(thing, (None, {"b": 2}))},
        [thing] * 3,
        (thing, (thing,)),
        Call(thing, ()),
        Build({"w": 1}, {"a": thing}),
    )
    return dumps(kinds[rng.integers(len(kinds))])


def other(code: bytes, rng: np.random.Generator, _: str) -> bytes:
    """Something else than a tree of weights."""
    kinds = (
        None,
        3,
        1.5,
        "text",
        b"x",
        (),
        [],
        {},
        True,
        2**5000,
        {1: {2: {None: 3}}},
        [[[]]],
        {"model": 3},
        {"state_dict": None},
        {"model": {"model": {}}},
    )
    return dumps(kinds[rng.integers(len(kinds))])
