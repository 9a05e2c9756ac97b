"""Builds HTML in which every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Markup(str):
    """A string of HTML. Any other string is text, and is escaped."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Markup:
    """Make an element with its children. In names of attributes, "_" stands for "-", and a final "_" is dropped, as in "class_".

    >>> print(element("p", "α < 1 ", element("b", "<script>"), class_='"x'))
    <p class="&quot;x">α &lt; 1 <b>&lt;script&gt;</b></p>
    """
    named = (f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items())
    return Markup(f"<{tag}{''.join(named)}>{joined(children)}</{tag}>")


def joined(children: Iterable[str]) -> Markup:
    """Join the children: markup unchanged, text escaped."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def bullets(texts: Iterable[str], **attributes: str) -> Markup:
    """Make a list of the texts; empty if there are none."""
    items = [element("li", text) for text in texts]
    return element("ul", *items, **attributes) if items else Markup()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, row_ids: Iterable[str] = (), **attributes: str) -> Markup:
    """Make a table with a row of heads; without heads, the first cell of each row is its head. `row_ids` are anchors of the rows."""
    ids = [{"id": each} for each in row_ids]
    top = [element("thead", element("tr", *(element("th", head, scope="col") for head in heads)))] if heads else []
    body = (
        element("tr", *(_cell(cell, head=not heads and i == 0) for i, cell in enumerate(row)), **(ids[number] if ids else {}))
        for number, row in enumerate(rows)
    )
    return element("div", element("table", *top, element("tbody", *body), **attributes), class_="scrolled")


def _cell(text: str, *, head: bool) -> Markup:
    return element("th", text, scope="row") if head else element("td", text)
