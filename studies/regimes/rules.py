"""The decision rules of the protocol."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from studies.common.statistics import (
    Interval,
    held_out_gain,
    interval_of_mean,
    interval_of_share,
    partial_spearman,
    spread_text,
)
from studies.common.study import ARTEFACT, NOT, REPLICATES, UNDECIDED, Outcome
from studies.regimes.arms import CELL, OPTIMIZERS, cells, of_arm, with_labels
from studies.regimes.shares import share

LOW, HIGH = 0.8, 1.2
KNOWN_NULL = ("sgd", "momentum", "adamw")
VARIED = ("main", "small batch", "cosine", "rate / 10", "rate × 5")


def outcomes(runs: pd.DataFrame) -> list[Outcome]:
    """One for each claim, in the order of the claims."""
    return [rule(runs) for rule in (healthy_band, describes_network, beyond_null, performance, ordered, edge)]


def healthy_band(runs: pd.DataFrame) -> Outcome:
    """Of the runs that learned, how many lie in the band, in each cell."""
    main = of_arm(runs, "main")
    learned = main[main["learned"] == 1]
    counts = {name: (int(cell["mean_alpha"].between(LOW, HIGH).sum()), len(cell)) for name, cell in cells(learned)}
    spread = {name: interval_of_share(*count) for name, count in counts.items()}
    outside = sum(each[2] < 0.5 for each in spread.values())
    whole = len(counts) == 2 * len(OPTIMIZERS) and all(n >= 5 for _, n in counts.values())
    inside = sum(each[0] >= 0.8 for each in spread.values())
    verdict = NOT if outside >= 2 else REPLICATES if whole and inside == len(spread) else UNDECIDED
    hits, n = (sum(each[i] for each in counts.values()) for i in (0, 1))
    line = (
        f"{hits} of {n} main runs that learned have a mean α from {LOW} to {HIGH}; in {outside} of {len(counts)} combinations of "
        "network and optimizer most of them surely lie outside"
    )
    by_cell = "; ".join(f"{optimizer} on {network}: {k} of {m}" for (network, optimizer), (k, m) in counts.items())
    return Outcome(
        "healthy_band", verdict, line, spread_text(*interval_of_share(hits, n)), by_cell or "no run learned", seeds(main)
    )


def describes_network(runs: pd.DataFrame) -> Outcome:
    """The optimizer against whether there is anything to learn."""
    main, both = of_arm(runs, "main"), with_labels(runs)
    by_optimizer = share(main, "mean_alpha", "optimizer", CELL)
    same = share(both, "mean_alpha", "optimizer", [*CELL, "labels"])
    by_labels = share(both, "mean_alpha", "labels", [*CELL, "labels"])
    few = seeds(main) < 5 or seeds(of_arm(runs, "nothing to learn")) < 2
    verdict = UNDECIDED if few else _described(by_optimizer, same, by_labels)
    line = (
        f"the optimizer explains {spread_text(*by_optimizer)} of the variance of α over main runs; whether there is anything to "
        f"learn explains {spread_text(*by_labels)} where that varies"
    )
    null = f"in the runs with and without something to learn: optimizer {spread_text(*same)}, labels {spread_text(*by_labels)}"
    return Outcome("describes_network", verdict, line, f"η² of the optimizer {spread_text(*by_optimizer)}", null, seeds(main))


def _described(by_optimizer: Interval, same: Interval, by_labels: Interval) -> str:
    if by_optimizer[1] >= 0.5 and by_optimizer[1] > by_labels[2]:
        return ARTEFACT + "the optimizer"
    return REPLICATES if by_optimizer[2] < 0.25 or by_labels[1] > same[2] else UNDECIDED


def beyond_null(runs: pd.DataFrame) -> Outcome:
    """How many windows differ from what the optimizer gives on gradients without memory."""
    main = of_arm(runs, "main")
    judged = main[main["optimizer"].isin(KNOWN_NULL)]
    found = interval_of_mean([beyond(row) for row in judged["p"]])
    few = seeds(judged) < 5
    verdict = UNDECIDED if few else REPLICATES if found[1] > 0.5 else NOT if found[2] < 0.25 else UNDECIDED
    line = f"{spread_text(*found)} of the windows of main runs differ from the null of their optimizer at p < 0.05 (Muon left out)"
    shares = {name: interval_of_mean([beyond(row) for row in cell["p"]])[0] for name, cell in cells(main)}
    each = "; ".join(f"{optimizer} on {network} {value:.2f}" for (network, optimizer), value in shares.items())
    return Outcome(
        "beyond_null", verdict, line, spread_text(*found), f"0.05 if gradients have no memory; {each or 'no run'}", seeds(judged)
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
    rho = gain = (math.nan, math.nan, math.nan)
    names = varied[["arm", *CELL]].agg(" ".join, axis=1) if len(varied) else pd.Series(dtype=str)
    if len(varied) >= 2 * max(5, names.nunique()):  # else the arms alone fit every run
        away, loss = (varied["mean_alpha"] - 1).abs(), varied["loss"]
        arms = pd.get_dummies(names, drop_first=True).to_numpy(float)
        rho, gain = partial_spearman(away, loss, arms), held_out_gain(away.to_numpy(), arms, loss)
    verdict = UNDECIDED
    if len(varied) >= 60:
        verdict = REPLICATES if rho[1] > 0 and gain[1] > 0 else NOT if rho[2] < 0.3 or gain[2] <= 0.02 else UNDECIDED
    line = (
        f"within arms, the distance of α from 1 and the validation loss correlate by {spread_text(*rho)}; knowing it adds "
        f"{spread_text(*gain, digits=3)} to the share of the loss that is predicted ({len(varied)} runs)"
    )
    return Outcome(
        "performance",
        verdict,
        line,
        f"ρ = {spread_text(*rho)}",
        "network, optimizer, batch, schedule and rate alone",
        seeds(varied),
    )


def ordered(runs: pd.DataFrame) -> Outcome:
    """Whether runs above 1.2 learn nothing more."""
    full, tanh = of_arm(runs, "full batch"), runs[runs["network"] == "tanh"]
    alphas = [_while_it_falls(row.alpha, row.progress) for row in full[full["learned"] == 1].itertuples()]
    alphas = [each for each in alphas if math.isfinite(each)]
    above = interval_of_share(sum(each > HIGH for each in alphas), len(alphas))
    high = tanh[tanh["mean_alpha"] > HIGH]
    stuck = interval_of_share(int((high["learned"] == 0).sum()), len(high))
    if len(full) < 10 or not alphas:
        verdict = UNDECIDED
    elif above[1] > 0.5:
        verdict = ARTEFACT + "smooth full-batch training"
    else:
        verdict = REPLICATES if len(high) >= 10 and stuck[1] > 0.5 else NOT if above[2] < 0.5 else UNDECIDED
    line = (
        f"{spread_text(*above)} of the full-batch runs have α above {HIGH} while their loss still falls and though they reach 0.9 on "
        f"new data; mean α {np.mean(alphas) if alphas else math.nan:.2f}"
    )
    mini = of_arm(runs, "minibatch")
    null = f"minibatches on the same network: mean α {mini['mean_alpha'].mean():.2f}, {len(mini)} runs"
    return Outcome("ordered", verdict, line, spread_text(*above), null, seeds(full))


def _while_it_falls(alpha: list[float], progress: list[float]) -> float:
    """Mean α over the windows in which the loss falls by 1 % or more."""
    falling = np.asarray(alpha, float)[np.asarray(progress, float) >= 0.01]
    falling = falling[np.isfinite(falling)]
    return float(falling.mean()) if len(falling) else math.nan


def edge(runs: pd.DataFrame) -> Outcome:
    """The direction of consecutive changes at the edge of stability."""
    full = of_arm(runs, "full batch")
    last = [(row.cosine[-1], row.alpha[-1], row.rate_sharpness[-1] >= 1.9) for row in full.itertuples()]
    at, below = ([each for each in last if each[2] is wanted] for wanted in (True, False))
    found = interval_of_mean([each[0] for each in at])
    few = len(at) < 5
    verdict = UNDECIDED if few else REPLICATES if found[2] < -0.5 else NOT if found[1] > -0.5 else UNDECIDED
    line = (
        f"at the edge the mean cosine of consecutive changes is {spread_text(*found)} ({len(at)} runs), with α {_mean(at, 1):.2f}; "
        f"below it {_mean(below, 0):.2f}, with α {_mean(below, 1):.2f}"
    )
    return Outcome("edge", verdict, line, spread_text(*found), f"below the edge: {_mean(below, 0):.2f}, {len(below)} runs", len(at))


def _mean(rows: list[tuple[float, float, bool]], column: int) -> float:
    return float(np.mean([row[column] for row in rows])) if rows else math.nan


def seeds(runs: pd.DataFrame) -> int:
    """How many seeds the combination of network and optimizer with the fewest has."""
    if not len(runs):
        return 0
    return int(runs.groupby([*CELL] if runs["optimizer"].notna().all() else ["network"])["seed"].nunique().min())
