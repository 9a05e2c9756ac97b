"""Compares a window with the null of its optimizer: the replays on every kind of gradients without memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.curves import LEVELS, CurveTest, curves_of, rise
from wcdfa.nulls.gradients import Gradients
from wcdfa.nulls.nulls import NullResult
from wcdfa.support.normal import SIGMAS

Floats = npt.NDArray[np.float64]

MARGIN = 0.1  # in log norm: how much further than in any replay the level may rise or fall
PROBABILITIES = np.unique(np.concatenate([1 - LEVELS[1:], [0.5], LEVELS[1:]]).round(6))
"""Probabilities at which quantiles of α are kept."""
WHITE = str(Gradients())
RANGES = 3  # of box sizes, in which memory is compared


class NullCurve(NamedTuple):
    """The range of F(s) that the replays of an optimizer give, at the level of a window."""

    sizes: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    """Ends of the range at each size, between which 95 % of the replays of each kind of gradients lie."""


class Compared(NamedTuple):
    """What a comparison with a null gives."""

    p_value: float
    """Largest over the kinds of gradients: small if no replay has such a curve log F(s)."""
    p_shape: float
    """The same by the distance of the whole curve alone, in any direction."""
    p_more: float
    """The same by the component towards long memory alone."""
    null: NullResult
    """α among the α of the replays: the interval holds 95 % of those of each kind, and the p-value is the largest."""
    white: tuple[float, float]
    """The interval that holds 95 % of the α on white gradients; NaN if these have none."""
    less: bool
    """Whether the curve grows more slowly than the mean of every kind of replays, at small, middle and large sizes."""
    closest: str
    """The kind of gradients whose replays are most like this window."""
    rise: float
    """By how much log norms rise from the first fifth of the window to the last, if no replay rises or falls as much; else NaN."""
    curve: NullCurve | None = None
    """The range of F(s) over the replays; None if these have none."""


@dataclass(frozen=True, eq=False)
class MemberTable:
    """What is kept of the replays of one kind of gradients."""

    name: str
    test: CurveTest
    alphas: Mapping[str, Floats]
    """For each method: quantiles of α at `PROBABILITIES`."""
    few: bool
    """Whether gradients have so few coordinates that norms must spread widely."""

    def possible(self, logs: Floats | None) -> bool:
        """Whether the window spreads enough to come from such gradients."""
        return not self.few or (logs is not None and bool(logs.std() >= self.test.least_spread))

    def p_of_alpha(self, alpha: float, method: str) -> float:
        """Share of replays with at least this α."""
        return float(1 - np.interp(alpha, self.alphas[method], PROBABILITIES, left=0.0, right=1 - LEVELS[-1]))


@dataclass(frozen=True, eq=False)
class NullTable:
    """What is kept of all replays of one setting."""

    members: tuple[MemberTable, ...]
    moves: bool
    """Whether the window holds the start of the run, where norms may fall with the loss as no replay does."""

    def compare(
        self, logs: Floats | None, fluctuations: npt.ArrayLike, sizes: Sequence[int], alpha: float, method: str
    ) -> Compared:
        """Compare a prepared window.

        Parameters
        ----------
        logs : (n,), optional
            The prepared window; None if only its F(s) is known.
        fluctuations, sizes : (k,)
            F(s) with boxes that overlap by half, and the sizes.
        alpha : float
            α of the window.
        method : str
            By which it was measured.
        """
        curve = curves_of(fluctuations)
        held = [member for member in self.members if member.possible(logs)]
        if not held:
            return Compared(
                math.nan, math.nan, math.nan, NullResult(alpha, *[math.nan] * 5), (math.nan, math.nan), False, "", math.nan
            )
        p_values = np.array([member.test.p_values(curve) for member in held])
        best = int(np.argmax(p_values[:, 0]))
        p_value, p_shape, p_more = p_values.max(axis=0).tolist()
        null, less = self._alpha(held, alpha, method), all(_less(curve - member.test.mean, sizes) for member in held)
        white = _of_white(held, method)
        drawn = _curve(held, fluctuations, sizes)
        return Compared(p_value, p_shape, p_more, null, white, less, held[best].name, self._rise(logs), drawn)

    def _alpha(self, held: Sequence[MemberTable], alpha: float, method: str) -> NullResult:
        low, high = (
            extreme(float(np.interp(probability, PROBABILITIES, member.alphas[method])) for member in held)
            for extreme, probability in ((min, 0.025), (max, 0.975))
        )
        median = float(np.interp(0.5, PROBABILITIES, held[0].alphas[method]))
        p = max(member.p_of_alpha(alpha, method) for member in held)
        return NullResult(alpha, low, median, high, alpha - median, p)

    def _rise(self, logs: Floats | None) -> float:
        if logs is None or not self.moves:
            return math.nan
        risen = float(rise(logs))
        usual = [member.test.rises for member in self.members if not member.few]
        if not usual:  # all others are constant
            return math.nan
        inside = min(low for low, _ in usual) - MARGIN <= risen <= max(high for _, high in usual) + MARGIN
        return math.nan if inside else risen


def _curve(held: Sequence[MemberTable], fluctuations: npt.ArrayLike, sizes: Sequence[int]) -> NullCurve:
    """The range of F(s) over the replays, which have the mean of the window's own log F(s)."""
    level = float(np.log(np.maximum(np.asarray(fluctuations, dtype=np.float64), 1e-300)).mean())
    means, deviations = (np.array(each) for each in zip(*(member.test.spread() for member in held), strict=True))
    low, high = (means - SIGMAS * deviations).min(axis=0), (means + SIGMAS * deviations).max(axis=0)
    return NullCurve(tuple(int(size) for size in sizes), *(tuple(np.exp(level + end).tolist()) for end in (low, high)))


def _joined(curves: Sequence[NullCurve | None]) -> NullCurve | None:
    """The range over several nulls, which have the same sizes."""
    known = [each for each in curves if each is not None]
    if not known:
        return None
    lows, highs = (zip(*ends, strict=True) for ends in ([each.low for each in known], [each.high for each in known]))
    return NullCurve(known[0].sizes, tuple(map(min, lows)), tuple(map(max, highs)))


def _of_white(held: Sequence[MemberTable], method: str) -> tuple[float, float]:
    """The interval that holds 95 % of the α on white gradients."""
    if held[0].name != WHITE:  # every one of them is clipped
        return math.nan, math.nan
    low, high = np.interp([0.025, 0.975], PROBABILITIES, held[0].alphas[method]).tolist()
    return low, high


def closest(comparisons: Sequence[Compared]) -> Compared:
    """Join comparisons with several nulls, of which any may be the right one."""
    comparisons = [each for each in comparisons if not math.isnan(each.p_value)] or comparisons
    best = max(comparisons, key=lambda each: each.p_value)
    nulls = [each.null for each in comparisons]
    null = best.null._replace(
        low=min(each.low for each in nulls), high=max(each.high for each in nulls), p_value=max(each.p_value for each in nulls)
    )
    largest = {name: max(getattr(each, name) for each in comparisons) for name in ("p_value", "p_shape", "p_more")}
    less, curve = all(each.less for each in comparisons), _joined([each.curve for each in comparisons])
    return best._replace(**largest, null=null, less=less, curve=curve)


def _less(away: Floats, sizes: Sequence[int]) -> bool:
    """Whether log F(s) grows more slowly in each range of sizes, given by how much the curve differs from a mean."""
    if len(sizes) < 2 * RANGES:
        return False
    parts = np.array_split(np.arange(len(sizes)), RANGES)
    whole = np.concatenate([[0.0], away])
    logs = np.log(np.asarray(sizes, dtype=np.float64))
    return all(float(np.polyfit(logs[part], whole[part], 1)[0]) < 0 for part in parts)


def quantiles_of(alphas: Floats) -> Floats:
    """Quantiles of α at `PROBABILITIES`; NaN if no replay has an α."""
    defined = alphas[np.isfinite(alphas)]
    return np.asarray(np.quantile(defined, PROBABILITIES)) if defined.size else np.full(len(PROBABILITIES), math.nan)
