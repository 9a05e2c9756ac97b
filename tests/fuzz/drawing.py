"""Draws the rows of a log from a seed: sizes, names, steps with gaps and restarts, NaN, values from tiny to huge."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tests.fuzz.rows import Row

NAMES = ("update_norm", "wcdfa/update_norm", "train/update_norm", "norm", "grad_norm", "update_norm/enc.0", "größe", "a b", "loss")
LONG = 0.05  # share of logs with a few thousand rows


class Drawn(NamedTuple):
    """The rows of a log, and the name of the series in them."""

    column: str
    rows: list[Row]


def log(
    rng: np.random.Generator,
    *,
    steps: bool | None = None,
    single: bool = False,
    odd: bool = True,
    gaps: bool = True,
    long: bool = False,
) -> Drawn:
    """Draw a log.

    Parameters
    ----------
    steps : bool, optional
        Whether it has steps. Default: mostly.
    single : bool
        Whether values are float32.
    odd : bool
        Whether there may be NaN, infinities and repeated values.
    gaps : bool
        Whether rows may lack the value.
    long : bool
        Whether there may be a few thousand rows.
    """
    n = int(rng.choice([1, 2, 3, rng.integers(4, 40), rng.integers(40, 250)], p=[0.04, 0.04, 0.04, 0.4, 0.48]))
    if long and rng.random() < LONG:
        n = int(rng.integers(600, 4000))
    scale = 10.0 ** (rng.integers(-30, 30) if rng.random() < 0.2 else 0)
    values = scale * np.exp(rng.standard_normal(n))
    if odd and rng.random() < 0.3:
        places = rng.integers(n, size=max(1, n // 20))
        values[places] = rng.choice([math.nan, math.inf, -math.inf, 0.0, 5e-324, 1e308, 3.0], size=len(places))
    if single:
        with np.errstate(all="ignore"):
            values = values.astype(np.float32).astype(float)
    with_steps = rng.random() < 0.85 if steps is None else steps
    there = np.ones(n, bool)
    if gaps and n > 50 and rng.random() < 0.25:  # with steps, at most one in twenty may be missing
        there[rng.integers(n, size=n // (50 if with_steps else 10))] = False
    counted = _steps(rng, n) if with_steps else [None] * n
    beside = [name for name in ("lr", "loss", "epoch", "wcdfa/alpha") if rng.random() < 0.4]
    column = str(rng.choice([name for name in NAMES if name not in beside]))
    numbers = np.round(rng.random((n, len(beside))), 4)
    rows = [
        Row(float(values[i]) if there[i] else None, counted[i], dict(zip(beside, numbers[i].tolist(), strict=True)))
        for i in range(n)
    ]
    return Drawn(column, rows)


def _steps(rng: np.random.Generator, n: int) -> list[int | None]:
    """Steps at even distances; at times a few are missing, one is written again, or the run was started again once."""
    apart = int(rng.choice([1, 1, 5, 10, 100]))
    steps = int(rng.integers(0, 50)) * apart + apart * np.arange(n)
    if n > 80 and rng.random() < 0.3:
        for place in rng.choice(np.arange(5, n), size=n // 80, replace=False):
            steps[place:] += apart
    if n > 8 and rng.random() < 0.1:  # one step is written again
        steps[int(rng.integers(1, n)) :] -= apart
    if n > 20 and rng.random() < 0.25:
        at = n - int(rng.integers(2, 5)) if rng.random() < 0.4 else int(rng.integers(10, n - 5))
        back = int(rng.integers(4, 9))  # with less, a gap there would make the restart look like one late record
        steps[at:] -= steps[at] - steps[at - back]
    return [int(step) for step in steps]
