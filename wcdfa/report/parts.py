"""Makes the parts of the page: what to do first, then words, pictures and tables, all of which need no script."""

from __future__ import annotations

import datetime
import math
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata

from wcdfa.report.encoding import DrawnRun
from wcdfa.report.lines import Sentence, linked, next_step, notes_of, sentence
from wcdfa.report.sections import Failure, Section
from wcdfa.report.still_groups import heat_map
from wcdfa.report.still_window import fluctuations, ranges
from wcdfa.report.stills import direction as tracks
from wcdfa.report.stills import together, trajectory
from wcdfa.report.windows import Range, Window
from wcdfa.support.markup import Markup, bullets, element, table
from wcdfa.support.text import shown
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.explanations import Explanation
from wcdfa.version import __version__

OVERVIEW = ["run", "steps", "α, last window", "interval", "optimizer alone", "alarms"]
ALARMS = ["α went", "began about step", "alarm at step", "back at step", "furthest α", "alarm beyond α ="]
OF_ALARMS = "The α of alarms is measured by the method gls, so it may differ a little from that of the windows."
FIRST = 2  # sentences on what was found that stand above the pictures
NO_SCRIPT = "Other windows than the last, and zooming, need a browser of 2023 or later that runs scripts."

Rows = Mapping[str, Explanation]


def overview(sections: Sequence[Section], runs: Sequence[DrawnRun]) -> Markup:
    """Show several runs in one picture, and in a table with a row for each."""
    rows = [_row(i, each) for i, each in enumerate(sections)]
    picture = element("div", together(runs), class_="plot together")
    return element("section", element("h2", "Runs side by side"), picture, table(OVERVIEW, rows), id="overview")


def _row(number: int, section: Section) -> list[str]:
    last = section.windows[-1]
    link = element("a", shown(section.name), href=f"#run-{number}")
    alpha = "none" if math.isnan(last.alpha.alpha) else f"{last.alpha.alpha:.3f}"
    return [link, f"{section.samples:,}", alpha, _interval(last.alpha), _interval(last.null), str(len(section.alarms))]


def _interval(of: Range | None) -> str:
    return "" if of is None or math.isnan(of.low) else f"{of.low:.2f}–{of.high:.2f}"


def run_part(number: int, section: Section, run: DrawnRun, rows: Rows) -> Markup:
    """Show one run: what to do, the chosen window (at first the last), α over time, groups, alarms, notes and settings."""
    found = section.direction is not None and section.direction.found
    parts = [
        element("h2", shown(section.name)),
        *(_found(section, rows) if found else []),
        _window(number, section, rows, found=found),
        element("div", trajectory(run), class_="plot trajectory"),
        *_pictures(run),
    ]
    if section.groups is not None:
        parts += [element("h3", "α of each group of parameters"), element("div", heat_map(run), class_="plot groups")]
    if section.direction is not None:
        parts += _direction(section, run)
    parts += [element("h3", "Alarms"), *_alarms(section)]
    if section.notes:
        notes = (element("li", linked(each._replace(text=shown(each.text, 1000)))) for each in notes_of(section))
        parts += [element("h3", "Notes"), element("ul", *notes)]
    settings = [(name, shown(value, 1000)) for name, value in section.settings.items()]
    parts.append(element("details", element("summary", "Settings"), table([], settings)))
    return element("section", *parts, *_whole_run(section), id=f"run-{number}", class_="run", data_run=str(number))


def _whole_run(section: Section) -> list[Markup]:
    if not section.run:
        return []
    said = element("p", shown(section.run, 1000), class_="whole-run")
    more = linked(Sentence("what this means", sentence(section.run).key))
    return [element("details", element("summary", "α of the whole run"), said, more)]


def _pictures(run: DrawnRun) -> list[Markup]:
    """F(s) of the window, α beside what else could give it, and folded, F(s) at higher orders."""
    last = run["windows"][-1]
    pair = [
        element("div", fluctuations(run, last), class_="plot fluctuations"),
        element("div", ranges(run, last), class_="plot surrogates"),
    ]
    higher = element("div", fluctuations(run, last, orders=len(last["curves"])), class_="plot orders")
    summary = element("summary", "F(s) at higher detrending orders, which ignore a trend")
    return [
        element("div", *pair, class_="pair", **hidden_unless(last["curves"])),
        element("p", last["missing"], class_="not-drawn"),
        element("details", summary, higher, class_="higher", **hidden_unless(last["curves"][1:])),
    ]


def hidden_unless(shown: Sequence[object]) -> dict[str, str]:
    """The attribute that hides an element with nothing to show."""
    return {} if shown else {"hidden": ""}


def _found(section: Section, rows: Rows) -> list[Markup]:
    """What the diagnosis found, with what to do first, and the likely causes."""
    direction = section.direction
    assert direction is not None
    said = zip(direction.evidence, direction.keys, strict=True)
    evidence = [element("li", linked(Sentence(shown(text, 1000), key))) for text, key in said]
    causes = [(shown(text, 400), shown(check, 400)) for text, check in direction.causes]
    head = "likely cause" if direction.clear else "causes that fit, the likeliest first"
    more = [element("ul", *evidence[FIRST:], class_="evidence")] if evidence[FIRST:] else []
    more += [table([head, "what to do first"], causes, class_="causes")] if causes else []
    parts = [next_step(rows[direction.key]), element("ul", *evidence[:FIRST], class_="evidence")]
    parts += [element("details", element("summary", "All that was found, and what it fits"), *more)] if more else []
    return [element("div", *parts, class_="found")]


def _direction(section: Section, run: DrawnRun) -> list[Markup]:
    """The picture of size, direction and memory of the weight changes, and what they were compared with."""
    direction = section.direction
    assert direction is not None
    parts = [element("h3", "Is the run what it is said to be, and did something change?")]
    if not direction.found:
        text = f"Nothing found. Compared: {shown('; '.join(direction.compared) or 'nothing', 2000)}."
        parts.append(element("p", linked(Sentence(text, direction.key))))
    parts.append(element("div", tracks(run), class_="plot direction"))
    if direction.not_compared:
        left_out = bullets((f"left out: {shown(each, 1000)}" for each in direction.not_compared), class_="left-out")
        parts.append(element("details", element("summary", "What was left out"), left_out))
    return parts


def _window(number: int, section: Section, rows: Rows, *, found: bool) -> Markup:
    """The slider, with verdict, next step and reasons of its window. The script replaces them when another window is chosen."""
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
        next_step(rows[last.key], "For α of this window: " if found else "What to do: ", link=False),
        element("p", linked(Sentence(shown(last.verdict), last.key)), class_="verdict"),
        _reasons(last),
        chooser,
        element("noscript", element("p", NO_SCRIPT, class_="caution")),
        class_="window",
        aria_live="polite",
    )


def _reasons(window: Window) -> Markup:
    said = zip(window.reasons, window.keys, strict=True)
    items = (element("li", linked(Sentence(shown(text, 400), key))) for text, key in said)
    return element(
        "details",
        element("summary", "Details"),
        element("ul", *items, class_="reasons"),
        class_="why",
        **hidden_unless(window.reasons),
    )


def _alarms(section: Section) -> list[Markup]:
    if not section.alarms:
        return [element("p", linked(sentence(section.no_alarms)))]
    more = linked(Sentence("what to do about a drift", "drift"))
    note = element("details", element("summary", "How α of an alarm is measured"), element("p", OF_ALARMS))
    return [table(ALARMS, [_alarm(each) for each in section.alarms]), element("p", more), note]


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
