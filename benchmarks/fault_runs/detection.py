"""Whether and when each statistic leaves its baseline, at the same rate of false alarms a run for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import statistics
from .recording import Floats, Recorded
from .statistics import Tracks
from .trainings import Training

FALSE_ALARMS = 0.05  # share of healthy runs with an alarm
LOGGED = ("train loss", "validation loss", "gradient norm")
OURS = ("level", "update ratio", "spread", "lag-1", "α", "cosine", "vector α, 4-16", "vector α, 16-125", "tensor level")
TOGETHER = {"these three": LOGGED, "all of wcdfa": OURS}


@dataclass(frozen=True)
class Changes:
    """How far each statistic of one run is from its mean over the baseline, in windows that end after the fault; `stops` counts from it."""

    stops: np.ndarray
    distances: Tracks


def changes(recorded: Recorded, training: Training, start: int) -> Changes:
    """Of a run from its first step on, in which the fault sets in after `start` steps."""
    tracks = statistics.tracks(since(recorded, training.baseline))
    stops = statistics.stops(len(recorded["steps"]) - training.baseline) + training.baseline - start
    before = stops <= 0
    return Changes(stops[~before], {name: np.abs(values[~before] - values[before].mean()) for name, values in tracks.items()})


def since(recorded: Recorded, step: int) -> Recorded:
    """What was recorded from this step on."""
    cut: Recorded = {name: values[step:] for name, values in recorded.items() if not isinstance(values, dict)}
    for name in ("groups", "cosines"):
        cut[name] = {tensor: values[step:] for tensor, values in recorded[name].items()}
    return cut


@dataclass(frozen=True)
class Detector:
    """Raises an alarm where one of its statistics is farther from the baseline than `limits` times `factor`."""

    limits: Mapping[str, float]
    factor: float = 1.0

    def distances(self, found: Changes) -> Floats:
        """In each window, the largest distance in units of its limit."""
        return np.max([found.distances[name] / limit for name, limit in self.limits.items()], axis=0)

    def delay(self, found: Changes) -> float:
        """Steps from the fault to the end of the first window with an alarm; infinite without one."""
        alarms = self.distances(found) > self.factor
        return float(found.stops[alarms.argmax()]) if alarms.any() else np.inf


def fitted(names: Sequence[str], controls: Sequence[Changes]) -> Detector:
    """A detector of these statistics together that a share FALSE_ALARMS of the healthy runs sets off.

    Each statistic is measured by the distance that it alone would be allowed; for all of them together these are widened by one factor.
    """
    limits = {name: farthest([found.distances[name].max() for found in controls]) for name in names}
    union = Detector(limits)
    return Detector(limits, farthest([union.distances(found).max() for found in controls]))


def farthest(values: Sequence[float]) -> float:
    """What a share FALSE_ALARMS of the values exceeds."""
    return max(float(np.quantile(values, 1 - FALSE_ALARMS)), 1e-12)


def detectors(controls: Sequence[Changes]) -> dict[str, Detector]:
    """One for each family of statistics, and for families together."""
    names = list(controls[0].distances)
    families: dict[str, Sequence[str]] = {family: (family,) for family in (*LOGGED, *OURS)}
    return {title: fitted(members(each, names), controls) for title, each in (families | TOGETHER).items()}


def members(families: Sequence[str], names: Sequence[str]) -> list[str]:
    """The statistics of these families: their names begin with that of the family."""
    return [name for name in names if any(name == family or name.startswith(f"{family}, ") for family in families)]
