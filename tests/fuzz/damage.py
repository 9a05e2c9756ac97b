"""Damages bytes: cut off, flipped, inserted, deleted, repeated, swapped or overwritten with zeros; and knows which rows it touched."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Generator = np.random.Generator
HOSTILE = (
    b'"',
    b"'",
    b"\n",
    b"\r\n",
    b",",
    b"\t",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"{",
    b"]",
    b"}{",
    b"\\",
    b"e9",
    b"-",
    b"1",
    b"\xe2\x80\xa8",
)


class File:
    """The bytes of a log, each with the record that it belongs to.

    Parameters
    ----------
    data : bytes
    owner : array of int, shape (len(data),), optional
        The record of each byte: the number of its row, or a larger number if the record holds no row; -1 for bytes of no record.
    """

    def __init__(self, data: bytes, owner: npt.ArrayLike | None = None) -> None:
        self.data = np.frombuffer(data, np.uint8).copy()
        self.owner = np.full(len(data), -1) if owner is None else np.array(owner, int)
        assert len(self.owner) == len(self.data)
        self.touched: set[int] = set()
        self.gone: set[int] = set()
        self.torn = False  # cut off within a record
        self.bytes = 0  # how many were touched
        self.moved = False  # whether bytes stand at other places than before
        self.head = False  # whether bytes of no record were touched

    @classmethod
    def of_parts(cls, parts: list[tuple[bytes, int]]) -> File:
        """A file of parts, each with its record."""
        owner = np.repeat([each for _, each in parts], [len(part) for part, _ in parts])
        return cls(b"".join(part for part, _ in parts), owner)

    def __bytes__(self) -> bytes:
        return self.data.tobytes()

    def mutate(self, rng: Generator) -> str:
        """Do one of the kinds of damage, and say what was done; nothing where the file is empty."""
        if not len(self.data):
            return "nothing: it is empty"
        done: Callable[[Generator], str] = rng.choice(MUTATIONS, p=WEIGHTS)  # type: ignore[arg-type]
        return done(self, rng)  # type: ignore[call-arg, arg-type]

    def truncate(self, rng: Generator) -> str:
        at = int(rng.integers(len(self.data))) if rng.random() < 0.8 else max(0, len(self.data) - int(rng.integers(1, 40)))
        left = set(self.owner[:at].tolist())
        self.gone |= set(self.owner[at:].tolist()) - left
        rest = self.data[at:][self.owner[at:] == self.owner[at - 1]].tobytes() if at else b""
        self.torn = bool(rest.strip(b"\r\n"))  # without only its line end, it is whole
        self.head |= bool(np.any(self.owner[at:] == -1))
        self.data, self.owner = self.data[:at], self.owner[:at]
        return f"cut off at byte {at}"

    def flip(self, rng: Generator) -> str:
        places = rng.integers(len(self.data), size=int(rng.choice([1, 1, 1, 2, 8])))
        for place in places:
            self._touch(place, place + 1)
            self.data[place] ^= 1 << rng.integers(8) if rng.random() < 0.5 else rng.integers(1, 256)
        return f"bytes {sorted(places.tolist())} flipped"

    def insert(self, rng: Generator) -> str:
        place = int(rng.integers(len(self.data) + 1))
        new = rng.bytes(int(rng.integers(1, 20))) if rng.random() < 0.3 else HOSTILE[rng.integers(len(HOSTILE))]
        self._touch(place, place)
        self._put(place, np.frombuffer(new, np.uint8))
        return f"{new!r} inserted at byte {place}"

    def delete(self, rng: Generator) -> str:
        start, stop = self._block(rng)
        self._touch(start, stop)
        self.data, self.owner = np.delete(self.data, slice(start, stop)), np.delete(self.owner, slice(start, stop))
        self.moved = True
        return f"bytes {start} to {stop} deleted"

    def repeat(self, rng: Generator) -> str:
        start, stop = self._block(rng)
        place = stop if rng.random() < 0.5 else int(rng.integers(len(self.data) + 1))
        self._touch(place, place)
        self._touch(start, stop)
        self._put(place, self.data[start:stop].copy())
        return f"bytes {start} to {stop} repeated at {place}"

    def zeros(self, rng: Generator) -> str:
        start, stop = self._block(rng) if rng.random() < 0.6 else self._records(rng)
        self._touch(start, stop)
        self.data[start:stop] = 0
        return f"bytes {start} to {stop} are zeros"

    def swap(self, rng: Generator) -> str:
        start, stop = self._block(rng)
        other = int(rng.integers(len(self.data) - (stop - start) + 1))
        low, high = sorted((start, other))
        size = min(stop - start, high - low)
        self._touch(low, low + size)
        self._touch(high, high + size)
        self.data[low : low + size], self.data[high : high + size] = (
            self.data[high : high + size].copy(),
            self.data[low : low + size].copy(),
        )
        return f"{size} bytes at {low} and {high} swapped"

    def _block(self, rng: Generator) -> tuple[int, int]:
        start = int(rng.integers(len(self.data)))
        return start, min(
            len(self.data), start + int(rng.choice([1, rng.integers(1, 16), rng.integers(1, 300), rng.integers(1, 5000)]))
        )

    def _records(self, rng: Generator) -> tuple[int, int]:
        """A few whole records, as a page that was never written."""
        starts = np.concatenate([[0], np.flatnonzero(np.diff(self.owner)) + 1, [len(self.owner)]])
        first = int(rng.integers(len(starts) - 1))
        return int(starts[first]), int(starts[min(len(starts) - 1, first + int(rng.integers(1, 4)))])

    def _put(self, place: int, new: npt.NDArray[np.uint8]) -> None:
        record = int(self.owner[place - 1]) if place else -1
        self.data = np.insert(self.data, place, new)
        self.owner = np.insert(self.owner, place, np.full(len(new), record))
        self.bytes += len(new)
        self.moved = True

    def _touch(self, start: int, stop: int) -> None:
        """Note the records of some bytes and of their neighbours, because an end of a line may be among them."""
        near = self.owner[max(0, start - 1) : stop + 1]
        self.touched |= set(near.tolist()) - {-1}
        self.head |= bool(np.any(near == -1))
        self.bytes += stop - start
        self.torn &= stop < len(self.owner)  # the end is another now


MUTATIONS = (File.truncate, File.flip, File.insert, File.delete, File.repeat, File.zeros, File.swap)
WEIGHTS = (0.25, 0.25, 0.16, 0.1, 0.08, 0.08, 0.08)
