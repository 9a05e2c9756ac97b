"""Series of a run whose level a fault changes: one number for each step, for all parameters and for each group."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.memory_filter import MemoryFilter
from wcdfa.verdicts.gradient_memory import correlations
from wcdfa.verdicts.record import Record, newest_part

Floats = npt.NDArray[np.float64]
ALL = "all"
OUTLIER = 8.0
"""Median deviations from the median beyond which a product of gradients is cut."""
SLOW = 100
"""Steps of the mean about which the spread of sizes is taken."""
TRACKED = 4
"""Lags of the gradients' autocorrelation that a track needs."""


class Track(NamedTuple):
    """One series."""

    statistic: str
    """A key of `wcdfa.verdicts.signatures.STATISTICS`."""
    group: str
    values: Floats
    """One number for each step, NaN in gaps."""


def tracks_of(record: Record, undone: MemoryFilter | None = None) -> list[Track]:
    """All series that the record gives.

    Parameters
    ----------
    record : Record
    undone : MemoryFilter, optional
        What is undone to look at the gradients: the memory of the named optimizer, or of a momentum that fits the baseline.
    """
    size = "level" if record.rates_known else "size"
    found = [Track(size, ALL, record.sizes)]
    found += [Track(size, name, logs(values / record.rates)) for name, values in record.groups.items()]
    if record.consecutive:
        found += _of_direction(record, undone)
    if record.gradient_norm is not None:
        found.append(Track("gradient norm", ALL, logs(record.gradient_norm)))
    if record.weight_norm is not None:
        found.append(Track("outward", ALL, outward(record)))
    return found


def _of_direction(record: Record, undone: MemoryFilter | None) -> list[Track]:
    found = [
        Track("spread", ALL, logs(np.abs(np.diff(record.sizes, n=2, prepend=[math.nan] * 2)))),
        Track("swing", ALL, logs(np.abs(record.sizes - _slow(record.sizes)))),
    ]
    if record.cosine is not None:
        found.append(Track("cosine", ALL, turn(record.cosine)))
        added = added_by(record, undone)
        found.append(Track("size of what gradients add", ALL, logs(added)))
        found.append(Track("spread of what gradients add", ALL, logs(np.abs(np.diff(np.log(added), prepend=math.nan)))))
    found += [Track("cosine", name, turn(values)) for name, values in record.cosines.items()]
    memory = correlations(record, TRACKED, undone=undone)
    if memory is not None:
        found.append(Track("neighbours", ALL, _without_outliers(memory.series({1: 1.0, 2: -1.5, 4: 0.5}))))
        found.append(Track("near gradients", ALL, _without_outliers(memory.series({2: 1 / 3, 3: 1 / 3, 4: 1 / 3}))))
    return found


def added_by(record: Record, undone: MemoryFilter | None) -> Floats:
    """‖ΔWₜ − φ ΔWₜ₋₁‖ / lr, from the norms and the cosine."""
    cosine = np.full(len(record), math.nan) if record.cosine is None else record.cosine
    return newest_part(record.norms / record.rates, cosine, 0.0 if undone is None else float(undone.weights.sum()))


def outward(record: Record) -> Floats:
    """How far a change points away from the origin: the change of ‖W‖²/2 over ‖W‖ ‖ΔW‖, which weight decay makes negative."""
    assert record.weight_norm is not None
    square = record.weight_norm**2
    with np.errstate(all="ignore"):
        found = np.diff(square, prepend=math.nan) / (2 * record.weight_norm * record.norms)
    return np.asarray(np.where(np.isfinite(found), found, math.nan))


def _slow(values: Floats, span: int = SLOW) -> Floats:
    """The mean of the last steps, at each step; NaN where fewer than half of them are known."""
    known = np.isfinite(values)
    sums, counts = (np.cumsum(np.concatenate([[0.0], part])) for part in (np.where(known, values, 0.0), known))
    back = np.maximum(np.arange(1, len(values) + 1) - span, 0)
    count = counts[1:] - counts[back]
    return np.where(count * 2 > span, (sums[1:] - sums[back]) / np.maximum(count, 1), math.nan)


def _without_outliers(values: Floats) -> Floats:
    """The values, those of a few very large gradients cut to what is usual."""
    known = values[np.isfinite(values)]
    if not len(known):
        return values
    middle = float(np.median(known))
    reach = OUTLIER * float(np.median(np.abs(known - middle)))
    return np.clip(values, middle - reach, middle + reach)


def turn(cosine: Floats) -> Floats:
    """The size of a turn: log (1 − cosine), NaN in gaps."""
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(cosine), np.log(np.maximum(1 - cosine, 1e-7)), math.nan)


def logs(values: Floats) -> Floats:
    """Logarithms, NaN where there is none."""
    with np.errstate(all="ignore"):
        found = np.log(values)
    return np.where(np.isfinite(found), found, math.nan)
