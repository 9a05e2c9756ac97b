"""Prepares recorded norms for `dfa`: handles gaps, and removes the learning-rate schedule, the epoch pattern and spikes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.preprocess.epochs import Numbers, epoch_pattern
from wcdfa.preprocess.level_steps import level_steps, step_heights
from wcdfa.preprocess.outliers import ROUNDING, THRESHOLDS, Values, level_shifts, without_spikes
from wcdfa.preprocess.resolution import no_fluctuation, remarks
from wcdfa.preprocess.schedule import fitted_slopes
from wcdfa.support.shortest import LEAST
from wcdfa.support.text import factor, several

Spikes = Literal["hampel", "extreme"] | None
Zeros = Literal["skip", "keep", "error"]
Indices = npt.NDArray[np.intp]

LARGEST = 1e140  # of a value that is squared, summed over a series, and squared again in part
GAPS = 0.05  # share of the differences that may be gaps
JUMP = np.log(1.5)  # a larger change of log lr from one step to the next is a step of the schedule
SENTENCES = 5  # breaks of one kind that get a sentence of their own; the rest are counted


class Prepared(NamedTuple):
    """What `prepare` returns: m of n norms, ready for `dfa`, and what was done to them."""

    values: Values
    """The series, shape ``(m,)``: log norms (with ``log=False``, norms) without what schedule and epochs explain, at their own level."""
    kept: Indices
    """Index of the norm that each value comes from, shape ``(m,)``."""
    breaks: tuple[int, ...]
    """Positions in `values` where a new stretch begins: no box may reach across."""
    zeros: int
    """How many norms were 0."""
    missing: int
    """How many norms were not finite."""
    spikes: int
    """How many values the spike filter replaced."""
    spacing: int
    """Optimizer steps from one record to the next."""
    schedule: float | None
    """Slope of log norm on log lr (of norm on lr with ``log=False``). None if no lr was given or it is constant."""
    schedule_share: float | None
    """Share of the variance, without spikes, that the regression on lr explains, 0 to 1."""
    phase_share: float | None
    """Share of the variance that the epoch pattern explains; 0 if no pattern stood out, None if no epoch length was given."""
    findings: tuple[str, ...]
    """What was done, in sentences with figures."""
    reason: str | None = None
    """Why these values have no α: what varies is rounding, or what a logger repeated. None if they may have one."""
    level_steps: tuple[tuple[int, float], ...] = ()
    """Those `breaks` at which nothing but the level steps, and how far it moves there in `values`."""

    @property
    def cuts(self) -> tuple[int, ...]:
        """`breaks`; if there are none but a norm was left out, a single break before the last sample.

        With a break, `dfa` scales a shipped calibration instead of computing a new one for this number of samples.
        """
        complete = self.zeros + self.missing == 0
        return self.breaks if self.breaks or complete else (len(self.values) - 1,)


def prepare(
    norms: npt.ArrayLike,
    *,
    lr: npt.ArrayLike | None = None,
    log: bool = True,
    epoch_length: int | None = None,
    spikes: Spikes = "hampel",
    zeros: Zeros = "skip",
    steps: npt.ArrayLike | None = None,
) -> Prepared:
    """Prepare norms for `dfa`: take logarithms, and remove the schedule, the epoch pattern, spikes and skipped steps.

    >>> import numpy as np
    >>> import wcdfa
    >>> lr = np.where(np.arange(500) < 250, 0.1, 0.01)
    >>> norms = lr**0.9 * np.exp(0.2 * wcdfa.synthetic.white_noise(500, seed=0))
    >>> norms[100], norms[200] = 0, 20 * norms[200]
    >>> prepared = prepare(norms, lr=lr)
    >>> for finding in prepared.findings:
    ...     print(finding)
    1 norm of 0 was skipped
    log lr explains 96 % of the variance of the log norms, slope 0.90
    boxes are split at step 250: lr falls by a factor of 10
    3 spikes were replaced by the local median
    >>> prepared.breaks
    (249,)

    Parameters
    ----------
    norms : numbers of shape (n,)
        The norms ‖ΔW‖ in training order; the array is not changed. A norm that is NaN, infinite or masked is dropped, and boxes are split
        there.
    lr : number or numbers of shape (n,), optional
        Learning rate at each norm. If it varies, the log norms are regressed on its logarithm, and boxes are split where it jumps by a
        factor of 1.5 or more in one step. A warm-up, where neighbouring steps change about as much, does not count as a jump.
    log : bool
        Take logarithms, so that schedule and noise add instead of multiply.
    epoch_length : int, optional
        Optimizer steps in an epoch, at least 2. A pattern that repeats every epoch is subtracted if it stands out.
    spikes : "hampel", "extreme" or None
        The Hampel filter: a value that is more than 4 standard deviations (1.4826 MAD) from the median of the 11 around it becomes
        that median. If the MAD of the 11 is smaller than the usual MAD of the series, the usual one is used. "extreme" does it from 10 standard deviations on, which leaves norms with a long tail as they are. None keeps
        spikes.
    zeros : "skip", "keep" or "error"
        A norm of 0 means that no step was taken (gradient accumulation, skipped AMP steps): it is left out, without a break. "keep" keeps it and needs ``log=False``; "error" raises.
    steps : integers of shape (n,), optional
        Optimizer steps at which the norms were recorded. Default: 0, 1, 2 …

    Returns
    -------
    Prepared
        For ``dfa(prepared.values, breaks=prepared.breaks)``.

    Raises
    ------
    ValueError
        If norms are not one series, hold zeros or negative norms that the options forbid, or have fewer than 28 usable values; if lr is not
        positive and finite; if steps do not increase or are irregular; if there are fewer than 3 epochs; or if an option has an unknown value.
    TypeError
        If norms are complex, booleans or text.

    References
    ----------
    R. K. Pearson, Y. Neuvo, J. Astola, M. Gabbouj, EURASIP J. Adv. Signal Process. 2016:87, doi:10.1186/s13634-016-0383-6.
    """
    x = _series(norms, log, spikes, zeros)
    finite, nil = np.isfinite(x), x == 0
    skipped = nil & (zeros == "skip")
    kept = np.flatnonzero(finite & ~skipped)
    if len(kept) < LEAST:
        there = _usable(len(kept), len(x), zeros=int(np.sum(skipped)), others=int(np.sum(~finite)))
        more = "; record more steps" if len(x) < 2 * LEAST else _ended(2 * int(np.sum(skipped)) > len(x))
        msg = f"{there}, and at least {LEAST} are needed{more}"
        raise ValueError(msg)
    numbers, spacing, gaps = _numbered(steps, len(x))
    holes = np.searchsorted(kept, np.concatenate([np.flatnonzero(~finite), gaps]))
    stored = x[kept]
    time, x = numbers[kept], np.log(stored) if log else stored

    if not log:
        _check_squares(stored)
    findings = _counted(skipped, "norm of 0 was skipped", "norms of 0 were skipped")
    findings += _counted(~finite, "norm that is not finite was dropped", "norms that are not finite were dropped")
    findings += _splits((numbers[i], f"a gap of {numbers[i] - numbers[i - 1]:,} steps") for i in gaps)

    schedule = schedule_share = phase_share = None
    jumps: list[tuple[int, float]] = []
    if (
        lr is not None and np.ptp(log_rate := np.log(_rates(lr, len(finite), kept))) > 1e-6
    ):  # a smaller range is rounding of a constant
        x, schedule, schedule_share = _without_schedule(x, log_rate if log else np.exp(log_rate))
        of, share = "log " if log else "", _percent(schedule_share)
        slope = f"{schedule:.2f}" if log else f"{schedule:.3g}"
        findings.append(f"{of}lr explains {share} of the variance of the {of}norms, slope {slope}")
        jumps = _schedule_steps(log_rate)
        findings += _splits((time[i], f"lr {_moves(height, log=True)}") for i, height in jumps)
    levels = level_shifts(x, [*holes.tolist(), *(i for i, _ in jumps)])
    findings += _splits((time[i], f"the level {_moves(height, log=log)}") for i, height in levels)
    shifts = sorted(i for i, _ in [*jumps, *levels])
    breaks = sorted({*holes.tolist(), *shifts} - {0, len(x)})

    if epoch_length is not None:
        pattern = epoch_pattern(x, time, epoch_length, spacing, shifts)
        phase_share = min(1.0, float(np.var(pattern) / np.var(x))) if np.any(pattern) else 0.0
        x = x - pattern
        if phase_share:
            findings.append(f"a pattern that repeats every {epoch_length:,} steps had {_percent(phase_share)} of the variance")
    replaced = np.zeros(len(x), dtype=bool)
    if spikes is not None:
        x, replaced = without_spikes(x, breaks, THRESHOLDS[spikes])
    hidden = level_steps(x, breaks)
    steps_of_level = sorted({*hidden, *(i for i, _ in levels)} - {0, len(x)})
    breaks = sorted({*breaks, *hidden})
    heights = dict(zip(steps_of_level, step_heights(x, steps_of_level, breaks), strict=True))
    findings += _splits((time[i], f"the level {_moves(heights[i], log=log)}") for i in hidden)
    findings += _counted(replaced, "spike was replaced by the local median", "spikes were replaced by the local median")
    findings += remarks(stored)
    return Prepared(
        values=x,
        kept=kept,
        breaks=tuple(breaks),
        zeros=int(np.sum(nil)),
        missing=int(np.sum(~finite)),
        spikes=int(np.sum(replaced)),
        spacing=spacing,
        schedule=schedule,
        schedule_share=schedule_share,
        phase_share=phase_share,
        findings=tuple(findings),
        reason=no_fluctuation(stored, x, tuple(breaks), log=log),
        level_steps=tuple(heights.items()),
    )


def with_usable_rates(norms: npt.ArrayLike, lr: npt.ArrayLike) -> tuple[Values, Values | None]:
    """Make norms and rates fit for `prepare`: a norm whose rate is not positive and finite becomes NaN. Without any such rate, rates are None."""
    x, rates = np.array(norms, dtype=np.float64), np.array(lr, dtype=np.float64)
    usable = np.isfinite(rates) & (rates > 0)
    if not usable.any():
        return x, None
    x[~usable] = np.nan
    rates[~usable] = np.median(rates[usable])  # any rate will do where the norm is missing; this one keeps a constant rate constant
    return x, rates


def check_options(log: bool, spikes: str | None, zeros: str) -> None:
    """Raise a ValueError if `prepare` would refuse these options."""
    if spikes not in ("hampel", "extreme", None):
        msg = f'spikes must be "hampel", "extreme" or None, got {spikes!r}'
        raise ValueError(msg)
    if zeros not in ("skip", "keep", "error") or (zeros == "keep" and log):
        msg = f'zeros must be "skip", "error", or with log=False "keep", got {zeros!r} with log={log}: 0 has no logarithm'
        raise ValueError(msg)


def _series(norms: npt.ArrayLike, log: bool, spikes: Spikes, zeros: Zeros) -> Values:
    """The norms as numbers, NaN where masked; raises if the options forbid one of them."""
    check_options(log, spikes, zeros)
    if np.iscomplexobj(norms):
        msg = "norms are complex; give their sizes, abs(norms)"
        raise TypeError(msg)
    if np.asarray(norms).dtype.kind in "bUS":
        msg = f"norms must be real numbers, got {np.asarray(norms).dtype}; give the size of each change"
        raise TypeError(msg)
    if isinstance(norms, np.ma.MaskedArray):
        norms = np.ma.filled(norms.astype(np.float64), np.nan)
    x: Values = np.asarray(norms, dtype=np.float64)
    if x.ndim != 1:
        msg = f"norms must be one series, got shape {x.shape}; prepare them one by one"
        raise ValueError(msg)
    if zeros == "error" and np.any(x == 0):
        msg = f'norm {np.argmax(x == 0):,} is 0; zeros="skip" leaves out what was no step'
        raise ValueError(msg)
    negative = np.isfinite(x) & (x < 0)
    if log and np.any(negative):
        first = int(np.argmax(negative))
        msg = f"norm {first:,} is {x[first]:g}, and a logarithm needs norms above 0; log=False takes any series"
        raise ValueError(msg)
    return x


def _check_squares(x: Values) -> None:
    """Raise a ValueError if squares of these values would leave what a float holds."""
    largest = float(np.max(np.abs(x)))
    if largest and not 1 / LARGEST <= largest <= LARGEST:
        msg = (
            f"without a logarithm the largest value must be from {1 / LARGEST:.0e} to {LARGEST:.0e}, because values are squared, got "
            f"{largest:.3g}; divide all of them by one number, which changes no α"
        )
        raise ValueError(msg)


def _numbered(steps: npt.ArrayLike | None, n: int) -> tuple[Numbers, int, Indices]:
    """The step of each record, the usual spacing, and the records after a gap."""
    if steps is None:
        return np.arange(n), 1, np.zeros(0, dtype=np.intp)
    given = np.asarray(steps)
    if given.shape != (n,) or given.dtype.kind not in "iuf" or not np.all(np.isfinite(given) & (given == np.rint(given))):
        msg = (
            f"steps must be {n} integers, one for each norm, got shape {given.shape} of {given.dtype}; drop records without a step"
        )
        raise ValueError(msg)
    numbers = given.astype(np.int64)
    differences = np.diff(numbers)
    if np.any(differences <= 0):
        i = int(np.argmax(differences <= 0))
        way_out = "keep the last record of each step" if differences[i] == 0 else "split the series at the restart"
        msg = f"steps must increase, but record {i + 1:,} is step {numbers[i + 1]:,} after {numbers[i]:,}; {way_out}"
        raise ValueError(msg)
    spacing = int(np.sort(differences)[len(differences) // 2])
    gaps = np.flatnonzero(differences != spacing) + 1
    uneven = int(np.sum(differences % spacing != 0))
    if uneven or len(gaps) > GAPS * len(differences):
        what = (
            f"{len(gaps):,} of {len(differences):,} differences are not the usual {spacing:,}, and {uneven:,} are no multiple of it"
        )
        msg = f"steps are irregular: {what}; at most {GAPS:.0%} may differ, by multiples only. Log every step, or split the series"
        raise ValueError(msg)
    return numbers, spacing, gaps


def _rates(lr: npt.ArrayLike, n: int, kept: Indices) -> Values:
    """Learning rates of the kept norms."""
    rates = np.asarray(lr, dtype=np.float64)
    if rates.shape not in ((), (n,)):
        msg = f"lr must be a number or one for each of the {n} norms, got shape {rates.shape}"
        raise ValueError(msg)
    rate: Values = np.broadcast_to(rates, (n,))[kept]
    bad = ~(np.isfinite(rate) & (rate > 0))
    if np.any(bad):
        first = int(np.argmax(bad))
        msg = f"lr is {rate[first]:g} at norm {kept[first]:,}, and must be positive and finite; leave that norm out"
        raise ValueError(msg)
    return rate


def _without_schedule(x: Values, regressor: Values) -> tuple[Values, float, float]:
    """The series at its own level without what a line in the regressor explains; its slope, and the share of the variance."""
    with np.errstate(all="ignore"):  # squares of numbers that are no logarithms may leave what a float holds
        slopes, used = fitted_slopes(x, regressor)
        slope = float(slopes)
        without = x - slope * (regressor - np.mean(regressor))
        before, after = np.var(x[used]), np.var(without[used])
        varies = before > (ROUNDING * np.max(np.abs(x))) ** 2
        share = float(1 - after / before) if varies else 0.0
    return (without, slope, share) if np.isfinite([slope, share]).all() and np.isfinite(without).all() else (x, 0.0, 0.0)


def _schedule_steps(log_rate: Values) -> list[tuple[int, float]]:
    """Where lr jumps within one step, and by how much in log lr; a neighbouring step must change less than half as much."""
    change = np.diff(log_rate)
    size = np.concatenate([[0.0], np.abs(change), [0.0]])
    at = np.flatnonzero((size[1:-1] >= JUMP - 1e-9) & (size[1:-1] > 2 * np.maximum(size[:-2], size[2:])))
    return [(int(i) + 1, float(change[i])) for i in at]


def _ended(still: bool) -> str:
    """What to do where most norms are 0, or not finite; more steps would not help."""
    if still:
        return "; a norm of 0 means that no weight changed: see whether training still goes on"
    return "; look at the loss where they begin to be 0 or not finite"


def _usable(kept: int, n: int, *, zeros: int, others: int) -> str:
    """How many norms there are, and how many of them can be used.

    >>> _usable(1, 1, zeros=0, others=0), _usable(3, 8, zeros=1, others=4)
    ('there is only 1 norm', '3 of 8 norms remain (1 is 0, 4 not finite)')
    """
    if n < 2:
        return (
            "there are no norms"
            if not n
            else "there is only 1 norm"
            if kept
            else f"the only norm is {'0' if zeros else 'not finite'}"
        )
    remain = "remains" if kept == 1 else "remain"
    return f"{kept:,} of {n:,} norms {remain} ({several(zeros, 'is', 'are')} 0, {others:,} not finite)"


def _counted(which: npt.NDArray[np.bool_], one: str, many: str) -> list[str]:
    count = int(np.sum(which))
    return [several(count, one, many)] if count else []


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "less than 1 %"


def _moves(height: float, *, log: bool) -> str:
    verb = "rises" if height > 0 else "falls"
    return f"{verb} by {factor(abs(height))}" if log else f"{verb} by {abs(height):.3g}"


def _splits(places: Iterable[tuple[int, str]]) -> list[str]:
    """A sentence for each break; if there are many, for the first few, and one that counts the rest."""
    sentences = [f"boxes are split at step {step:,}: {why}" for step, why in places]
    more = len(sentences) - SENTENCES
    rest = [f"and boxes are split at {several(more, 'more step', 'more steps')} for the same reason"] if more > 0 else []
    return sentences[:SENTENCES] + rest
