"""The state of a stream as bytes: a header, numbers whose count follows from the header, and a check sum."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.kernel.checks import ORDERS
from wcdfa.streaming.box_merging import fields
from wcdfa.streaming.chain import Chain, Waiting
from wcdfa.streaming.checks import LAST
from wcdfa.streaming.pieces import Pieces
from wcdfa.streaming.totals import Totals

if TYPE_CHECKING:
    from wcdfa.kernel.polynomials import Matrix

NAME, VERSION = b"wcdfa.stream", 1
HEADER = struct.Struct(f"<{len(NAME)}sBBQQ")  # name, version, order, start, count
CHECK = struct.Struct("<I")
NUMBER = np.dtype("<f8")


def packed(pieces: Pieces) -> bytes:
    """The state, with all complete boxes counted."""
    settled = pieces.settled()
    parts = [np.array([settled.low, settled.high]), settled.head, settled.held]
    for chain in settled.chains:
        parts += [np.array(chain.totals.high), np.array(chain.totals.low), *(each.box for each in chain.waiting)]
    numbers = np.concatenate(parts).astype(NUMBER).tobytes()
    data = HEADER.pack(NAME, VERSION, settled.order, settled.start, settled.count) + numbers
    return data + CHECK.pack(zlib.crc32(data))


def unpacked(data: bytes) -> Pieces:
    """Undo `packed`; raises a ValueError for anything else."""
    pieces = _from_header(data)
    sizes = _sizes(pieces)
    expected = HEADER.size + sum(sizes) * NUMBER.itemsize + CHECK.size
    if len(data) != expected:
        msg = f"this is not a whole stream: it has {len(data):,} bytes, and {expected:,} are needed"
        raise ValueError(msg)
    if zlib.crc32(data[: -CHECK.size]) != CHECK.unpack(data[-CHECK.size :])[0]:
        msg = "this stream is damaged: its check sum is wrong"
        raise ValueError(msg)
    numbers = np.frombuffer(data, NUMBER, sum(sizes), HEADER.size).astype(np.float64)
    if not np.isfinite(numbers[0 if pieces.count else 2 :]).all():
        msg = "this stream is damaged: it holds numbers that are not finite"
        raise ValueError(msg)
    _fill(pieces, np.split(numbers, np.cumsum(sizes)[:-1]))
    return pieces


def _from_header(data: bytes) -> Pieces:
    if len(data) < HEADER.size or not data.startswith(NAME):
        msg = "these bytes are not a stream; give what Stream.to_bytes() returned"
        raise ValueError(msg)
    _, version, order, start, count = HEADER.unpack_from(data)
    if version != VERSION:
        msg = f"this stream was written in version {version} of the format, and this wcdfa reads version {VERSION}: use the newer of the two"
        raise ValueError(msg)
    if order not in ORDERS or start + count > LAST:
        msg = f"this stream is damaged: order {order}, start {start}, {count} samples"
        raise ValueError(msg)
    pieces = Pieces(order, start)
    pieces.count = count
    for chain in pieces.chains:
        chain.position = max(chain.position, pieces.stop // chain.base * chain.base)
    pieces.origin = min(pieces.stop, *(chain.position for chain in pieces.chains))
    return pieces


def _sizes(pieces: Pieces) -> list[int]:
    """How many numbers each part has."""
    sizes = [2, min(pieces.count, pieces.head_length), pieces.stop - pieces.origin]
    for chain in pieces.chains:
        sizes += [_levels(pieces, chain), _levels(pieces, chain), fields(pieces.order) * len(_places(pieces, chain))]
    return sizes


def _levels(pieces: Pieces, chain: Chain) -> int:
    """How many sizes have a complete box."""
    levels = 0
    while pieces.boxes(chain.base << levels):
        levels += 1
    return levels


def _places(pieces: Pieces, chain: Chain) -> list[tuple[int, int]]:
    """Level and index of the boxes that wait, in the order of time: the fewest that make up all complete boxes."""
    first, last = -(-pieces.start // chain.base), chain.position // chain.base
    level, left, right = 0, [], []
    while first < last:
        if first % 2:
            left.append((level, first))
            first += 1
        if last % 2 and first < last:
            last -= 1
            right.append((level, last))
        level, first, last = level + 1, first // 2, last // 2
    return left + right[::-1]


def _fill(pieces: Pieces, parts: list[Matrix]) -> None:
    (pieces.low, pieces.high), pieces.head, pieces.waiting, *rest = parts
    for chain, high, low, boxes in zip(pieces.chains, rest[::3], rest[1::3], rest[2::3], strict=True):
        chain.totals = Totals(high.tolist(), low.tolist())
        rows = boxes.reshape(-1, fields(pieces.order))
        chain.waiting = [Waiting(*place, row) for place, row in zip(_places(pieces, chain), rows, strict=True)]
