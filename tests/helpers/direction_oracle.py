"""The direction of weight changes as slow loops over single numbers compute it, in Python's float64 with exact sums."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np


def real_numbers(array):
    """All numbers of an array in the order of their indices; of complex ones, the real and then the imaginary part."""
    flat = np.asarray(array).ravel()
    if flat.dtype.kind == "c":
        return [float(part) for number in flat for part in (number.real, number.imag)]
    return [float(number) for number in flat.astype(np.float64)]


def slow_cosine(a, b):
    """⟨a, b⟩ / (‖a‖ ‖b‖), NaN if it is not defined."""
    if not all(map(math.isfinite, [*a, *b])):
        return math.nan
    scale = [max(map(abs, x), default=0.0) for x in (a, b)]
    if 0 in scale:
        return math.nan
    a, b = ([value / unit for value in x] for x, unit in zip((a, b), scale, strict=True))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(
        math.fsum(x * x for x in a) * math.fsum(x * x for x in b)
    )


def slow_direction(history, every=1, start=0):
    """Cosines of the changes along a list of parameters, each a dict of arrays: of all numbers, and of each array. And all ‖W‖.

    Of the numbers of all arrays, one after the other, it takes every `every`-th from `start` on.
    """
    rows = [sampled_numbers(parameters, every, start) for parameters in history]
    changes = [{name: [b - a for a, b in zip(old[name], new[name], strict=True)] for name in old} for old, new in pairwise(rows)]
    together = [[number for part in change.values() for number in part] for change in changes]
    cosines = {"all": following(together)} | {name: following([change[name] for change in changes]) for name in history[0]}
    norms = [
        math.sqrt(math.fsum(x * x for value in parameters.values() for x in real_numbers(value))) for parameters in history[1:]
    ]
    return cosines, np.array(norms), np.array(together)


def sampled_numbers(parameters, every, start):
    found, place = {}, 0
    for name, array in parameters.items():
        found[name] = []
        for number in real_numbers(array):
            if place % every == start:
                found[name].append(number)
            place += 1
    return found


def following(changes):
    """The cosine of each change with the one before; NaN for the first."""
    return np.array([math.nan, *(slow_cosine(a, b) for a, b in pairwise(changes))])
