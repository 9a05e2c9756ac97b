"""The findings: explanations of α, and remarks about a window. Each is a function that takes the evidence.

To add one, write such a function here, put it into `FINDINGS`, and add its kind to the table in ``docs/verdict.md``. Findings are shown
in the order of `FINDINGS`. The function yields a `Finding`, or nothing if it does not apply or what it needs was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from wcdfa.inference.exponent import DFAResult
from wcdfa.nulls.nulls import NullResult
from wcdfa.verdicts.evidence import Evidence
from wcdfa.verdicts.regime import Regime, label

LEVEL = 0.05  # from this p-value up, the optimizer or short memory explains α
MISFIT = 0.01  # below this p-value of the misfit, no single exponent describes the window
# in less than 1 % of series without a trend (n = 256 to 1,024), α at a higher order is lower by this many of its standard errors
TREND = {1: 1.7, 2: 2.0}


class Finding(NamedTuple):
    """One thing that was found, in plain words."""

    kind: str
    """What it is about, in a word or two, as in "trend" or "short memory"; How to read a verdict lists all."""
    text: str
    figure: float
    """The number in the text: how much of α a trend explains or a null leaves, a p-value, or a count."""
    explains: bool
    """Whether it alone is enough to explain α."""
    brief: str = ""
    """Its words in the one line of a verdict; empty if it does not appear there."""


def preparation(evidence: Evidence) -> Iterator[Finding]:
    """What preparation did to the norms."""
    for text in () if evidence.prepared is None else evidence.prepared.findings:
        yield Finding("preparation", text, math.nan, False)


def undefined(evidence: Evidence) -> Iterator[Finding]:
    """Why there is no α."""
    if evidence.reason is not None:
        yield Finding("undefined", evidence.reason, math.nan, False)


def saturated(evidence: Evidence) -> Iterator[Finding]:
    """α is at the largest value that its order can show."""
    if evidence.result is not None and evidence.result.saturated:
        order = evidence.criteria.measurement.order
        text = f"α is at the ceiling of order {order}, which is {order + 1}: it shows a smooth trend"
        yield Finding("saturated", text, evidence.alpha, True, "trend")


def trend(evidence: Evidence) -> Iterator[Finding]:
    """A higher order gives a lower α. This explains α if the interval of the lower α is no longer in the same band."""
    for order, other in evidence.higher.items():
        drop = evidence.alpha - float(other.alpha)
        if drop > TREND[order - evidence.criteria.measurement.order] * float(other.stderr):
            text = f"order {order} gives {float(other.alpha):.2f}: a trend explains {drop:.2f} of α"
            suffices = _regime(other, evidence) != evidence.regime or evidence.regime == "undecided"
            yield Finding("trend", text, drop, suffices, "trend" if suffices else f"a trend explains {drop:.2f} of α")
            return


def misfit(evidence: Evidence) -> Iterator[Finding]:
    """Log F(s) bends: no single exponent fits it."""
    if evidence.result is not None and evidence.result.adequacy < MISFIT:
        p = float(evidence.result.adequacy)
        yield Finding("misfit", f"log F(s) bends: no single exponent describes this window (p = {p:.2g})", p, False)


def optimizer(evidence: Evidence) -> Iterator[Finding]:
    """What the optimizer alone gives, and what that leaves of α."""
    null, rule, simulation = evidence.null, evidence.criteria.optimizer, evidence.simulation
    name = str(rule or "the optimizer")
    if null is None:
        return
    if math.isnan(null.median):
        why = (rule and rule.no_alpha) or "its ‖ΔW‖ is constant, for example because every gradient is clipped"
        yield Finding("optimizer", f"{name} alone has no α: {why}", math.nan, False, f"not compared: {name} alone has no α")
        return
    rest, brief = _left_of(null)
    assumed = "" if simulation is None or rule is None else simulation.assumed(rule)
    if brief != "optimizer" and _shape_unknown(evidence):
        rest += "; but its α depends on the shapes of the matrices, so this decides nothing: give dimension=(rows, columns)"
        brief = "undecided: α of the optimizer depends on the shapes of the matrices"
    text = f"{name} alone{assumed} gives {null.low:.2f}–{null.high:.2f}: {rest}"
    yield Finding("optimizer", text, null.excess, brief == "optimizer", brief)


def _shape_unknown(evidence: Evidence) -> bool:
    """Whether the optimizer was replayed on a shape that need not be that of the run, and the shape matters."""
    rule, simulation = evidence.criteria.optimizer, evidence.simulation
    return rule is not None and rule.depends_on_shape and simulation is not None and simulation.dimension is None


def short_memory(evidence: Evidence) -> Iterator[Finding]:
    """The spectrum favors short memory. It explains α if simulations of it reach this α."""
    found = evidence.memory
    if found is None:
        return
    named = "φ = {phi:.2f}" if found.model == "AR(1)" else "φ = {phi:.2f}, θ = {theta:.2f}"
    text = f"short memory explains the spectrum better, by {found.nats:.1f} nats: {found.model} with {named.format(**found.parameters)}"
    suffices = found.p_value >= LEVEL
    if not suffices:
        text += f", though it gives α of {found.low:.2f}–{found.high:.2f} only"
    yield Finding("short memory", text, found.nats, suffices, "short memory" if suffices else "")


FINDINGS: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    preparation,
    undefined,
    saturated,
    trend,
    misfit,
    optimizer,
    short_memory,
)


def found(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings of a window, in the order of `FINDINGS`."""
    return tuple(finding for each in FINDINGS for finding in each(evidence))


def _regime(result: DFAResult, evidence: Evidence) -> Regime | None:
    return label(float(result.low), float(result.high), thresholds=evidence.criteria.thresholds)


def _left_of(null: NullResult) -> tuple[str, str]:
    """What the null leaves of α: a sentence, and a few words."""
    if null.p_value < LEVEL:
        p = f"p = {null.p_value:.3f}"
        return f"α is {null.excess:.2f} above its median ({p})", f"beyond the optimizer ({p})"
    if null.alpha < null.low:
        return f"α is {-null.excess:.2f} below its median, so the gradients undo some of it", "less than the optimizer alone"
    return f"nothing is left to explain (p = {null.p_value:.2f})", "optimizer"
