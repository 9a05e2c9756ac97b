"""The options for simulating a null, kept together in one object."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wcdfa.inference.measurement import Measurement
from wcdfa.nulls.nulls import optimizer_alphas
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.replay import Dimension
from wcdfa.synthetic import Seed


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """The options of `wcdfa.nulls.optimizer_null` except the optimizer's own. Short memory uses the same replicates and seed."""

    replicates: int = 500
    seed: Seed = 0
    gradient_norm: npt.ArrayLike | None = field(default=None, compare=False)
    start: int | None = None
    dimension: Dimension | None = None

    def alphas(
        self,
        n: int,
        optimizer: Optimizer,
        measurement: Measurement,
        *,
        log: bool,
        lr: npt.ArrayLike | None = None,
        breaks: tuple[int, ...] = (),
    ) -> npt.NDArray[np.float64]:
        """α of the optimizer alone, shape (replicates,), in windows of n steps, measured like the windows of the run.

        >>> from wcdfa.nulls.update_rules import named
        >>> Simulation(replicates=3).alphas(200, named("sgd", {}), Measurement(method="ols"), log=True).shape
        (3,)
        """
        return optimizer_alphas(
            n,
            optimizer=optimizer,
            lr=lr,
            replicates=self.replicates,
            order=measurement.order,
            method=measurement.method,
            log=log,
            breaks=breaks,
            gradient_norm=self.gradient_norm,
            start=self.start,
            dimension=self.dimension,
            seed=self.seed,
        )
