"""Draws tiny pictures in SVG for notebooks: no script and no library, and lines in the color of the text around them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.support.colors import ALPHA, NULL
from wcdfa.support.markup import Markup, element
from wcdfa.support.spans import Span, runs, span_of
from wcdfa.support.thinning import thinned

WIDTH, HEIGHT, EDGE = 260.0, 64.0, 8.0
MOST = 200  # points of a line
FLOOR = HEIGHT - 16  # what lies above the name of a picture
MARKS = {0.5: "noise", 1.0: "1/f", 1.5: "walk"}  # what α of 0.5, 1 and 1.5 stands for


def ruler(alpha: float, low: float, high: float, *, said: str, expected: tuple[float, float] | None = None) -> Markup:
    """α with its interval on a line from 0 to 2 or more; behind it the interval that was expected. `said` is read aloud for it.

    >>> ruler(0.5, 0.4, 0.6, said="α = 0.50").count("<circle")
    1
    """
    known = [each for each in (alpha, high) if math.isfinite(each)]
    axis, middle = Span(0.0, max([2.0, *(math.ceil(each) for each in known)])), HEIGHT / 2 - 6

    def at(value: float) -> float:
        return axis.place(value, EDGE, WIDTH - EDGE)

    parts = [_line(EDGE, middle, WIDTH - EDGE, middle, stroke_opacity="0.4")]
    for mark, name in MARKS.items():
        parts += [_line(at(mark), middle - 5, at(mark), middle + 5, stroke_opacity="0.4")]
        parts += [_text(at(mark), HEIGHT - 18, f"{mark:g}"), _text(at(mark), HEIGHT - 6, name)]
    if expected is not None and all(map(math.isfinite, expected)):
        left, right = map(at, expected)
        parts.append(
            element(
                "rect",
                x=f"{left}",
                y=f"{middle - 11}",
                width=f"{max(2.0, right - left):.1f}",
                height="22",
                fill=NULL,
                fill_opacity="0.35",
            )
        )
    if math.isfinite(low) and math.isfinite(high):
        parts.append(_line(at(low), middle, at(high), middle, stroke=ALPHA, stroke_width="4"))
    if math.isfinite(alpha):
        parts.append(_dot(at(alpha), middle, 5))
    return _picture(parts, said)


def track(values: npt.ArrayLike, *, name: str, said: str) -> Markup:
    """Values over time as a line, with gaps where they are not finite; of many, the smallest and the largest of every stretch.

    >>> track([1.0, 2.0, float("nan"), 3.0, 4.0], name="x", said="four values").count("<polyline")
    2
    """
    given = np.asarray(values, dtype=np.float64).reshape(-1)
    kept = thinned(given, MOST)
    height, last = span_of(given[kept]), max(1, len(given) - 1)
    points = [
        (Span(0, last).place(i, EDGE, WIDTH - EDGE), height.place(value, FLOOR, EDGE)) if math.isfinite(value) else None
        for i, value in zip(kept.tolist(), given[kept].tolist(), strict=True)
    ]
    return _picture([*(_drawn(run) for run in runs(points)), _text(EDGE, HEIGHT - 3, name, "start")], said)


def curve(x: npt.ArrayLike, y: npt.ArrayLike, slope: float, *, name: str, said: str) -> Markup:
    """Points, and the line with a slope through their middle.

    >>> curve([0, 1, 2], [0, 1, 2], 1.0, name="x", said="a line").count("<circle")
    3
    """
    across, up = np.asarray(x, dtype=np.float64).reshape(-1), np.asarray(y, dtype=np.float64).reshape(-1)
    known = np.isfinite(across) & np.isfinite(up)
    across, up = across[known], up[known]
    ends, line = span_of(across), np.empty(0)
    if across.size and math.isfinite(slope):
        line = np.mean(up) + slope * (np.array(ends) - np.mean(across))
    height = span_of(np.concatenate([up, line]))
    parts = [_dot(ends.place(a, EDGE, WIDTH - EDGE), height.place(b, FLOOR, EDGE), 2.5) for a, b in zip(across, up, strict=True)]
    if line.size:
        left, right = (height.place(float(value), FLOOR, EDGE) for value in line)
        parts.append(_line(EDGE, left, WIDTH - EDGE, right, stroke_opacity="0.6"))
    return _picture([*parts, _text(EDGE, HEIGHT - 3, name, "start")], said)


def _drawn(run: Sequence[tuple[float, float]]) -> Markup:
    if len(run) == 1:
        return _dot(*run[0], 2.5)
    points = " ".join(f"{x},{y}" for x, y in run)
    return element("polyline", points=points, fill="none", stroke=ALPHA, stroke_width="1.5")


def _line(x1: float, y1: float, x2: float, y2: float, **attributes: str) -> Markup:
    return element("line", x1=f"{x1}", y1=f"{y1}", x2=f"{x2}", y2=f"{y2}", **{"stroke": "currentColor", **attributes})


def _dot(x: float, y: float, radius: float) -> Markup:
    return element("circle", cx=f"{x}", cy=f"{y}", r=f"{radius}", fill=ALPHA)


def _text(x: float, y: float, text: str, anchor: str = "middle") -> Markup:
    return element("text", text, x=f"{x}", y=f"{y}", text_anchor=anchor, font_size="10", fill="currentColor")


def _picture(parts: Iterable[Markup], said: str) -> Markup:
    size = {"width": f"{WIDTH:g}", "height": f"{HEIGHT:g}", "viewBox": f"0 0 {WIDTH:g} {HEIGHT:g}"}
    return element("svg", element("title", said), *parts, role="img", aria_label=said, **size)
