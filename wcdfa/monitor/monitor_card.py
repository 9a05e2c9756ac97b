"""What a notebook shows of a monitor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wcdfa.recording.groups import ALL
from wcdfa.recording.reading_card import next_of, norms_track
from wcdfa.support.cards import card, or_text
from wcdfa.support.markup import Markup
from wcdfa.support.text import several
from wcdfa.support.vignettes import ruler, track

if TYPE_CHECKING:
    from wcdfa.inference.exponent import DFAResult
    from wcdfa.monitor.monitor import WeightChangeDFA

NEXT = "monitor.verdict() says what explains this α; name the optimizer in it if the monitor does not know it."


@or_text
def monitor_card(monitor: WeightChangeDFA) -> Markup:
    """The last α with its interval, and all α so far as a line; before the first α the norms.

    >>> from wcdfa.monitor.monitor import WeightChangeDFA
    >>> "no α yet: 1 of 500 norms" in monitor_card(WeightChangeDFA().update(1.0))
    True
    """
    result, reading = monitor.result, monitor.reading()
    if result is None:
        kept = f"no α yet: {len(reading.norms):,} of {monitor.window:,} norms"
        return card(kept, picture=norms_track(reading.norms), todo=next_of(reading.norms, NEXT))
    name = several(len(monitor.results) - 1, "group", "groups") if len(monitor.results) > 1 else ""
    facts = [
        f"{monitor.window:,} norms in a window, the last from step {monitor.step:,}{f'; {name} of parameters too' if name else ''}."
    ]
    if math.isnan(float(result.alpha)):
        return card(f"no α: {monitor.reason}", *facts, picture=norms_track(reading.norms))
    return card(_line(result), *facts, picture=_picture(result, monitor.histories[ALL]), todo=NEXT)


def _line(result: DFAResult) -> str:
    return f"α = {float(result.alpha):.2f} ({float(result.low):.2f}–{float(result.high):.2f})"


def _picture(result: DFAResult, history: list[float]) -> Markup:
    if len(history) > 1:
        return track(history, name="α so far", said=f"α so far, {len(history):,} values; the last is {float(result.alpha):.2f}")
    return ruler(float(result.alpha), float(result.low), float(result.high), said=_line(result))
