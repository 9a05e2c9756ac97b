"""Chooses the coordinates that the direction of the weight change is measured on: evenly spread, the same in every process."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

ALL_UP_TO = 1 << 16
"""Numbers in the parameters up to which all of them are in the sample."""
SHARE = 64
"""Of more numbers, one in about this many is in the sample."""
COORDINATES = 64
"""How many coordinates of the sample are kept of each step by default."""


class Sample(NamedTuple):
    """Which numbers of the parameters are in the sample. Of the parameters one after the other, it is every `every`-th number."""

    every: int
    """The distance from one number of the sample to the next: 1 or a prime, so that it visits all columns of a matrix."""
    firsts: Mapping[str, int]
    """The first number of each parameter that is in the sample, where the parameter lies flat."""
    counts: Mapping[str, int]
    """How many numbers of each parameter are in the sample; 0 is possible if it has fewer than `every`."""
    kept: tuple[int, ...]
    """The places in the sample, ascending, of the coordinates that are kept of each step: the sketch."""

    @property
    def size(self) -> int:
        """How many numbers are in the sample."""
        return sum(self.counts.values())

    def places(self, path: str) -> slice:
        """The numbers of a parameter that are in the sample, as a slice of the flat parameter."""
        return slice(self.firsts[path], None, self.every)


def sample_of(sizes: Mapping[str, int], coordinates: int = COORDINATES, seed: int = 0) -> Sample:
    """Choose the coordinates.

    >>> sample = sample_of({"weight": 600, "bias": 40}, coordinates=4)
    >>> sample.every, sample.size, len(sample.kept)
    (1, 640, 4)
    >>> large = sample_of({"weight": 6_000_000, "bias": 1000})
    >>> large.every, large.counts["bias"] in (14, 15)
    (67, True)

    Parameters
    ----------
    sizes : dict of int
        How many numbers each parameter has, by path. Of a complex parameter the real and the imaginary part are counted each.
    coordinates : int
        How many coordinates to keep of each step, at most; fewer if the sample is smaller.
    seed : int
        Another seed gives another choice.
    """
    total = sum(sizes.values())
    every = 1 if total <= ALL_UP_TO else _prime_from(min(SHARE + 1, -(-total // ALL_UP_TO)))
    chance = random.Random(seed)
    start = chance.randrange(every)
    firsts, counts, before = {}, {}, 0
    for path, size in sizes.items():
        firsts[path] = (start - before) % every
        counts[path] = max(0, -(-(size - firsts[path]) // every))
        before += size
    found = sum(counts.values())
    n = min(coordinates, found)
    shift = chance.random()
    kept = tuple(int((i + shift) * found / n) for i in range(n))
    return Sample(every, firsts, counts, kept)


@lru_cache(64)
def _prime_from(least: int) -> int:
    """The smallest prime that is at least this large."""
    n = max(2, least)
    while any(n % d == 0 for d in range(2, isqrt(n) + 1)):
        n += 1
    return n
