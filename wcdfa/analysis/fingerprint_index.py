"""Finds the few fingerprints that may be like a given one among very many, by values at steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from wcdfa.analysis.fingerprints import OFFSETS, Fingerprint, order_of
from wcdfa.analysis.resolutions import Resolution
from wcdfa.readers.columns import Floats, Integers

INDEXED = 32  # samples by which a fingerprint is found
FEWEST = 4  # of these that must be equal
CROWD = 30  # fingerprints with one value at one step; more, and it tells nothing
COMPARED = 4  # fingerprints that are given, the likeliest first
FINEST = Resolution("single")
Key = tuple[int, float]


class FingerprintIndex:
    """Numbers of fingerprints, by a step and the value there.

    Values of a log that rounds are found among those of another only if these are rounded in the same way. So there is a table for
    each way in which a log rounds, and it holds all logs.
    """

    def __init__(self) -> None:
        self._held: list[tuple[int, Fingerprint]] = []
        self._tables: dict[Resolution, dict[Key, list[int]]] = {}

    def put(self, number: int, fingerprint: Fingerprint) -> None:
        """Take a fingerprint, unless its values tell nothing."""
        if fingerprint.telling:
            self._open(fingerprint)
            self._held.append((number, fingerprint))
            for level, table in self._tables.items():
                _put(table, level, number, fingerprint)

    def like(self, fingerprint: Fingerprint) -> Iterator[int]:
        """The numbers of those that have the most values in common with this one; the steps may be one apart."""
        if fingerprint.telling:
            self._open(fingerprint)
            most = Counter[int]()
            for offset in OFFSETS:
                most |= self._common(fingerprint, offset)
            yield from (number for number, common in most.most_common(COMPARED) if common >= FEWEST)

    def _open(self, fingerprint: Fingerprint) -> None:
        """Make the tables for the ways in which its log rounds."""
        for resolution in fingerprint.resolutions:
            level = resolution if resolution.kind in ("decimals", "digits") else FINEST
            if level not in self._tables:
                table = self._tables[level] = {}
                for number, each in self._held:
                    _put(table, level, number, each)

    def _common(self, fingerprint: Fingerprint, offset: int) -> Counter[int]:
        common = Counter[int]()
        steps, values = _samples(fingerprint, offset)
        for level, table in self._tables.items():
            for key in zip(steps, level.rounded(values), strict=True):
                if len(found := table.get(key, ())) <= CROWD:
                    common.update(found)
        return common


def _put(table: dict[Key, list[int]], level: Resolution, number: int, fingerprint: Fingerprint) -> None:
    steps, values = _samples(fingerprint, 0)
    for key in zip(steps, level.rounded(values), strict=True):
        table.setdefault(key, []).append(number)


def _samples(fingerprint: Fingerprint, offset: int) -> tuple[list[int], Floats]:
    """The steps that come first in the order, and the values so many steps later."""
    first = np.argsort(order_of(fingerprint.steps), kind="stable")[:INDEXED]
    steps: Integers = fingerprint.steps[first]
    values: Floats = fingerprint.values[first, 1 + offset]
    there = np.isfinite(values)
    return steps[there].tolist(), values[there]
