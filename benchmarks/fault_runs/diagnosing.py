"""What `wcdfa.diagnose` says of a recorded run, with and without a baseline, and which cause is the right one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import wcdfa
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.update_rules import named
from wcdfa.verdicts.checked_window import Check
from wcdfa.verdicts.diagnosis import WINDOW, deviating, of_record
from wcdfa.verdicts.record import Record, record_of
from wcdfa.verdicts.signatures import Signature

from .detection import since
from .faults import HEALTHY
from .recording import Recorded
from .trainings import TRAININGS

NAMED: Mapping[str, Optimizer | None] = {
    "sgd": named("sgd", {"momentum": 0.9}),
    "adamw_99": named("adamw", {"betas": (0.9, 0.99)}),
    "adamw_95": named("adamw", {"betas": (0.9, 0.95)}),
    "muon": None,  # half of the parameters have AdamW
}
UNKNOWN = "two optimizers share the parameters"

CAUSES = {
    "batch twice": "batches repeated",
    "batch 10 times": "batches repeated",
    "shuffling off": "order of data",
    "sorted by label": "order of data",
    "with replacement": "order of data",
    "10 % of the data": "less data",
    "label noise 20 %": "labels",
    "label noise 50 %": "labels",
    "other data": "inputs",
    "inputs times 2": "inputs",
    "inputs plus 1": "inputs",
    "augmentation off": "augmentation or dropout off",
    "dropout off": "augmentation or dropout off",
    "dropout one half": "more dropout",
    "batch quarter": "smaller batches",
    "batch times 4": "larger batches",
    "zero_grad every 2nd": "gradients not zeroed",
    "zero_grad every 4th": "gradients not zeroed",
    "stale by 4": "stale gradients",
    "stale by 16": "stale gradients",
    "accumulation divided by 3 of 4": "gradients scaled",
    "accumulation drops 1 of 4": "gradients scaled",
    "gradient times 4": "gradients scaled",
    "clipped at half": "clipping",
    "loss scale stuck": "gradients lost",
    "momentum 0": "momentum smaller",
    "momentum 0.5": "momentum smaller",
    "momentum 0.8": "momentum smaller",
    "momentum 0.95": "momentum larger",
    "momentum 0.99": "momentum larger",
    "beta2 0.9": "second moment",
    "beta2 0.9999": "second moment",
    "eps 1e-3": "second moment",
    "lr times 3": "learning rate",
    "lr times 10": "learning rate",
    "lr tenth": "learning rate",
    "lr ramp": "learning rate",
    "scheduler twice": "learning rate",
    "weight decay times 100": "weight decay",
    "weight decay everywhere": "weight decay",
    "state reset every 100": "state reset",
    "layer frozen": "frozen",
    "norms evaluating": "norms in evaluation",
    "weights in bf16": "half precision",
    "model in bf16": "half precision",
    "model in half": "half precision",
    "average swapped in once": "weights replaced",
    "average swapped in every 100": "weights replaced",
}
"""The cause of the catalogue for each fault."""


class Said(NamedTuple):
    """What a diagnosis says of one run."""

    seed: int
    found: bool
    delay: float
    """Steps from the fault to where it was seen; infinite if it was not."""
    cause: str
    """The first cause; empty without one."""
    place: float
    """Of the right cause among those named; infinite without one."""
    clear: bool
    """Whether the first cause is called likely."""
    windows: int
    """How many windows were compared with the named optimizer."""
    deviating: int
    """How many of them deviate, each judged on its own."""


class Run(NamedTuple):
    """A run as the diagnosis takes it."""

    record: Record
    baseline: int | None


def said(
    recorded: Recorded,
    training: str,
    optimizer: str,
    fault: str,
    start: int | None,
    seed: int = -1,
    catalogue: Sequence[Signature] | None = None,
) -> Said:
    """The diagnosis of a run, beside what is right."""
    run = run_of(recorded, training, optimizer, start)
    found = diagnosis_of(run, catalogue)
    names = [cause.name for cause in found.causes]
    right = None if fault == HEALTHY else cause_of(fault, optimizer)
    after = start or 0
    seen = [change.seen for change in found.changes] + [(check.since or 0) + WINDOW for check in found.deviations]
    steps = [step for step in seen if step > after]  # what is seen before the fault is a false alarm
    each = by_window(found)
    return Said(
        seed=seed,
        found=bool(steps),
        delay=min(steps) - after if steps else math.inf,
        cause=names[0] if names else "",
        place=names.index(right) + 1 if right in names else math.inf,
        clear=found.clear,
        windows=len(each),
        deviating=sum(bool(deviating(checks, found.alarms)) for checks in each),
    )


def by_window(found: wcdfa.Diagnosis) -> list[list[Check]]:
    """The checks of each window: each begins with the first statistic again."""
    windows: list[list[Check]] = []
    for check in found.checks:
        if not windows or check.statistic in {each.statistic for each in windows[-1]}:
            windows.append([])
        windows[-1].append(check)
    return windows


def cause_of(fault: str, optimizer: str) -> str:
    """The right cause. Muon's momentum is 0.95."""
    return "momentum smaller" if (fault, optimizer) == ("momentum 0.9", "muon") else CAUSES[fault]


def run_of(recorded: Recorded, training: str, optimizer: str, start: int | None) -> Run:
    """A run with a fault after `start` steps, from the first step of its baseline on; without a start, from its first step on."""
    begun = 0 if start is None else TRAININGS[training].baseline
    part = since(recorded, begun)
    rule = NAMED[optimizer]
    record = record_of(
        part["norms"],
        cosine=part["cosine"],
        weight_norm=part["weight_norm"],
        sketch=part["sketch"],
        groups=part["groups"],
        cosines=part["cosines"],
        lr=part["lr"],
        steps=part["steps"],
        gradient_norm=part["gradients"],
        optimizer=rule,
        unknown=UNKNOWN if rule is None else None,
        taken=begun,
    )
    return Run(record, None if start is None else start - begun)


def diagnosis_of(run: Run, catalogue: Sequence[Signature] | None = None) -> wcdfa.Diagnosis:
    """The diagnosis, at 5 % false alarms a run for each of its questions; without a baseline only of what the run is said to be."""
    return of_record(run.record, baseline=0 if run.baseline is None else run.baseline, catalogue=catalogue)
