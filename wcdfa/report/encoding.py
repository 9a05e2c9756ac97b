"""What the page draws, as JSON: no more digits than can be seen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wcdfa.report.sections import Line, Section
from wcdfa.report.windows import Range, Window
from wcdfa.support import colors
from wcdfa.support.text import shown

DIGITS = 5
SIGMAS = 1.96
Plain = dict[str, Any]


def encoded(sections: Sequence[Section]) -> str:
    """JSON of all runs and of the colors."""
    drawn = {name.lower(): getattr(colors, name) for name in ("ALPHA", "NULL", "RATE", "LOSS", "SPREAD", "SERIES", "BANDS", "HEAT")}
    return json.dumps({"colors": drawn, "runs": [_run(each) for each in sections]}, allow_nan=False, separators=(",", ":"))


def _run(section: Section) -> Plain:
    sizes: dict[tuple[int, ...], int] = {}
    windows = [_window(each, sizes) for each in section.windows]
    groups = section.groups
    return {
        "name": shown(section.name),
        "thresholds": section.thresholds,
        "confidence": f"{100 * section.confidence:g} %",
        "windows": windows,
        "sizes": list(sizes),
        "lines": [_line(each) for each in section.lines],
        "alarms": [[each.onset, each.start] for each in section.alarms],
        "groups": groups
        and {
            "names": [shown(name, 60) for name in groups.names],
            **{part: [numbers(row, 4) for row in getattr(groups, part)] for part in ("alpha", "low", "high")},
        },
    }


def _line(line: Line) -> Plain:
    known = line.values[np.isfinite(line.values)]
    spans = np.log10(known.max() / known.min()) if known.size and known.min() > 0 else 0.0
    return {
        "name": line.name,
        "steps": [int(step) for step in line.steps],
        "values": numbers(line.values),
        "decades": round(float(spans), 2) if spans >= 1 else 0,  # from one on, the axis is logarithmic
    }


def _window(window: Window, sizes: dict[tuple[int, ...], int]) -> Plain:
    curves = []
    for order, result in window.curves:
        places = tuple(int(size) for size in result.scales)
        curves.append([order, sizes.setdefault(places, len(sizes)), _number(result.alpha, 4), numbers(result.fluctuations)])
    band = None
    if window.spread is not None:
        mean, deviation = window.spread
        band = [numbers(np.exp(mean + sign * SIGMAS * deviation)) for sign in (-1, 1)]
    return {
        "steps": [window.first_step, window.last_step],
        "verdict": shown(window.verdict),
        "reasons": [shown(reason, 400) for reason in window.reasons],
        "alpha": _range(window.alpha),
        "null": window.null and _range(window.null),
        "surrogates": [_range(each) for each in window.surrogates],
        "curves": curves,
        "band": band,
    }


def _range(of: Range) -> list[Any]:
    return [shown(of.name), *numbers(of[1:], 4)]


def numbers(values: Iterable[Any], digits: int = DIGITS) -> list[float | None]:
    """As JSON has them: what is no number is null."""
    return [_number(value, digits) for value in values]


def _number(value: Any, digits: int = DIGITS) -> float | None:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
