"""Says in a sentence whether series are coupled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wcdfa.cross.null import LEVEL
from wcdfa.support.text import first_few, probability, several

if TYPE_CHECKING:
    from wcdfa.cross.matrix import CouplingMatrix
    from wcdfa.cross.result import Clearest, Coupling


BOTH = 3  # of `Coupling.trend`: x and y have a trend


def sentence(found: Coupling) -> str:
    """What was found for one pair, or how many of several are coupled."""
    return _of_many(found) if np.ndim(found.p_value) else _of_one(found)


def _of_one(found: Coupling) -> str:
    if found.reason:
        return f"not compared: {found.reason}"
    said = probability(float(found.p_value))
    if found.p_value > LEVEL:
        return f"no coupling found ({said})"
    best = found.clearest
    where = f"at boxes of {several(best.size, 'sample', 'samples')}{_following(best)}"
    return f"coupled ({said}): ρ = {best.rho:.2f} ({best.low:.2f} to {best.high:.2f}) {where}{_trend(found)}"


def _trend(found: Coupling) -> str:
    return f". Note that {found.trend_note}" if found.trend_note else ""


def _following(best: Clearest) -> str:
    first, second = ("y", "x") if best.lag > 0 else ("x", "y")
    follows = f", where {first} follows {second} by {several(abs(best.lag), 'sample', 'samples')}" if best.lag else ""
    if best.alike == 1:
        return follows
    return f"{follows or ', without a lag'}; {best.alike:,} lags fit alike, of which this is the nearest to 0"


def _of_many(found: Coupling) -> str:
    p = np.ravel(found.p_value)
    unknown = int(np.isnan(p).sum())
    coupled = int((p <= LEVEL).sum())
    left_out = f", {unknown:,} not compared ({found.reason})" if unknown else ""
    trending = int(np.sum((np.ravel(found.trend) == BOTH) & (p <= LEVEL)))
    trends = f"; {trending:,} of the coupled have a trend or a step on both sides, which may be all of it" if trending else ""
    return f"{several(p.size, 'pair', 'pairs')}: {coupled:,} coupled (p ≤ {LEVEL}), {p.size - coupled - unknown:,} not{left_out}{trends}"


def matrix_sentence(found: CouplingMatrix) -> str:
    """Which pairs of one set of series are coupled, or how many in several sets."""
    count = found.alpha.shape[-1]
    first, second = np.triu_indices(count, 1)
    p = found.p_corrected[..., first, second]
    tested = int(np.isfinite(p).sum())
    if not p.size:
        return "no series to compare: the batch is empty"
    if not tested:
        return f"not compared: {found.reason}"
    coupled = p <= LEVEL
    left_out = f"; not compared: {several(p.size - tested, 'pair', 'pairs')}, where {found.reason}" if tested < p.size else ""
    partial = f"; no partial ρ: {found.partial_reason}" if np.all(found.singular) else ""
    number = int(coupled.sum())
    among = "" if p.ndim > 1 or tested == 1 else f", corrected for {tested:,} pairs"
    said = (
        f"{number:,} of {several(tested, 'pair', 'pairs')} {'is' if 1 in (number, tested) else 'are'} coupled (p ≤ {LEVEL}{among})"
    )
    if p.ndim > 1 or not coupled.any():
        return said + partial + left_out
    places = sorted(np.flatnonzero(coupled), key=lambda i: float(p[i]))
    named = [f"series {first[i]} and {second[i]} ({probability(float(p[i]))})" for i in places]
    return f"{said}: {first_few(named)}{partial}{left_out}"
