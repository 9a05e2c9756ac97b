"""The rules that flag a run as captured, and whether they tell captured runs from healthy noisy ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.captured.arms import MEMORISED, NOISY, SHORTCUT
from studies.captured.separation import excess
from studies.common.statistics import Interval, spread_text
from studies.common.study import NOT, REPLICATES, UNDECIDED, Outcome

FEWEST = 10  # seeds in each arm, below which nothing is decided
LEVEL = 0.9875  # 0.05, shared among four rules
ENOUGH = 0.5  # of sensitivity minus false alarms
Flag = Callable[[pd.DataFrame], "pd.Series[bool]"]
COUPLING: dict[str, Flag] = {
    "coupled": lambda runs: runs["p_either"] <= 0.05,
    "uncoupled": lambda runs: runs["p_either"] > 0.05,
    "negative": lambda runs: runs["p_negative"] <= 0.025,
    "positive": lambda runs: runs["p_positive"] <= 0.025,
}
GAIN: dict[str, Flag] = {"mean gain below 0": lambda runs: runs["gain_high"] < 0}
BESIDE: dict[str, Flag] = {
    "coupled, by power laws": lambda runs: runs["law_p_either"] <= 0.05,
    "alignment below 0": lambda runs: runs["alignment_high"] < 0,
    "held-out loss rose": lambda runs: runs["held_z"] > 2,
}
KINDS = {"memorised": (MEMORISED, "memorise wrong labels"), "shortcut": (SHORTCUT, "learn a shortcut")}


class Found(NamedTuple):
    """What a rule does at the pair of arms where it does worst."""

    rule: str
    worst: Interval
    pair: str
    tells: bool
    fails: bool


def flag_outcome(runs: pd.DataFrame, of: str, kind: str) -> Outcome:
    """The outcome of `coupling_…` or `gain_…`, for wrong labels or a shortcut."""
    rules, (arms, doing) = COUPLING if of == "coupling" else GAIN, KINDS[kind]
    found = [_found(runs, name, rule, arms) for name, rule in rules.items()]
    best = max(found, key=lambda each: np.nan_to_num(each.worst[0], nan=-2.0))
    seeds = seeds_of(runs, (*arms, *NOISY))
    verdict = UNDECIDED
    if seeds >= FEWEST and any(each.tells for each in found):
        verdict = REPLICATES
    elif seeds >= FEWEST and all(each.fails for each in found):
        verdict = NOT
    rule, which = rules[best.rule], f"the best of four rules, “{best.rule}”," if len(rules) > 1 else f"“{best.rule}”"
    line = f"{which} flags {shares(runs, rule, arms)} runs that {doing}, and {shares(runs, rule, NOISY)} healthy noisy ones."
    return Outcome(
        claim=f"{of}_{kind}",
        verdict=verdict,
        line=line[0].upper() + line[1:],
        effect=f"sensitivity minus false alarms {spread_text(*best.worst)} at the worst pair, {best.pair} (98.75 % interval)",
        null=_beside(runs, of, arms),
        seeds=seeds,
    )


def _beside(runs: pd.DataFrame, of: str, arms: Iterable[str]) -> str:
    plain = BESIDE["held-out loss rose"]
    beside = f"by the plain rule, the held-out loss rose by more than two standard errors in {shares(runs, plain, arms)} and {shares(runs, plain, NOISY)}"
    null = "surrogates with the spectrum of the gain" if of == "coupling" else "a mean of 0 with the memory of the gain"
    return f"{null}; {beside}"


def _found(runs: pd.DataFrame, name: str, rule: Flag, captured: Iterable[str]) -> Found:
    pairs = {
        f"{arm} against {healthy}": excess(*hits(runs, rule, arm), *hits(runs, rule, healthy), LEVEL)
        for arm in captured
        for healthy in NOISY
    }
    worst = min(pairs, key=lambda pair: np.nan_to_num(pairs[pair][0], nan=-2.0))
    tells = all(low > ENOUGH for _, low, _ in pairs.values())
    return Found(name, pairs[worst], worst, tells, any(high < ENOUGH for *_, high in pairs.values()))


def hits(runs: pd.DataFrame, rule: Flag, arm: str) -> tuple[int, int]:
    """How many runs of an arm are flagged, of how many."""
    own = runs[runs["arm"] == arm]
    return int(rule(own).sum()), len(own)


def shares(runs: pd.DataFrame, rule: Flag, arms: Iterable[str]) -> str:
    """Such as "20 of 20 (noise 1) and 0 of 20 (noise 2)"."""
    counts = {arm: hits(runs, rule, arm) for arm in arms}
    return " and ".join(f"{some} of {total} ({arm})" for arm, (some, total) in counts.items())


def seeds_of(runs: pd.DataFrame, arms: Iterable[str]) -> int:
    """Seeds in the arm that has the fewest."""
    return min(int(runs.loc[runs["arm"] == arm, "seed"].nunique()) for arm in arms)
