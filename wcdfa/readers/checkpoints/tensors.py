"""Tensors stored in a checkpoint: shape, kind of number, and how to read a piece of one."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Hashable, Mapping
from math import prod
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from wcdfa.support.text import shown

Scratch = npt.NDArray[np.uint8]  # memory to read into
Numbers = npt.NDArray[np.inexact]
Shape = tuple[int, ...]
Raw = Callable[[int, int, Scratch], npt.NDArray[np.generic]]
MOST_AXES = 64  # as in NumPy

# fraction bits and bias of the exponent; NumPy knows none of these
FLOAT8 = {
    "float8_e4m3fn": (3, 7),
    "float8_e4m3fnuz": (3, 8),
    "float8_e4m3b11fnuz": (3, 11),
    "float8_e5m2": (2, 15),
    "float8_e5m2fnuz": (2, 16),
}
# kinds of numbers that can be weights, and the NumPy type they are read as
FLOATS = {"float16": "f2", "float32": "f4", "float64": "f8", "complex64": "c8", "complex128": "c16", "bfloat16": "u2"}
FLOATS |= dict.fromkeys(FLOAT8, "u1")
MODEL = ("state_dict", "model_state_dict", "model_state", "model", "module", "params")
WRAPPERS = {"state", "train_state", "checkpoint", "default", "pytree"}
OPTIMIZER = re.compile(r"(opt|optim|optimi[sz]er)s?(_.*|states?)?|(lr_)?schedulers?|(grad_)?scaler|loops|callbacks", re.IGNORECASE)


def _never(start: int, stop: int, scratch: Scratch) -> Numbers:
    msg = "a tensor whose kind is not in FLOATS is not read"
    raise TypeError(msg)


class Stored(NamedTuple):
    """A tensor that has not been read."""

    shape: Shape
    kind: str
    """The dtype, such as "float32". A tensor of a kind that is not in `FLOATS` is never read."""
    read: Callable[[int, int, Scratch], Numbers] = _never
    """Reads the numbers from start to stop of the flat tensor; they may be in the scratch memory that it is given."""
    unit: int = 1
    """How many numbers are best read together; start must be a multiple of this."""
    place: Hashable = None
    """Where the numbers are, for tensors that may share them with another tensor."""
    pieces: int = 1
    """How many pieces it is stored in, each of which takes some time to read."""


class Contents(NamedTuple):
    """The weights in a checkpoint by name, and the names of other content, which is left out."""

    tensors: dict[str, Stored]
    passed: tuple[str, ...] = ()


def whole_numbers(given: object, what: str) -> Shape:
    """The numbers of a shape, or of another list that a file gives.

    >>> whole_numbers([2, 3], "shape")
    (2, 3)
    >>> whole_numbers([2, 3.0], "shape")
    Traceback (most recent call last):
    ValueError: a shape must be whole numbers from 0 to 2**63 - 1, at most 64 of them, and holds 3.0
    """
    if not isinstance(given, (list, tuple)):
        held = f"is an object of {type(given).__name__}"
    elif len(given) > MOST_AXES:
        held = f"is {len(given)} long"
    else:
        wrong = [number for number in given if type(number) is not int or not 0 <= number < 1 << 63]
        if not wrong:
            return tuple(given)
        held = f"holds {_named(wrong[0])}"
    msg = f"a{'n' if what[0] in 'aeiou' else ''} {what} must be whole numbers from 0 to 2**63 - 1, at most {MOST_AXES} of them, and {held}"
    raise ValueError(msg)


def _named(given: object) -> str:
    if type(given) is int:  # it may have more digits than can be shown
        return "a negative number" if given < 0 else "a larger one"
    return shown(given, 40) if type(given) in (float, bool, str) else f"an object of {type(given).__name__}"


def raw_numbers(path: Path, offset: int, kind: str, order: str = "<") -> Raw:
    """A function that reads numbers as they are in a file, from the byte `offset` on."""
    dtype = np.dtype(order + FLOATS[kind])

    def read(start: int, stop: int, scratch: Scratch) -> npt.NDArray[np.generic]:
        size = (stop - start) * dtype.itemsize
        raw = scratch[:size] if size <= len(scratch) else np.empty(size, np.uint8)
        left = raw.data
        with path.open("rb", buffering=0) as file:  # not mapped, because a file that shrinks meanwhile would crash the process
            file.seek(offset + start * dtype.itemsize)
            while left:  # the system reads at most 2 GB at once
                got = file.readinto(left)
                if not got:
                    msg = f"{path.name} ends {len(left)} bytes before its tensor does"
                    raise ValueError(msg)
                left = left[got:]
        return raw.view(dtype)

    return read


def in_file(path: Path, offset: int, shape: Shape, kind: str, order: str = "<") -> Stored:
    """A tensor whose numbers are in one piece of a file, from the byte `offset` on."""
    raw = raw_numbers(path, offset, kind, order)
    return Stored(shape, kind, lambda start, stop, scratch: widened(raw(start, stop, scratch), kind))


def size_of(shape: Shape, kind: str) -> int:
    """The size in bytes of a tensor of this shape and kind."""
    return prod(shape) * np.dtype(FLOATS[kind]).itemsize


def widened(raw: npt.NDArray[np.generic], kind: str) -> Numbers:
    """Convert kinds that NumPy does not know to float32, which holds them all exactly; others stay unchanged.

    >>> widened(np.array([0x3FC0], np.uint16), "bfloat16"), widened(np.array([0x3C], np.uint8), "float8_e4m3fn")
    (array([1.5], dtype=float32), array([1.5], dtype=float32))
    """
    if kind == "bfloat16":  # the upper half of a float32
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return _table(kind)[raw.astype(np.uint8, copy=False)] if kind in FLOAT8 else cast("Numbers", raw)


@functools.cache
def _table(kind: str) -> npt.NDArray[np.float32]:
    """All 256 numbers of a kind of 8 bits."""
    bits, bias = FLOAT8[kind]
    code = np.arange(256)
    exponent, fraction = (code & 0x7F) >> bits, (code & ((1 << bits) - 1)) / (1 << bits)
    size = np.where(exponent == 0, np.ldexp(fraction, 1 - bias), np.ldexp(1 + fraction, exponent - bias))
    values = np.where(code < 0x80, size, -size).astype(np.float32)
    if kind.endswith("fnuz"):  # no -0, whose code is that of NaN
        values[0x80] = np.nan
    elif kind.endswith("fn"):  # no infinity
        values[[0x7F, 0xFF]] = np.nan
    else:
        values[exponent == 31] = np.nan
        values[[0x7C, 0xFC]] = np.inf, -np.inf
    return values


def weights(leaves: Mapping[tuple[str, ...], Stored]) -> Contents:
    """The weights among the leaves of a tree: those under one of the usual names, or else all that do not belong to an optimizer.

    >>> tensor = Stored((2,), "float32")
    >>> found = weights({("model", "w"): tensor, ("optimizer", "m"): tensor, ("ema", "w"): tensor})
    >>> list(found.tensors), found.passed
    (['w'], ('ema',))
    """
    passed: list[str] = []
    found = dict(leaves)
    while True:
        heads = dict.fromkeys(path[0] for path in found if len(path) > 1)
        model = next((key for key in MODEL if key in heads), None)
        taken = [head for head in heads if (head == model if model else not OPTIMIZER.fullmatch(head))]
        gone = {path: leaf for path, leaf in found.items() if path[0] not in taken and (model or len(path) > 1)}
        passed.extend(path[0] for path, leaf in gone.items() if leaf.kind in FLOATS and not OPTIMIZER.fullmatch(path[0]))
        found = {path: leaf for path, leaf in found.items() if path not in gone}
        wrapped = len(taken) == 1 and taken[0] in WRAPPERS and all(len(path) > 1 for path in found)
        if not (model or wrapped):
            break
        found = {path[1:]: leaf for path, leaf in found.items()}
        if model:
            inner = {path[0] for path in found if len(path) > 1 and OPTIMIZER.fullmatch(path[0])}
            found = {path: leaf for path, leaf in found.items() if path[0] not in inner}
            break
    return Contents({".".join(path): leaf for path, leaf in found.items()}, tuple(dict.fromkeys(passed)))
