"""The decision rules of the protocol that judge the tanh network: ordered runs, and the edge of stability."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.common.statistics import interval_of_mean, interval_of_share
from studies.common.study import ARTEFACT, NOT, REPLICATES, UNDECIDED, Outcome
from studies.regimes.arms import of_arm
from studies.regimes.words import mean_spread, not_in, percent, spread

HIGH, EDGE = 1.2, 1.9


def ordered(runs: pd.DataFrame) -> Outcome:
    """Whether runs above 1.2 learn nothing more."""
    full, tanh = of_arm(runs, "full batch"), runs[runs["network"] == "tanh"]
    alphas = [_while_it_falls(row.alpha, row.progress) for row in full[full["learned"] == 1].itertuples()]
    alphas = [each for each in alphas if math.isfinite(each)]
    above = interval_of_share(sum(each > HIGH for each in alphas), len(alphas))
    high = tanh[tanh["mean_alpha"] > HIGH] if len(tanh) else tanh
    stuck = interval_of_share(int((high["learned"] == 0).sum()) if len(high) else 0, len(high))
    if len(full) < 10:
        verdict = UNDECIDED
    elif above[1] > 0.5:
        verdict = ARTEFACT + "smooth full-batch training"
    else:
        verdict = REPLICATES if len(high) >= 10 and stuck[1] > 0.5 else NOT if above[2] < 0.5 else UNDECIDED
    effect = f"{percent(above)} above {HIGH}, {len(alphas)} runs" if alphas else "no run to judge"
    return Outcome("ordered", verdict, _ordered_line(full, alphas), effect, _minibatches(runs), len(full))


def _ordered_line(full: pd.DataFrame, alphas: list[float]) -> str:
    if not len(full):
        return not_in(["full batch"])
    if not alphas:
        return f"None of {len(full)} full-batch runs reaches 0.9 on new data and has a window in which its loss still falls."
    return (
        f"{sum(each > HIGH for each in alphas)} of {len(alphas)} full-batch runs that reach 0.9 on new data have a mean α above {HIGH} "
        f"while their loss still falls; their mean α is {np.mean(alphas):.2f}."
    )


def _minibatches(runs: pd.DataFrame) -> str:
    mini = of_arm(runs, "minibatch")
    return (
        f"minibatches on the same network: α {mean_spread(mini['mean_alpha'])}, {len(mini)} runs"
        if len(mini)
        else "no minibatch run is in"
    )


def _while_it_falls(alpha: list[float], progress: list[float]) -> float:
    """Mean α over the windows in which the loss falls by 1 % or more."""
    falling = np.asarray(alpha, float)[np.asarray(progress, float) >= 0.01]
    falling = falling[np.isfinite(falling)]
    return float(falling.mean()) if len(falling) else math.nan


class Last(NamedTuple):
    """The last window of a full-batch run."""

    cosine: float
    alpha: float
    at_edge: bool


def edge(runs: pd.DataFrame) -> Outcome:
    """The direction of consecutive changes at the edge of stability."""
    full = of_arm(runs, "full batch")
    last = [Last(row.cosine[-1], row.alpha[-1], row.rate_sharpness[-1] >= EDGE) for row in full.itertuples()]
    at, below = ([each for each in last if each.at_edge is wanted] for wanted in (True, False))
    found = interval_of_mean([each.cosine for each in at])
    few = len(at) < 5
    verdict = UNDECIDED if few else REPLICATES if found[2] < -0.5 else NOT if found[1] > -0.5 else UNDECIDED
    effect = f"mean cosine {spread(found)}, {len(at)} runs" if at else "no run at the edge"
    null = f"below the edge: {_cosine_and_alpha(below)}" if below else "no run below the edge is in"
    return Outcome("edge", verdict, _edge_line(at, below), effect, null, len(at))


def _edge_line(at: list[Last], below: list[Last]) -> str:
    if not at and not below:
        return not_in(["full batch"])
    beside = f"below it {_cosine_and_alpha(below)}" if below else "no run is below it"
    if not at:
        return f"No full-batch run ends at the edge of stability (rate × sharpness of {EDGE} or more); {beside}."
    return f"At the edge of stability consecutive changes have a {_cosine_and_alpha(at)}; {beside}."


def _cosine_and_alpha(last: list[Last]) -> str:
    cosine, alpha = (mean_spread([each[column] for each in last]) for column in (0, 1))
    return f"mean cosine of {cosine} and α of {alpha}, {len(last)} run{'s' if len(last) > 1 else ''}"
