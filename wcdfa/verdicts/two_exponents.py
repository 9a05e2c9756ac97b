"""Says of a window whose log F(s) bends which two exponents fit it, or why none are named."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from wcdfa.inference.crossover_result import POOR, Crossovers, about
from wcdfa.inference.crossovers import crossovers, first_p_values
from wcdfa.inference.exponent import SATURATION
from wcdfa.inference.log_fluctuations import log_fluctuations
from wcdfa.kernel.checks import check_breaks
from wcdfa.preprocess.preparation import Prepared
from wcdfa.scales import shortest
from wcdfa.support.text import probability

if TYPE_CHECKING:
    from wcdfa.verdicts.criteria import Criteria

MOST = 2  # crossovers looked for: with a second one, two exponents do not fit
HIGHEST_ORDER = 4


class TwoExponents(NamedTuple):
    """The crossovers of a window whose log F(s) bends."""

    order: int
    found: Crossovers
    higher: float
    """The p-value of a first crossover at the next order, which ignores a linear trend; NaN if it was not needed or could not be measured."""


def two_exponents(prepared: Prepared, criteria: Criteria) -> TwoExponents | None:
    """Look for crossovers in a prepared window; None if it is too short for them."""
    order = criteria.measurement.order
    if not _long_enough(prepared, order):
        return None
    found = crossovers(prepared.values, order=order, most=MOST, confidence=criteria.measurement.confidence, breaks=prepared.cuts)
    higher = _at_next_order(prepared, order) if _rises(found) else math.nan
    return TwoExponents(order, found, higher)


def _at_next_order(prepared: Prepared, order: int) -> float:
    if order == HIGHEST_ORDER or not _long_enough(prepared, order + 1):
        return math.nan
    return float(first_p_values(log_fluctuations(prepared.values, axis=-1, order=order + 1, scales=None, breaks=prepared.cuts)))


def _long_enough(prepared: Prepared, order: int) -> bool:
    """Whether a stretch between cuts has room for enough box sizes."""
    n = len(prepared.values)
    return max(check_breaks(prepared.cuts, n), default=n) >= shortest(order)


def _rises(found: Crossovers) -> bool:
    """Whether the second of two exponents is larger, as with a trend."""
    return int(found.number) == 1 and bool(found.exponents[1] > found.exponents[0])


def sentence(bend: TwoExponents, every: int) -> tuple[str, float]:
    """What is said of the bend, and the number in it; norms are `every` steps apart."""
    found = bend.found
    p = float(found.p_values[0])
    if not found.bends:
        return f"no second exponent was found ({probability(p)})", p
    if found.bends > 1 or found.adequacy < POOR:
        p = float(found.p_values[1]) if found.bends > 1 else float(found.adequacy)
        return f"no two exponents fit either ({probability(p)})", p
    if found.undecided:
        return f"a second exponent is there ({probability(p)}), but not determined", p
    return _of_two(bend, every), float(found.places[0]) * every


def _of_two(bend: TwoExponents, every: int) -> str:
    """What is said of two exponents that fit: a second one that a trend could give is not named."""
    found = bend.found
    reach = f"up to boxes of {about(found.places[0] * every)} steps"
    if _like_a_trend(bend):
        return f"one exponent fits {reach}, {_exponent(found, 0)}; above, F(s) may be that of a trend"
    return f"two exponents fit: {_exponent(found, 0)} {reach}, {_exponent(found, 1)} above"


def _like_a_trend(bend: TwoExponents) -> bool:
    """Whether the second exponent may be the largest that its order can show, or is not there at the next order."""
    if not _rises(bend.found):
        return False
    return bool(bend.found.high[1] > bend.order + 1 - SATURATION) or bend.higher >= bend.found.level


def _exponent(found: Crossovers, k: int) -> str:
    return f"{found.exponents[k]:.2f} ({found.low[k]:.2f} to {found.high[k]:.2f})"
