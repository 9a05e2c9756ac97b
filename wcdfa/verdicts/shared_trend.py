"""Whether two series are coupled, or only follow a trend each: two trends look coupled at low orders, and at every order if they are steep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.cross.coupling import Coupling, coupling
from wcdfa.inference.exponent import dfa
from wcdfa.kernel.checks import ORDERS
from wcdfa.scales import LARGEST_EXACT, SHIPPED

Values = npt.NDArray[np.float64]

LEVEL = 0.05  # of the test
HIGHER = 2  # how many orders above the one asked for a coupling must be found at too
DROP = 0.5  # standard errors by which α falls at the higher order if there may be a trend: more is rarely seen in 128 samples
STEEP = 1.2  # α from which on there may be one in any case


class Pair(NamedTuple):
    """Two prepared series of the same length, and the places that no box crosses."""

    x: Values
    y: Values
    breaks: tuple[int, ...]

    def coupling(self, order: int, replicates: int) -> Coupling:
        """Compare the two."""
        return coupling(self.x, self.y, order=order, breaks=self.cuts, replicates=replicates)

    @property
    def cuts(self) -> tuple[int, ...]:
        """`breaks`; if there are none and the length has no calibration of its own, one before the last sample.

        With a break, a shipped calibration is scaled instead of computing one for this length, which takes some seconds.
        """
        n = len(self.x)
        return self.breaks or (() if n in SHIPPED or n > LARGEST_EXACT else (n - 1,))

    def halves(self) -> tuple[Pair, Pair]:
        """The first and the second half."""
        middle = len(self.x) // 2
        first = tuple(place for place in self.breaks if place < middle)
        second = tuple(place - middle for place in self.breaks if place > middle)
        return Pair(self.x[:middle], self.y[:middle], first), Pair(self.x[middle:], self.y[middle:], second)


class Beyond(NamedTuple):
    """What is left of a coupling when trends are removed."""

    coupling: Coupling | None
    """As at `order`; None if both series follow a trend that no order removes."""
    order: int
    """The detrending order that decided: the one asked for, or a higher one."""


def beyond_trends(pair: Pair, found: Coupling, order: int, replicates: int) -> Beyond:
    """Check a coupling that was found at an order: a higher order must find it too, and, if both series may follow a trend, in both halves.

    A trend in a box is removed up to the order, and its steepest part is in one half: what two trends share is not left in both. Two
    decays that are alike, or a warm-up that both have, may be called uncoupled or not compared, but not coupled.

    >>> from wcdfa import synthetic
    >>> decay, noise = np.exp(-np.arange(1000) / 400), synthetic.white_noise(1000, batch=(2,), seed=0)
    >>> pair = Pair(*(5 * decay + noise), ())
    >>> found = pair.coupling(1, 99)
    >>> left = beyond_trends(pair, found, 1, 99)
    >>> [bool(each.p_value <= 0.05) for each in (found, left.coupling)], left.order
    ([True, False], 3)
    """
    if not found.p_value <= LEVEL:
        return Beyond(found, order)
    higher = min(order + HIGHER, ORDERS[-1])
    left = found if higher == order else pair.coupling(higher, replicates)
    if left.p_value > LEVEL:
        return Beyond(left, higher)
    if not all(_trending(each, pair.cuts, higher) for each in (pair.x, pair.y)):
        return Beyond(found, order)
    both = all(_found_in(half, higher, replicates) for half in pair.halves())
    return Beyond(left if both else None, higher)


def _trending(x: Values, breaks: tuple[int, ...], order: int) -> bool:
    """Whether there may be a trend: a lower order gives a higher α, or a high one."""
    low, high = (dfa(x, order=each, breaks=breaks) for each in (order - HIGHER, order))
    return float(low.alpha) >= STEEP or float(low.alpha - high.alpha) > DROP * float(high.stderr)


def _found_in(half: Pair, order: int, replicates: int) -> bool:
    try:
        return bool(half.coupling(order, replicates).p_value <= LEVEL)
    except ValueError:  # it is too short
        return False
