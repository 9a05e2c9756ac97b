"""The verdict on each claim, by the rules of the protocol."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.common.statistics import Interval, interval_of_mean, interval_of_median, interval_of_share, spread_text
from studies.common.study import NOT, REPLICATES, UNDECIDED, Outcome
from studies.plasticity import foretelling, tasks
from studies.plasticity.alarms import Alarms, alarms_of
from studies.plasticity.foretelling import Foretelling

AUTHORS, SEALED, ENOUGH_LOST = "alpha_old", 1.5, 5
FEWEST = {"sealed_band": 10, "foretells_loss": 30, "alarm_first": 30, "correction": 300}
"""Runs that a verdict needs."""


def outcomes(runs: pd.DataFrame) -> list[Outcome]:
    """One outcome for each claim."""
    table = tasks.table(runs)
    return [sealed_band(table), foretells_loss(table), alarm_first(table), correction(runs)]


def percent(share: Interval) -> str:
    """A share with its interval, in per cent."""
    value, low, high = (100 * each for each in share)
    return spread_text(value, low, high, 0).replace(" (", " % (", 1) if math.isfinite(value) else "unknown"


def sealed_shares(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """For each run that lost enough tasks the share of these with α in the sealed band; for each run the same among learned tasks."""
    ageing = table[table["arm"].astype(str).str.startswith("labels") & (table["lost"] >= tasks.LOST)]
    lost = ageing.groupby("run").filter(lambda run: len(run) >= ENOUGH_LOST) if len(ageing) else ageing
    learned = table[table["lost"] < tasks.LEARNED]
    return _share_sealed(lost), _share_sealed(learned)


def _share_sealed(chosen: pd.DataFrame) -> pd.Series:
    return (chosen[AUTHORS] > SEALED).groupby(chosen["run"]).mean()


def sealed_verdict(share: Interval, learned: float, runs: int) -> str:
    """Rule 1 of the protocol."""
    if runs < FEWEST["sealed_band"]:
        return UNDECIDED
    if share[1] > 0.5 and share[0] > learned:
        return REPLICATES
    return NOT if share[2] < 0.5 else UNDECIDED


def sealed_band(table: pd.DataFrame) -> Outcome:
    lost, learned = sealed_shares(table)
    share, other = interval_of_mean(lost), interval_of_mean(learned)
    median = table.loc[table["run"].isin(lost.index) & (table["lost"] >= tasks.LOST), AUTHORS].dropna().median()
    line = _sealed_line(share[0], median, other[0]) if len(lost) else f"no ageing network lost {ENOUGH_LOST} tasks or more."
    null = f"tasks that are learned: α above 1.5 in {percent(other)}, {len(learned)} runs"
    effect = f"α above 1.5 in {percent(share)} of the lost tasks, {len(lost)} runs"
    return Outcome("sealed_band", sealed_verdict(share, other[0], len(lost)), line, effect, null, len(lost))


def _sealed_line(share: float, median: float, learned: float) -> str:
    typical = f" (median {median:.2f})" if math.isfinite(median) else ""
    beside = f", and in {100 * learned:.0f} % of tasks that are learned" if math.isfinite(learned) else ""
    return f"in networks that no longer learn, the author's α{typical} is above 1.5 in {100 * share:.0f} % of lost tasks{beside}."


def prediction_verdict(found: Foretelling, fewest: int) -> str:
    """Rules 2 and 4 of the protocol."""
    (_, low, high), (_, least, most) = found.partial, found.gain
    if found.runs < fewest or not np.isfinite([low, high, least, most]).all():
        return UNDECIDED
    if low > 0.1 and least > 0.01:
        return REPLICATES
    return NOT if high < 0.2 or most < 0.01 else UNDECIDED


def foretells_loss(table: pd.DataFrame) -> Outcome:
    found, other = foretelling.of_loss(table, AUTHORS), foretelling.of_loss(table, "weights")
    return _of_prediction("foretells_loss", "the loss ten tasks later", "the loss so far and the arm", found, "‖W‖", other)


def correction(runs: pd.DataFrame) -> Outcome:
    rows = foretelling.corrections(runs)
    found, other = foretelling.of_correction(rows, AUTHORS), foretelling.of_correction(rows, "update_ratio")
    known = "hyperparameters, loss and accuracy"
    return _of_prediction("correction", "the time to learn a correction", known, found, "the update ratio", other)


def _of_prediction(key: str, target: str, known: str, found: Foretelling, rival: str, other: Foretelling) -> Outcome:
    if not math.isfinite(found.partial[0]):
        line = f"too few runs tell what the author's α says of {target}."
        return Outcome(key, UNDECIDED, line, "unknown", "unknown", found.runs)
    adds = f", and α adds {found.gain[0]:+.3f} to R² in runs held out" if math.isfinite(found.gain[0]) else ""
    beside = f"; {rival} has {other.partial[0]:+.2f}" if math.isfinite(other.partial[0]) else ""
    rule = "; it counts from 0.1, and a gain from 0.01 on, by the lower ends of their intervals"
    line = f"given {known}, the author's α and {target} have a rank correlation of {found.partial[0]:+.2f}{adds}{beside}{rule}."
    effect = f"partial correlation {spread_text(*found.partial)}, gain in R² {spread_text(*found.gain, 3)}, {found.runs} runs"
    null = f"{rival}: partial correlation {spread_text(*other.partial)}, gain in R² {spread_text(*other.gain, 3)}"
    return Outcome(key, prediction_verdict(found, FEWEST[key]), line, effect, null, found.runs)


def alarm_verdict(lead: Interval, false: Interval, runs: int) -> str:
    """Rule 3 of the protocol."""
    if runs < FEWEST["alarm_first"] or not np.isfinite([*lead, *false]).all():
        return UNDECIDED
    if lead[1] > 0 and false[0] <= 0.2:
        return REPLICATES
    return NOT if lead[2] <= 0 or false[1] > 0.2 else UNDECIDED


def alarm_first(table: pd.DataFrame) -> Outcome:
    found, other = alarms_of(table, AUTHORS), alarms_of(table, "weights")
    lead, false = intervals(found)
    verdict = alarm_verdict(lead, false, len(found.leads))
    if not len(found.leads) or not found.healthy:
        return Outcome(
            "alarm_first", verdict, "no network failed, or none was healthy beside it.", "unknown", "unknown", len(found.leads)
        )
    first = int((found.leads > 0).sum())
    line = (
        f"the alarm on the author's α comes before that on the loss in {first} of {len(found.leads)} networks that fail, "
        f"with false alarms in {found.false} of {found.healthy} healthy ones."
    )
    effect = f"median lead over the loss {spread_text(*lead, 1)} tasks, {len(found.leads)} runs; false alarms {percent(false)}"
    rival, needless = intervals(other)
    null = f"‖W‖: median lead over the loss {spread_text(*rival, 1)} tasks, false alarms {percent(needless)}"
    return Outcome("alarm_first", verdict, line, effect, null, len(found.leads))


def intervals(found: Alarms) -> tuple[Interval, Interval]:
    """Median lead over the loss, and share of false alarms."""
    return interval_of_median(found.leads), interval_of_share(found.false, found.healthy)
