"""α of the optimizer alone, replayed once for many windows of one length."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.simulation import Simulation
from wcdfa.verdicts.criteria import Criteria

Values = npt.NDArray[np.float64]


class Null(NamedTuple):
    """α of the optimizer alone, and how it was simulated."""

    alphas: Values
    simulation: Simulation | None = None
    """None where a user gave these α: nothing else is known of them."""


@dataclass(frozen=True)
class SharedNull:
    """α of the optimizer alone in windows of one length, at one learning rate: a replay for each step that needs its own."""

    criteria: Criteria
    window: int
    rate: float | None
    """Learning rate; None for that of ``torch.optim``."""
    replayed: dict[int | None, Null] = field(default_factory=dict)

    def at_step(self, first: int | None) -> Null | None:
        """That of a window with this first step, counted from 1; None for the step means unknown, and as result that no optimizer is."""
        criteria = self.criteria
        if criteria.optimizer is None:
            return None
        simulation = criteria.simulation.at_step(criteria.optimizer, first)
        if simulation.start not in self.replayed:
            alphas = simulation.alphas(self.window, criteria.optimizer, criteria.measurement, criteria.preparation, lr=self.rate)
            self.replayed[simulation.start] = Null(alphas, simulation)
        return self.replayed[simulation.start]


def first_step(steps: npt.ArrayLike | None, spacing: int) -> int | None:
    """The number of the first optimizer step, where a log counts `spacing` from one to the next; None where steps are unknown.

    >>> first_step([501, 502], 1), first_step([20, 30], 10), first_step(None, 1)
    (501, 2, None)
    """
    return None if steps is None else (int(np.asarray(steps)[0]) - 1) // spacing + 1
