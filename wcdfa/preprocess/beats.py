"""Finds the artefacts in a series of beat intervals: ectopic, missed and extra beats, and intervals that are too long or too short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from wcdfa.preprocess.outliers import Values

Mask = npt.NDArray[np.bool_]

AROUND, LEVEL = 91, 11  # beats: for the usual spread, and for the usual interval
REACH = 5.2  # of a quartile deviation: 3.5 standard deviations of a normal distribution, 99.95 % of its values
LEAST = 0.02  # of the median interval: no threshold is lower, or intervals recorded in coarse steps would all stand out
ECTOPIC = (0.13, 0.17)  # slope and offset of the line beyond which a neighbour has changed the other way
LONG = 3.0  # thresholds that an interval may differ from the median of its neighbours
AT_ONCE = 4096  # windows whose quartiles are found together


class Artefacts(NamedTuple):
    """Which intervals each kind of artefact spoils, each of shape ``(n,)``. An interval is of one kind at most."""

    ectopic: Mask
    """A beat that came too early or too late, with the interval after it that makes up for it."""
    missed: Mask
    """A beat was not detected: one interval in place of two."""
    extra: Mask
    """A beat was detected where there was none: two intervals in place of one."""
    odd: Mask
    """Much longer or shorter than those around it, for another reason."""

    def spoilt(self) -> Mask:
        """The intervals of any kind."""
        return self.ectopic | self.missed | self.extra | self.odd


def artefacts(intervals: Values) -> Artefacts:
    """Find the artefacts in successive beat intervals, in any unit, shape ``(n,)``.

    >>> import numpy as np
    >>> intervals = 800 + 20 * np.random.default_rng(0).standard_normal(200)
    >>> intervals[100:102] = 500, 1100  # a beat that came 300 ms too early
    >>> np.flatnonzero(artefacts(intervals).spoilt())
    array([100, 101])

    A difference of two successive intervals is suspicious beyond 5.2 quartile deviations of the 91 differences around it. The differences
    beside it tell which kind of artefact it is. A threshold is never below 2 % of the median interval. Fewer than 11 intervals have no
    artefacts.

    Parameters
    ----------
    intervals : numbers of shape (n,)
        Times between successive beats, in order and finite.

    Returns
    -------
    Artefacts
        A mask of shape (n,) for each kind; ``spoilt()`` has all of them.

    References
    ----------
    J. A. Lipponen and M. P. Tarvainen, J. Med. Eng. Technol. 43, 173 (2019), doi:10.1080/03091902.2019.1640306.
    """
    least, count = LEAST * float(np.median(intervals)), len(intervals)
    if count < LEVEL:
        return Artefacts(*(np.zeros(count, dtype=bool) for _ in range(4)))
    change = np.diff(intervals, prepend=intervals[0])
    change = change / _thresholds(change, least)
    usual = _quantiles(intervals, LEVEL, [50])[0]
    away = np.where(intervals < usual, 2.0, 1.0) * (intervals - usual)
    far = _thresholds(away, least)
    ectopic = _ectopic(change)
    rise, fall, odd = _odd(change, away / far, ectopic)
    following = np.append(intervals[1:], intervals[-1])
    extra = fall & (np.abs(intervals + following - usual) < far)
    missed = rise & ~extra & (np.abs(intervals / 2 - usual) < far)
    found = ectopic | extra | missed
    before = np.append(ectopic[1:], False) & ~found
    after = np.append(False, extra[:-1]) & ~found & ~before
    return Artefacts(ectopic | before, missed, extra | after, odd & ~found & ~before & ~after)


def _ectopic(change: Values) -> Mask:
    """Where the interval changed much, and both the change before and the one after go the other way."""
    before, after = _shifted(change, -1), _shifted(change, 1)
    slope, offset = ECTOPIC
    return ((change > 1) & (np.maximum(before, after) < -slope * change - offset)) | (
        (change < -1) & (np.minimum(before, after) > -slope * change + offset)
    )


def _odd(change: Values, away: Values, ectopic: Mask) -> tuple[Mask, Mask, Mask]:
    """Where an interval becomes long and then short again, the reverse, and these or any that is far from the usual one."""
    suspicious = ((np.abs(change) > 1) | (np.abs(away) > LONG)) & ~ectopic
    size = np.abs(change)
    slower = suspicious & (_shifted(size, 1) < _shifted(size, 2))  # the change after it may be the one to judge
    suspicious[1:] |= slower[:-1] & ~ectopic[1:]
    after, later = _shifted(change, 1), _shifted(change, 2)
    rise = suspicious & (change > 1) & (np.minimum(after, later) < -1)
    fall = suspicious & (change < -1) & (np.maximum(after, later) > 1)
    return rise, fall, rise | fall | (suspicious & (np.abs(away) > LONG))


def _shifted(values: Values, by: int) -> Values:
    """The values so many places later; beyond the ends they are mirrored."""
    return np.asarray(np.pad(values, 2, mode="reflect")[2 + by : 2 + by + len(values)])


def _thresholds(values: Values, least: float) -> Values:
    low, high = _quantiles(values, AROUND, [25, 75])
    return np.asarray(np.maximum(REACH * (high - low) / 2, least))


def _quantiles(values: Values, width: int, percent: list[int]) -> Values:
    """Percentiles of the values around each; near an end, of as many that are nearest."""
    width = min(width, len(values))
    windows = sliding_window_view(values, width)
    found = np.concatenate([np.percentile(part, percent, axis=-1) for part in _parts(windows)], axis=-1)
    middle = np.clip(np.arange(len(values)) - width // 2, 0, len(windows) - 1)
    return np.asarray(found[:, middle])


def _parts(windows: Values) -> Iterator[Values]:
    return (windows[i : i + AT_ONCE] for i in range(0, len(windows), AT_ONCE))
