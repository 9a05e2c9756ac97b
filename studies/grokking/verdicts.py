"""The decision rules of the protocol."""

from __future__ import annotations

import math

import pandas as pd
from scipy import stats

from studies.common.statistics import interval_of_median, interval_of_share, sign_test, spread_text
from studies.common.study import ARTEFACT, NOT, REPLICATES, UNDECIDED, Outcome
from studies.grokking.leads import leads

FLOOR = 2.0**-23
ENOUGH = 6  # seeds


def outcomes(runs: pd.DataFrame) -> list[Outcome]:
    """What came out for each claim, in their order."""
    return [second_transition(runs), of_learning(runs), coarser_sooner(runs), stays_critical(runs), leads(runs)]


def of_arm(runs: pd.DataFrame, arm: str, p: int = 43, grokked: bool = True) -> pd.DataFrame:
    """The runs of an arm, by seed; those that grokked."""
    kept = runs[(runs["arm"] == arm) & (runs["p"] == p)].set_index("seed")
    return kept[kept["grok"].notna()] if grokked else kept


def second_transition(runs: pd.DataFrame) -> Outcome:
    """Claim 1."""
    rows = of_arm(runs, "float32")
    hits, seeds = int(rows["second"].notna().sum()), len(rows)
    share, low, high = interval_of_share(hits, seeds)
    gap = interval_of_median(rows["second"] - rows["grok"])
    loss = rows["second_loss"].median() / FLOOR
    verdict = UNDECIDED
    if seeds >= ENOUGH and low > 0.4 and gap[0] >= 2000:
        verdict = REPLICATES
    elif seeds >= ENOUGH and high < 0.5:
        verdict = NOT
    line = f"α falls below 1.2 after grokking in {hits} of {seeds} float32 runs"
    line += f", in the median {gap[0]:,.0f} steps later, at a loss of {loss:.1f} × 2⁻²³." if hits else "."
    null = f"with float64 logits the lowest α from grokking to the slingshot or the end: {_lowest(runs)}"
    effect = f"gap {spread_text(*gap, digits=0)} steps; share {spread_text(share, low, high)}"
    return Outcome("second_transition", verdict, line, effect, null, seeds)


def _lowest(runs: pd.DataFrame) -> str:
    return spread_text(*interval_of_median(of_arm(runs, "float64 logits")["lowest_alpha_old"]))


def of_learning(runs: pd.DataFrame) -> Outcome:
    """Claim 2."""
    both = of_arm(runs, "float32")[["second"]].join(of_arm(runs, "float64 logits")[["second"]], how="inner", rsuffix="_64").notna()
    seeds, plain, exact = len(both), int(both["second"].sum()), int(both["second_64"].sum())
    p = sign_test(both["second"].astype(int) - both["second_64"].astype(int))
    share, low, high = interval_of_share(exact, seeds)
    verdict = UNDECIDED
    if seeds >= ENOUGH and p < 0.05 and plain > exact and high < 0.5:
        verdict = f"{ARTEFACT}float32 in the loss"
    elif seeds >= ENOUGH and low > 0.4:
        verdict = REPLICATES
    line = f"With the logits cast to float64 before the loss, {exact} of {seeds} runs have a second transition; without, {plain}.{_all_in_float64(runs)}"
    effect = f"share with float64 logits {spread_text(share, low, high)}"
    return Outcome(
        "of_learning", verdict, line, effect, f"the same seeds in float32: {plain} of {seeds}; sign test p = {p:.2g}", seeds
    )


def _all_in_float64(runs: pd.DataFrame) -> str:
    rows = of_arm(runs, "float64")
    return f" All in float64: {int(rows['second'].notna().sum())} of {len(rows)}." if len(rows) else ""


def coarser_sooner(runs: pd.DataFrame) -> Outcome:
    """Claim 3."""
    arms = [of_arm(runs, arm)["slingshot"].rename(arm) for arm in ("rounded 17", "rounded 20", "float32")]
    steps = pd.concat(arms, axis=1, join="inner")
    late = steps.fillna(math.inf).to_numpy()
    hits, seeds = int(((late[:, 0] < late[:, 1]) & (late[:, 1] < late[:, 2])).sum()), len(steps)
    p = float(stats.binomtest(hits, seeds, 1 / 6, "greater").pvalue) if seeds else 1.0
    verdict = UNDECIDED
    if seeds >= 3 and p < 0.05:
        verdict = REPLICATES
    elif seeds >= ENOUGH:
        verdict = NOT
    medians = [spread_text(*interval_of_median(steps[arm]), digits=0) for arm in steps]
    line = f"In {hits} of {seeds} seeds the slingshot comes first at 2⁻¹⁷, then at 2⁻²⁰, then in float32."
    effect = f"median step: 2⁻¹⁷ {medians[0]}, 2⁻²⁰ {medians[1]}, float32 {medians[2]}"
    return Outcome("coarser_sooner", verdict, line, effect, f"by chance 1 of 6; p = {p:.2g}", seeds)


def stays_critical(runs: pd.DataFrame) -> Outcome:
    """Claim 4."""
    rows = of_arm(runs, "float32")
    rows = rows[rows["second"].notna()]
    after = rows["slingshot"] - rows["second"]
    hits, seeds = int(((after >= 0) & (after <= 5000)).sum()), len(rows)
    share, low, high = interval_of_share(hits, seeds)
    verdict = UNDECIDED
    if seeds >= ENOUGH and low > 0.5:
        verdict = NOT
    elif seeds >= ENOUGH and high < 0.5:
        verdict = REPLICATES
    line = f"Within 5,000 steps of the second transition, {hits} of {seeds} runs have a slingshot"
    line += _what_it_does(rows) if hits else "."
    calm = of_arm(runs, "float64 logits")
    null = f"with float64 logits {int(calm['slingshot'].notna().sum())} of {len(calm)} runs have one at any time"
    effect = f"share {spread_text(share, low, high)}; after {spread_text(*interval_of_median(after), digits=0)} steps"
    return Outcome("stays_critical", verdict, line, effect, null, seeds)


def _what_it_does(rows: pd.DataFrame) -> str:
    times = float(f"{rows['spike_times'].median():.1g}")
    return f": in the median the loss rises {times:,.0f} times, and the test accuracy falls to {rows['spike_test'].median():.0%}."
