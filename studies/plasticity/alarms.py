"""Alarms on a measure during continual learning: how long before the loss they come, and how often without need."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.plasticity.continual import TWINS
from studies.plasticity.measures import Floats
from studies.plasticity.tasks import REFERENCE


class Alarms(NamedTuple):
    """What a rule on one measure gives."""

    leads: Floats
    """In each run that fails: task of the loss's alarm minus task of this alarm."""
    before_failure: Floats
    """In each run that fails: task of the failure minus task of this alarm."""
    false: int
    """How many healthy runs had an alarm …"""
    healthy: int
    """… of how many."""


def excess(track: Floats) -> Floats:
    """How far two tasks in a row are from the reference at least; the first number belongs to the second task after it.

    >>> excess(np.array([9.0, 1.0, 1.0, 1.0, 1.5, 3.0, 2.0])).tolist()
    [0.5, 1.0]
    """
    away = np.abs(track - track[REFERENCE].mean())[REFERENCE.stop :]
    return np.asarray(np.minimum(away[:-1], away[1:]))


def alarm_task(track: Floats, limit: float) -> float:
    """The task of the first alarm; the number of tasks if there is none."""
    over = excess(track) > limit
    return float(over.argmax() + REFERENCE.stop + 1) if over.any() else float(len(track))


def limit_of(tracks: list[Floats]) -> float:
    """The smallest limit that gives no alarm in these runs; NaN, which gives none at all, without runs."""
    highest = [np.nanmax(excess(track), initial=-np.inf) for track in tracks]
    return float(max(highest)) if highest and np.isfinite(highest).any() else float("nan")


def alarms_of(tasks: pd.DataFrame, name: str) -> Alarms:
    """Set the limit on renewed runs of even seeds, count false alarms in those of odd seeds, and leads in runs that fail."""
    leads, ahead, false, healthy = [], [], 0, 0
    for ageing, twin in TWINS.items():
        limits = {each: limit_of(_tracks(tasks, twin, each, 0)) for each in (name, "loss")}
        if math.isnan(limits["loss"]):  # no healthy runs yet, so no alarm means anything
            continue
        odd = _tracks(tasks, twin, name, 1)
        false, healthy = false + sum(alarm_task(track, limits[name]) < len(track) for track in odd), healthy + len(odd)
        for _, run in tasks[(tasks["arm"] == ageing) & tasks["failure"].notna()].groupby("run"):
            at, of_loss = (alarm_task(run[each].to_numpy(float), limits[each]) for each in (name, "loss"))
            leads.append(of_loss - at)
            ahead.append(float(run["failure"].iloc[0]) - at)
    return Alarms(np.array(leads), np.array(ahead), false, healthy)


def _tracks(tasks: pd.DataFrame, arm: str, name: str, odd: int) -> list[Floats]:
    chosen = tasks[(tasks["arm"] == arm) & (tasks["seed"] % 2 == odd)]
    return [run[name].to_numpy(float) for _, run in chosen.groupby("run")]
