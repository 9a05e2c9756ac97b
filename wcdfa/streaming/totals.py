"""Sums that lose nothing, however many terms they have."""

from __future__ import annotations


def two_sum(a: float, b: float) -> tuple[float, float]:
    """The rounded sum of two numbers and its rounding error, exactly.

    D. E. Knuth, The Art of Computer Programming, vol. 2, section 4.2.2.

    >>> two_sum(1e16, 1.0)
    (1e+16, 1.0)
    """
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


class Totals:
    """Sums of residual sums of squares, one for each doubling, each as a number and what rounding has left of it.

    >>> totals = Totals()
    >>> for term in (1e16, 1.0, 1.0):
    ...     totals.add(0, term)
    >>> totals.value(0) - 1e16
    2.0
    """

    __slots__ = ("high", "low")

    def __init__(self, high: list[float] | None = None, low: list[float] | None = None) -> None:
        self.high, self.low = high or [], low or []

    def copy(self) -> Totals:
        """An independent copy."""
        return Totals(self.high.copy(), self.low.copy())

    def add(self, level: int, value: float) -> None:
        """Add a number to the sum of one doubling."""
        while len(self.high) <= level:
            self.high.append(0.0)
            self.low.append(0.0)
        self.high[level], left = two_sum(self.high[level], value)
        self.low[level] += left

    def include(self, other: Totals) -> None:
        """Add the sums of another."""
        for level, (high, low) in enumerate(zip(other.high, other.low, strict=True)):
            self.add(level, high)
            self.low[level] += low

    def value(self, level: int) -> float:
        """The sum of one doubling."""
        return self.high[level] + self.low[level]
