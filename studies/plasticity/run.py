"""Sealed, lock-in, corrigibility: whether α shows that a network no longer learns, in time, and how fast it learns a correction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from studies.common.precision import in_float32
from studies.common.study import Claim, Study, Value
from studies.plasticity import continual, foretelling, relearning, tasks
from studies.plasticity.about import ABOUT
from studies.plasticity.continual import ARMS
from studies.plasticity.picture import draw
from studies.plasticity.relearning import Settings, random_settings
from studies.plasticity.tables import tables
from studies.plasticity.verdicts import outcomes

PAGE = "doi:10.5281/zenodo.19389821 and the introduction at caring-gap.com/wcdfa"
CLAIMS = (
    Claim(
        "sealed_band",
        "A network that has lost the power to learn has α above 1.5, the band called sealed.",
        PAGE,
        "networks that cannot learn are “sealed”",
    ),
    Claim(
        "foretells_loss",
        "α tells of a coming loss of plasticity what loss and hyperparameters do not tell.",
        PAGE,
        "α foretells loss of plasticity",
    ),
    Claim("alarm_first", "An alarm on α comes before the loss shows that learning fails.", PAGE, "α alarms before the loss"),
    Claim(
        "correction", "The higher α is, the more slowly a network learns a correction.", PAGE, "high α learns corrections slowly"
    ),
)
TASKS, RUNS = 80, 960
PLANNED = {arm: 20 if number < 6 else 10 for number, arm in enumerate(ARMS)}
"""Seeds of each arm: the six that the alarms need come first and have most."""
BLACK_PIXEL = (
    "Vector α was not measured again without one of its 64 coordinates, the weight of a pixel that is black in all digits: with AdamW, "
    "weight decay and no input noise this weight only decays, which makes vector α too high. No verdict rests on vector α."
)
NEVER = (
    "One small network (64-32-32-10) and one data set were used: no language model, no reward, no human oversight.",
    "Corrigibility is only the speed of learning a correction.",
    "Remedies for the loss of plasticity other than shrink and perturb were not compared.",
    "Continual learning has momentum (β₁) 0.9 and windows of 500 steps only.",
    BLACK_PIXEL,
)


def settings(quick: bool) -> list[Settings]:
    """Halves of the arms and of the relearning runs in turn, so that a study stopped early has something of each."""
    if quick:
        arms = [_continual(arm, 10_000 + seed, 14) for arm in ("labels-adamw-1e-3", "renewed-adamw-1e-3") for seed in range(2)]
        return arms + [_relearning(10_000 + seed) | {"batch": 32, "length": 1000} for seed in range(16)]
    first = [_continual(arm, seed, TASKS) for arm in ARMS for seed in range(10)]
    second = [_continual(arm, seed, TASKS) for arm, count in PLANNED.items() for seed in range(10, count)]
    relearned = [_relearning(seed) for seed in range(RUNS)]
    return first + relearned[: RUNS // 2] + second + relearned[RUNS // 2 :]


def _continual(arm: str, seed: int, length: int) -> Settings:
    return {"part": "continual", "arm": arm, "seed": seed, "tasks": length}


def _relearning(seed: int) -> Settings:
    return {"part": "relearning", "seed": seed, **random_settings(seed)}


PARTS: dict[str, Callable[..., Mapping[str, Value]]] = {"continual": continual.run, "relearning": relearning.run}


@in_float32
def run(part: str, **how: str | float | bool | None) -> dict[str, Value]:
    """Run one network through its tasks, or through one correction."""
    return dict(PARTS[part](**how))


def not_done(runs: pd.DataFrame) -> list[str]:
    """What the runs do not cover."""
    return [*NEVER, *_short_arms(runs), *_left_out(runs), *_still(runs)]


def _short_arms(runs: pd.DataFrame) -> list[str]:
    seeds = tasks.of_part(runs, "continual").groupby("arm")["seed"].nunique() if "arm" in runs else pd.Series(dtype=int)
    return [f"{arm}: {seeds.get(arm, 0)} of {count} seeds." for arm, count in PLANNED.items() if seeds.get(arm, 0) < count]


def _left_out(runs: pd.DataFrame) -> list[str]:
    tried = len(tasks.of_part(runs, "relearning"))
    left = tried - len(foretelling.corrections(runs)) if tried else 0
    return (
        [
            f"{left} of {tried} relearning runs are left out: they had not learned before the correction, or had numbers that are not finite."
        ]
        if left
        else []
    )


def _still(runs: pd.DataFrame) -> list[str]:
    table = tasks.table(runs)
    still = int(table["vector_long"].isna().sum())
    return [f"In {still:,} of {len(table):,} tasks the vector has no α, because no recorded coordinate moved."] if still else []


STUDY = Study("plasticity", "Sealed, lock-in, corrigibility", ABOUT, CLAIMS, settings, run, outcomes, tables, draw, not_done)
