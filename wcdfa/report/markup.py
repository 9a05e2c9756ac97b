"""HTML of which every text is escaped, because there is no other way to make it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


class Markup(str):
    """HTML; any other string is text."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str) -> Markup:
    """An element; an attribute is named with "_" for "-", and "class_" for "class".

    >>> print(element("p", "α < 1 ", element("b", "<script>"), class_='"x'))
    <p class="&quot;x">α &lt; 1 <b>&lt;script&gt;</b></p>
    """
    named = (f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items())
    return Markup(f"<{tag}{''.join(named)}>{joined(children)}</{tag}>")


def joined(children: Iterable[str]) -> Markup:
    """Markup as it stands and text escaped, one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def bullets(texts: Iterable[str], **attributes: str) -> Markup:
    """A list; nothing where there is no text."""
    items = [element("li", text) for text in texts]
    return element("ul", *items, **attributes) if items else Markup()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], **attributes: str) -> Markup:
    """A table with a row of headings; without them, the first cell of each row is its heading."""
    top = [element("thead", element("tr", *(element("th", head, scope="col") for head in heads)))] if heads else []
    body = (
        element(
            "tr", *(element("th", cell, scope="row") if not heads and i == 0 else element("td", cell) for i, cell in enumerate(row))
        )
        for row in rows
    )
    return element("div", element("table", *top, element("tbody", *body), **attributes), class_="scrolled")
