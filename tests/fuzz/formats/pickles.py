"""Writes pickles opcode by opcode, so that they can name what is not installed, and be wrong in any way."""

from __future__ import annotations

import struct
from typing import NamedTuple


class Global(NamedTuple):
    """A class or function by its name."""

    module: str
    name: str


class Call(NamedTuple):
    """What a function returns."""

    function: object
    arguments: object


class Build(NamedTuple):
    """An object that is given a state."""

    made: object
    state: object


class Persistent(NamedTuple):
    """What `persistent_load` returns."""

    pid: object


class Raw(NamedTuple):
    """Opcodes as they stand."""

    code: bytes


ORDERED = Global("collections", "OrderedDict")


def dumps(tree: object, *, ordered: bool = True) -> bytes:
    """A pickle of protocol 2; dicts become ordered ones, as in a ``state_dict``."""
    return b"\x80\x02" + _code(tree, ordered) + b"."


def _code(part: object, ordered: bool) -> bytes:
    inner = (
        [_code(each, ordered) for each in part]
        if type(part) in (tuple, list) or isinstance(part, (Call, Build, Persistent))
        else []
    )
    match part:
        case Raw(code):
            return code
        case Global(module, name):
            return b"c" + module.encode() + b"\n" + name.encode() + b"\n"
        case Call():
            return inner[0] + inner[1] + b"R"
        case Build():
            return inner[0] + inner[1] + b"b"
        case Persistent():
            return inner[0] + b"Q"
        case None:
            return b"N"
        case bool():
            return b"\x88" if part else b"\x89"
        case int():
            return _integer(part)
        case float():
            return b"G" + struct.pack(">d", part)
        case str():
            text = part.encode("utf-8", "surrogatepass")
            return b"X" + struct.pack("<I", len(text)) + text
        case bytes():
            return b"B" + struct.pack("<I", len(part)) + part
        case tuple():
            return b"(" + b"".join(inner) + b"t"
        case list():
            return b"](" + b"".join(inner) + b"e"
        case dict():
            items = b"".join(_code(name, ordered) + _code(value, ordered) for name, value in part.items())
            return (_code(ORDERED, ordered) + b")R" if ordered else b"}") + b"(" + items + b"u"
    raise TypeError(type(part))


def _integer(number: int) -> bytes:
    if -(2**31) <= number < 2**31:
        return b"J" + struct.pack("<i", number)
    size = number.bit_length() // 8 + 1
    return b"\x8b" + struct.pack("<i", size) + number.to_bytes(size, "little", signed=True)
