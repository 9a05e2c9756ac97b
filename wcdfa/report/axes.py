"""The axes of still pictures: where a number lies, which ticks are drawn, and the frame with its titles."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.report.svg import Floats, line, short, words
from wcdfa.support.markup import Markup, element

LARGEST = sys.float_info.max
MARGIN = 0.04  # of the range of the values, on each side
STEPS = (1.0, 2.0, 5.0, 10.0)  # ticks are a multiple of one of these, times a power of ten, apart


class Axis(NamedTuple):
    """Numbers from `low` to `high` lie between two places of a picture, in pixels."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def at(self, values: npt.ArrayLike) -> Floats:
        """The places of numbers; NaN for what is not finite, or cannot be on a logarithmic axis.

        >>> Axis(1, 100, 0, 50, log=True).at([1, 10, -1])
        array([ 0., 25., nan])
        """
        given = np.asarray(values, dtype=np.float64)
        with np.errstate(all="ignore"):
            low, high, numbers = (np.log10(each) if self.log else each / 4 for each in (self.low, self.high, given))
            share = np.clip((numbers - low) / (high - low), -10, 10)  # numbers near the largest there are leave no infinity
        return np.where(np.isfinite(numbers), self.start + share * (self.stop - self.start), math.nan)

    def place(self, value: float) -> float:
        """The place of one number."""
        return float(self.at(value))

    def ticks(self, most: int) -> list[float]:
        """Round numbers within the axis, about so many at most.

        >>> Axis(0.02, 3, 0, 1, log=True).ticks(5)
        [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
        """
        if most == 0:
            return []
        if not self.log:
            return _round_numbers(self.low, self.high, most)
        first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
        every = max(1, round((last - first) / most))
        between = (1.0, 2.0, 5.0) if 2 * (last - first) <= most else (1.0,)
        found = (times * 10.0**power for power in range(first, last + 1, every) for times in between)
        known = [each for each in found if self.low <= each <= self.high]
        return known if len(known) > 1 else [each for each in _round_numbers(self.low, self.high, most) if each > 0]


def _round_numbers(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten.

    >>> _round_numbers(0.4, 1.6, 5)
    [0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6]
    """
    rough = high / most - low / most
    if not (rough > 0 and math.isfinite(rough)):
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((each * power for each in STEPS if each * power >= 0.7 * rough), rough)
    if not step > 0:
        return [low]
    first = math.ceil(low / step - 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, math.floor(high / step + 1e-9) + 1)]


def axis_of(values: npt.ArrayLike, start: float, stop: float, *, log: bool = False, margin: float = MARGIN) -> Axis:
    """An axis on which all known values lie; it is not logarithmic if one of them is not positive."""
    given = np.asarray(values, dtype=np.float64)
    known = given[np.isfinite(given)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if log and low > 0 and high > low:
        room = margin * (math.log10(high) - math.log10(low))
        return Axis(low * 10**-room or low, min(high * 10**room, LARGEST), start, stop, log=True)
    room = margin * (high / 4 - low / 4) * 4 if high > low else 0.05 * abs(high) or 1.0
    return Axis(max(low - room, -LARGEST), min(high + room, LARGEST), start, stop)


def counted(value: float) -> str:
    """The label of a step."""
    return f"{value:,.0f}"


def brief(value: float) -> str:
    """The label of a number of any size."""
    return f"{value:.3g}".replace("-", "−")


def frame(
    x: Axis, y: Axis, titles: tuple[str, str], *, below: Callable[[float], str] | None = counted, ticks: tuple[int, int] = (8, 5)
) -> Markup:
    """Grid, ticks and titles of two axes; `below` writes the ticks of the lower one, None leaves them and its title out."""
    parts, (left, right), (bottom, top) = list[Markup](), (x.start, x.stop), (y.start, y.stop)
    for tick in y.ticks(ticks[1]):
        at = y.place(tick)
        parts += [_rule((left, right), (at, at)), words(brief(tick), left - 6, at + 4, "end")]
    for tick in x.ticks(ticks[0]):
        at = x.place(tick)
        parts.append(_rule((at, at), (bottom, top)))
        if below is not None:
            parts.append(words(below(tick), at, bottom + 16, "middle"))
    middle = short((bottom + top) / 2)
    if titles[1]:
        parts.append(words(titles[1], 14, (bottom + top) / 2, "middle", transform=f"rotate(-90 14 {middle})"))
    if below is not None:
        parts.append(words(titles[0], (left + right) / 2, bottom + 36, "middle"))
    return element("g", *parts)


def _rule(xs: tuple[float, float], ys: tuple[float, float]) -> Markup:
    return line(np.array(xs), np.array(ys), "var(--grid)", stroke_width="1")
