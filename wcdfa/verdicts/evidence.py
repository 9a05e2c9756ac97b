"""Everything that is known about one window: its α, and what α was compared with. Findings are made from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import DFAResult
from wcdfa.nulls.nulls import DECISIVE, NullResult, ShortMemory, compare, short_memory
from wcdfa.nulls.simulation import Simulation
from wcdfa.nulls.whittle import SHORTEST, MemoryFit, memory_fits
from wcdfa.preprocess.preparation import Prepared
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.regime import Regime, label
from wcdfa.verdicts.shared_null import Null, first_step

HIGHER = (1, 2)  # measure also these many orders above the run's own, because higher orders ignore trends
HIGHEST_ORDER = 4
# the first 100 simulations of short memory suffice if 15 % of them reach α: more would not bring the p-value below the level
FIRST, CLEAR = 100, 0.15


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known about one window. A field is None if it was not measured, or could not be."""

    criteria: Criteria
    alpha: float = math.nan
    low: float = math.nan
    high: float = math.nan
    reason: str | None = None
    """Why there is no α."""
    result: DFAResult | None = None
    prepared: Prepared | None = None
    higher: Mapping[int, DFAResult] = field(default_factory=dict)
    """Results at higher orders; the key is the order."""
    null: NullResult | None = None
    """α compared with the α of the optimizer alone."""
    simulation: Simulation | None = None
    """How the optimizer alone was simulated; None where it was not, or a user gave its α."""
    memory: ShortMemory | None = None
    """α compared with the α of short memory; None if the spectrum does not favor short memory."""

    @cached_property
    def regime(self) -> Regime | None:
        """The name of the band that holds the interval of α."""
        return label(self.low, self.high, thresholds=self.criteria.thresholds)


def gathered(
    prepared: Prepared,
    criteria: Criteria,
    *,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
    null: Null | None = None,
    memory: MemoryFit | None = None,
) -> Evidence:
    """Measure a prepared window and compare its α.

    Parameters
    ----------
    prepared : Prepared
    criteria : Criteria
    lr : number or numbers of shape (n,), optional
        The learning rate at each norm before preparation.
    steps : integers of shape (n,), optional
        Optimizer steps of the norms: some optimizers have another α after more steps.
    null : Null, optional
        α of the optimizer alone, where it is known already.
    memory : MemoryFit, optional
        What `wcdfa.nulls.whittle.memory_fit` says of the window, where it is known already.
    """
    if prepared.reason is not None:
        return Evidence(criteria=criteria, reason=prepared.reason, prepared=prepared)
    result = criteria.measurement.of(prepared.values, prepared.cuts)
    alpha, low, high = float(result.alpha), float(result.low), float(result.high)
    if math.isnan(alpha):
        return Evidence(criteria=criteria, reason=result.reason, result=result, prepared=prepared)
    null = _of_optimizer(prepared, criteria, lr, steps) if null is None else null
    return Evidence(
        criteria=criteria,
        alpha=alpha,
        low=low,
        high=high,
        result=result,
        prepared=prepared,
        higher=dict(_higher(prepared, criteria)),
        null=None if null is None else compare(alpha, null.alphas),
        simulation=None if null is None else null.simulation,
        memory=_against_short_memory(prepared, criteria, memory),
    )


def _higher(prepared: Prepared, criteria: Criteria) -> Iterator[tuple[int, DFAResult]]:
    """Results at the next higher orders, as long as the window is long enough for them."""
    for order in (criteria.measurement.order + more for more in HIGHER):
        if order > HIGHEST_ORDER:
            return
        try:
            yield order, criteria.measurement.at_order(order).of(prepared.values, prepared.cuts)
        except ValueError:
            return


def _of_optimizer(prepared: Prepared, criteria: Criteria, lr: npt.ArrayLike | None, steps: npt.ArrayLike | None) -> Null | None:
    """α of the optimizer alone in a window like this one; None where no optimizer was named."""
    if criteria.optimizer is None:
        return None
    rates = lr if lr is None or np.ndim(lr) == 0 else np.asarray(lr)[prepared.kept]
    simulation = criteria.simulation.at_step(criteria.optimizer, first_step(steps, prepared.spacing))
    alphas = simulation.alphas(
        len(prepared.values), criteria.optimizer, criteria.measurement, criteria.preparation, lr=rates, breaks=prepared.cuts
    )
    return Null(alphas, simulation)


def _against_short_memory(prepared: Prepared, criteria: Criteria, fitted: MemoryFit | None) -> ShortMemory | None:
    x = prepared.values
    if len(x) < SHORTEST:
        return None
    fitted = memory_fits(x[None])[0] if fitted is None else fitted
    if not fitted.nats > DECISIVE:
        return None
    replicates = criteria.simulation.replicates
    found = _short_memory(prepared, criteria, fitted, min(FIRST, replicates))
    if found.p_value < CLEAR and replicates > FIRST:
        found = _short_memory(prepared, criteria, fitted, replicates)
    return None if math.isnan(found.nats) else found


def _short_memory(prepared: Prepared, criteria: Criteria, fitted: MemoryFit, replicates: int) -> ShortMemory:
    return short_memory(
        prepared.values,
        replicates=replicates,
        log=False,
        fitted=fitted,
        breaks=prepared.cuts,
        order=criteria.measurement.order,
        method=criteria.measurement.method,
        seed=criteria.simulation.seed,
    )
