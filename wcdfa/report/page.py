"""Makes the page, which contains everything it shows and runs no scripts but its own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from html import escape, unescape
from pathlib import Path

from wcdfa.report.bundle import asset, compressed, digest, embedded, plotly
from wcdfa.report.encoding import drawn_runs, encoded
from wcdfa.report.lines import rows_of, summary, table_of
from wcdfa.report.parts import failures_part, overview, run_part, versions
from wcdfa.report.sections import Failure, Section
from wcdfa.support.failures import writing
from wcdfa.support.files import replacing
from wcdfa.support.markup import Markup, element
from wcdfa.support.text import shown

ENDINGS = (".html", ".htm")
MARK = re.compile('<meta name="wcdfa-run" content="([^"]*)"')
TOP = 1 << 14  # bytes at the top of a page, which hold its marks
CAUTION = (
    "α is the exponent of detrended fluctuation analysis of ‖ΔW‖, the norm of each weight update: 0.5 for white noise, 1 for 1/f noise, "
    "1.5 for a random walk. A straight line in the fluctuation plot is no evidence of scaling, and α near 1 is no evidence of "
    "criticality: momentum alone gives it. The bands (disordered, critical, ordered) are a proposal of the metric's author, not results."
)


def write(
    path: str | os.PathLike[str],
    sections: Sequence[Section],
    *,
    title: str = "wcdfa",
    failures: Sequence[Failure] = (),
    owner: str = "",
    worded: Callable[[str], str] = str,
) -> Path:
    """Write the report of one or several runs to a file and return its absolute path. An existing file is replaced.

    Parameters
    ----------
    path : path
        For example "report.html"; missing folders are made.
    sections : list of Section
        The runs, from `section_of`.
    title : str
    failures : list of Failure
        Logs that could not be shown; the page lists them.
    owner : str
        A text that is not shown, and that `owner_of` reads.
    worded : callable
        How a text that names arguments of Python is written; the command line writes its options instead.

    Raises
    ------
    ValueError
        If there is no run, the path is a folder or does not end in .html or .htm, or plotly is not installed.
    OSError
        If the file cannot be written.
    """
    if not sections:
        msg = "there is no run to report: give at least one section"
        raise ValueError(msg)
    path = place(path)
    text = page(sections, title=title, failures=failures, owner=owner, worded=worded)
    with writing("report", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode())
    return path


def place(path: str | os.PathLike[str]) -> Path:
    """Check that a report can be written to a path, and return the absolute path.

    Raises
    ------
    ValueError
        If the path is a folder, or does not end in .html or .htm.
    """
    path = Path(path).resolve()
    if path.is_dir():
        msg = f"the report cannot be written: {shown(path)} is a folder; name a file in it, such as report.html"
        raise ValueError(msg)
    if path.suffix.lower() not in ENDINGS:
        msg = f"the report cannot be written to {shown(path)}: it is a page for a browser, so its name must end in {' or '.join(ENDINGS)}"
        raise ValueError(msg)
    return path


def page(
    sections: Sequence[Section],
    *,
    title: str,
    failures: Sequence[Failure] = (),
    owner: str = "",
    worded: Callable[[str], str] = str,
) -> str:
    """Make the page as text. Arguments and errors are those of `write`."""
    script = asset("page.js")
    library, library_digest = plotly()
    runs, rows = drawn_runs(sections), rows_of(sections, worded)
    several = [summary(sections, rows), overview(sections, runs)] if len(sections) > 1 else []
    parts = [run_part(i, *each, rows) for i, each in enumerate(zip(sections, runs, strict=True))]
    end = [failures_part(failures), table_of(list(rows.values())), element("p", CAUTION, class_="caution"), versions()]
    body = element(
        "body",
        element("header", element("h1", shown(title))),
        element("main", *several, *parts, *end),
        embedded("plotly", library),
        embedded("data", compressed(encoded(runs, {key: row.next_step for key, row in rows.items()}))),
        Markup(f"<script>{script}</script>"),
    )
    head = _head(title, f"{digest(script)} {library_digest}", owner)
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def owner_of(path: str | os.PathLike[str]) -> str | None:
    """The text that `write` was given as `owner`; None if it was given none, or the file is no report."""
    try:
        with open(path, "rb") as file:
            found = MARK.search(file.read(TOP).decode("utf-8", "replace"))
    except OSError:
        return None
    return None if found is None else unescape(found[1])


def _head(title: str, digests: str, owner: str) -> Markup:
    policy = f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        *([Markup(f'<meta name="wcdfa-run" content="{escape(owner)}">')] if owner else []),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'),
        element("title", shown(title)),
        Markup(f"<style>{asset('page.css')}</style>"),
    )
