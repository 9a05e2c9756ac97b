"""The rule on the share of the variance of α that the optimizer explains, against that of learning."""

from __future__ import annotations

import math

import pandas as pd

from studies.common.statistics import Interval
from studies.common.study import ARTEFACT, REPLICATES, UNDECIDED, Outcome
from studies.regimes.arms import CELL, balanced, fewest, of_arm, seeds, with_labels
from studies.regimes.shares import share
from studies.regimes.words import percent, spread


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


def _of_labels(found: Interval) -> str:
    if not math.isfinite(found[0]):
        return "too few runs of the arm without anything to learn are in to compare"
    return f"whether there is anything to learn explains {percent(found)} in the runs of the same seeds with and without it"


def _described(by_optimizer: Interval, same: Interval, by_labels: Interval) -> str:
    if by_optimizer[1] >= 0.5 and by_optimizer[1] > by_labels[2]:
        return ARTEFACT + "the optimizer"
    return REPLICATES if by_optimizer[2] < 0.25 or by_labels[1] > same[2] else UNDECIDED
