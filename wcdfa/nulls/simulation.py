"""The options for simulating a null, kept together in one object."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from wcdfa.inference.measurement import Measurement
from wcdfa.nulls.nulls import optimizer_alphas
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.replay import Dimension
from wcdfa.preprocess.options import Preparation
from wcdfa.synthetic import Seed

EXACT = 100
"""Steps before a window that are not rounded."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """The options of `wcdfa.nulls.optimizer_null` except the optimizer's own. Short memory uses the same replicates and seed."""

    replicates: int = 500
    seed: Seed = 0
    gradient_norm: npt.ArrayLike | None = field(default=None, compare=False)
    start: int | None = None
    dimension: Dimension | None = None

    def at_step(self, optimizer: Optimizer, first: int | None) -> Simulation:
        """The same for a window whose first step is known, counted from 1, where it matters how many steps came before.

        They are rounded to two digits, which changes α by much less than chance does, so that windows nearby share a replay.

        >>> from wcdfa.nulls.update_rules import named
        >>> nadam = named("nadam", {})
        >>> Simulation().at_step(nadam, 12_346).start, Simulation().at_step(nadam, 40_000).start
        (12000, None)
        """
        if self.start is not None or first is None or first > optimizer.changes_until():
            return self
        before = max(0, first - 1)
        return replace(self, start=round(before, 2 - len(str(before))) if before > EXACT else before)

    def assumed(self, optimizer: Optimizer) -> str:
        """What α of the optimizer alone depends on and the replay takes for granted, to be put behind its name; often empty.

        >>> from wcdfa.nulls.update_rules import named
        >>> print(named("muon", {}), "alone" + Simulation().assumed(named("muon", {})), "gives")
        Muon(Nesterov momentum 0.95) alone, on a matrix of 8 × 8, gives
        """
        facts = [*self._assumed_steps(optimizer), *self._assumed_shape(optimizer)]
        return f", {', '.join(facts)}," if facts else ""

    def _assumed_steps(self, optimizer: Optimizer) -> list[str]:
        until, age = optimizer.changes_until(), optimizer.age()
        if not until:
            return []
        steps = self.start if self.start is not None else until if math.isinf(age) else age
        return [f"as after {steps:,.0f} steps"]

    def _assumed_shape(self, optimizer: Optimizer) -> list[str]:
        if not optimizer.depends_on_shape:
            return []
        shape = optimizer.default_shape if self.dimension is None else np.atleast_1d(self.dimension)
        return [f"on a {'matrix' if len(shape) == 2 else 'vector'} of {' × '.join(map(str, shape))}"]

    def alphas(
        self,
        n: int,
        optimizer: Optimizer,
        measurement: Measurement,
        preparation: Preparation,
        *,
        lr: npt.ArrayLike | None = None,
        breaks: tuple[int, ...] = (),
    ) -> npt.NDArray[np.float64]:
        """α of the optimizer alone, shape (replicates,), in windows of n steps, prepared and measured like the windows of the run.

        >>> from wcdfa.nulls.update_rules import named
        >>> Simulation(replicates=3).alphas(200, named("sgd", {}), Measurement(method="ols"), Preparation()).shape
        (3,)
        """
        return optimizer_alphas(
            n,
            optimizer=optimizer,
            lr=lr,
            replicates=self.replicates,
            order=measurement.order,
            method=measurement.method,
            log=preparation.log,
            spikes=preparation.spikes,
            breaks=breaks,
            gradient_norm=self.gradient_norm,
            start=self.start,
            dimension=self.dimension,
            seed=self.seed,
        )
