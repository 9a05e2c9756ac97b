"""Whether an exponent gives notice of grokking: alarms before the test accuracy rises, against the run with shuffled answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from studies.common.statistics import Interval, interval_of_mean, interval_of_median
from studies.common.study import NOT, REPLICATES, UNDECIDED, Outcome
from studies.grokking.tracks import ALPHAS, NAMES, OTHERS
from studies.grokking.words import interval_text

SPAN = 2_000  # steps before the rise of accuracy
CHEAP = ("loss", "gradient", "weights")
LEVEL = 1 - 0.05 / len(ALPHAS)
ENOUGH = 6
NONE = "No seed is in that grokked before its run with shuffled answers ended."


def lead(alarms: Sequence[float], event: float) -> float:
    """Steps from the first alarm within SPAN before an event to the event; NaN without one.

    >>> lead([100.0, 4500.0, 4900.0], 5000.0), lead([5100.0], 5000.0)
    (500.0, nan)
    """
    inside = [each for each in alarms if event - SPAN < each <= event]
    return event - inside[0] if inside else np.nan


def _joined(runs: pd.DataFrame) -> pd.DataFrame:
    """The float32 runs that grokked, with the run with shuffled answers of the same seed beside."""
    main = runs[(runs["p"] == 43) & (runs["arm"] == "float32") & runs["grok"].notna()].set_index("seed")
    control = runs[(runs["p"] == 43) & (runs["arm"] == "shuffled answers")].set_index("seed")
    return main.join(control, how="inner", rsuffix="_shuffled")


def paired(runs: pd.DataFrame) -> pd.DataFrame:
    """Those of them whose test accuracy rises before the run with shuffled answers ends: later there is nothing to compare with."""
    pairs = _joined(runs)
    return pairs[pairs["risen"] <= pairs["steps_done_shuffled"]]


def too_late(runs: pd.DataFrame) -> int:
    """How many seeds are left out because their test accuracy rises after the run with shuffled answers ends."""
    return len(_joined(runs)) - len(paired(runs))


def table_of(runs: pd.DataFrame) -> pd.DataFrame:
    """For each statistic: how often it raised an alarm before the rise, how often the control did, and the median lead."""
    return pd.DataFrame([_row(paired(runs), name) for name in (*ALPHAS, *OTHERS)])


def _row(pairs: pd.DataFrame, name: str) -> dict[str, object]:
    ours = _leads(pairs, f"alarms_{name}", "risen")
    theirs = _leads(pairs, f"alarms_{name}_shuffled", "risen")
    lenient = _leads(pairs, f"alarms_{name}", "grok")
    hits, false = np.isfinite(ours).astype(int), np.isfinite(theirs).astype(int)
    return {
        "statistic": NAMES[name],
        "name": name,
        "alarm before 10 %": int(hits.sum()),
        "control": int(false.sum()),
        "seeds": len(pairs),
        "difference": interval_of_mean(hits - false, level=LEVEL),
        "lead": interval_of_median(ours),
        "alarm before 90 %": int(np.isfinite(lenient).sum()),
    }


def _leads(pairs: pd.DataFrame, column: str, event: str) -> np.ndarray:
    return np.array([lead(alarms, at) for alarms, at in zip(pairs[column], pairs[event], strict=True)], dtype=float)


def leads(runs: pd.DataFrame) -> Outcome:
    """Claim 5."""
    table = table_of(runs).set_index("name")
    seeds = int(table["seeds"].iloc[0])
    warns = {name: row["difference"][1] > 0 for name, row in table.iterrows()}
    notice = {name: row["lead"][0] for name, row in table.iterrows()}
    earliest = max((notice[name] for name in CHEAP if warns[name]), default=-np.inf)
    warning = [name for name in ALPHAS if warns[name]]
    first = [name for name in warning if notice[name] > earliest]
    best = max(first or warning or ALPHAS, key=lambda name: table.loc[name, "difference"][0])
    row = table.loc[best]
    if not seeds:
        return Outcome("leads", UNDECIDED, NONE, "–", f"–{_left_out(runs)}", 0)
    line = f"The best of six exponents, {row['statistic']}, raises an alarm in the 2,000 steps before the accuracy rises in "
    line += f"{row['alarm before 10 %']} of {seeds} runs, and in {row['control']} of {seeds} runs with shuffled answers."
    effect = f"difference {interval_text(row['difference'])}; median lead in steps: {interval_text(row['lead'], digits=0)}"
    cheap = (
        f"{table.loc[name, 'statistic']} {table.loc[name, 'alarm before 10 %']} and {table.loc[name, 'control']}" for name in CHEAP
    )
    null = f"alarms before the rise and in the control: {', '.join(cheap)}{_left_out(runs)}"
    ends: list[Interval] = [table.loc[name, "difference"] for name in ALPHAS]
    return Outcome("leads", _verdict(seeds, bool(warning), bool(first), ends), line, effect, null, seeds)


def _left_out(runs: pd.DataFrame) -> str:
    late = too_late(runs)
    return f"; left out, because the accuracy rises after the control ended: {late}" if late else ""


def _verdict(seeds: int, warns: bool, first: bool, differences: list[Interval]) -> str:
    if seeds < ENOUGH:
        return UNDECIDED
    if first:
        return REPLICATES
    return NOT if warns or all(high < 0.5 for _, _, high in differences) else UNDECIDED
