"""Trains many runs at once and records the norm of each change."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .gradients import Gradients
from .optimizers import Optimizer, norms_of
from .schedules import Constant, Schedule

Doubles = npt.NDArray[np.float64]
NUMBERS = 1 << 16  # weights held at a time: they and the optimizer's state stay in the cache


class Windows(NamedTuple):
    """What was recorded of each run in one window of steps."""

    norms: Doubles  # (runs, window), ‖ΔW‖ before weights are rounded to float32
    gradient_norms: Doubles  # (runs, window), ‖g‖ before it is clipped
    lr: Doubles  # (window,)
    momentum: Doubles | None  # (window,), momentum or β₁ where the schedule changes it
    steps: npt.NDArray[np.int64]  # (window,), the first step of a run is 1


def windows(
    optimizer: Optimizer,
    gradients: Gradients,
    *,
    runs: int,
    window: int,
    first: int = 0,
    seed: int = 0,
    schedule: Schedule | None = None,
) -> Windows:
    """Record steps ``first`` to ``first + window`` of runs whose optimizer begins with a state of zeros; ``first=0`` is the start."""
    schedule = Constant() if schedule is None else schedule
    steps = np.arange(first + window)
    lr, momentum = optimizer.lr * schedule.rate(steps), schedule.momentum(steps)
    rng = np.random.default_rng(seed)
    norms, sizes = np.empty((2, runs, window))
    together = max(1, NUMBERS // gradients.d)
    for start in range(0, runs, together):
        part = slice(start, min(start + together, runs))
        _train(optimizer, gradients, lr, momentum, rng, norms[part], sizes[part])
    return Windows(norms, sizes, lr[first:], None if momentum is None else momentum[first:], steps[first:] + 1)


def _train(
    optimizer: Optimizer,
    gradients: Gradients,
    lr: Doubles,
    momentum: Doubles | None,
    rng: np.random.Generator,
    norms: Doubles,
    sizes: Doubles,
) -> None:
    """Train some runs, and write what they recorded into `norms` and `sizes`."""
    run, state = gradients.begin(optimizer, len(norms), rng), optimizer.begin()
    first = len(lr) - norms.shape[1]
    for step, rate in enumerate(lr.tolist()):
        gradient = run.draw()
        change = optimizer.change(state, run.weights, gradient, rate, None if momentum is None else float(momentum[step]))
        run.weights = run.weights + change
        if step >= first:
            norms[:, step - first] = norms_of(change)
            sizes[:, step - first] = norms_of(gradient)
