"""Makes what a notebook shows of an object: a line in bold, sentences, and a tiny picture."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec

from wcdfa.support.markup import Markup, element
from wcdfa.support.text import shown

P = ParamSpec("P")

LONGEST = 400  # of a sentence, which may hold names from a file
BOX = "display:flex;flex-wrap:wrap;align-items:center;gap:0.3em 1.2em"
TEXT = "margin:0.15em 0;max-width:40em"


def card(head: str, *sentences: str, picture: Markup | None = None, todo: str = "") -> Markup:
    """The HTML of a card; everything but the picture is text. `todo` says what to do next.

    >>> print(card("α < 1", todo="Call verdict()."))
    <div style="display:flex;flex-wrap:wrap;align-items:center;gap:0.3em 1.2em"><div><p style="margin:0.15em 0;max-width:40em"><strong>α &lt; 1</strong></p><p style="margin:0.15em 0;max-width:40em"><em>Next:</em> Call verdict().</p></div></div>
    """
    lines = [element("p", element("strong", shown(head, LONGEST)), style=TEXT)]
    lines += [element("p", shown(each, LONGEST), style=TEXT) for each in sentences if each]
    if todo:
        lines.append(element("p", element("em", "Next:"), f" {shown(todo, LONGEST)}", style=TEXT))
    return element("div", *([] if picture is None else [picture]), element("div", *lines), style=BOX)


def or_text(make: Callable[P, Markup]) -> Callable[P, Markup | None]:
    """Return None, and log why, if a card cannot be made: a notebook then shows the object as text, and the cell goes on.

    >>> print(or_text(lambda number: Markup(1 / number))(0))
    None
    """

    @functools.wraps(make)
    def made(*given: P.args, **named: P.kwargs) -> Markup | None:
        try:
            return make(*given, **named)
        except Exception:  # what is displayed may hold anything, and a display must not end a cell
            logging.getLogger("wcdfa").debug("a notebook shows text, because its card cannot be made", exc_info=True)
            return None

    return made
