"""Encodes everything that the page draws as JSON, with no more digits than can be seen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import SupportsFloat, TypedDict

import numpy as np

from wcdfa.report.direction import Direction, DirectionTrack
from wcdfa.report.groups import GroupAlphas
from wcdfa.report.sections import Line, Section
from wcdfa.report.windows import Range, Window
from wcdfa.support import colors
from wcdfa.support.normal import SIGMAS
from wcdfa.support.text import shown

DIGITS, ALPHA_DIGITS, ALL_DIGITS = 5, 4, 12
NOT_DRAWN = "What an optimizer alone gives is not drawn: this window was not compared with one."
COLORS = ("ALPHA", "NULL", "RATE", "LOSS", "SPREAD", "SERIES", "BANDS", "HEAT")

Numbers = list[float | None]
Sizes = dict[tuple[int, ...], int]  # box sizes that curves share, with their position in the list


class DrawnLine(TypedDict):
    """A line below α over time."""

    name: str
    steps: list[int]
    values: Numbers
    decades: float
    """How many decades the values span; from one decade on, the axis is logarithmic. 0 for less than one."""


class DrawnWindow(TypedDict):
    """A window in the form that page.js takes; a range is [name, α, low, high]."""

    steps: list[int]
    verdict: str
    reasons: list[str]
    alpha: list[str | float | None]
    null: list[str | float | None] | None
    surrogates: list[list[str | float | None]]
    curves: list[tuple[int, int, float | None, Numbers]]
    """Order, position of the box sizes, α, F(s)."""
    band: list[Numbers] | None
    """Lower and upper ends of the range that holds 95 % of F(s)."""
    alone: DrawnAlone | None
    missing: str
    """What cannot be drawn of F(s), in words; empty if all is drawn."""
    key: str
    keys: list[str]
    """Of the lines that explain the verdict and each reason."""


class DrawnAlone(TypedDict):
    """The range of F(s) that the optimizer alone gives."""

    name: str
    sizes: list[int]
    low: Numbers
    high: Numbers


class DrawnGroups(TypedDict):
    """α of each group in each window, one row per group."""

    names: list[str]
    alpha: list[Numbers]
    low: list[Numbers]
    high: list[Numbers]


class DrawnTrack(DrawnLine):
    """A line of the direction, with what the named optimizer gives: first and last step, low and high."""

    expected: list[Numbers]


class DrawnDirection(TypedDict):
    """The tracks of the direction, and the step and the label of what was found."""

    tracks: list[DrawnTrack]
    events: list[tuple[int, str]]


class DrawnRun(TypedDict):
    """A run in the form that page.js takes."""

    name: str
    thresholds: tuple[float, float]
    confidence: str
    windows: list[DrawnWindow]
    sizes: list[tuple[int, ...]]
    lines: list[DrawnLine]
    alarms: list[list[int]]
    groups: DrawnGroups | None
    direction: DrawnDirection | None


def encoded(runs: Sequence[DrawnRun], next_steps: Mapping[str, str]) -> str:
    """Encode all runs, what to do after each line, and the colors as JSON."""
    drawn = {name.lower(): getattr(colors, name) for name in COLORS}
    return json.dumps({"colors": drawn, "runs": runs, "next": next_steps}, allow_nan=False, separators=(",", ":"))


def drawn_runs(sections: Sequence[Section]) -> list[DrawnRun]:
    """All that is drawn of the runs."""
    with np.errstate(all="ignore"):  # what leaves the range of numbers is left out
        return [_run(each) for each in sections]


def _run(section: Section) -> DrawnRun:
    sizes: Sizes = {}
    windows = [_window(each, sizes) for each in section.windows]
    return {
        "name": shown(section.name),
        "thresholds": section.thresholds,
        "confidence": f"{100 * section.confidence:g} %",
        "windows": windows,
        "sizes": list(sizes),
        "lines": [_line(each) for each in section.lines],
        "alarms": [[each.onset, each.start] for each in section.alarms],
        "groups": None if section.groups is None else _groups(section.groups),
        "direction": None if section.direction is None else _direction(section.direction),
    }


def _direction(direction: Direction) -> DrawnDirection:
    return {
        "tracks": [_track(each) for each in direction.tracks],
        "events": [(each.step, shown(each.label)) for each in direction.events],
    }


def _track(track: DirectionTrack) -> DrawnTrack:
    bands = [numbers((each.first_step, each.last_step, each.low, each.high), ALL_DIGITS) for each in track.expected]
    return {**_line(Line(track.title, track.steps, track.values)), "expected": bands}


def _groups(groups: GroupAlphas) -> DrawnGroups:
    alpha, low, high = ([numbers(row, ALPHA_DIGITS) for row in part] for part in (groups.alpha, groups.low, groups.high))
    return {"names": [shown(name, 60) for name in groups.names], "alpha": alpha, "low": low, "high": high}


def _line(line: Line) -> DrawnLine:
    known = line.values[np.isfinite(line.values)]
    spans = float(np.log10(known.max()) - np.log10(known.min())) if known.size and known.min() > 0 else 0.0
    return {
        "name": line.name,
        "steps": [int(step) for step in line.steps],
        "values": numbers(line.values),
        "decades": round(spans, 2) if spans >= 1 else 0,
    }


def _window(window: Window, sizes: Sizes) -> DrawnWindow:
    curves = []
    for order, result in window.curves:
        boxes = tuple(int(size) for size in result.scales)
        place = sizes.setdefault(boxes, len(sizes))
        curves.append((order, place, _number(result.alpha, ALL_DIGITS), numbers(result.fluctuations)))  # words round α once
    band = None
    if window.spread is not None:
        mean, deviation = window.spread
        band = [numbers(np.exp(mean + sign * SIGMAS * deviation)) for sign in (-1, 1)]
    return {
        "steps": [window.first_step, window.last_step],
        "verdict": shown(window.verdict),
        "reasons": [shown(reason, 400) for reason in window.reasons],
        "alpha": _range(window.alpha),
        "null": None if window.null is None else _range(window.null),
        "surrogates": [_range(each) for each in window.surrogates],
        "curves": curves,
        "band": band,
        "alone": _alone(window),
        "missing": missing(window),
        "key": window.key,
        "keys": list(window.keys),
    }


def _alone(window: Window) -> DrawnAlone | None:
    if window.alone is None or window.null is None:
        return None
    low, high = numbers(window.alone.low), numbers(window.alone.high)
    return {"name": shown(window.null.name), "sizes": list(window.alone.sizes), "low": low, "high": high}


def missing(window: Window) -> str:
    """What cannot be drawn of F(s) of a window, in words; empty if all is drawn."""
    if not window.curves:
        return "There is no α in this window, and so no F(s) to draw."
    return NOT_DRAWN if window.alone is None else ""


def _range(of: Range) -> list[str | float | None]:
    return [shown(of.name), *numbers(of[1:], ALPHA_DIGITS)]


def numbers(values: Iterable[SupportsFloat], digits: int = DIGITS) -> Numbers:
    """Convert values for JSON: NaN and infinity become null.

    >>> numbers([1.234567, float("nan")])
    [1.2346, None]
    """
    return [_number(value, digits) for value in values]


def _number(value: SupportsFloat, digits: int) -> float | None:
    number = float(value)
    rounded = float(f"{number:.{digits}g}")  # may be infinite beside the largest number
    return rounded if math.isfinite(rounded) else number if math.isfinite(number) else None
