"""The options for simulating nulls, kept together in one object."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

import numpy as np

from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.replay import Dimension
from wcdfa.synthetic import Seed

EXACT = 100
"""Up to so many steps before a window are counted exactly."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """How many replicates, from which seed, and what the replay of an optimizer takes for granted."""

    replicates: int = 500
    seed: Seed = 0
    start: int | None = None
    dimension: Dimension | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.start < 0:
            msg = f"start must be 0 or more steps, got {self.start}; leave it out if it is unknown"
            raise ValueError(msg)
        drawn = self.seed.integers(2**31) if isinstance(self.seed, np.random.Generator) else self.seed
        object.__setattr__(self, "seed", operator.index(drawn))  # drawn once, so that windows share their replays
        if self.dimension is not None:  # a list or an array cannot be the key of what is kept
            shape = tuple(np.atleast_1d(self.dimension).tolist())
            object.__setattr__(self, "dimension", shape if np.ndim(self.dimension) else shape[0])
        if self.replicates < 1:
            msg = f"replicates must be at least 1, got {self.replicates}; 500 is usual"
            raise ValueError(msg)

    def starts(self, optimizer: Optimizer, first: int | None) -> tuple[int | None, ...]:
        """How many steps the optimizer may have taken before a window, whose first step is counted from 1; None if its start is over.

        The steps are rounded to two digits, which changes a null by much less than chance does, so that windows nearby share one.

        >>> from wcdfa.nulls.update_rules import named
        >>> sgd, nadam = named("sgd", {"momentum": 0.9}), named("nadam", {})
        >>> Simulation().starts(sgd, 1), Simulation().starts(sgd, 501), Simulation().starts(sgd, None)
        ((0,), (None,), (None, 0))
        >>> Simulation().starts(nadam, 12_346), Simulation().starts(nadam, 40_000)
        ((12000,), (None,))
        """
        if self.start is None and first is None:
            return (None, 0)
        before = max(0, (first or 1) - 1) if self.start is None else self.start
        if before > max(optimizer.starts_within(), optimizer.changes_until()):
            return (None,)
        return (round(before, 2 - len(str(before))) if before > EXACT else before,)

    def assumed(self, optimizer: Optimizer, first: int | None = None) -> str:
        """What the null of an optimizer depends on and the replay takes for granted, to be put behind its name; often empty.

        >>> from wcdfa.nulls.update_rules import named
        >>> print(named("muon", {}), "on gradients without memory" + Simulation().assumed(named("muon", {})))
        Muon(Nesterov momentum 0.95) on gradients without memory, on a matrix of 8 × 8
        """
        facts = [*self._assumed_steps(optimizer, first), *self._assumed_shape(optimizer)]
        return "".join(f", {fact}" for fact in facts)

    def _assumed_steps(self, optimizer: Optimizer, first: int | None) -> list[str]:
        until, age = optimizer.changes_until(), optimizer.age()
        if not until:
            return []
        settled = until if math.isinf(age) else age
        steps = sorted(settled if start is None else start for start in self.starts(optimizer, first))
        return [f"as after {' or '.join(f'{each:,.0f}' for each in steps)} steps"]

    def _assumed_shape(self, optimizer: Optimizer) -> list[str]:
        if not optimizer.depends_on_shape:
            return []
        shape = optimizer.default_shape if self.dimension is None else np.atleast_1d(self.dimension)
        return [f"on a {'matrix' if len(shape) == 2 else 'vector'} of {' × '.join(map(str, shape))}"]
