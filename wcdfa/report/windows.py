"""What is shown of one window: F(s) at several orders, how far it may stray, and what else would give such an α."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from wcdfa.analysis import Analysis
from wcdfa.core import DFAResult
from wcdfa.current import measured
from wcdfa.findings import Verdict, describe
from wcdfa.nulls import shuffled
from wcdfa.preprocess import Prepared
from wcdfa.spread import spread_of
from wcdfa.words import reasons

SHUFFLES = 99


class Range(NamedTuple):
    """α with its interval: that of a window, or of what else could give it."""

    name: str
    alpha: float
    low: float
    high: float


class Curve(NamedTuple):
    """F(s) at one detrending order."""

    order: int
    result: DFAResult


class Window(NamedTuple):
    """One window of a run, in training steps."""

    first_step: int
    last_step: int
    verdict: str
    regime: str | None
    reasons: Sequence[str]
    alpha: Range
    null: Range | None
    """What the optimizer alone gives."""
    surrogates: Sequence[Range]
    """Higher orders, the optimizer, short memory, and the same norms in random order."""
    curves: Sequence[Curve]
    spread: Any
    """Mean and standard deviation of log F(s) of series with this α; None where that is not known."""


def windows_of(analysis: Analysis) -> list[Window]:
    """All windows of a run that was analyzed."""
    starts, stops, verdicts = analysis.judged
    settings = analysis.settings
    higher = _higher_orders(verdicts, int(stops[0] - starts[0]), settings.method)
    optimizer = describe(settings.optimizer, dict(settings.hyperparameters))
    found = []
    for i, (start, stop, verdict) in enumerate(zip(starts, stops, verdicts, strict=True)):
        null = (
            None if verdict.null is None else Range(f"{optimizer} alone", verdict.null.median, verdict.null.low, verdict.null.high)
        )
        curves = [] if verdict.label is None else [Curve(order, results[i]) for order, results in higher.items() if i in results]
        if verdict.label is not None and verdict.result is not None:
            curves.insert(0, Curve(settings.order, verdict.result))
        found.append(
            Window(
                analysis.step(int(start)),
                analysis.step(int(stop) - 1),
                str(verdict),
                verdict.label,
                reasons(verdict),
                Range("α of this window", verdict.alpha, verdict.low, verdict.high),
                null,
                _surrogates(verdict, null, curves[1:], analysis),
                curves,
                spread_of(verdict),
            )
        )
    return found


def _higher_orders(verdicts: Sequence[Verdict], n: int, method: str) -> dict[int, dict[int, DFAResult]]:
    """What `dfa` says of the windows, by order, at those orders that their verdicts looked at, and by window."""
    orders = {order for verdict in verdicts for order in list(verdict.orders)[1:]}
    found = {}
    for order in sorted(orders):
        prepared: dict[int, Prepared | str] = {
            i: each.prepared for i, each in enumerate(verdicts) if order in each.orders and each.prepared is not None
        }
        found[order] = {i: outcome.result for i, outcome in measured(prepared, n, {"order": order, "method": method}).items()}
    return found


def _surrogates(verdict: Verdict, null: Range | None, curves: Sequence[Curve], analysis: Analysis) -> list[Range]:
    if verdict.label is None or verdict.prepared is None:
        return []
    orders = [Range(f"order {order}", *map(float, (each.alpha, each.low, each.high))) for order, each in curves]
    found = [*orders, *([null] if null is not None else [])]
    if verdict.memory is not None:
        memory = verdict.memory
        found.append(Range(f"short memory, {memory.model}", memory.median, memory.low, memory.high))
    order, method = analysis.settings.order, analysis.settings.method
    random = shuffled(verdict.prepared.values, replicates=SHUFFLES, order=order, method=method, log=False)
    return [*found, Range("in random order", random.median, random.low, random.high)]
