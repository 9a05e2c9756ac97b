"""The tail of Student's t distribution."""

from __future__ import annotations

import math

TERMS = 500


def two_sided(t: float, freedom: float) -> float:
    """The probability that a t variable is farther from 0 than `t`.

    >>> round(two_sided(2.0, 10.0), 6), two_sided(0.0, 3.0), two_sided(40.0, 30.0) < 1e-20
    (0.073388, 1.0, True)

    The regularised incomplete beta function, by Lentz's continued fraction: Abramowitz and Stegun (1964), 26.5.8 and 26.7.1.
    """
    x = freedom / (freedom + t * t)
    if x >= 1:
        return 1.0
    a, b = freedom / 2, 0.5
    scale = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return scale * _fraction(a, b, x) / a
    return 1 - scale * _fraction(b, a, 1 - x) / b


def quantile(p: float, freedom: float) -> float:
    """The t beyond which a two-sided probability of p lies.

    >>> print(round(quantile(0.05, 10.0), 3))
    2.228
    """
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > p:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, freedom) > p else (low, middle)
    return (low + high) / 2


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            c = 1 + term / c
            d = 1 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return value
