"""The outcome of each claim; the rules of the band and of the null are here, each other rule has a module of its own."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.common.statistics import interval_of_mean, interval_of_share
from studies.common.study import NOT, REPLICATES, UNDECIDED, Outcome
from studies.regimes.arms import NETWORKS, OPTIMIZERS, cells, fewest, of_arm, seeds, title
from studies.regimes.descent_rules import HIGH, edge, ordered
from studies.regimes.optimizer_rule import describes_network
from studies.regimes.performance_rule import performance
from studies.regimes.words import percent

LOW = 0.8
KNOWN_NULL = ("sgd", "momentum", "adamw")
COMBINATIONS = len(NETWORKS) * len(OPTIMIZERS)


def outcomes(runs: pd.DataFrame) -> list[Outcome]:
    """One for each claim, in the order of the claims."""
    return [rule(runs) for rule in (healthy_band, describes_network, beyond_null, performance, ordered, edge)]


def healthy_band(runs: pd.DataFrame) -> Outcome:
    """Of the runs that learned, how many lie in the band, in each cell."""
    main = of_arm(runs, "main")
    learned = main[main["learned"] == 1]
    counts = {name: (int(cell["mean_alpha"].between(LOW, HIGH).sum()), len(cell)) for name, cell in cells(learned)}
    spreads = [interval_of_share(*count) for count in counts.values()]
    outside = sum(each[2] < 0.5 for each in spreads)
    whole = len(counts) == COMBINATIONS and all(n >= 5 for _, n in counts.values())
    inside = sum(each[0] >= 0.8 for each in spreads)
    verdict = NOT if outside >= 2 else REPLICATES if whole and inside == len(spreads) else UNDECIDED
    hits, n = (sum(each[i] for each in counts.values()) for i in (0, 1))
    line = (
        f"{hits} of {n} main runs that learned have a mean α from {LOW} to {HIGH}; in {outside} of {len(counts)} combinations of "
        "network and optimizer the 95 % interval of this share lies below one half."
    )
    if len(counts) < COMBINATIONS:
        line += f" Of {COMBINATIONS} combinations {COMBINATIONS - len(counts)} have no run that learned, or none at all yet."
    effect = f"{percent(interval_of_share(hits, n))} in the band, {n} runs" if n else "no run to judge"
    by_cell = "; ".join(f"{title(name)}: {k} of {m}" for name, (k, m) in counts.items())
    return Outcome(
        "healthy_band", verdict, line if n else "No main run that learned is in.", effect, by_cell or "none", seeds(main)
    )


def beyond_null(runs: pd.DataFrame) -> Outcome:
    """How many windows differ from what the optimizer gives on gradients without memory."""
    main = of_arm(runs, "main")
    judged = main[main["optimizer"].isin(KNOWN_NULL)]
    found = interval_of_mean([beyond(row) for row in judged["p"]])
    few = fewest(judged, KNOWN_NULL) < 5
    verdict = UNDECIDED if few else REPLICATES if found[1] > 0.5 else NOT if found[2] < 0.25 else UNDECIDED
    known = math.isfinite(found[0])
    line = (
        f"{percent(found)} of the windows of main runs, Muon left out, differ from the null of their optimizer at p < 0.05, where "
        "5 % would if gradients had no memory."
    )
    shares = {title(name): interval_of_mean([beyond(row) for row in cell["p"]])[0] for name, cell in cells(main)}
    null = "; ".join(
        ["5 % if gradients have no memory", *(f"{name} {100 * x:.0f} %" for name, x in shares.items() if math.isfinite(x))]
    )
    return Outcome(
        "beyond_null",
        verdict,
        line if known else "No main run with SGD, momentum or AdamW that has a p-value is in.",
        f"{percent(found)} with p < 0.05, {len(judged)} runs" if known else "no run to judge",
        null,
        seeds(judged),
    )


def beyond(p_values: list[float]) -> float:
    """Share of windows with a p below 0.05 among those that have one."""
    known = np.asarray(p_values, dtype=float)
    known = known[np.isfinite(known)]
    return float((known < 0.05).mean()) if len(known) else math.nan
