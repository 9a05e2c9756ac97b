"""Makes the parts of the page: words and tables, which need no script, and places for the pictures."""

from __future__ import annotations

import datetime
import math
import platform
from collections.abc import Sequence
from importlib import metadata

from wcdfa.report.direction import Direction
from wcdfa.report.sections import Failure, Section
from wcdfa.report.windows import Range
from wcdfa.support.markup import Markup, bullets, element, table
from wcdfa.support.text import shown
from wcdfa.verdicts.drift import Alarm
from wcdfa.version import __version__

OVERVIEW = ["run", "steps", "α, last window", "interval", "optimizer alone", "regime", "alarms"]
ALARMS = ["α went", "began about step", "alarm at step", "back at step", "furthest α, by gls", "alarm beyond α ="]


def overview(sections: Sequence[Section]) -> Markup:
    """Show several runs in one picture, and in a table with a row for each."""
    rows = [_row(i, each) for i, each in enumerate(sections)]
    picture = element("div", class_="plot together")
    return element("section", element("h2", "Runs side by side"), picture, table(OVERVIEW, rows), id="overview")


def _row(number: int, section: Section) -> list[str]:
    last = section.windows[-1]
    link = element("a", shown(section.name), href=f"#run-{number}")
    alpha = "none" if math.isnan(last.alpha.alpha) else f"{last.alpha.alpha:.3f}"
    bands = [_interval(last.alpha), _interval(last.null)]
    return [link, f"{section.samples:,}", alpha, *bands, last.regime or "none", str(len(section.alarms))]


def _interval(of: Range | None) -> str:
    return "" if of is None or math.isnan(of.low) else f"{of.low:.2f}–{of.high:.2f}"


def run_part(number: int, section: Section) -> Markup:
    """Show one run: the chosen window (at first the last), α over time, groups, alarms, notes and settings."""
    parts = [
        element("h2", shown(section.name)),
        *([element("p", shown(section.run, 1000), class_="whole-run")] if section.run else []),
        _window(number, section),
        element("div", class_="plot trajectory"),
        element("div", element("div", class_="plot fluctuations"), element("div", class_="plot surrogates"), class_="pair"),
    ]
    if section.groups is not None:
        parts += [element("h3", "α of each group of parameters"), element("div", class_="plot groups")]
    if section.direction is not None:
        parts += _direction(section.direction)
    parts += [element("h3", "Alarms"), _alarms(section)]
    if section.notes:
        parts += [element("h3", "Notes"), bullets(shown(note, 1000) for note in section.notes)]
    settings = [(name, shown(value, 1000)) for name, value in section.settings.items()]
    parts.append(element("details", element("summary", "Settings"), table([], settings)))
    return element("section", *parts, id=f"run-{number}", class_="run", data_run=str(number))


def _direction(direction: Direction) -> list[Markup]:
    """What was found in size, direction and memory of the weight changes, the likely causes, and the picture of the tracks."""
    parts = [element("h3", "Is the run what it is said to be, and did something change?")]
    if direction.evidence:
        parts.append(bullets((shown(each, 1000) for each in direction.evidence), class_="evidence"))
    else:
        parts.append(element("p", f"Nothing found. Compared: {shown('; '.join(direction.compared) or 'nothing', 2000)}."))
    causes = [(shown(text, 400), shown(check, 400)) for text, check in direction.causes]
    if causes:
        head = "likely cause" if direction.clear else "causes that fit, the likeliest first"
        parts.append(table([head, "what to look at"], causes, class_="causes"))
    parts.append(element("div", class_="plot direction"))
    if direction.not_compared:
        parts.append(bullets((f"left out: {shown(each, 1000)}" for each in direction.not_compared), class_="left-out"))
    return parts


def _window(number: int, section: Section) -> Markup:
    """The slider, with verdict and reasons of its window. The page starts with the last window, and the script replaces the text."""
    last, count, slider = section.windows[-1], len(section.windows), f"slider-{number}"
    chooser = element(
        "p",
        element("label", "window ", for_=slider),
        Markup(f'<input type="range" id="{slider}" min="1" max="{count}" value="{count}" disabled>'),
        element("output", f"{count} of {count}: steps {last.first_step:,}–{last.last_step:,}", for_=slider),
        class_="chooser",
    )
    return element(
        "div",
        chooser,
        element("p", shown(last.verdict), class_="verdict"),
        element("ul", *(element("li", shown(reason, 400)) for reason in last.reasons), class_="reasons"),
        class_="window",
        aria_live="polite",
    )


def _alarms(section: Section) -> Markup:
    rows = [_alarm(each) for each in section.alarms]
    return table(ALARMS, rows) if rows else element("p", section.no_alarms)


def _alarm(alarm: Alarm) -> list[str]:
    back = "not back" if alarm.end is None else f"{alarm.end:,}"
    return [alarm.direction, f"{alarm.onset:,}", f"{alarm.start:,}", back, f"{alarm.alpha:.2f}", f"{alarm.threshold:.2f}"]


def failures_part(failures: Sequence[Failure]) -> Markup:
    """List the logs that could not be shown, each with the reason; empty if there are none."""
    if not failures:
        return Markup()
    lines = (
        shown(each.reason, 1000) if shown(each.name) in each.reason else f"{shown(each.name)}: {shown(each.reason, 1000)}"
        for each in failures
    )
    return element("section", element("h2", "Not shown"), bullets(lines))


def versions() -> Markup:
    """Say when the page was made, and with which versions."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = [("made", now), ("wcdfa", __version__)]
    rows += [(name, metadata.version(name)) for name in ("numpy", "plotly")]
    rows += [("Python", platform.python_version()), ("system", platform.platform())]
    return element("section", element("details", element("summary", "Versions"), table([], rows)))
