"""Still pictures of one window: F(s) with what is usual, and α with its interval beside what else could give it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wcdfa.report.axes import Axis, axis_of, brief, frame
from wcdfa.report.encoding import DrawnRun, DrawnWindow, Numbers
from wcdfa.report.stills import bands, floats, parts_of, reach
from wcdfa.report.svg import LETTER, area, bars, dots, legend, line, svg, words
from wcdfa.support.colors import ALPHA, NULL, SERIES, SPREAD
from wcdfa.support.markup import Markup

WIDTH, HEIGHT = 552, 352  # pixels
USUAL = "95 % of such series"


def fluctuations(run: DrawnRun, window: DrawnWindow, orders: int = 1) -> Markup:
    """F(s) of a window at its own order, or at several, with its line, the range of such series and that of the optimizer alone."""
    curves, band, alone = window["curves"][:orders], window["band"], window["alone"]
    drawn = [floats(f) for _, _, _, f in curves] + ([] if band is None or not curves else [floats(each) for each in band])
    sizes = [floats(run["sizes"][place]) for _, place, _, _ in curves]
    if alone is not None:
        drawn += [floats(alone["low"]), floats(alone["high"])]
        sizes.append(floats(alone["sizes"]))
    known = np.concatenate([np.zeros(0), *drawn])
    x = axis_of(np.concatenate([[1.0, 10.0], *sizes]) if not sizes else np.concatenate(sizes), 70, WIDTH - 12, log=True)
    y = axis_of(known[known > 0] if (known > 0).any() else [0.1, 1.0], HEIGHT - 50, 50, log=True)
    parts, names = [frame(x, y, ("box size s (steps)", "F(s)"), below=brief, ticks=(5, 5))], list[tuple[str, str]]()
    if band is not None and curves:
        parts.append(area(x.at(sizes[0]), y.at(floats(band[0])), y.at(floats(band[1])), SPREAD, 0.3))
        names.append((USUAL, SPREAD))
    if alone is not None:
        parts.append(area(x.at(sizes[-1]), y.at(floats(alone["low"])), y.at(floats(alone["high"])), NULL, 0.2))
        names.append((alone["name"], NULL))
    for number, (order, place, alpha, f) in enumerate(curves):
        color = SERIES[number % len(SERIES)]
        parts += _curve(floats(run["sizes"][place]), f, alpha, color, x, y)
        names.append((f"{'F(s)' if orders == 1 else f'order {order}'}: α = {'none' if alpha is None else f'{alpha:.2f}'}", color))
    return svg(WIDTH, HEIGHT, "F(s) over the box size s", [*parts, *legend(names[:2], 70, 18), *legend(names[2:], 70, 36)])


def _curve(
    sizes: np.ndarray[tuple[int, ...], np.dtype[np.float64]], f: Numbers, alpha: float | None, color: str, x: Axis, y: Axis
) -> list[Markup]:
    """F(s) with the line whose slope is α."""
    values = floats(f)
    known = values > 0
    parts = [dots(x.at(sizes[known]), y.at(values[known]), color, 3.5)]
    if alpha is not None and known.any():
        level = float(np.mean(np.log(values[known]) - alpha * np.log(sizes[known])))
        parts.append(line(x.at(sizes), y.at(np.exp(level + alpha * np.log(sizes))), color, stroke_width="1"))
    return parts


def ranges(run: DrawnRun, window: DrawnWindow) -> Markup:
    """α of a window with its interval, above what else could give it."""
    shown = [window["alpha"], *besides(window)]
    shown = [each for each in shown if each[1] is not None]
    alpha, low, high = parts_of(shown)
    left = min(260, 24 + LETTER * max([0, *(len(str(each[0])) for each in shown)]))
    x = Axis(*reach(low, high), left, WIDTH - 12)
    rows = 40 + (np.arange(len(shown)) + 0.5) * (HEIGHT - 90) / max(len(shown), 1)
    y = Axis(0, 1, HEIGHT - 50, 40)
    parts = [
        *bands(run["thresholds"], x, (40, HEIGHT - 50), flat=True),
        frame(x, y, ("α with its interval", ""), below=brief, ticks=(6, 0)),
    ]
    parts.append(bars(rows, x.at(low), x.at(high), "currentColor", flat=True))
    for number, each in enumerate(shown):
        parts.append(words(str(each[0]), left - 8, float(rows[number]) + 4, "end"))
        parts.append(dots(x.at(alpha[number : number + 1]), rows[number : number + 1], ALPHA if number == 0 else NULL, 4))
    return svg(WIDTH, HEIGHT, "α of this window beside what else could give it", parts)


def besides(window: DrawnWindow) -> Sequence[Sequence[str | float | None]]:
    """What else could give α, without the higher orders, which have a picture of their own."""
    return [each for each in window["surrogates"] if not str(each[0]).startswith("order ")]
