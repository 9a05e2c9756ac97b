"""α of one short series in NumPy: what `estimators` computes, in Python's own numbers where NumPy would be slow with so few.

All that depends on the length and the options alone is found once. A series that needs more care (a value that is not finite, squares
that overflow, an F(s) that may be rounding error) is left to `exponent`, which also raises the errors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.inference.calibration import STEP, Calibration
from wcdfa.inference.estimators import FLAT, TINY
from wcdfa.kernel.arrays import NUMPY, limits
from wcdfa.kernel.polynomials import Matrix, frozen

if TYPE_CHECKING:
    from wcdfa.kernel.one_series import OneSeries

FALL = b"\x01\x00"  # above zero, then not


class Found(NamedTuple):
    """The estimate for one series."""

    alpha: float
    stderr: float
    low: float
    high: float
    r_squared: float
    adequacy: float
    mean_square: Matrix  # F²(s)


class OneEstimate:
    """Estimates α of series of one length with one set of options."""

    def __init__(
        self, compute: OneSeries, n: int, sizes: tuple[int, ...], table: Calibration, quantile: float, *, slope: bool
    ) -> None:
        self._compute = compute
        epsilon, low, high = limits(np.dtype(np.float64), NUMPY)
        self._range = low * n, high * n
        self._rounding = epsilon**2 * sizes[-1] * (1 + sizes[-1] / 16) / n  # no less than rounding may leave, see `rounding`
        self._product = frozen(np.asarray(table.product).T)
        self._offset = np.asarray(table.offset)
        self._rows: list[list[float]] = np.asarray(table.rows).tolist()
        self._reach = [quantile * row[1] for row in self._rows]
        self._wide = len(sizes) - 1
        self._sizes = len(sizes)
        # α of "ols" is the plain slope of log F: of log F² the product has that, for a line of unit length
        self._slope = 0.5 / float(np.std(np.log(sizes)) * len(sizes) ** 0.5) if slope else None

    def __call__(self, x: Matrix) -> Found | None:
        """α, its interval and F²; None if the series needs more care."""
        power = float(np.vdot(x, x))
        if not self._range[0] < power < self._range[1]:  # this holds for NaN
            return None
        mean_square = self._compute(x)
        if not min(mean_square.tolist()) > self._rounding * power:
            return None
        log_f2 = np.log(mean_square)
        log_f2 -= log_f2[0]
        outputs = self._product.dot(log_f2)
        outputs -= self._offset
        points, rows, reach = len(self._rows), self._rows, self._reach
        equation: list[float] = outputs[:points].tolist()
        index = self._interval(outputs, points)
        share = _share(equation[index], equation[index + 1])
        at = rows[index]
        alpha, stderr = at[0] + share * STEP, at[1] + share * at[2]
        lower, upper = index, index
        while lower > 0 and equation[lower] <= reach[lower]:
            lower -= 1
        while upper < points - 2 and equation[upper + 1] > -reach[upper + 1]:
            upper += 1
        below = lower + _share(equation[lower] - reach[lower], equation[lower + 1] - reach[lower + 1])
        above = upper + _share(equation[upper] + reach[upper], equation[upper + 1] + reach[upper + 1])
        first, last = rows[0][0], rows[-1][0]
        misfit = (1 - share) * self._misfit(outputs, index, points) + share * self._misfit(outputs, index + 1, points)
        along, total = outputs[-2:].tolist()
        length = float(log_f2.dot(log_f2)) - total * total / self._sizes
        return Found(
            alpha if self._slope is None else along * self._slope,
            stderr,
            min(first + STEP * below, alpha, last - reach[-1] / 2),
            max(first + STEP * above, alpha, first + reach[0] / 2),
            along * along / max(length, FLAT),
            _adequacy(misfit, at),
            mean_square,
        )

    def _interval(self, outputs: Matrix, points: int) -> int:
        """The interval of the grid in which the equation falls through zero; of several, the one of least misfit."""
        signs = b"\x01%b\x00" % (outputs[1 : points - 1] > 0).tobytes()
        index = signs.find(FALL)
        following = signs.find(FALL, index + 1)
        if following < 0:
            return index
        falls = [index]
        while following >= 0:
            falls.append(following)
            following = signs.find(FALL, following + 1)
        return min(falls, key=lambda i: self._misfit(outputs, i, points))

    def _misfit(self, outputs: Matrix, index: int, points: int) -> float:
        start = points + index * self._wide
        white = outputs[start : start + self._wide]
        return float(white.dot(white))


def _share(left: float, right: float) -> float:
    """The position of the zero between two values, from 0 to 1."""
    return min(max(left / max(left - right, TINY), 0.0), 1.0)


def _adequacy(misfit: float, row: list[float]) -> float:
    """The p-value of a misfit; NaN if the calibration has none."""
    knots = (len(row) - 3) // 2
    log_p = 0.0
    for knot, slope in zip(row[3 : 3 + knots], row[3 + knots :], strict=True):
        if misfit <= knot:
            break
        log_p += slope * (misfit - knot)
    return math.exp(log_p)
