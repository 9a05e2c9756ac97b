"""Tables for the page, and what was not done."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.common.measures import Floats
from studies.grokking.arms import PAIR, SEEDS, planned
from studies.grokking.leads import table_of, too_late
from studies.grokking.summary import AROUND_GROKKING, AROUND_SLINGSHOT
from studies.grokking.tracks import NAMES
from studies.grokking.verdicts import FLOOR, of_arm, stopped_before, unsettled
from studies.grokking.words import interval_text, median_text, percent

LEVELS = ("norm", "gradient", "loss", "weights")


def tables(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Titles and tables."""
    float32 = of_arm(runs, "float32")
    return [
        ("What each arm did: runs, and medians of steps", _arms(runs)),
        ("Alarms before the test accuracy passes 10 %, and in the runs with shuffled answers that lasted as long", _alarms(runs)),
        (
            "Float32, p = 43: medians in windows around grokking (steps from it to the middle)",
            _around(float32, "grok", AROUND_GROKKING),
        ),
        (
            "Float32, p = 43: medians in windows around the slingshot (steps from it to the end)",
            _around(float32, "slingshot", AROUND_SLINGSHOT),
        ),
    ]


def arms_of(runs: pd.DataFrame) -> list[tuple[str, int]]:
    """Arms and p, in the order of the runs."""
    return list(dict.fromkeys(zip(runs["arm"], runs["p"], strict=True)))


def _arms(runs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame([_arm(runs, arm, p) for arm, p in arms_of(runs)])


def _arm(runs: pd.DataFrame, arm: str, p: int) -> dict[str, str | int]:
    rows, all_ = of_arm(runs, arm, p), of_arm(runs, arm, p, grokked=False)
    return {
        "arm": arm,
        "p": p,
        "runs": len(all_),
        "grokked": len(rows),
        "at": median_text(rows["grok"]),
        "second transition": int(rows["second"].notna().sum()),
        "gap": median_text(rows["second"] - rows["grok"]),
        "its loss (2⁻²³)": median_text(rows["second_loss"] / FLOOR, 1),
        "lowest α": median_text(rows["lowest_alpha_old"], 2),
        "lowest at order 2": median_text(rows["lowest_alpha_2"], 2),
        "slingshots": int(rows["slingshot"].notna().sum()),
        "slingshot at": median_text(rows["slingshot"]),
        "steps watched": median_text(all_["steps_done"]),
        "last loss": _in_powers(all_["last_loss"].median()),
        "best test accuracy": percent(all_["best_test"].median()),
    }


def _in_powers(value: float) -> str:
    return f"{value:.1e}" if np.isfinite(value) else "–"


def _alarms(runs: pd.DataFrame) -> pd.DataFrame:
    table = table_of(runs).drop(columns="name")
    table["difference"] = [interval_text(each) for each in table["difference"]]
    table["lead"] = [interval_text(each, digits=0) for each in table["lead"]]
    return table


def _around(rows: pd.DataFrame, event: str, offsets: tuple[int, ...]) -> pd.DataFrame:
    """Medians over seeds; of levels the factor since the first offset."""
    table = {}
    for name, title in NAMES.items():
        values = np.array([*rows[f"{event}_{name}"]], dtype=float).reshape(len(rows), len(offsets))
        factor = name in LEVELS
        shown = np.exp(values - values[:, :1]) if factor else values
        table[title.replace("log ", "") + " (factor)" * factor] = [_number(column) for column in shown.T]
    return pd.DataFrame(table, index=[f"{each:+,d}" for each in offsets]).T.rename_axis("statistic").reset_index()


def _number(values: Floats) -> str:
    known = values[np.isfinite(values)]
    return f"{np.median(known):.3g}" if len(known) else "–"


def not_done(runs: pd.DataFrame) -> list[str]:
    """What the protocol listed and the compute did not allow, and what it left out."""
    return [
        *_missing(runs),
        *_left_out(runs),
        "The runs are in JAX, not in torch as the author's: their rounding differs in the last bit.",
        "p = 43 trains on 40 % of the pairs, because with 30 % it did not grok within 30,000 steps.",
        "Other tasks than addition modulo p, networks of other sizes and other learning rates were not tried.",
        "Runs were stopped 3,000 steps after the slingshot, so what comes later is not known.",
    ]


def _missing(runs: pd.DataFrame) -> list[str]:
    wanted = dict.fromkeys(arms_of(runs), len(SEEDS)) | planned()
    counts = {(arm, p): len(of_arm(runs, arm, p, grokked=False)) for arm, p in wanted}
    short = [f"{arm}, p = {p}: {counts[arm, p]} of {of} seeds." for (arm, p), of in wanted.items() if 0 < counts[arm, p] < of]
    none = [f"{arm}, p = {p}" for arm, p in wanted if not counts[arm, p]]
    return [*short, f"Arms without any run: {'; '.join(none)}."] if none else short


def _left_out(runs: pd.DataFrame) -> list[str]:
    """Seeds that a claim could not count."""
    cut = {arm: stopped_before(of_arm(runs, arm)) for arm in PAIR}
    texts = {
        "claim 4, because the run ended less than 5,000 steps after the second transition and had no slingshot in that time": unsettled(
            of_arm(runs, "float32")
        ),
        "claim 5, because the test accuracy rises after the run with shuffled answers ended (10,000 steps)": too_late(runs),
    }
    found = [f"Seeds left out of {why}: {count}." for why, count in texts.items() if count]
    cuts = ", ".join(f"{arm} {count}" for arm, count in cut.items() if count)
    return (
        [*found, f"Runs that a slingshot ended before any second transition, and that count as without one: {cuts}."]
        if cuts
        else found
    )
