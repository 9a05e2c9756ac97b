"""Draws a small sample from a series, which is enough to recognise the same norms in another log."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from wcdfa.analysis.resolutions import Resolution, resolutions_of
from wcdfa.readers.columns import Floats, Integers
from wcdfa.readers.series import RecordedSeries

SAMPLES = 128  # steps in a fingerprint
ROUND = 2**7 * 5**4  # steps with a large divisor in common with it come first: those in a log of every 10th or 64th step
ENOUGH = 16  # values of one run in two logs
FLUCTUATING = 1e-5  # relative fluctuation from one value to the next; below it a schedule alone may give the norms of all runs
LONGER = 0.1  # a log that lacks only a few of the steps, because it was not flushed, is no shorter
OFFSETS = (0, 1, -1)  # loggers that count from 0, and from 1


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """Some values of a series at steps that depend on nothing but their numbers, so that two logs of one run have many in common."""

    path: str
    run: str
    column: str
    quantity: str
    identity: str
    """The id that the tool gives the run; empty if there is none."""
    steps: Integers
    """(k,), increasing."""
    values: Floats
    """(k, 3): at the step before, at the step, and at the step after; NaN where there is none."""
    count: int
    """How many values the series has."""
    beside: int
    """How much was logged beside it: learning rate, gradients, and the direction."""
    fluctuation: float
    """How much the values fluctuate from one to the next, relative to their size."""
    resolutions: tuple[Resolution, ...]
    """How finely the log gives the values: each way that fits all of them."""

    def tolerance(self, values: Floats) -> Floats:
        """How far values of this size may be from what was logged."""
        tolerance: Floats = np.max([each.tolerance(values) for each in self.resolutions], axis=0)
        return tolerance

    def __eq__(self, other: object) -> bool:
        """Whether all parts are equal."""
        if not isinstance(other, Fingerprint):
            return NotImplemented
        return all(_equal(*pair) for pair in zip(_parts(self), _parts(other), strict=True))

    def __hash__(self) -> int:
        """That of its log and column."""
        return hash((self.path, self.run, self.column))

    @property
    def source(self) -> tuple[str, str]:
        """The log and the name of the run in it."""
        return self.path, self.run

    @property
    def telling(self) -> bool:
        """Whether equal values can show that this is the same run: not those of a constant, of a schedule, or of a few steps."""
        return self.count >= ENOUGH and self.fluctuation >= FLUCTUATING

    def better(self, other: Fingerprint) -> bool:
        """Whether to keep this one of two that hold the same run: the longer one, or the one with more beside it, or the more precise."""
        if (known := self.quantity != "unknown") != (other.quantity != "unknown"):
            return known
        if abs(self.count - other.count) > LONGER * max(self.count, other.count):
            return self.count > other.count
        mine, theirs = ((each.beside, each.count, -each._coarseness()) for each in (self, other))
        return mine > theirs if mine != theirs else self.source < other.source

    def _coarseness(self) -> float:
        usable = self.values[np.isfinite(self.values)]
        return float(np.median(self.tolerance(usable))) if usable.size else 0.0


def _parts(fingerprint: Fingerprint) -> list[object]:
    return [getattr(fingerprint, each.name) for each in fields(fingerprint)]


def _equal(one: object, other: object) -> bool:
    return np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) else one == other  # type: ignore[arg-type]


def fingerprint_of(series: RecordedSeries) -> Fingerprint:
    """Draw the fingerprint of a series.

    >>> from pathlib import Path
    >>> norms = 1 + np.random.default_rng(0).random(1000)
    >>> series = RecordedSeries(Path("run.csv"), "", "norms", norms.round(4), None, None, None, 0, ())
    >>> fingerprint = fingerprint_of(series)
    >>> fingerprint.resolutions[0], len(fingerprint.steps)
    (Resolution(kind='decimals', digits=4), 128)
    """
    steps = np.arange(1, len(series.values) + 1) if series.steps is None else series.steps
    chosen = _chosen(steps)
    around = np.stack([_at(steps, series.values, chosen + offset) for offset in (-1, 0, 1)], axis=1)
    direction = series.direction
    logged = (series.lr, series.gradients, direction.cosine, direction.weight_norm, direction.groups or None)
    return Fingerprint(
        str(series.path),
        series.run,
        series.column,
        series.quantity,
        series.identity,
        chosen,
        around,
        len(series.values),
        sum(each is not None for each in logged),
        _fluctuation(series.values),
        resolutions_of(around[np.isfinite(around)]),
    )


def _chosen(steps: Integers) -> Integers:
    """The steps, or their neighbours, whose numbers come first in an order of all numbers."""
    near = np.unique(np.concatenate([steps - 1, steps, steps + 1]))
    first = np.argpartition(order_of(near), SAMPLES)[:SAMPLES] if len(near) > SAMPLES else np.arange(len(near))
    chosen: Integers = np.sort(near[first])
    return chosen


def order_of(steps: Integers) -> Floats:
    """The order in which steps are chosen: by chance, but always the same, and round numbers first."""
    mixed = steps.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # the mixing of SplitMix64
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    order: Floats = (mixed ^ (mixed >> np.uint64(32))).astype(np.float64) / np.gcd(steps, ROUND)
    return order


def _at(steps: Integers, values: Floats, wanted: Integers) -> Floats:
    places = np.minimum(np.searchsorted(steps, wanted), len(steps) - 1)
    return np.where(steps[places] == wanted, values[places], np.nan)


def _fluctuation(values: Floats) -> float:
    """The spread of what is no smooth curve, by fourth differences, relative to the size of the values."""
    with np.errstate(all="ignore"):
        relative = np.abs(np.diff(values, 4)) / (math.sqrt(70) * np.abs(values[2:-2]))
    usable = relative[np.isfinite(relative)]
    return float(np.median(usable)) / 0.6745 if usable.size else 0.0
