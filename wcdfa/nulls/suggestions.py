"""What a user may have meant by a name that is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: str, known: Iterable[str]) -> str:
    """A question about the known name that is most like this one, whatever its capitals; empty if none is.

    >>> closest("AdamW", ["adam", "adamw"]), closest("windw", ["window", "order"]), closest("group", ["order"])
    ("did you mean 'adamw'?", "did you mean 'window'?", '')
    """
    found = get_close_matches(name.lower(), list(known), 1)
    return f"did you mean {found[0]!r}?" if found else ""
