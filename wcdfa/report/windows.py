"""Describes each window for the report: F(s) at several orders with its usual range, and what else would give such an α."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wcdfa.inference.exponent import DFAResult
from wcdfa.inference.prepared import measured
from wcdfa.nulls.comparison import NullCurve
from wcdfa.nulls.nulls import shuffled
from wcdfa.preprocess.preparation import Prepared
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.explanations import of_findings, of_line, of_verdict
from wcdfa.verdicts.sentences import reasons
from wcdfa.verdicts.single_window import Values, Verdict, spread_of

SHUFFLES = 99  # number of random orders of the norms


class Measuring(NamedTuple):
    """The way in which the windows of a run were measured."""

    window: int
    criteria: Criteria


class Range(NamedTuple):
    """α with its interval, of a window or of something else that could give it."""

    name: str
    alpha: float
    low: float
    high: float


class Fluctuations(NamedTuple):
    """F(s) at one detrending order."""

    order: int
    result: DFAResult


class Window(NamedTuple):
    """One window of a run, in training steps."""

    first_step: int
    last_step: int
    verdict: str
    """The verdict in one line."""
    regime: str | None
    reasons: Sequence[str]
    alpha: Range
    null: Range | None
    """α of the optimizer alone."""
    surrogates: Sequence[Range]
    """α at higher orders, of the optimizer alone, of short memory, and of the same norms in random order."""
    curves: Sequence[Fluctuations]
    spread: tuple[Values, Values] | None
    """Mean and standard deviation of log F(s) over series with this α; None if unknown."""
    key: str
    """The line to act on first, by its key in `wcdfa.verdicts.explanations`."""
    keys: Sequence[str]
    """The line of each reason."""
    alone: NullCurve | None
    """F(s) of the optimizer alone; None if the window was not compared with it."""


def windows_of(verdicts: Sequence[Verdict], steps: Sequence[tuple[int, int]], settings: Measuring) -> list[Window]:
    """Make the windows of a run; `steps` are the first and last training step of each."""
    higher = _higher_orders(verdicts, settings)
    return [
        _window(each, span, {order: results[i] for order, results in higher.items() if i in results}, settings)
        for i, (each, span) in enumerate(zip(verdicts, steps, strict=True))
    ]


def _window(verdict: Verdict, steps: tuple[int, int], higher: dict[int, DFAResult], settings: Measuring) -> Window:
    null = None
    if verdict.null is not None:
        null = Range(alone(settings.criteria), verdict.null.median, verdict.null.low, verdict.null.high)
    curves, surrogates = [], []
    if verdict.regime is not None and verdict.result is not None:
        curves = [
            Fluctuations(settings.criteria.measurement.order, verdict.result),
            *(Fluctuations(*each) for each in higher.items()),
        ]
        surrogates = _surrogates(verdict, null, curves[1:], settings)
    criteria, key = settings.criteria, of_verdict(verdict).key
    said = reasons(
        verdict,
        optimizer_named=criteria.optimizer is not None or criteria.quantity != "update norm" or criteria.incomparable is not None,
    )
    return Window(
        *steps,
        str(verdict),
        verdict.regime,
        said,
        Range("α of this window", verdict.alpha, verdict.low, verdict.high),
        null,
        surrogates,
        curves,
        spread_of(verdict),
        key,
        _keys(verdict, said, key),
        verdict.null_curve if curves else None,
    )


def _keys(verdict: Verdict, said: Sequence[str], key: str) -> list[str]:
    """The key of the line of each sentence; `key` where a sentence has no line of its own."""
    lines = {finding.text: of_findings([finding]) for finding in verdict.findings}
    found = (next(iter(lines.get(text, ())), of_line(text)) for text in said)
    return [key if each is None else each.key for each in found]


def alone(criteria: Criteria) -> str:
    """What a window was compared with, in few words."""
    return "gradients without memory" if criteria.quantity == "gradient norm" else f"{criteria.optimizer or 'the optimizer'} alone"


def _higher_orders(verdicts: Sequence[Verdict], settings: Measuring) -> dict[int, dict[int, DFAResult]]:
    """Results at the higher orders that the verdicts used: by order, and then by the number of the window."""
    found = {}
    for order in sorted({order for verdict in verdicts for order in list(verdict.orders)[1:]}):
        prepared: dict[int, Prepared | str] = {
            i: each.prepared for i, each in enumerate(verdicts) if order in each.orders and each.prepared is not None
        }
        measurement = settings.criteria.measurement.at_order(order)
        found[order] = {i: outcome.result for i, outcome in measured(prepared, settings.window, measurement).items()}
    return found


def _surrogates(verdict: Verdict, null: Range | None, curves: Sequence[Fluctuations], settings: Measuring) -> list[Range]:
    found = [Range(f"order {order}", *map(float, (each.alpha, each.low, each.high))) for order, each in curves]
    if null is not None:
        found.append(null)
    if verdict.memory is not None:
        memory = verdict.memory
        found.append(Range("short memory", memory.median, memory.low, memory.high))
    if verdict.prepared is not None:
        how = settings.criteria.measurement
        random = shuffled(verdict.prepared.values, replicates=SHUFFLES, order=how.order, method=how.method, log=False)
        found.append(Range("in random order", random.median, random.low, random.high))
    return found
