"""The χ² distribution, by E. B. Wilson and M. M. Hilferty, PNAS 17, 684 (1931), doi:10.1073/pnas.17.12.684: its cube root is nearly normal."""

from __future__ import annotations

import math


def tail(value: float, degrees: int) -> float:
    """The probability that a χ² exceeds a value.

    >>> print(round(tail(18.307, 10), 3))
    0.05
    """
    spread = 2 / (9 * degrees)
    return math.erfc(((value / degrees) ** (1 / 3) - 1 + spread) / math.sqrt(2 * spread)) / 2


def quantile(p: float, degrees: int) -> float:
    """The value that a χ² exceeds with probability p.

    >>> print(round(quantile(0.05, 10), 2))
    18.29
    """
    from statistics import NormalDist  # noqa: PLC0415 - 10 ms that importing wcdfa would cost

    spread = 2 / (9 * degrees)
    return float(degrees * (1 - spread + NormalDist().inv_cdf(1 - p) * math.sqrt(spread)) ** 3)
