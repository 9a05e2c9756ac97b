"""``wcdfa explain``."""

from __future__ import annotations

import re
from typing import Annotated

from cyclopts import Parameter

from wcdfa.cli.console import PlainConsole
from wcdfa.cli.door import door
from wcdfa.cli.printing import say
from wcdfa.cli.streams import require_output
from wcdfa.cli.wording import of_text
from wcdfa.verdicts.explanations import Explanation, explanation, explanations, of_line

POINTER = re.compile(r"\(?\bwcdfa explain ([\w-]+)\)?[\s.]*$", re.IGNORECASE)
WIDEST = max(len(each.key) for each in explanations())


def explain(*key: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Say what a line means, what it often comes from, and what to do.

    Parameters
    ----------
    key
        The key that stands behind "wcdfa explain" in what was printed, or the line itself, pasted. Default: list all lines.
    """
    require_output()
    console, said = PlainConsole(), " ".join(key)
    if not said:
        for each in explanations():
            say(console, f"{each.key:<{WIDEST}} {each.line}")
        return
    with door():
        _print(_found(said), console)


def _found(said: str) -> Explanation:
    """The line with this key, or the one that was pasted, which may hold its key at the end."""
    if (pasted := POINTER.search(said)) is not None:
        return explanation(pasted[1].lower())
    found = of_line(said) if " " in said else None
    return found or explanation(said.strip().lower())


def _print(line: Explanation, console: PlainConsole) -> None:
    say(console, f"{line.key}: {line.line}")
    parts = {"what it means": line.meaning, "what it often comes from": line.causes, "what to do": line.next_step}
    for name, text in parts.items():
        if text:
            say(console, f"  {name}: {of_text(text)}")
