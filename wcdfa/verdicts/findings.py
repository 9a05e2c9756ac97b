"""The findings: explanations of α, and remarks about a window. Each is a function that takes the evidence.

To add one, write such a function here, put it into `FINDINGS`, and add its kind to the table in ``docs/verdict.md``. Findings are shown
in the order of `FINDINGS`. The function yields a `Finding`, or nothing if it does not apply or what it needs was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from wcdfa.inference.exponent import DFAResult
from wcdfa.nulls.comparison import Compared
from wcdfa.nulls.nulls import DECISIVE, NullResult
from wcdfa.support.quantity import described
from wcdfa.support.text import probability
from wcdfa.verdicts.evidence import Evidence
from wcdfa.verdicts.optimizer_comparison import UNEXPLAINED, Comparison, compared_rule, every_of
from wcdfa.verdicts.regime import Regime, label
from wcdfa.verdicts.two_exponents import sentence

LEVEL = UNEXPLAINED  # from this p-value up, the optimizer or short memory explains α
BESIDE_A_TREND = "no exponents are named for the bend, which a trend may cause"
BESIDE_A_PERIOD = "no exponents are named for the bend, which a period of about {period:,.0f} steps may cause"
COMPARABLE = ("update norm", "gradient norm")
NO_NULL = "not compared with the optimizer: the series is {quantity}, and its α describes that"
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
    if (p := evidence.misfit) is not None:
        yield Finding("misfit", f"log F(s) bends: no single exponent describes this window (p = {p:.2g})", p, False)


def two_exponents(evidence: Evidence) -> Iterator[Finding]:
    """Which two exponents fit where no single one does; none are named beside a trend or a period, which bend log F(s) too."""
    if evidence.misfit is None:
        return
    every = every_of(evidence.criteria, evidence.prepared)
    if any(True for each in (saturated, trend) for _ in each(evidence)):
        yield Finding("two exponents", BESIDE_A_TREND, math.nan, False)
    elif evidence.period is not None:
        period = evidence.period * every
        yield Finding("two exponents", BESIDE_A_PERIOD.format(period=period), period, False)
    elif evidence.bend is not None:
        yield Finding("two exponents", *sentence(evidence.bend, every), False)


def optimizer(evidence: Evidence) -> Iterator[Finding]:
    """What the optimizer gives on gradients without memory, and whether this window is like that."""
    criteria = evidence.criteria
    if evidence.reason is not None and not _constant_by_design(evidence):
        return
    if criteria.quantity not in COMPARABLE:
        yield Finding("optimizer", NO_NULL.format(quantity=described(criteria.quantity)), math.nan, False)
    elif criteria.incomparable is not None:
        yield _not_compared(criteria.incomparable)
    elif evidence.comparison is not None:
        yield _of_comparison(evidence, evidence.comparison)
    elif evidence.null is not None:
        yield _of_given(evidence.null, str(criteria.optimizer or "the optimizer"))
    elif criteria.optimizer is not None and criteria.optimizer.no_alpha is not None:
        name = str(criteria.optimizer)
        text = f"not compared: {name} alone has no α: {criteria.optimizer.no_alpha}"
        yield Finding("optimizer", text, math.nan, False, f"not compared: {name} alone has no α")
    elif criteria.unknown is not None:
        yield _not_compared(criteria.unknown)


def _constant_by_design(evidence: Evidence) -> bool:
    """Whether the norms are constant, and the named optimizer makes changes of one size."""
    rule = evidence.criteria.optimizer
    return rule is not None and rule.no_alpha is not None and "constant" in (evidence.reason or "")


def gradients(evidence: Evidence) -> Iterator[Finding]:
    """Whether the sizes of the gradients, which were recorded, have memory of their own."""
    sizes = evidence.gradients
    if sizes is None:
        return
    text = f"α of the gradient norms is {sizes.alpha:.2f} ({sizes.low:.2f}–{sizes.high:.2f})"
    if sizes.p_value < LEVEL and sizes.among > 1:
        chance = f"no more than chance among {sizes.among:,}"
        yield Finding(
            "gradients", f"{text}: memory in their size would be {chance} ({probability(sizes.p_value)})", sizes.alpha, False
        )
    elif sizes.p_value < LEVEL:
        brief = "the size of the gradients has memory"
        yield Finding(
            "gradients",
            f"{text}: the size of the gradients has memory of its own ({probability(sizes.p_value)})",
            sizes.alpha,
            False,
            brief,
        )
    else:
        yield Finding("gradients", f"{text}: no memory is seen in their size ({probability(sizes.p_value)})", sizes.alpha, False)


def thinned(evidence: Evidence) -> Iterator[Finding]:
    """Steps were left out of the log."""
    every = every_of(evidence.criteria, evidence.prepared)
    if every > 1 and evidence.reason is None:
        text = f"thinned: of {every:,} steps only one was logged, so memory below {every:,} steps cannot be seen, and α is that of the thinned series"
        yield Finding("thinned", text, float(every), False)


def short_memory(evidence: Evidence) -> Iterator[Finding]:
    """The spectrum favors short memory. It explains α if simulations of it reach this α."""
    found = evidence.memory
    if found is None:
        return
    named = "φ = {phi:.2f}" if found.model == "AR(1)" else "φ = {phi:.2f}, θ = {theta:.2f}"
    text = f"short memory explains the spectrum better, by {found.nats:.1f} nats: {found.model} with {named.format(**found.parameters)}"
    enough = found.p_value >= LEVEL
    suffices = enough and not differs(evidence)  # memory beyond a named optimizer, short or long, is what people look for
    if not enough:
        text += f", but alone it gives α of {found.low:.2f}–{found.high:.2f}"
    yield Finding("short memory", text, found.nats, suffices, "short memory" if suffices else "")


FINDINGS: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    preparation,
    undefined,
    saturated,
    trend,
    misfit,
    two_exponents,
    thinned,
    gradients,
    optimizer,
    short_memory,
)


def found(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings of a window, in the order of `FINDINGS`."""
    return tuple(finding for each in FINDINGS for finding in each(evidence))


def _regime(result: DFAResult, evidence: Evidence) -> Regime | None:
    return label(float(result.low), float(result.high), thresholds=evidence.criteria.thresholds)


def trending(evidence: Evidence) -> bool:
    """Whether a trend is enough to explain α."""
    return any(finding.explains for each in (saturated, trend) for finding in each(evidence))


def differs(evidence: Evidence) -> bool:
    """Whether the window was compared with its optimizer and is unlike it."""
    return evidence.p_value < LEVEL and evidence.among == 1


def _not_compared(why: str) -> Finding:
    return Finding("optimizer", f"not compared with the optimizer: {why}", math.nan, False, f"not compared: {why}")


def _of_comparison(evidence: Evidence, comparison: Comparison) -> Finding:
    found, against, null = comparison.found, comparison.against, comparison.found.null
    if math.isnan(null.median):
        why = "norms are constant, for example because every gradient is clipped"
        return Finding(
            "optimizer", f"not compared: {against} has no α: {why}", math.nan, False, f"not compared: {against} has no α"
        )
    if comparison.unlike is not None:
        text = f"not compared with {against}: {comparison.unlike}; judge a later window"
        return Finding("optimizer", text, math.nan, False, f"not compared: {comparison.unlike}")
    rest, brief, suffices = _outcome(evidence, found, against)
    if not suffices and _shape_unknown(evidence):
        rest += "; but its α depends on the shapes of the matrices, so this decides nothing: give dimension=(rows, columns)"
        brief = "undecided: α of the optimizer depends on the shapes of the matrices"
    low, high = found.white
    white = "white ones have no α" if math.isnan(low) else f"white ones give α of {low:.2f}–{high:.2f}"
    text = f"{against}{comparison.assumed}: {white}, all kinds {null.low:.2f}–{null.high:.2f}; {rest}"
    kind = "gradients" if evidence.criteria.quantity == "gradient norm" else "optimizer"
    return Finding(kind, text, found.p_value, suffices, brief)


def _outcome(evidence: Evidence, found: Compared, against: str) -> tuple[str, str, bool]:
    """What a comparison says: a sentence, a few words, and whether nothing is left to explain."""
    p = probability(found.p_value)
    if found.p_value >= LEVEL:
        if evidence.nats < -DECISIVE:
            rest = f"log F(s) does not differ ({p}), but the spectrum favors long memory by {-evidence.nats:.1f} nats"
            return rest, f"undecided between {against} and long memory", False
        if found.null.p_value < LEVEL:
            rest = f"log F(s) does not differ ({p}), but α is above that of nearly all replays ({probability(found.null.p_value)})"
            return rest, f"undecided: α is above that of {against}, though log F(s) does not differ", False
        return f"log F(s) does not differ ({p}); it is most like replays on {found.closest}", _explaining(evidence), True
    if evidence.among > 1:
        chance = f"no more than chance among {evidence.among:,}"
        return f"{p} is {chance}", f"{p} against {against}, {chance}", False
    if found.less:
        return (
            f"log F(s) shows less memory than the replays of any kind, at small, middle and large sizes ({p})",
            f"less memory than {against} ({p})",
            False,
        )
    if found.null.p_value < LEVEL or found.p_more <= found.p_shape:
        return (
            f"fewer than 5 % of the replays of any kind have as much memory ({p})",
            f"not explained by {against}: more memory ({p})",
            False,
        )
    return (
        f"log F(s) has another shape: fewer than 5 % of the replays of any kind are as far from their mean ({p})",
        f"not explained by {against}: another shape ({p})",
        False,
    )


def _explaining(evidence: Evidence) -> str:
    """What explains a window that is like its replays."""
    if evidence.criteria.quantity == "gradient norm":
        return "gradients without memory"
    sizes = evidence.gradients
    return (
        "optimizer and the size of the gradients"
        if sizes is not None and sizes.p_value < LEVEL and sizes.among == 1
        else "optimizer"
    )


def _of_given(null: NullResult, name: str) -> Finding:
    """What α of the optimizer, given by a user, leave of this α; nothing else can be compared with them."""
    text = f"the α given for {name} range from {null.low:.2f} to {null.high:.2f}"
    if math.isnan(null.median):
        return Finding("optimizer", f"not compared: {name} alone has no α", math.nan, False, f"not compared: {name} alone has no α")
    p = f"p = {null.p_value:.3f}"
    if null.p_value < LEVEL:
        return Finding(
            "optimizer",
            f"{text}: α is {null.excess:.2f} above their median ({p})",
            null.excess,
            False,
            f"above the α given for {name} ({p})",
        )
    if null.alpha < null.low:
        return Finding(
            "optimizer", f"{text}: α is {-null.excess:.2f} below their median", null.excess, False, f"below the α given for {name}"
        )
    return Finding("optimizer", f"{text}: α is among them ({p})", null.excess, True, "optimizer")


def _shape_unknown(evidence: Evidence) -> bool:
    """Whether the optimizer was replayed on a shape that need not be that of the run, and the shape matters."""
    rule = compared_rule(evidence.criteria)
    return rule is not None and rule.depends_on_shape and evidence.criteria.simulation.dimension is None
