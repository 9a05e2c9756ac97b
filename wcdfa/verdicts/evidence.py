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
from wcdfa.nulls.whittle import SHORTEST, MemoryFit, memory_fit
from wcdfa.preprocess.preparation import Prepared
from wcdfa.verdicts.alongside import Alongside, checked
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.optimizer_comparison import Comparison, GradientSizes, against_optimizer, gradient_sizes
from wcdfa.verdicts.periods import period_of
from wcdfa.verdicts.regime import Regime, label
from wcdfa.verdicts.two_exponents import TwoExponents, two_exponents

HIGHER = (1, 2)  # measure also these many orders above the run's own, because higher orders ignore trends
HIGHEST_ORDER = 4
# the first 100 simulations of short memory suffice if 15 % of them reach α: more would not bring the p-value below the level
FIRST, CLEAR = 100, 0.15
MISFIT = 0.01  # below this p-value of the misfit, no single exponent describes the window


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
    """α compared with the α of the optimizer alone, as a user gave them or as replays give them."""
    comparison: Comparison | None = None
    """The window compared with replays of its optimizer."""
    gradients: GradientSizes | None = None
    """α of the gradient norms that were recorded with the window."""
    among: int = 1
    """How many windows or groups were tested together, if the small p of this one is no more than chance among them; else 1."""
    nats: float = math.nan
    """How much better short memory explains the spectrum than long memory, in nats."""
    memory: ShortMemory | None = None
    """α compared with the α of short memory; None if the spectrum does not favor short memory."""

    @cached_property
    def regime(self) -> Regime | None:
        """The name of the band that holds the interval of α; "undecided" if no exponent fits."""
        named = label(self.low, self.high, thresholds=self.criteria.thresholds)
        return "undecided" if named is not None and self.misfit is not None else named

    @property
    def p_value(self) -> float:
        """The p-value of the comparison with the optimizer; NaN if nothing was compared, or could not be."""
        return math.nan if self.comparison is None or self.comparison.unlike is not None else self.comparison.found.p_value

    @property
    def misfit(self) -> float | None:
        """The p-value of the misfit, if no single exponent fits log F(s)."""
        return float(self.result.adequacy) if self.result is not None and self.result.adequacy < MISFIT else None

    @cached_property
    def bend(self) -> TwoExponents | None:
        """Which exponents fit instead, if no single one fits log F(s); looked for only then."""
        if self.misfit is None or self.prepared is None:
            return None
        return two_exponents(self.prepared, self.criteria)

    @cached_property
    def period(self) -> float | None:
        """The period, in norms, with which the window repeats; None if it does not."""
        return None if self.prepared is None else period_of(self.prepared.values, self.prepared.cuts, self.alpha)


def of_norms(norms: npt.ArrayLike, criteria: Criteria, beside: Alongside, *, null: npt.ArrayLike | None = None) -> Evidence:
    """Prepare one window of norms and gather what is known about it."""
    checked(beside, np.size(norms))
    prepared = criteria.preparation.of(norms, lr=beside.lr, steps=beside.steps)
    return gathered(prepared, criteria, beside=beside, null=null)


def gathered(
    prepared: Prepared,
    criteria: Criteria,
    *,
    beside: Alongside,
    null: npt.ArrayLike | None = None,
    memory: MemoryFit | None = None,
) -> Evidence:
    """Measure a prepared window and compare its α.

    Parameters
    ----------
    prepared : Prepared
    criteria : Criteria
    beside : Alongside
        What belongs to its norms before preparation.
    null : numbers, optional
        α of the optimizer alone, where a user gives it.
    memory : MemoryFit, optional
        What `wcdfa.nulls.whittle.memory_fit` says of the window, where it is known already.
    """
    if prepared.reason is not None:
        return Evidence(criteria=criteria, reason=prepared.reason, prepared=prepared)
    result = criteria.measurement.of(prepared.values, prepared.cuts)
    alpha, low, high = float(result.alpha), float(result.low), float(result.high)
    if math.isnan(alpha):
        return Evidence(criteria=criteria, reason=result.reason, result=result, prepared=prepared)
    comparison = against_optimizer(prepared, result, criteria, beside) if null is None else None
    known = None if comparison is None else comparison.found.null
    if memory is None and len(prepared.values) >= SHORTEST:
        memory = memory_fit(prepared.values)
    return Evidence(
        criteria=criteria,
        alpha=alpha,
        low=low,
        high=high,
        result=result,
        prepared=prepared,
        higher=dict(_higher(prepared, criteria)),
        null=known if null is None else compare(alpha, null),
        comparison=comparison,
        gradients=gradient_sizes(criteria, beside.part(prepared.kept)) if comparison is not None and comparison.measured else None,
        nats=math.nan if memory is None else float(memory.nats),
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


def _against_short_memory(prepared: Prepared, criteria: Criteria, fitted: MemoryFit | None) -> ShortMemory | None:
    if fitted is None or not fitted.nats > DECISIVE:
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
