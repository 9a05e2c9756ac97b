"""Whether exponents and cosines of the weight change tell captured or adversarial runs from healthy ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.captured.arms import ADVERSARIAL, HEALTHY, MEMORISED, SHORTCUT
from studies.captured.flags import FEWEST, seeds_of
from studies.captured.separation import area
from studies.common.statistics import Interval, interval_of_mean, spread_text
from studies.common.study import NOT, REPLICATES, UNDECIDED, Outcome

MARGIN = 0.1  # of α, what a window of 500 can resolve
ORDERS = ("alpha_1", "alpha_2")
MEASURES = {
    "alpha_1": "α of log norms, order 1",
    "alpha_2": "α of log norms, order 2",
    "vector_short": "vector α, 4 to 16",
    "vector_long": "vector α, 16 to 125",
    "cosine": "cosine of consecutive steps",
}
AREA_LEVEL, ENOUGH = 0.99, 0.75  # 0.05, shared among five measures; the AUC that a useful measure has at least
CAPTURED = (*MEMORISED, *SHORTCUT)


class Difference(NamedTuple):
    """Of the mean α between an arm and a healthy one, at each order."""

    arm: str
    healthy: str
    intervals: tuple[Interval, ...]

    @property
    def same(self) -> bool:
        return all(low > -MARGIN and high < MARGIN for _, low, high in self.intervals)

    @property
    def other(self) -> bool:
        return any(low > MARGIN or high < -MARGIN for _, low, high in self.intervals)

    @property
    def size(self) -> float:
        return max(abs(mean) for mean, *_ in self.intervals)

    def text(self) -> str:
        each = ", ".join(f"{spread_text(*interval)} at order {order}" for order, interval in enumerate(self.intervals, start=1))
        return f"{self.arm} minus {self.healthy} {each}"


def alpha_outcome(runs: pd.DataFrame, claim: str) -> Outcome:
    """The outcome of `captured_alpha` or `against_self_alpha`: has each arm the α of some healthy one."""
    arms = CAPTURED if claim == "captured_alpha" else ADVERSARIAL
    found = {arm: [_difference(runs, arm, healthy) for healthy in HEALTHY] for arm in arms}
    seeds, verdict = seeds_of(runs, (*arms, *HEALTHY)), UNDECIDED
    if seeds >= FEWEST and all(any(each.same for each in of) for of in found.values()):
        verdict = REPLICATES
    elif seeds >= FEWEST and any(all(each.other for each in of) for of in found.values()):
        verdict = NOT
    nearest = [min(of, key=lambda each: math.inf if math.isnan(each.size) else each.size) for of in found.values()]
    listed = ", ".join(f"{_means(runs, arm)} ({arm})" for arm in arms)
    return Outcome(
        claim=claim,
        verdict=verdict,
        line=f"α at orders 1 and 2 is {listed} in the mean over runs; in the healthy arms it is {_spans(runs)}.",
        effect="nearest healthy arm: " + "; ".join(each.text() for each in nearest),
        null=f"differences within ±{MARGIN} of a healthy arm, paired by seed; {', '.join(HEALTHY)}",
        seeds=seeds,
    )


def _difference(runs: pd.DataFrame, arm: str, healthy: str) -> Difference:
    own, other = (runs[runs["arm"] == each].set_index("seed") for each in (arm, healthy))
    return Difference(arm, healthy, tuple(interval_of_mean((own[order] - other[order]).astype(float)) for order in ORDERS))


def _means(runs: pd.DataFrame, arm: str) -> str:
    means = [runs.loc[runs["arm"] == arm, order].mean() for order in ORDERS]
    return " and ".join(f"{mean:.2f}" if math.isfinite(mean) else "unknown" for mean in means)


def _spans(runs: pd.DataFrame) -> str:
    return " and ".join(_span([runs.loc[runs["arm"] == arm, order].mean() for arm in HEALTHY]) for order in ORDERS)


def _span(means: list[float]) -> str:
    return f"{np.nanmin(means):.2f} to {np.nanmax(means):.2f}" if np.isfinite(means).any() else "unknown"


def unseen_outcome(runs: pd.DataFrame) -> Outcome:
    """The outcome of `against_self_unseen`: whether any measure tells adversarial training from every healthy arm."""
    worst = {(name, up): _worst(runs, name, up) for name in MEASURES for up in (True, False)}
    best = max(worst, key=lambda each: np.nan_to_num(worst[each][1][0], nan=-1.0))
    seeds, verdict = seeds_of(runs, (*ADVERSARIAL, *HEALTHY)), UNDECIDED
    if seeds >= FEWEST and any(low > ENOUGH for low, _, _ in worst.values()):
        verdict = NOT
    elif seeds >= FEWEST and all(high < ENOUGH for _, _, high in worst.values()):
        verdict = REPLICATES
    name, up = best
    means = {arm: runs.loc[runs["arm"] == arm, name].mean() for arm in (*ADVERSARIAL, *HEALTHY)}
    said = ", ".join(f"{value:.3f} ({arm})" for arm, value in means.items() if math.isfinite(value))
    if not said:
        return Outcome("against_self_unseen", verdict, "No run of these arms is in.", "unknown", "unknown", seeds)
    towards = "higher" if up else "lower"
    return Outcome(
        claim="against_self_unseen",
        verdict=verdict,
        line=f"{_telling(worst)}; {MEASURES[name]} is {said} in the mean over runs.",
        effect=f"AUC {spread_text(*worst[best][1])} for a {towards} value, at the worst of eight pairs (99 % interval)",
        null=f"AUC of {ENOUGH} against each of {', '.join(HEALTHY)}; without any difference it is 0.5",
        seeds=seeds,
    )


def _telling(worst: dict[tuple[str, bool], tuple[float, Interval, float]]) -> str:
    """Which measures tell, as the start of a sentence; more than one may do so equally well."""
    found = [MEASURES[name] for (name, _), (low, *_) in worst.items() if low > ENOUGH]
    if not found:
        return f"None of {len(MEASURES)} measures surely tells adversarial runs from all healthy arms"
    listed = " and ".join(found)
    return (
        f"{len(found)} of {len(MEASURES)} measures tell{'s' * (len(found) == 1)} adversarial runs from all healthy arms ({listed})"
    )


def _worst(runs: pd.DataFrame, name: str, up: bool) -> tuple[float, Interval, float]:
    """Over the eight pairs: the smallest lower end, the interval of the smallest area, and the smallest upper end."""
    areas = list(pair_areas(runs, name, up).values())
    smallest = min(areas, key=lambda each: np.nan_to_num(each[0], nan=-1.0))
    return min(low for _, low, _ in areas), smallest, min(high for *_, high in areas)


def pair_areas(
    runs: pd.DataFrame, name: str, up: bool = True, arms: Iterable[str] = ADVERSARIAL
) -> dict[tuple[str, str], Interval]:
    """AUC of each adversarial arm against each healthy one: above it with `up`, below it without."""
    values = {arm: (1 if up else -1) * runs.loc[runs["arm"] == arm, name].to_numpy(float) for arm in (*arms, *HEALTHY)}
    return {(arm, healthy): area(values[arm], values[healthy], AREA_LEVEL) for arm, healthy in itertools.product(arms, HEALTHY)}
