"""Measures exponents of heart beats: α1 over 4 to 16 beats and α2 over 16 to 64, of a recording or of windows in it, without artefacts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import SATURATION, check_confidence
from wcdfa.inference.rolling_slopes import rolling_slopes
from wcdfa.preprocess.beats import Artefacts, artefacts
from wcdfa.scales import dyadic
from wcdfa.support.text import several

if TYPE_CHECKING:
    from wcdfa.inference.rolling_slopes import Places, Values

Unit = Literal["ms", "s"]
By = Literal["beats", "minutes"]

SHORT, LONG = tuple(range(4, 17)), dyadic(16, 64)
ORDER = 1
RISING = 20  # so many values that only grow, to three times the first, are no intervals
FEWEST = 4  # boxes of the largest size that a slope needs
PER_MINUTE = {"ms": 60_000.0, "s": 60.0}
USUAL = {"ms": (200.0, 2500.0), "s": (0.2, 2.5)}  # medians between which the unit is certain
SPOILT, TOO_SHORT, CONSTANT, EMPTY = 1, 2, 3, 4
PER_WINDOW = ("alpha", "low", "high", "left_out", "start", "stop", "minutes", "cause")
REASONS = {
    SPOILT: "too much of it is left out; `most` sets how much may be",
    TOO_SHORT: f"it has fewer than {FEWEST} boxes of the largest size between artefacts",
    CONSTANT: "its intervals do not vary",
    EMPTY: "no beat interval lies in it; a longer window holds some",
}


class HeartExponent(NamedTuple):
    """An exponent of heart beats. The first eight fields are numbers, or arrays of shape ``(windows,)`` for a window that rolls."""

    alpha: npt.NDArray[np.float64] | np.float64
    """The slope of log F(s) on log s, as the field uses it: its bias is not removed. NaN where there is a reason."""
    low: npt.NDArray[np.float64] | np.float64
    """Lower end of the interval, on the scale of `alpha`: slopes of very long recordings that are compatible with this one."""
    high: npt.NDArray[np.float64] | np.float64
    """Upper end of the interval."""
    left_out: npt.NDArray[np.float64] | np.float64
    """Share of the beat intervals left out, 0 to 1; 0 if there are none."""
    start: npt.NDArray[np.intp] | np.intp
    """First interval of the window."""
    stop: npt.NDArray[np.intp] | np.intp
    """The interval after the last one of the window."""
    minutes: npt.NDArray[np.float64] | np.float64
    """When the window ends, in minutes from the beginning of the recording."""
    cause: npt.NDArray[np.int8] | np.int8
    """Why there is no α, as a key of `wcdfa.heart.REASONS`; 0 if there is one. `reason` says it in words."""
    artefacts: Artefacts
    """The intervals of the recording that each kind of artefact spoils."""
    skipped: npt.NDArray[np.bool_]
    """All intervals of the recording that are left out."""
    sizes: tuple[int, int]
    """Smallest and largest box, in beats."""
    confidence: float
    """Level of the interval."""

    @property
    def reason(self) -> str | None:
        """Why there is no α, in words; None if there is one. For many windows, the reason of most of those without α."""
        given = np.bincount(np.ravel(self.cause), minlength=len(REASONS) + 1)[1:]
        return REASONS[1 + int(np.argmax(given))] if given.any() else None

    @property
    def saturated(self) -> npt.NDArray[np.bool_] | np.bool_:
        """Whether α is above 1.9, as large as order 1 shows: the intervals follow a trend."""
        return np.asarray(self.alpha)[()] > ORDER + 1 - SATURATION

    def at(self, window: int) -> HeartExponent:
        """The result of one of many windows."""
        return self._replace(**{name: np.asarray(getattr(self, name))[window] for name in PER_WINDOW})

    def __str__(self) -> str:
        name = "α1" if self.sizes == (SHORT[0], SHORT[-1]) else "α2"
        said = _of_one(self, name) if np.ndim(self.alpha) == 0 else _of_many(self, name)
        return f"{said}\n{_left_out(self)}"


def alpha1(
    rr: npt.ArrayLike,
    /,
    *,
    unit: Unit | None = None,
    window: float | None = None,
    step: float | None = None,
    by: By = "beats",
    skip: Literal["artefacts"] | npt.ArrayLike | None = "artefacts",
    most: float = 0.1,
    confidence: float = 0.95,
) -> HeartExponent:
    """Measure α1, the DFA exponent of heart beats over 4 to 16 beats, with its interval.

    >>> import wcdfa
    >>> rr = 800 + 30 * wcdfa.synthetic.arfima(1500, d=0.4, seed=0)  # in milliseconds
    >>> rr[700:702] -= 300, -300  # a beat that came too early
    >>> print(wcdfa.heart.alpha1(rr))
    α1 = 0.93 (0.87–1.00) from 1,498 intervals
    2 of 1,500 intervals left out: ectopic 2

    In windows of two minutes, every 30 seconds:

    >>> found = wcdfa.heart.alpha1(rr, window=2, step=0.5, by="minutes")
    >>> found.minutes[:3].round(1), found.alpha[:3].round(2)
    (array([2. , 2.5, 3. ]), array([1.09, 0.96, 0.95]))

    Parameters
    ----------
    rr : numbers of shape (n,)
        Times between successive beats, in order. NaN is a lost interval; on the clock it takes as long as the
        median. From the times of beats: ``numpy.diff(times)``.
    unit : "ms" or "s", optional
        Default: milliseconds for a median from 200 to 2,500, seconds from 0.2 to 2.5.
    window, step : numbers, optional
        Length of a window, and distance from the start of one to that of the next (default: `window`), in the unit `by`. Default: one
        window, the whole recording.
    by : "beats" or "minutes"
        The unit of `window` and `step`.
    skip : "artefacts", bool of shape (n,), or None
        Intervals to leave out: those found by `wcdfa.preprocess.beats.artefacts`, those of your own mask, or only lost ones. No box
        reaches across what is left out.
    most : float
        The share of intervals in a window that may be left out, from 0 to 1; with more, α is NaN. An ectopic or extra beat spoils two
        intervals, so 0.1 is about 6 % of the beats. If there are more artefacts, they hide each other.
    confidence : float
        Level of the interval ``low … high``, between 0 and 1. The interval is that of a Gaussian series with one exponent,
        ARFIMA(0, d, 0).

    Returns
    -------
    HeartExponent
        α is the plain slope over all sizes from 4 to 16, with boxes side by side and order 1, as pyHRV gives it.

    Raises
    ------
    ValueError
        If rr is not one series of positive numbers, the unit is not certain, the window is longer than the recording, or an argument
        is out of range.

    References
    ----------
    C.-K. Peng et al., Chaos 5, 82 (1995), doi:10.1063/1.166141. Artefacts: J. A. Lipponen and M. P. Tarvainen, J. Med. Eng. Technol.
    43, 173 (2019), doi:10.1080/03091902.2019.1640306.
    """
    return _measured(rr, SHORT, unit, window, step, by, skip, most, confidence)


def alpha2(
    rr: npt.ArrayLike,
    /,
    *,
    unit: Unit | None = None,
    window: float | None = None,
    step: float | None = None,
    by: By = "beats",
    skip: Literal["artefacts"] | npt.ArrayLike | None = "artefacts",
    most: float = 0.1,
    confidence: float = 0.95,
) -> HeartExponent:
    """Measure α2, the DFA exponent of heart beats over 16 to 64 beats, with its interval; all else as `alpha1`.

    >>> import wcdfa
    >>> rr = 800 + 30 * wcdfa.synthetic.arfima(1500, d=0.4, seed=0)
    >>> print(wcdfa.heart.alpha2(rr))
    α2 = 0.83 (0.72–0.97) from 1,500 intervals
    no interval left out

    The sizes are 16, 20, 24, 28 and their doublings to 64. A window needs at least 256 beats.
    """
    return _measured(rr, LONG, unit, window, step, by, skip, most, confidence)


def _measured(
    rr: npt.ArrayLike,
    sizes: tuple[int, ...],
    unit: Unit | None,
    window: float | None,
    step: float | None,
    by: By,
    skip: Literal["artefacts"] | npt.ArrayLike | None,
    most: float,
    confidence: float,
) -> HeartExponent:
    intervals = _intervals(rr)
    lost = ~np.isfinite(intervals)
    usual = float(np.median(intervals[~lost]))
    intervals = np.where(lost, usual, intervals)
    clock = np.concatenate([[0.0], np.cumsum(intervals)]) / PER_MINUTE[_unit(unit, usual)]
    check_confidence(confidence)
    _check_share(most)
    found, mask = _skipped(skip, intervals)
    spoilt = found.spoilt() | mask | lost
    starts, stops = _windows(clock, window, step, by)
    before = np.concatenate([[0], np.cumsum(~spoilt)])  # how many are kept, before each
    kept = np.flatnonzero(~spoilt)
    slopes = rolling_slopes(
        intervals[kept],
        before[starts],
        before[stops],
        breaks=1 + np.flatnonzero(np.diff(kept) > 1),
        sizes=sizes,
        order=ORDER,
        confidence=confidence,
    )
    lengths = stops - starts
    left_out = (lengths - before[stops] + before[starts]) / np.maximum(lengths, 1)
    faults = {EMPTY: lengths == 0, SPOILT: left_out > most, TOO_SHORT: slopes.boxes < FEWEST, CONSTANT: np.isnan(slopes.slope)}
    cause = np.select([*faults.values()], [*faults], 0).astype(np.int8)
    alpha, low, high = (np.where(cause > 0, math.nan, each) for each in slopes[:3])
    result = HeartExponent(
        alpha, low, high, left_out, starts, stops, clock[stops], cause, found, spoilt, (sizes[0], sizes[-1]), confidence
    )
    return result.at(0) if window is None else result


def _intervals(rr: npt.ArrayLike) -> Values:
    intervals = np.asarray(rr, dtype=np.float64)
    if intervals.ndim != 1 or not np.isfinite(intervals).any():
        msg = f"rr must be one series of beat intervals, got shape {intervals.shape}" + (
            "; make one call for each recording" if intervals.ndim > 1 else " without a number"
        )
        raise ValueError(msg)
    wrong = np.flatnonzero((intervals <= 0) | np.isinf(intervals))
    if len(wrong):
        msg = f"rr[{wrong[0]}] is {intervals[wrong[0]]}, which is no time between beats; give numpy.diff(times), or NaN for a lost one"
        raise ValueError(msg)
    known = intervals[np.isfinite(intervals)]
    if len(known) >= RISING and known[-1] > 3 * known[0] and np.all(np.diff(known) > 0):
        msg = f"each of the {len(known):,} values of rr is larger than the one before: these are times of beats; give numpy.diff(times)"
        raise ValueError(msg)
    return intervals


def _unit(unit: str | None, usual: float) -> str:
    likely = next((name for name, (low, high) in USUAL.items() if low <= usual <= high), None)
    if (chosen := unit or likely) in PER_MINUTE:
        return str(chosen)
    known = "'ms' or 's'"
    msg = (
        f"unit must be {known}, got {unit!r}"
        if unit
        else f"the median of rr is {usual:g}: neither 200 to 2,500 ms nor 0.2 to 2.5 s; give unit={known}"
    )
    raise ValueError(msg)


def _check_share(most: float) -> None:
    if not 0 <= most <= 1:
        msg = f"most must be a share from 0 to 1, got {most}; 0.05 leaves out windows with more than 5 % of artefacts"
        raise ValueError(msg)


def _skipped(skip: Literal["artefacts"] | npt.ArrayLike | None, intervals: Values) -> tuple[Artefacts, npt.NDArray[np.bool_]]:
    """The artefacts to leave out, and what else the caller leaves out."""
    nothing = np.zeros(intervals.shape, dtype=bool)
    if isinstance(skip, str) and skip == "artefacts":
        return artefacts(intervals), nothing
    mask = nothing if skip is None else np.asarray(skip)
    if mask.shape != intervals.shape or mask.dtype != np.bool_:
        given = repr(skip) if isinstance(skip, str) else f"{mask.dtype} of shape {mask.shape}"
        msg = f"skip must be 'artefacts', None, or bool of shape {intervals.shape}, got {given}"
        raise ValueError(msg)
    return Artefacts(*[nothing] * len(Artefacts._fields)), mask


def _windows(clock: Values, window: float | None, step: float | None, by: str) -> tuple[Places, Places]:
    """First interval of each window, and the one after its last."""
    if by not in ("beats", "minutes"):
        msg = f"by must be 'beats' or 'minutes', got {by!r}"
        raise ValueError(msg)
    end = len(clock) - 1
    if window is None:
        return np.array([0]), np.array([end])
    step = window if step is None else step
    if not (window > 0 and step > 0) or (by == "beats" and (window % 1 or step % 1)):
        msg = f"window and step must be positive{' whole numbers of beats' if by == 'beats' else ''}, got {window} and {step}"
        raise ValueError(msg)
    place = np.arange(end + 1, dtype=np.float64) if by == "beats" else clock
    if window > place[-1]:
        msg = f"window is {window:g} {by}, longer than the recording, which has {place[-1]:.6g}; for one α of all of it, leave window= out"
        raise ValueError(msg)
    begins = np.arange(0.0, place[-1] - window + step * 1e-9, step)
    starts = np.searchsorted(place, begins, side="left")
    return starts, np.maximum(np.searchsorted(place, begins + window, side="right") - 1, starts)


def _of_one(result: HeartExponent, name: str) -> str:
    count = several(round(float((result.stop - result.start) * (1 - result.left_out))), "interval", "intervals")
    if result.reason is not None:
        return f"no {name} from {count}: {result.reason}"
    trend = ": they follow a trend, and no larger exponent can be measured" if result.saturated else ""
    return f"{name} = {result.alpha:.2f} ({result.low:.2f}–{result.high:.2f}) from {count}{trend}"


def _of_many(result: HeartExponent, name: str) -> str:
    alpha = np.asarray(result.alpha)
    known, windows = alpha[~np.isnan(alpha)], several(alpha.size, "window", "windows")
    if not known.size:
        return f"no {name} in {windows}: {result.reason}"
    missing = several(alpha.size - known.size, "has", "have")
    missing = f"; {missing} none: {result.reason}" if known.size < alpha.size else ""
    return f"{name} in {windows}: median {np.median(known):.2f}, from {known.min():.2f} to {known.max():.2f}{missing}"


def _left_out(result: HeartExponent) -> str:
    masks = {**result.artefacts._asdict(), "lost or your own": result.skipped & ~result.artefacts.spoilt()}
    kinds = [f"{name} {int(mask.sum()):,}" for name, mask in masks.items() if mask.any()]
    if not kinds:
        return "no interval left out"
    return f"{int(result.skipped.sum()):,} of {several(result.skipped.size, 'interval', 'intervals')} left out: {', '.join(kinds)}"
