"""Records with checksums, as TensorFlow and LevelDB write them: the other way round from what the readers do."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence

BLOCK, HEADER = 32768, 7
Records = Sequence[tuple[bytes, int]]


def tensorflow(records: Records, crc32c: Callable[[bytes], int]) -> list[tuple[bytes, int]]:
    """The bytes of each record in a TFRecord file."""

    def masked(data: bytes) -> bytes:
        crc = crc32c(data)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    lengths = [struct.pack("<Q", len(data)) for data, _ in records]
    return [(length + masked(length) + data + masked(data), row) for length, (data, row) in zip(lengths, records, strict=True)]


def leveldb(records: Records, start: int) -> list[tuple[bytes, int]]:
    """The bytes of each record in a log of LevelDB after `start` bytes; a record that does not fit into its block is split."""
    place, parts = start, []
    for data, row in records:
        first, written = True, b""
        while True:
            room = BLOCK - place % BLOCK
            if room < HEADER:
                written += bytes(room)
                place, room = place + room, BLOCK
            piece, data = data[: room - HEADER], data[room - HEADER :]
            kind = (1 if first else 4) if not data else (2 if first else 3)
            chunk = struct.pack("<IHB", zlib.crc32(piece, zlib.crc32(bytes([kind]))), len(piece), kind) + piece
            written, place, first = written + chunk, place + len(chunk), False
            if not data:
                break
        parts.append((written, row))
    return parts
