"""The page: words and tables that need no script, and the places where pictures are drawn."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from wcdfa.report.bundle import asset, digest, packed, parcel, plotly
from wcdfa.report.encoding import encoded
from wcdfa.report.markup import Markup, bullets, element, joined, table
from wcdfa.report.sections import Section
from wcdfa.report.windows import Range
from wcdfa.support.files import replacing
from wcdfa.support.text import shown
from wcdfa.version import __version__

HONEST = (
    "α is the exponent of detrended fluctuation analysis of ‖ΔW‖, the norm of each weight update: 0.5 for white noise, 1 for 1/f noise, "
    "1.5 for a random walk. A straight line in the fluctuation plot is no evidence of scaling, and α near 1 is no evidence of "
    "criticality: momentum alone gives it. The bands are a proposal of the metric's author, not findings."
)


class Failure(NamedTuple):
    """A log that could not be shown, and why."""

    name: str
    reason: str


def write(
    path: str | os.PathLike[str], sections: Sequence[Section], *, title: str = "wcdfa", failures: Sequence[Failure] = ()
) -> Path:
    """Write the report of runs to a file, as a whole or not at all, and return its absolute path.

    Raises
    ------
    ValueError
        If there is no run, the path is a folder, or plotly is not installed.
    OSError
        If it cannot be written.
    """
    if not sections:
        msg = "there is no run to report"
        raise ValueError(msg)
    path = place(path)
    text = page(sections, title=title, failures=failures)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(text.encode())
    return path


def place(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a report, once it can be written.

    Raises
    ------
    ValueError
        If it is a folder.
    """
    path = Path(path).resolve()
    if path.is_dir():
        msg = f"the report cannot be written: {shown(path)} is a folder; name a file in it, such as report.html"
        raise ValueError(msg)
    return path


def page(sections: Sequence[Section], *, title: str, failures: Sequence[Failure] = ()) -> str:
    """The whole page; raises as `write`."""
    script = asset("page.js")
    library, library_digest = plotly()
    policy = (
        f"default-src 'none'; script-src {digest(script)} {library_digest}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'),
        element("title", shown(title)),
        Markup(f"<style>{asset('page.css')}</style>"),
    )
    overview = [_overview(sections)] if len(sections) > 1 else []
    body = element(
        "body",
        element("header", element("h1", shown(title)), element("p", HONEST, class_="honest")),
        element("main", *overview, *(_run(i, each) for i, each in enumerate(sections)), _failures(failures), _made()),
        parcel("plotly", library),
        parcel("data", packed(encoded(sections))),
        Markup(f"<script>{script}</script>"),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _overview(sections: Sequence[Section]) -> Markup:
    rows = []
    for i, each in enumerate(sections):
        last = each.windows[-1]
        link = element("a", shown(each.name), href=f"#run-{i}")
        rows.append(
            [link, f"{each.samples:,}", *_in_words(last.alpha), _interval(last.null), last.regime or "none", str(len(each.alarms))]
        )
    heads = ["run", "steps", "α, last window", "interval", "optimizer alone", "regime", "alarms"]
    return element(
        "section", element("h2", "Runs side by side"), element("div", class_="plot together"), table(heads, rows), id="overview"
    )


def _run(number: int, section: Section) -> Markup:
    last = section.windows[-1]
    alarms = [
        [
            *(each.direction, f"{each.onset:,}", f"{each.start:,}", "not back" if each.end is None else f"{each.end:,}"),
            *(f"{each.alpha:.2f}", f"{each.threshold:.2f}"),
        ]
        for each in section.alarms
    ]
    heads = ["α went", "onset, about step", "seen at step", "back at step", "furthest α", "alarm beyond"]
    slider = f"slider-{number}"
    alone = ["not compared with the optimizer, which alone may give this"] if last.null is None and last.regime is not None else []
    parts = [
        element("h2", shown(section.name)),
        element(
            "p",
            element("strong", shown(last.verdict)),
            f" (last window, steps {last.first_step:,}–{last.last_step:,})",
            class_="verdict",
        ),
        bullets((shown(reason, 400) for reason in [*last.reasons, *alone]), class_="reasons"),
        element("div", class_="plot trajectory"),
        element("h3", "Any window"),
        element(
            "p",
            element("label", "window ", for_=slider),
            Markup(
                f'<input type="range" id="{slider}" min="1" max="{len(section.windows)}" value="{len(section.windows)}" disabled>'
            ),
            element("output", f"{len(section.windows)} of {len(section.windows)}", for_=slider),
            class_="chooser",
        ),
        element("div", element("p", class_="verdict"), element("ul", class_="reasons"), class_="window", aria_live="polite"),
        element("div", element("div", class_="plot fluctuations"), element("div", class_="plot surrogates"), class_="pair"),
    ]
    if section.groups is not None:
        parts += [element("h3", "α of each group of parameters"), element("div", class_="plot groups")]
    parts += [element("h3", "Alarms"), table(heads, alarms) if alarms else element("p", section.calm)]
    if section.notes:
        parts += [element("h3", "To be known"), bullets(shown(note, 1000) for note in section.notes)]
    settings = [(name, shown(value, 1000)) for name, value in section.settings.items()]
    parts.append(element("details", element("summary", "Settings"), table([], settings)))
    return element("section", *parts, id=f"run-{number}", class_="run", data_run=str(number))


def _in_words(of: Range) -> list[str]:
    return [f"{of.alpha:.3f}" if of.alpha == of.alpha else "none", _interval(of)]


def _interval(of: Range | None) -> str:
    return "" if of is None or of.low != of.low else f"{of.low:.2f}–{of.high:.2f}"


def _failures(failures: Sequence[Failure]) -> Markup:
    if not failures:
        return Markup()
    lines = (
        shown(each.reason, 1000) if shown(each.name) in each.reason else f"{shown(each.name)}: {shown(each.reason, 1000)}"
        for each in failures
    )
    return element("section", element("h2", "Not shown"), bullets(lines))


def _made() -> Markup:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    rows = [("made", now), ("wcdfa", __version__)]
    rows += [(name, metadata.version(name)) for name in ("numpy", "plotly")]
    rows += [("Python", platform.python_version()), ("system", platform.platform())]
    return element("section", element("details", element("summary", "Versions"), table([], rows)), joined([]))
