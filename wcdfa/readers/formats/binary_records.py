"""Reads records with checksums from binary logs, in TensorFlow's format and in LevelDB's, which Weights & Biases writes."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

BLOCK = 32768  # bytes in a LevelDB block; a record that does not fit is split
HEADER = 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
SEEDS = [zlib.crc32(bytes([kind])) for kind in range(5)]
SMALL = 1 << 20  # bytes
LARGEST = 1 << 30  # bytes in a record; a larger length means damage


class Damaged(Exception):
    """A record is incomplete or wrong; the text says what is wrong, and where."""


def tensorflow_records(file: BinaryIO, crc32c: Callable[[bytes], int]) -> Iterator[bytes]:
    """Read the records of a TFRecord file.

    Raises
    ------
    Damaged
        After the last whole record, if the file does not end there.
    """
    place = 0
    while header := file.read(12):
        if len(header) < 12:
            raise _cut(place)
        length, check = struct.unpack("<QI", header)
        if _masked(crc32c(header[:8])) != check or length > LARGEST:
            raise _wrong(place)
        if length > SMALL and length > _left(file):  # before the memory is taken
            raise _cut(place)
        body = file.read(length + 4)
        if len(body) < length + 4:
            raise _cut(place)
        data = body[:-4]
        if _masked(crc32c(data)) != int.from_bytes(body[-4:], "little"):
            raise _wrong(place)
        yield data
        place += 16 + length


def leveldb_records(file: BinaryIO, start: int) -> Iterator[bytes]:
    """Read the records of a log in LevelDB's format, of which `start` bytes have been read already.

    Raises
    ------
    Damaged
        After the last whole record, if the file does not end there.
    """
    place = start
    parts: list[bytes] = []
    while block := file.read(BLOCK - place % BLOCK):
        offset = 0
        while len(block) - offset >= HEADER:
            check, length, kind = struct.unpack_from("<IHB", block, offset)
            data = block[offset + HEADER : offset + HEADER + length]
            if not check and not length and not kind:  # a block is padded with zeros
                break
            if len(data) < length:
                raise _cut(place + offset)
            if kind not in (FULL, FIRST, MIDDLE, LAST) or zlib.crc32(data, SEEDS[kind]) != check:
                raise _wrong(place + offset)
            if bool(parts) != (kind in (MIDDLE, LAST)):
                raise _wrong(place + offset)
            parts.append(data)
            offset += HEADER + length
            if kind in (FULL, LAST):
                yield b"".join(parts)
                parts = []
        if (place + len(block)) % BLOCK and len(block) - offset:
            raise _cut(place + offset)
        place += len(block)
    if parts:
        raise _cut(place)


def _left(file: BinaryIO) -> int:
    place = file.tell()
    left = file.seek(0, io.SEEK_END) - place
    file.seek(place)
    return left


def _masked(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _cut(place: int) -> Damaged:
    return Damaged(f"it is cut off after byte {place:,}: it may still be being written; everything before was read")


def _wrong(place: int) -> Damaged:
    return Damaged(
        f"it is damaged at byte {place:,}: the checksum of a record there is wrong; everything before was read, nothing after"
    )
