"""Says in a few sentences what a spectrum shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.multifractal.widths import LEVEL
from wcdfa.support.text import probability, several

if TYPE_CHECKING:
    from wcdfa.multifractal.result import Multifractal, Numbers

NAMES = {
    "memory": "Gaussian noise with the same memory",
    "phase": "noise with the same power spectrum",
    "shuffled": "the same values in random order",
}


def said(result: Multifractal) -> str:
    """What one series shows, or how many of many series show it."""
    return _of_one(result) if result.cause.ndim == 0 else _of_many(result)


def _of_one(result: Multifractal) -> str:
    if result.reason is not None:
        return " ".join([f"No spectrum: {result.reason}.", *_flat(result)])
    two = np.flatnonzero(result.q == 2)
    exponent = [f"h(2) = {_interval(result.h[two[0]], result.h_low[two[0]], result.h_high[two[0]])}."] if len(two) else []
    width = _interval(result.width, result.width_low, result.width_high)
    return " ".join([*exponent, f"Width of the spectrum: {width}{_compared(result)}.", *_saturated(result), *_flat(result)])


def _interval(value: Numbers, low: Numbers, high: Numbers) -> str:
    return f"{value:.2f} ({low:.2f}–{high:.2f})"


def _compared(result: Multifractal) -> str:
    p = {null: float(getattr(result, f"p_{null}")) for null in NAMES}
    tested = {null: value for null, value in p.items() if not math.isnan(value)}
    if not tested:
        return ", not compared with any null"
    above = {null: value for null, value in tested.items() if value <= LEVEL}
    below = {null: value for null, value in tested.items() if value > LEVEL}
    parts = [f"wider than that of {_listed(above)}"] if above else []
    parts += [f"no wider than that of {_listed(below)}"] if below else []
    return f", {', but '.join(parts)}{_meaning(tested, wide=bool(result.width_low > 0))}"


def _listed(values: dict[str, float]) -> str:
    parts = [f"{NAMES[null]} ({probability(value)})" for null, value in values.items()]
    return " and of ".join([", of ".join(parts[:-1]), parts[-1]] if parts[1:] else parts)


def _meaning(p: dict[str, float], *, wide: bool) -> str:
    linear = [value for null, value in p.items() if null != "shuffled"]
    if linear and min(linear) > LEVEL:
        return (
            ", although its interval leaves out 0: compare it with all nulls" if wide else ": nothing shows more than one exponent"
        )
    if not linear or max(linear) > LEVEL or "shuffled" not in p:
        return ""
    if p["shuffled"] > LEVEL:
        return ": the distribution of the values explains it, in any order"
    return ": neither the memory nor the distribution of the values explains it alone"


def _saturated(result: Multifractal) -> list[str]:
    if not result.saturated:
        return []
    reached = f"h(q) reaches {np.nanmax(result.h):.2f}, which a smooth trend or a large outlier gives as well as memory does"
    return [f"{reached}: look at the series, or measure with a higher order."]


def _flat(result: Multifractal) -> list[str]:
    count, start, length = (int(each) for each in (result.flat_count, result.flat_start, result.flat_length))
    if not count:
        return []
    where = f"{several(length, 'equal sample', 'equal samples')} from {start:,} on"
    more = f", and {several(count - 1, 'more flat stretch', 'more flat stretches')}" if count > 1 else ""
    if result.reason is not None:
        return [f"There are {where}{more}."]
    if np.any(np.isnan(result.h)):
        return [f"Too much is flat for q ≤ 0, which is left out: {where}{more}."]
    return [f"{where}{more}: boxes inside are left out of q ≤ 0."] if np.any(result.q <= 0) else []


def _of_many(result: Multifractal) -> str:
    total = math.prod(result.cause.shape)
    lines = [f"{several(total, 'series', 'series')}."]
    without = int(np.sum(result.cause != 0))
    if without:
        lines.append(f"No spectrum for {without:,}: {result.reason}.")
    for null, name in NAMES.items():
        p = np.asarray(getattr(result, f"p_{null}"))
        tested = int(np.sum(~np.isnan(p)))
        if tested:
            lines.append(f"Wider than that of {name} at the 5 % level: {int(np.sum(p <= LEVEL)):,} of {tested:,} spectra.")
    flat = int(np.sum(result.flat_count > 0))
    if flat:
        lines.append(f"{flat:,} of them hold flat stretches.")
    return " ".join(lines)
