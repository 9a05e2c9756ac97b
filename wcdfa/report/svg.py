"""Shapes of still pictures, as SVG that stands in the page: lines with gaps, areas, dots, bars and words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.support.markup import Markup, element

Floats = npt.NDArray[np.float64]

LETTER = 6.6  # width of a letter of a label, about, in pixels


def svg(width: float, height: float, label: str, children: Iterable[str]) -> Markup:
    """A picture of this size in pixels, which shrinks and grows with the page; `label` says what it shows."""
    box = f"0 0 {short(width)} {short(height)}"
    return element("svg", *children, class_="still", viewBox=box, role="img", aria_label=label)


def short(number: float) -> str:
    """A place in a picture, to a tenth of a pixel.

    >>> short(12.04), short(3.0), short(-0.04)
    ('12', '3', '0')
    """
    return f"{round(float(number), 1) + 0.0:.1f}".removesuffix(".0")


def line(xs: Floats, ys: Floats, color: str, **attributes: str) -> Markup:
    """A line through places, with a gap where one of them is NaN."""
    given = {"fill": "none", "stroke": color, "stroke_width": "1.2", **attributes}
    return element("path", d=_strokes(xs, ys), **given)


def _strokes(xs: Floats, ys: Floats) -> str:
    parts, pen = list[str](), False
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        known = x == x and y == y  # noqa: PLR0124 - NaN differs from itself
        if known:
            parts.append(f"{'L' if pen else 'M'}{short(x)},{short(y)}{'' if pen else 'h0'}")  # a lone place is a dot
        pen = known
    return "".join(parts)


def area(xs: Floats, low: Floats, high: Floats, color: str, opacity: float = 0.25) -> Markup:
    """The area between two lines, with a gap where one of them is NaN."""
    known = np.isfinite(xs) & np.isfinite(low) & np.isfinite(high)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    stretches = (slice(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True))
    drawn = "".join(_outline(xs[each], low[each], high[each]) for each in stretches)
    return element("path", d=drawn, fill=color, fill_opacity=f"{opacity:g}")


def _outline(xs: Floats, low: Floats, high: Floats) -> str:
    ends = np.concatenate([xs, xs[::-1]]).tolist(), np.concatenate([high, low[::-1]]).tolist()
    return "M" + "L".join(f"{short(x)},{short(y)}" for x, y in zip(*ends, strict=True)) + "Z"


def rectangle(x: Sequence[float], y: Sequence[float], color: str, opacity: float) -> Markup:
    """A rectangle between two places on each axis, in any order."""
    (left, right), (top, bottom) = sorted(x), sorted(y)
    sides = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return element("rect", fill=color, fill_opacity=f"{opacity:g}", **{name: short(side) for name, side in sides.items()})


def dots(xs: Floats, ys: Floats, color: str, radius: float = 2.5) -> Markup:
    """A dot at each place that is known."""
    known = np.isfinite(xs) & np.isfinite(ys)
    places = "".join(f"M{short(x)},{short(y)}h0" for x, y in zip(xs[known], ys[known], strict=True))
    return element("path", d=places, stroke=color, stroke_width=short(2 * radius), stroke_linecap="round", fill="none")


def bars(xs: Floats, low: Floats, high: Floats, color: str, *, flat: bool = False) -> Markup:
    """A bar at each place from `low` to `high`: upright, or flat with the two axes exchanged."""
    known = np.isfinite(xs) & np.isfinite(low) & np.isfinite(high)
    places = zip(xs[known], low[known], high[known], strict=True)
    drawn = (f"M{short(a)},{short(x)}H{short(b)}" if flat else f"M{short(x)},{short(a)}V{short(b)}" for x, a, b in places)
    return element("path", d="".join(drawn), stroke=color, fill="none")


def words(text: str, x: float, y: float, anchor: str = "start", **attributes: str) -> Markup:
    """A line of words that starts, has its middle, or ends at a place."""
    return element("text", text, x=short(x), y=short(y), text_anchor=anchor, **attributes)


def legend(entries: Iterable[tuple[str, str]], x: float, y: float) -> list[Markup]:
    """Names, each after a square of its color, in a row from the left."""
    parts = []
    for name, color in entries:
        parts += [rectangle((x, x + 10), (y - 9, y + 1), color, 0.7), words(name, x + 14, y)]
        x += 30 + LETTER * len(name)
    return parts
