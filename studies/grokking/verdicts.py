"""The decision rules of the protocol."""

from __future__ import annotations

import math

import pandas as pd
from scipy import stats

from studies.common.statistics import interval_of_median, interval_of_share, sign_test
from studies.common.study import ARTEFACT, NOT, REPLICATES, UNDECIDED, Outcome
from studies.grokking.leads import leads
from studies.grokking.words import median_text, percent, share_text

FLOOR = 2.0**-23
ENOUGH = 6  # seeds
SOON = 5_000  # steps from a second transition to a slingshot that belongs to it


def outcomes(runs: pd.DataFrame) -> list[Outcome]:
    """What came out for each claim, in their order."""
    return [second_transition(runs), of_learning(runs), coarser_sooner(runs), stays_critical(runs), leads(runs)]


def of_arm(runs: pd.DataFrame, arm: str, p: int = 43, grokked: bool = True) -> pd.DataFrame:
    """The runs of an arm, by seed; those that grokked."""
    kept = runs[(runs["arm"] == arm) & (runs["p"] == p)].set_index("seed")
    return kept[kept["grok"].notna()] if grokked else kept


def stopped_before(rows: pd.DataFrame) -> int:
    """How many runs a slingshot ended before they had a second transition."""
    return int((rows["second"].isna() & rows["slingshot"].notna()).sum())


def _stopped(rows: pd.DataFrame) -> str:
    count = stopped_before(rows)
    return f"; of those without, {count} had a slingshot first, and were stopped after it" if count else ""


def second_transition(runs: pd.DataFrame) -> Outcome:
    """Claim 1."""
    rows = of_arm(runs, "float32")
    hits, seeds = int(rows["second"].notna().sum()), len(rows)
    _, low, high = interval_of_share(hits, seeds)
    later = rows["second"] - rows["grok"]
    gap = interval_of_median(later)[0]
    loss = rows["second_loss"].median() / FLOOR
    verdict = UNDECIDED
    if seeds >= ENOUGH and low > 0.4 and gap >= 2000:
        verdict = REPLICATES
    elif seeds >= ENOUGH and high < 0.5:
        verdict = NOT
    line = f"α falls below 1.2 after grokking in {hits} of {seeds} float32 runs" if seeds else "No float32 run that grokked is in"
    line += f", in the median {gap:,.0f} steps later, at a loss of {loss:.1f} × 2⁻²³." if hits else "."
    effect = f"gap in steps: {median_text(later)}; share {share_text(hits, seeds)}{_stopped(rows)}"
    return Outcome("second_transition", verdict, line, effect, _lowest(runs), seeds)


def _lowest(runs: pd.DataFrame) -> str:
    lowest = median_text(of_arm(runs, "float64 logits")["lowest_alpha_old"], 2)
    return f"with float64 logits, the lowest α from 1,500 steps after grokking to the slingshot or the end: {lowest}"


def of_learning(runs: pd.DataFrame) -> Outcome:
    """Claim 2."""
    columns = ["second", "slingshot"]
    both = of_arm(runs, "float32")[columns].join(of_arm(runs, "float64 logits")[columns], how="inner", rsuffix="_64").notna()
    seeds, plain, exact = len(both), int(both["second"].sum()), int(both["second_64"].sum())
    p = sign_test(both["second"].astype(int) - both["second_64"].astype(int))
    _, low, high = interval_of_share(exact, seeds)
    verdict = UNDECIDED
    if seeds >= ENOUGH and p < 0.05 and plain > exact and high < 0.5:
        verdict = f"{ARTEFACT}float32 in the loss"
    elif seeds >= ENOUGH and low > 0.4:
        verdict = REPLICATES
    line = f"With the logits cast to float64 before the loss, {exact} of {seeds} runs have a second transition; without, {plain}."
    line = f"{line if seeds else 'No seed is in that grokked with and without float64 logits.'}{_all_in_float64(runs)}"
    cut = int((~both["second_64"] & both["slingshot_64"]).sum())
    effect = f"share with float64 logits {share_text(exact, seeds)}"
    effect += f"; of those without, {cut} had a slingshot first, and were stopped after it" if cut else ""
    null = f"the same seeds in float32: {plain} of {seeds}; sign test p = {p:.2g}" if seeds else "–"
    return Outcome("of_learning", verdict, line, effect, null, seeds)


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
    line = f"In {hits} of {seeds} seeds the slingshot comes first at 2⁻¹⁷, then at 2⁻²⁰, then in float32."
    line = line if seeds else "No seed is in that grokked at both roundings and in float32."
    texts = [f"{name} {_with_slingshot(steps[arm])}" for name, arm in zip(("2⁻¹⁷", "2⁻²⁰", "float32"), steps, strict=True)]
    effect = f"median step, of runs that have a slingshot: {', '.join(texts)}"
    return Outcome("coarser_sooner", verdict, line, effect, f"by chance 1 of 6; p = {p:.2g}" if seeds else "–", seeds)


def _with_slingshot(steps: pd.Series) -> str:
    return f"{median_text(steps)}, {int(steps.notna().sum())} of {len(steps)} runs" if steps.notna().any() else "none"


def stays_critical(runs: pd.DataFrame) -> Outcome:
    """Claim 4."""
    float32 = of_arm(runs, "float32")
    rows = _settled(float32)
    after = (rows["slingshot"] - rows["second"])[_has_slingshot(rows)]
    hits, seeds = len(after), len(rows)
    _, low, high = interval_of_share(hits, seeds)
    verdict = UNDECIDED
    if seeds >= ENOUGH and low > 0.5:
        verdict = NOT
    elif seeds >= ENOUGH and high < 0.5:
        verdict = REPLICATES
    line = f"Within 5,000 steps of the second transition, {hits} of {seeds} runs have a slingshot"
    line = line if seeds else "No float32 run is in that shows what follows a second transition"
    line += _what_it_does(rows[_has_slingshot(rows)]) if hits else "."
    calm = of_arm(runs, "float64 logits")
    null = (
        f"with float64 logits {int(calm['slingshot'].notna().sum())} of {len(calm)} runs have one at any time" if len(calm) else "–"
    )
    effect = f"share {share_text(hits, seeds)}; steps to it, where it comes: {median_text(after)}"
    effect += f"; left out, because they ended too soon to tell: {unsettled(float32)}" if unsettled(float32) else ""
    return Outcome("stays_critical", verdict, line, effect, null, seeds)


def _has_slingshot(rows: pd.DataFrame) -> pd.Series:
    """Whether a slingshot follows soon after the second transition."""
    return (rows["slingshot"] - rows["second"]).between(0, SOON)


def _settled(rows: pd.DataFrame) -> pd.DataFrame:
    """Runs with a second transition and a slingshot soon after it, or without one for that long."""
    known = _has_slingshot(rows) | (rows["steps_done"] - rows["second"] >= SOON)
    return rows[rows["second"].notna() & known]


def unsettled(rows: pd.DataFrame) -> int:
    """How many runs have a second transition and ended too soon to tell whether a slingshot follows."""
    return int(rows["second"].notna().sum()) - len(_settled(rows))


def _what_it_does(rows: pd.DataFrame) -> str:
    times = float(f"{rows['spike_times'].median():.1g}")
    return (
        f": in the median the loss rises {times:,.0f} times, and the test accuracy falls to {percent(rows['spike_test'].median())}."
    )
