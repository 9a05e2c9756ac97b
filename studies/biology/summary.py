"""Applies the rules of the protocol to what the intervals hold and the recordings show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from studies.biology.exponents import FOR_MISFIT, RANGES, STRETCH, Spread, student, union
from studies.biology.recordings import HEALTHY, NAMES
from studies.common.statistics import interval_of_share, spread_text
from studies.common.study import NOT, REPLICATES, UNDECIDED, UNTESTABLE, Outcome

BAND, SEEDS, ENOUGH = (0.8, 1.2), 10, 1000
TOO_SHORT = "No recording of a healthy person with 1,000 beats is in."
HEALTH = {"alpha1": (1.20, 0.18), "alpha2": (1.00, 0.12)}
"""Mean and standard deviation of healthy people, C.-K. Peng et al., doi:10.1063/1.166141."""


def arm(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """The runs of an arm."""
    return runs[runs["arm"] == name] if "arm" in runs else pd.DataFrame()


def deciding(runs: pd.DataFrame) -> pd.DataFrame:
    """Recordings of healthy people that are long enough to decide anything."""
    recorded = arm(runs, "recording")
    return recorded[recorded["recording"].isin(HEALTHY) & (recorded["beats"] >= ENOUGH)] if len(recorded) else recorded


def alpha_of(row: pd.Series, name: str) -> Spread:
    """α of a range, with the union of both intervals."""
    whole = Spread(*(float(row[f"{name}{end}"]) for end in ("", "_low", "_high")))
    return union(whole, student(_numbers(row[f"{name}_stretches"])))


def difference_of(row: pd.Series) -> Spread:
    """α1 − α2 over stretches, with Student's interval."""
    return student(_numbers(row["alpha1_stretches"]) - _numbers(row["alpha2_stretches"]))


def corrected(row: pd.Series) -> float:
    """The smallest p of a single exponent times the number of stretches; NaN if there is no stretch."""
    found = _numbers(row["misfit"])
    return min(float(found.min()) * len(found), 1.0) if len(found) else math.nan


def _numbers(values: Sequence[float] | None) -> np.ndarray:
    return np.asarray([] if values is None else values, dtype=float)


def covers(runs: pd.DataFrame) -> pd.DataFrame:
    """One row for each model: series, seeds, and the shares of intervals that hold the truth and of misfits."""
    tried = arm(runs, "cover")
    rows = []
    for (model, parameter), group in tried.groupby(["model", "parameter"], sort=False) if len(tried) else ():
        series = int(group["count"].sum())
        row = {"model": model, "parameter": float(parameter), "seeds": group["seed"].nunique(), "series": series}
        rows.append(row | {each: int(group[each].sum()) / series for each in ("alpha1_covered", "alpha2_covered", "misfits")})
    return pd.DataFrame(rows, columns=["model", "parameter", "seeds", "series", "alpha1_covered", "alpha2_covered", "misfits"])


def gates(runs: pd.DataFrame) -> tuple[bool, bool]:
    """Whether intervals hold the truth often enough, and whether misfits are rare enough where a single exponent holds."""
    rows = covers(runs)
    plain = rows[(rows["model"] == "arfima") & (rows["seeds"] >= SEEDS)]
    if len(plain) < 3:
        return False, False
    return bool((plain[["alpha1_covered", "alpha2_covered"]] >= 0.9).all(axis=None)), bool((plain["misfits"] <= 0.1).all())


def verdict_on_band(found: list[Spread], trusted: bool) -> str:
    """The rule of claim 1, from all α that decide."""
    if not found or not trusted:
        return UNDECIDED
    low, high = BAND
    if all(low <= each.low and each.high <= high for each in found):
        return REPLICATES
    return NOT if any(each.high < low or each.low > high for each in found) else UNDECIDED


def verdict_on_one(p: list[float], differences: list[Spread], trusted: bool) -> str:
    """The rule of claim 2."""
    if not p or not trusted or not np.isfinite(p).all():
        return UNDECIDED
    if min(p) < 0.01:
        return NOT
    same = all(each.low <= 0 <= each.high for each in differences)
    return REPLICATES if min(p) > 0.05 and same else UNDECIDED


def outcomes(runs: pd.DataFrame) -> list[Outcome]:
    """One for each claim."""
    kept = [row for _, row in deciding(runs).iterrows()]
    trusted, fitting = gates(runs)
    rows = covers(runs)
    seeds = int(rows["seeds"].min()) if len(rows) else 0
    return [_of_band(kept, trusted, rows, seeds), _of_one(kept, fitting, rows, seeds), _of_evoked(runs)]


def _of_band(kept: list[pd.Series], trusted: bool, rows: pd.DataFrame, seeds: int) -> Outcome:
    found = [alpha_of(row, name) for row in kept for name in RANGES]
    effect = "; ".join(_exponents(row) for row in kept)
    where = "; ".join(f"{_exponents(row)} ({NAMES[row['recording']]})" for row in kept)
    line = f"A healthy heart has {where}; the band is 0.8 to 1.2." if kept else TOO_SHORT
    plain = rows[rows["model"] == "arfima"]
    null = f"simulated series with one exponent, {seeds} seeds: the interval holds the truth in at least "
    null += f"{percent(plain[['alpha1_covered', 'alpha2_covered']].min(axis=None))}; " if len(plain) else "–; "
    null += "healthy people (Peng 1995): α1 1.20 ± 0.18, α2 1.00 ± 0.12"
    return Outcome("heart", verdict_on_band(found, trusted), line, effect or "–", null, seeds)


def _exponents(row: pd.Series) -> str:
    alpha1, alpha2 = (spread_text(*alpha_of(row, name)) for name in RANGES)
    return f"α1 = {alpha1}, α2 = {alpha2}"


def _of_one(kept: list[pd.Series], fitting: bool, rows: pd.DataFrame, seeds: int) -> Outcome:
    p, differences = [corrected(row) for row in kept], [difference_of(row) for row in kept]
    gaps = [f"α1 − α2 = {spread_text(*each)}" if math.isfinite(each.value) else "α1 − α2 not known" for each in differences]
    texts = [_misfit(row, gap) for row, gap in zip(kept, gaps, strict=True)]
    line = f"At 4 to 64 beats a single exponent has {'; '.join(texts)}. {_counted(kept)}" if kept else TOO_SHORT
    worst = {name: percent(group["misfits"].max()) for name, group in rows.groupby("model")}
    null = (
        f"simulated series, {seeds} seeds, misfits with p < 0.05: {worst.get('arfima', '–')} at most of those with one exponent, "
        f"{worst.get('ar1', '–')} of AR(1) series, which have none"
    )
    effect = f"{'; '.join(gaps)}, mean over {_stretches(kept, 'alpha1_stretches')} stretches of {STRETCH} beats" if kept else "–"
    return Outcome("one_exponent", verdict_on_one(p, differences, fitting), line, effect, null, seeds)


def _counted(kept: list[pd.Series]) -> str:
    """Which stretches p and the difference come from."""
    parts = _stretches(kept, "misfit")
    return (
        f"This p is the smallest of {parts} stretches of {FOR_MISFIT:,} beats, times {parts}; the difference is the mean over "
        f"{_stretches(kept, 'alpha1_stretches')} stretches of {STRETCH} beats, so it is not that of α1 and α2 of the whole recording."
    )


def _stretches(kept: list[pd.Series], name: str) -> str:
    """How many there are, such as "4" or, in two recordings, "4 and 9"."""
    return " and ".join(dict.fromkeys(str(len(_numbers(row[name]))) for row in kept))


def _misfit(row: pd.Series, gap: str) -> str:
    p = corrected(row)
    return f"{f'p = {p:.2g}' if math.isfinite(p) else 'no p'}, and {gap} ({NAMES[row['recording']]})"


def _of_evoked(runs: pd.DataFrame) -> Outcome:
    tried = arm(runs, "evoked")
    effect, null = (_directions(tried, strength) for strength in (0.3, 0.0))
    line = (
        "No package that we know ships EEG with ECG, so this waits for a recording: python -m studies.biology.heartbeat RECORDING."
    )
    seeds = int(tried["seed"].nunique()) if len(tried) else 0
    effect = f"a direction is found in {effect} with an evoked potential"
    return Outcome("evoked", UNTESTABLE, line, effect, f"and in {null} without one", seeds)


def _directions(tried: pd.DataFrame, strength: float) -> str:
    """How many made-up recordings show a direction."""
    group = tried[tried["strength"] == strength] if len(tried) else tried
    if not len(group):
        return "none yet"
    hits = int((group["p"] <= 0.05).sum())
    _, low, high = interval_of_share(hits, len(group))
    return f"{hits} of {len(group)} made-up recordings, one a seed (95 %: {percent(low)} to {percent(high)}),"


def percent(share: float) -> str:
    """A share in percent.

    >>> percent(0.934)
    '93 %'
    """
    return f"{100 * share:.0f} %"
