"""Still pictures of a run over its steps, which are there before any script runs, without scripts, and in print."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wcdfa.report.axes import Axis, axis_of, counted, frame
from wcdfa.report.encoding import DrawnLine, DrawnRun, Numbers
from wcdfa.report.svg import Floats, area, bars, dots, legend, line, rectangle, svg, words
from wcdfa.support.colors import ALPHA, BANDS, CRITICAL, LOSS, NULL, RATE, SERIES, SPREAD
from wcdfa.support.markup import Markup
from wcdfa.support.thinning import thinned

WIDTH, LEFT, RIGHT, TOP = 1120, 70, 1020, 40  # pixels; names of bands stand to the right
MOST = 600  # points in a line: about as many as there are pixels
DASHES = ("none", "6 3", "6 2 2 2", "2 2")
INK = "currentColor"
OF_LINE = {"learning rate": RATE, "loss": LOSS, "cosine": ALPHA, "‖ΔW‖ / ‖W‖": RATE}


def floats(values: Sequence[float | int | None]) -> Floats:
    """The numbers, NaN for None."""
    return np.array([np.nan if each is None else each for each in values], dtype=np.float64)


def parts_of(ranges: Sequence[Sequence[str | float | None] | None]) -> tuple[Floats, Floats, Floats]:
    """α, low and high of many ranges, [name, α, low, high] or None."""
    alpha, low, high = (floats([None if each is None else each[part] for each in ranges]) for part in (1, 2, 3))  # type: ignore[misc]
    return alpha, low, high


def reach(*alphas: Floats) -> tuple[float, float]:
    """The lowest and highest α that is drawn, with a margin; at least 0.4 to 1.6."""
    known = np.concatenate(alphas)
    known = known[np.isfinite(known)]
    return min([0.4, *(known - 0.1).tolist()]), max([1.6, *(known + 0.1).tolist()])


def bands(thresholds: tuple[float, float], axis: Axis, across: tuple[float, float], *, flat: bool = False) -> list[Markup]:
    """The bands that have been proposed, shaded, with their names; `flat` if α lies on the lower axis."""
    upper, lower = thresholds
    edges = {"disordered": (axis.low, lower), "critical": (lower, upper), "ordered": (upper, axis.high)}
    parts = []
    for name, (low, high) in edges.items():
        low, high = max(low, axis.low), min(high, axis.high)
        if low < high:
            along = axis.place(low), axis.place(high)
            parts.append(rectangle(along if flat else across, across if flat else along, BANDS[name], 0.08))
            place = (sum(along) / 2, min(across) - 4) if flat else (max(across) + 8, sum(along) / 2 + 4)
            parts.append(words(name, *place, "middle" if flat else "start", class_="faint"))
    return parts


def trajectory(run: DrawnRun) -> Markup:
    """α of each window with its interval, over the band of the optimizer alone; below it the norms, the learning rate and the loss."""
    rows, height = len(run["lines"]), 300 + 130 * len(run["lines"])
    end, bottom = height - 50, 0.45 * height if rows else height - 50
    x = axis_of([step for each in (*run["windows"], *run["lines"]) for step in each["steps"]], LEFT, RIGHT, margin=0.01)
    first, last = run["windows"][-1]["steps"]
    parts = [rectangle((x.place(first), x.place(last)), (TOP, end), SPREAD, 0.25), *_alphas(run, x, bottom, alone=not rows)]
    space = (end - bottom) / max(rows, 1)
    for number, each in enumerate(run["lines"]):
        top = bottom + number * space + 14
        parts.append(_row(each, x, top, top + space - 14, last=number == rows - 1))
    parts += [_drift(x, onset, start, end) for onset, start in run["alarms"]]
    return svg(WIDTH, height, "α of each window over the steps of the run", [*parts, *legend(_names(run), LEFT, 24)])


def _names(run: DrawnRun) -> list[tuple[str, str]]:
    """The legend of α over the steps."""
    compared = [each["null"] for each in run["windows"] if each["null"] is not None and each["null"][1] is not None]
    return [(f"α, {run['confidence']}", ALPHA), *((str(each[0]), NULL) for each in compared[:1])]


def _alphas(run: DrawnRun, x: Axis, bottom: float, *, alone: bool) -> list[Markup]:
    """α of each window with its interval, over the band of the optimizer alone; `alone` if nothing is drawn below."""
    alpha, low, high = parts_of([each["alpha"] for each in run["windows"]])
    y, stops = Axis(*reach(low, high), bottom, TOP), x.at([each["steps"][1] for each in run["windows"]])
    _, *null = parts_of([each["null"] for each in run["windows"]])
    least, most = (np.repeat(np.clip(y.at(each), y.stop, y.start), 2) for each in null)
    return [
        *bands(run["thresholds"], y, (LEFT, RIGHT)),
        frame(x, y, ("optimizer step", "α"), below=counted if alone else None),
        area(_held(stops), least, most, NULL),
        *(bars(stops, y.at(low), y.at(high), ALPHA), line(stops, y.at(alpha), ALPHA), dots(stops, y.at(alpha), ALPHA)),
    ]


def _held(places: Floats) -> Floats:
    """Each place twice, half-way to its neighbours, for steps instead of slopes."""
    between = (places[1:] + places[:-1]) / 2
    return np.stack([np.concatenate([places[:1], between]), np.concatenate([between, places[-1:]])], axis=1).ravel()


def _row(of: DrawnLine, x: Axis, top: float, bottom: float, *, last: bool) -> Markup:
    """A line in a row of its own."""
    y = axis_of(floats(of["values"]), bottom, top, log=bool(of["decades"]))
    kept = thinned(floats(of["values"]), MOST)
    steps, values = floats(of["steps"])[kept], floats(of["values"])[kept]
    drawn = line(
        x.at(steps), y.at(values), OF_LINE.get(of["name"], CRITICAL if of["name"].startswith("α") else INK), stroke_width="1"
    )
    return Markup(frame(x, y, ("optimizer step", of["name"]), below=counted if last else None, ticks=(8, 3)) + drawn)


def _drift(x: Axis, onset: int, start: int, bottom: float) -> Markup:
    """A drift, shaded from its onset to its alarm."""
    return Markup(rectangle((x.place(onset), x.place(start)), (TOP, bottom), INK, 0.12) + _mark(x, start, bottom))


def _mark(x: Axis, step: int, bottom: float) -> Markup:
    at = x.place(step)
    return line(np.array([at, at]), np.array([TOP, bottom], dtype=np.float64), INK, stroke_dasharray="2 3", stroke_width="1")


def direction(run: DrawnRun) -> Markup:
    """The tracks of the direction below each other, with a dotted line where something that was found begins."""
    assert run["direction"] is not None
    tracks, events = run["direction"]["tracks"], run["direction"]["events"]
    height = 110 + 130 * len(tracks)
    x = axis_of([step for each in tracks for step in each["steps"]], LEFT, RIGHT, margin=0.01)
    parts = []
    for number, each in enumerate(tracks):
        top, bottom = (40 + (number + part) * (height - 90) / len(tracks) for part in (0.08, 1.0))
        parts += _expected(each["expected"], x, axis_of(floats(each["values"]), bottom, top, log=bool(each["decades"])))
        parts.append(_row(each, x, top, bottom, last=number == len(tracks) - 1))
    parts += [_mark(x, step, height - 50) for step, _ in events]
    names = [("the named optimizer", NULL)] if any(each["expected"] for each in tracks) else []
    return svg(WIDTH, height, "size, direction and memory of the weight changes over the steps", [*parts, *legend(names, LEFT, 24)])


def _expected(ranges: Sequence[Numbers], x: Axis, y: Axis) -> list[Markup]:
    """What the named optimizer gives, in each stretch of steps."""
    known = [[each for each in of if each is not None] for of in ranges]
    inside = [(x.at(of[:2]), np.clip(y.at(of[2:]), y.stop, y.start)) for of in known if len(of) == 4]
    return [rectangle(steps.tolist(), ends.tolist(), NULL, 0.25) for steps, ends in inside]


def together(runs: Sequence[DrawnRun]) -> Markup:
    """α of several runs, one color and dash for each; the table below the picture names them."""
    found = [
        (floats([each["steps"][1] for each in run["windows"]]), *parts_of([each["alpha"] for each in run["windows"]]))
        for run in runs
    ]
    x = axis_of(np.concatenate([stops for stops, *_ in found]), LEFT, RIGHT, margin=0.01)
    y = Axis(*reach(*(each[part] for each in found for part in (2, 3))), 310, 40)
    parts = [*bands(runs[0]["thresholds"], y, (LEFT, RIGHT)), frame(x, y, ("optimizer step", "α"))]
    for number, (stops, alpha, low, high) in enumerate(found):
        color, dash = SERIES[number % len(SERIES)], DASHES[number // len(SERIES) % len(DASHES)]
        parts += [bars(x.at(stops), y.at(low), y.at(high), color), line(x.at(stops), y.at(alpha), color, stroke_dasharray=dash)]
        parts.append(dots(x.at(stops), y.at(alpha), color, 2))
        at = (LEFT, 376 + 20 * number)
        parts += [
            line(np.array([at[0], at[0] + 24.0]), np.array([at[1] - 4.0] * 2), color, stroke_dasharray=dash),
            words(runs[number]["name"], at[0] + 30, at[1]),
        ]
    return svg(WIDTH, 380 + 20 * len(runs), "α of all runs over their steps", parts)
