"""The tables of the page, and what was not done."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from studies.common.statistics import interval_of_median, spread_text
from studies.instability.divergence import alarms, ramps
from studies.instability.judging import SOON
from studies.instability.ramp import WATCHED
from studies.instability.scores import ALPHA, GRADIENT_LAYER, LOSS, NAMES, RMS_RULE, UPDATE_FIRST, UPDATE_LAYER
from studies.instability.summary import per_seed, spike_rates, steady, warned
from studies.instability.training import STEPS

SHOWN = (LOSS, GRADIENT_LAYER, UPDATE_FIRST, UPDATE_LAYER, RMS_RULE, ALPHA)


def tables(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """All tables, each with its title; those without rows are left out."""
    table = steady(runs)
    full, mini = table[table["task"] == "curve"], table[table["task"] != "curve"]
    found = [
        (f"Warnings of spikes, {what}", _statistics(each))
        for what, each in (("full batch", full), ("minibatch", mini))
        if each["spikes"].sum()
    ]
    found += [("By network: share of spikes preceded (by chance)", _networks(table)), ("Spikes in 1,000 steps", _spikes(table))]
    return [each for each in (*found, ("A growing rate: steps from the alarm to the failure", _ramps(runs))) if len(each[1])]


def _statistics(runs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame([_row(runs, name) for name in NAMES])


def _row(runs: pd.DataFrame, name: str) -> dict[str, str]:
    found = warned(runs, name)
    return {
        "statistic": NAMES[name],
        "preceded": spread_text(*found.share),
        "by chance": f"{found.chance:.2f}",
        f"within {SOON} steps": f"{warned(runs, name, SOON).share[0]:.2f}",
        "lead, steps": spread_text(*found.lead, digits=0) if found.share[0] else "–",
        "false alarms per 1,000": f"{found.false:.1f}",
        "placement": spread_text(*found.placement),
    }


def _networks(runs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (task, bits, b2), group in runs.groupby(["task", "bits", "b2"]):
        row = {"network": task, "weights": _weights(int(bits)), "β₂": f"{b2:g}", "spikes": f"{int(group['spikes'].sum()):,}"}
        rows.append(row | {NAMES[name]: _with_chance(group, name) for name in SHOWN})
    return pd.DataFrame(rows)


def _with_chance(runs: pd.DataFrame, name: str) -> str:
    seeds = per_seed(runs, name)
    return f"{seeds['share'].mean():.2f} ({seeds['chance'].mean():.2f})" if len(seeds) else "–"


def _spikes(runs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (task, bits, rate), group in runs.groupby(["task", "bits", "rate"]):
        rates = spike_rates(group).mean()
        row = {"network": task, "weights": _weights(int(bits)), "rate": f"{rate:g}"}
        rows.append(row | {f"β₂ = {b2:g}": f"{rates[b2]:.2f}" if b2 in rates else "–" for b2 in (0.999, 0.95)})
    return pd.DataFrame(rows)


def _ramps(runs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (task, b2), group in alarms(runs).groupby(["task", "b2"]):
        leads = {title: _lead(group[name]) for name, title in WATCHED.items()}
        rows.append({"network": task, "β₂": f"{b2:g}", "failed": str(len(group)), **leads})
    return pd.DataFrame(rows)


def _lead(leads: pd.Series) -> str:
    median = interval_of_median(leads.clip(lower=-STEPS))
    never = int(np.isinf(leads).sum())
    text = "never" if median[0] == -STEPS else spread_text(*median, digits=0)
    return f"{text}; {never} without" if never else text


def _weights(bits: int) -> str:
    return f"{bits} bits" if bits else "float32"


def not_done(runs: pd.DataFrame) -> list[str]:
    """What the runs do not cover."""
    table = steady(runs)
    none = [
        f"{task}, {_weights(int(bits))}, β₂ = {b2:g}"
        for (task, bits, b2), group in table.groupby(["task", "bits", "b2"])
        if not group["spikes"].sum()
    ]
    return list(itertools.chain(_quiet(none), _unfailed(runs), _ALWAYS))


def _quiet(none: list[str]) -> list[str]:
    return [f"No spike at any rate, so nothing to judge: {'; '.join(none)}."] if none else []


def _unfailed(runs: pd.DataFrame) -> list[str]:
    grown = ramps(runs)
    grown = grown[grown["arm"] == "ramp"]
    failed = int(grown["failure"].notna().sum())
    others = "; the others are not judged." if failed < len(grown) else "."
    return [f"{failed} of {len(grown)} runs with a growing rate failed for good{others}"] if len(grown) else []


_ALWAYS = (
    "No large network: a small transformer showed hardly any spike in the pilot, and larger ones exceed the compute.",
    "No SGD, weight decay, clipping or warm-up; 4 bits are simulated in float32.",
    "No alarm that is learned from several statistics together.",
    "No vector α, and no α at orders 2 and 3.",
)
