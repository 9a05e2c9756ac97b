"""The decision rules of the protocol: those of the two networks here, those of the tanh network in `descent_rules`."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.common.statistics import Interval, held_out_gain, interval_of_mean, interval_of_share, partial_spearman
from studies.common.study import ARTEFACT, NOT, REPLICATES, UNDECIDED, Outcome
from studies.regimes.arms import CELL, NETWORKS, OPTIMIZERS, balanced, cells, fewest, of_arm, title, with_labels
from studies.regimes.descent_rules import HIGH, edge, ordered
from studies.regimes.shares import NOTHING, share
from studies.regimes.words import not_in, percent, spread

LOW = 0.8
KNOWN_NULL = ("sgd", "momentum", "adamw")
VARIED = ("main", "small batch", "cosine", "rate / 10", "rate × 5")
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


def describes_network(runs: pd.DataFrame) -> Outcome:
    """The optimizer against whether there is anything to learn."""
    main, both = of_arm(runs, "main"), balanced(with_labels(runs))
    by_optimizer = share(balanced(main), "mean_alpha", "optimizer", CELL)
    same = share(both, "mean_alpha", "optimizer", [*CELL, "labels"])
    by_labels = share(both, "mean_alpha", "labels", [*CELL, "labels"])
    few = fewest(main) < 5 or fewest(of_arm(runs, "nothing to learn")) < 2
    verdict = UNDECIDED if few else _described(by_optimizer, same, by_labels)
    line = "Too few main runs are in to tell what the optimizer explains of the variance of α."
    if math.isfinite(by_optimizer[0]):
        line = f"The optimizer explains {percent(by_optimizer)} of the variance of α over main runs; {_of_labels(by_labels)}."
    effect = f"η² of the optimizer {spread(by_optimizer)}" if math.isfinite(by_optimizer[0]) else "no run to judge"
    null = f"in the {len(both)} runs with and without something to learn: optimizer {spread(same)}, labels {spread(by_labels)}"
    if not math.isfinite(by_labels[0]):
        null = "too few runs without anything to learn are in"
    return Outcome("describes_network", verdict, line, effect, null, seeds(main))


def _of_labels(share: Interval) -> str:
    if not math.isfinite(share[0]):
        return "too few runs of the arm without anything to learn are in to compare"
    return f"whether there is anything to learn explains {percent(share)} in the runs of the same seeds with and without it"


def _described(by_optimizer: Interval, same: Interval, by_labels: Interval) -> str:
    if by_optimizer[1] >= 0.5 and by_optimizer[1] > by_labels[2]:
        return ARTEFACT + "the optimizer"
    return REPLICATES if by_optimizer[2] < 0.25 or by_labels[1] > same[2] else UNDECIDED


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


def performance(runs: pd.DataFrame) -> Outcome:
    """Whether runs with α nearer to 1 do better than others of the same arm."""
    varied = runs[runs["arm"].isin(VARIED)]
    varied = varied[np.isfinite(varied[["mean_alpha", "loss"]].astype(float)).all(axis=1)] if len(varied) else varied
    rho, gain = _relation(varied)
    verdict = UNDECIDED
    if len(varied) >= 60:
        verdict = REPLICATES if rho[1] > 0 and gain[1] > 0 else NOT if rho[2] < 0.3 or gain[2] <= 0.02 else UNDECIDED
    line, effect = f"{len(varied)} runs are too few for a relation of α with the loss within arms.", "no relation to judge"
    if math.isfinite(rho[0]):
        line = (
            f"Within arms, the distance of α from 1 and the validation loss have a rank correlation of {spread(rho)}, positive if runs "
            f"nearer to 1 do better; the distance adds {spread(gain, 3)} to R² on runs held out, {len(varied)} runs."
        )
        effect = f"ρ = {spread(rho)}, gain in R² {spread(gain, 3)}, {len(varied)} runs"
    absent = not_in(arm for arm in VARIED if arm not in set(varied["arm"]))
    null = "network, optimizer, batch, schedule and rate alone"
    return Outcome("performance", verdict, f"{line} {absent}".strip(), effect, null, seeds(varied))


def _relation(varied: pd.DataFrame) -> tuple[Interval, Interval]:
    """The partial correlation of |α − 1| with the loss, given the cell, and what it adds on runs held out."""
    names = varied[["arm", *CELL]].agg(" ".join, axis=1) if len(varied) else pd.Series(dtype=str)
    if len(varied) < 2 * max(5, names.nunique()):  # else the arms alone fit every run
        return NOTHING, NOTHING
    away, loss = (varied["mean_alpha"] - 1).abs(), varied["loss"]
    arms = pd.get_dummies(names, drop_first=True).to_numpy(float)
    return partial_spearman(away, loss, arms), held_out_gain(away.to_numpy(), arms, loss)


def seeds(runs: pd.DataFrame) -> int:
    """How many seeds the combination of network and optimizer with the fewest has, of those that are in."""
    return min((int(cell["seed"].nunique()) for _, cell in cells(runs)), default=0)
