"""Study of instability: what comes before loss spikes of Adam, and before divergence."""

from __future__ import annotations

from itertools import product

from studies.common.precision import in_float32
from studies.common.study import Study, Value
from studies.instability import judging
from studies.instability.about import ABOUT
from studies.instability.outcomes import CLAIMS, outcomes
from studies.instability.picture import picture
from studies.instability.ramp import FIRST_RATE, ramp
from studies.instability.tables import not_done, tables

TASKS, BETAS, RATES, SEEDS = ("curve", "digits", "characters"), (0.999, 0.95), (0.01, 0.03, 0.003, 0.1), range(12)
TRIAL = range(10_000, 10_002)
FIRST_CONSTANT = 100
"""The seeds of the runs at a constant rate, which set the thresholds of those with a growing one."""
Setting = dict[str, str | float | bool | None]


def settings(quick: bool) -> list[Setting]:
    """Float32 first, then the growing rates, then 4 bits."""
    if quick:
        return [*(_setting("steady", "curve", 0, 0.999, 0.01, seed) for seed in TRIAL), *_ramps("curve", 0.999, TRIAL)]
    ramps = [each for task, b2 in product(TASKS, BETAS) for each in _ramps(task, b2, SEEDS)]
    return [*_steady(0), *ramps, *_steady(4)]


@in_float32
def run(arm: str, task: str, bits: int, b2: float, rate: float, seed: int) -> dict[str, Value]:
    """One run: "steady" at a high rate, "ramp" with a growing one, or "constant" at the low one where the ramp begins."""
    if arm == "steady":
        return judging.steady(task, bits, b2, rate, seed)
    return ramp(task, bits, b2, seed, grows=arm == "ramp")


def _steady(bits: int) -> list[Setting]:
    return [_setting("steady", task, bits, b2, rate, seed) for task, b2, rate, seed in product(TASKS, BETAS, RATES, SEEDS)]


def _ramps(task: str, b2: float, seeds: range) -> list[Setting]:
    grown = [_setting("ramp", task, 0, b2, FIRST_RATE, seed) for seed in seeds]
    return [*grown, *(_setting("constant", task, 0, b2, FIRST_RATE, FIRST_CONSTANT + seed) for seed in seeds)]


def _setting(arm: str, task: str, bits: int, b2: float, rate: float, seed: int) -> Setting:
    return {"arm": arm, "task": task, "bits": bits, "b2": b2, "rate": rate, "seed": seed}


STUDY = Study(
    name="instability",
    title="Instability: what comes before loss spikes",
    about=ABOUT,
    claims=CLAIMS,
    settings=settings,
    run=run,
    outcomes=outcomes,
    tables=tables,
    picture=picture,
    not_done=not_done,
)
