"""Tables for the page, and what was not done."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.common.measures import Floats
from studies.common.statistics import interval_of_median, spread_text
from studies.grokking.leads import table_of
from studies.grokking.summary import AROUND_GROKKING, AROUND_SLINGSHOT
from studies.grokking.tracks import NAMES
from studies.grokking.verdicts import FLOOR, of_arm

PLANNED = 10
LEVELS = ("norm", "gradient", "loss", "weights")


def tables(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Titles and tables."""
    float32 = of_arm(runs, "float32")
    return [
        ("What each arm did: runs, and medians of steps", _arms(runs)),
        ("Alarms before the test accuracy passes 10 %, and in the runs with shuffled answers", _alarms(runs)),
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
        "at": _median(rows["grok"]),
        "α < 1.2 later": int(rows["second"].notna().sum()),
        "gap": _median(rows["second"] - rows["grok"]),
        "its loss (2⁻²³)": _median(rows["second_loss"] / FLOOR, 1),
        "lowest α": _median(rows["lowest_alpha_old"], 2),
        "lowest at order 2": _median(rows["lowest_alpha_2"], 2),
        "slingshots": int(rows["slingshot"].notna().sum()),
        "slingshot at": _median(rows["slingshot"]),
        "steps watched": _median(all_["steps_done"]),
        "last loss": f"{all_['last_loss'].median():.1e}",
        "best test accuracy": f"{all_['best_test'].median():.0%}",
    }


def _alarms(runs: pd.DataFrame) -> pd.DataFrame:
    table = table_of(runs).drop(columns="name")
    table["difference"] = [spread_text(*each) for each in table["difference"]]
    table["lead"] = [spread_text(*each, digits=0) if np.isfinite(each[0]) else "–" for each in table["lead"]]
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


def _median(values: pd.Series, digits: int = 0) -> str:
    return spread_text(*interval_of_median(values), digits=digits) if values.notna().any() else "–"


def not_done(runs: pd.DataFrame) -> list[str]:
    """What the protocol listed and the compute did not allow, and what it left out."""
    counts = {(arm, p): len(of_arm(runs, arm, p, grokked=False)) for arm, p in arms_of(runs)}
    short = [f"{arm}, p = {p}: {count} of {PLANNED} seeds." for (arm, p), count in counts.items() if count < PLANNED]
    return [
        *short,
        "The runs are in JAX, not in torch as the author's: their rounding differs in the last bit.",
        "p = 43 trains on 40 % of the pairs, because with 30 % it did not grok within 30,000 steps.",
        "Other tasks than addition modulo p, networks of other sizes and other learning rates were not tried.",
        "Runs were stopped 3,000 steps after the slingshot, so what comes later is not known.",
    ]
