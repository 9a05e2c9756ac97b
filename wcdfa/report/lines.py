"""What to do after the lines that a page shows: links to their rows, and the folded table of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from wcdfa.report.sections import Section
from wcdfa.support.markup import Markup, element, table
from wcdfa.support.text import shown
from wcdfa.verdicts.explanations import Explanation, explanations, of_line

NOTE = "note"
MOST = 10  # runs that are named with one next step
HEADS = ["line", "what it means", "what it often comes from", "what to do"]


class Sentence(NamedTuple):
    """A sentence that the page shows, and the key of its line in `wcdfa.verdicts.explanations`."""

    text: str
    key: str


def linked(sentence: Sentence) -> Markup:
    """The sentence as a link to its row."""
    return element("a", sentence.text, href=f"#do-{sentence.key}", class_="line")


def sentence(text: str, otherwise: str = NOTE) -> Sentence:
    """A sentence with the key of the line that it is; `otherwise` if it is none."""
    found = of_line(text)
    return Sentence(text, otherwise if found is None else found.key)


def first_key(section: Section) -> str:
    """The line of a run to act on first: of its diagnosis if that found something, else of its last window."""
    direction = section.direction
    return direction.key if direction is not None and direction.found else section.windows[-1].key


def rows_of(sections: Sequence[Section], worded: Callable[[str], str]) -> dict[str, Explanation]:
    """The rows of all lines that the page shows, in the order of the page on lines; `worded` writes the names of options."""
    keys = {key for each in sections for key in _keys(each)}
    rows = (each for each in explanations() if each.key in keys)
    return {
        each.key: each._replace(**{name: worded(getattr(each, name)) for name in ("meaning", "causes", "next_step")})
        for each in rows
    }


def _keys(section: Section) -> Iterator[str]:
    for window in section.windows:
        yield from (window.key, *window.keys)
    if section.direction is not None:
        yield from (section.direction.key, *section.direction.keys)
    yield from (each.key for each in notes_of(section))
    yield "drift" if section.alarms else sentence(section.no_alarms).key
    if section.run:
        yield sentence(section.run).key


def notes_of(section: Section) -> list[Sentence]:
    """The notes on a run."""
    return [sentence(each) for each in section.notes]


def next_step(row: Explanation, label: str = "What to do: ", *, link: bool = True) -> Markup:
    """What to do, in a sentence that the script replaces when another window is chosen."""
    why = [" ", element("a", "why", href=f"#do-{row.key}", class_="why")] if link else []
    return element("p", element("b", label), element("span", row.next_step), *why, class_="next")


def table_of(rows: Sequence[Explanation]) -> Markup:
    """The folded table of the lines that this page shows."""
    cells = [(each.line, each.meaning, each.causes, each.next_step) for each in rows]
    marked = table(HEADS, cells, row_ids=[f"do-{each.key}" for each in rows])
    return element(
        "section", element("details", element("summary", "What the lines of this page mean, and what to do"), marked), id="lines"
    )


def summary(sections: Sequence[Section], rows: dict[str, Explanation]) -> Markup:
    """What to do about several runs: each next step once, with the runs that it is for."""
    places: dict[str, list[int]] = {}
    for number, section in enumerate(sections):
        places.setdefault(first_key(section), []).append(number)
    found = {first_key(each) for each in sections if each.direction is not None and each.direction.found}
    ordered = sorted(places, key=lambda key: (key not in found, -len(places[key])))
    items = [element("li", *_for_runs(rows[key], places[key], sections)) for key in ordered]
    return element("section", element("h2", "What to do"), element("ul", *items, class_="next"), id="do")


def _for_runs(row: Explanation, numbers: Sequence[int], sections: Sequence[Section]) -> Iterator[str]:
    yield from (row.next_step, " (", linked(Sentence(row.line, row.key)), "): ")
    for place, number in enumerate(numbers[:MOST]):
        yield from (", " if place else "", element("a", shown(sections[number].name), href=f"#run-{number}"))
    if len(numbers) > MOST:
        yield f" and {len(numbers) - MOST} more"
