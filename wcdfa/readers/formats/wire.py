"""Takes apart a record of protobuf field by field. A library would take many times the memory of a record of many small parts."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
LONGEST = 10  # bytes in a varint


def fields(record: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    r"""The number of each field, and its value: an integer, or bytes.

    >>> [(number, value if isinstance(value, int) else bytes(value)) for number, value in fields(memoryview(b"\x10\x07\x2a\x02hi"))]
    [(2, 7), (5, b'hi')]

    Raises
    ------
    ValueError
        If it is not a record of protobuf.
    """
    place = 0
    while place < len(record):
        key, place = _varint(record, place)
        kind = key & 7
        value: int | memoryview
        if kind == VARINT:
            value, place = _varint(record, place)
        elif kind in (FIXED64, BYTES, FIXED32):
            length, place = _varint(record, place) if kind == BYTES else (8 if kind == FIXED64 else 4, place)
            value, place = record[place : place + length], place + length
        else:
            msg = f"a field of unknown kind {kind}"
            raise ValueError(msg)
        if place > len(record):
            msg = "a field is longer than its record"
            raise ValueError(msg)
        yield key >> 3, value


def _varint(record: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for i, byte in enumerate(record[place : place + LONGEST]):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, place + i + 1
    msg = "a number in it has no end"
    raise ValueError(msg)
