"""Says in a sentence whether series are coupled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wcdfa.support.text import first_few, probability, several

if TYPE_CHECKING:
    from wcdfa.cross.matrix import CouplingMatrix
    from wcdfa.cross.result import Coupling

LEVEL = 0.05  # a larger p-value is no coupling


def sentence(found: Coupling) -> str:
    """What was found for one pair, or how many of several are coupled."""
    return _of_many(found) if np.ndim(found.p_value) else _of_one(found)


def _of_one(found: Coupling) -> str:
    if found.reason:
        return f"not compared: {found.reason}"
    said = probability(float(found.p_value))
    if found.p_value > LEVEL:
        return f"no coupling found ({said})"
    with np.errstate(divide="ignore"):
        place = np.unravel_index(np.argmax(np.abs(np.arctanh(found.rho)) / found.deviation), found.rho.shape)
    rho, low, high = (float(part[place]) for part in (found.rho, found.low, found.high))
    where = f"at boxes of {several(int(found.scales[place[-1]]), 'sample', 'samples')}"
    return f"coupled ({said}): ρ = {rho:.2f} ({low:.2f} to {high:.2f}) {where}{_following(found, place)}"


def _following(found: Coupling, place: tuple[np.intp, ...]) -> str:
    if found.lags is None or not (lag := int(found.lags[place[0]])):
        return ""
    first, second = ("y", "x") if lag > 0 else ("x", "y")
    return f", where {first} follows {second} by {several(abs(lag), 'sample', 'samples')}"


def _of_many(found: Coupling) -> str:
    p = np.ravel(found.p_value)
    unknown = int(np.isnan(p).sum())
    coupled = int((p <= LEVEL).sum())
    left_out = f", {unknown:,} not compared ({found.reason})" if unknown else ""
    return f"{several(p.size, 'pair', 'pairs')}: {coupled:,} coupled (p ≤ {LEVEL}), {p.size - coupled - unknown:,} not{left_out}"


def matrix_sentence(found: CouplingMatrix) -> str:
    """Which pairs of one set of series are coupled, or how many in several sets."""
    count = found.alpha.shape[-1]
    first, second = np.triu_indices(count, 1)
    p = found.p_corrected[..., first, second]
    tested = int(np.isfinite(p).sum())
    if not tested:
        return f"not compared: {found.reason}"
    coupled = p <= LEVEL
    left_out = f"; not compared: {several(p.size - tested, 'pair', 'pairs')}, where {found.reason}" if tested < p.size else ""
    number = int(coupled.sum())
    among = "" if p.ndim > 1 or tested == 1 else f", corrected for {tested:,} pairs"
    said = (
        f"{number:,} of {several(tested, 'pair', 'pairs')} {'is' if 1 in (number, tested) else 'are'} coupled (p ≤ {LEVEL}{among})"
    )
    if p.ndim > 1 or not coupled.any():
        return said + left_out
    places = sorted(np.flatnonzero(coupled), key=lambda i: float(p[i]))
    named = [f"series {first[i]} and {second[i]} ({probability(float(p[i]))})" for i in places]
    return f"{said}: {first_few(named)}{left_out}"
