"""What all trackers are given: keys that each of them takes, rows of numbers, and alerts."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

NAMES = ("step", "n", "skipped", "update_norm", "alpha", "alpha_low", "alpha_high", "r2", "regime")
METRICS = tuple(f"wcdfa/{name}" for name in NAMES)  # all that a monitor logs, but those of groups
STEP, ALERT = "wcdfa/step", "wcdfa/alert"
LONGEST = 200  # characters; MLflow takes 250
PLAIN = re.compile(r"(?!\.+(?:/|$))[A-Za-z0-9_.-]+(?:/(?!\.+(?:/|$))[A-Za-z0-9_.-]+)*")  # MLflow refuses "." and ".." in a path
MARKED = re.compile(r"-[0-9a-f]{16}$")


@functools.lru_cache(4096)
def clean(key: str) -> str:
    """The key as it is, where every tracker takes it; else one of letters, digits and "_", "-", ".", "/" that no other key has.

    >>> clean("wcdfa/alpha/encoder/0"), clean("wcdfa/alpha/layers[0].w")
    ('wcdfa/alpha/encoder/0', 'wcdfa/alpha/layers_0_.w-fd3a2bdbc3599827')

    It ends with a digest of the whole key, and so is the same in every run; keys that end like one are given another.
    """
    if len(key) <= LONGEST and PLAIN.fullmatch(key) and not MARKED.search(key):
        return key
    import hashlib  # noqa: PLC0415 - wcdfa is imported faster without it

    mark = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    parts = (re.sub(r"[^A-Za-z0-9_.-]+", "_", part) for part in key[:LONGEST].split("/"))
    readable = "/".join(part if part.strip(".") else "_" for part in parts)
    return f"{readable[: LONGEST - 17].rstrip('/')}-{mark}"


def row(step: Any, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a step under clean keys, and the step."""
    return {clean(key): float(value) for key, value in metrics.items()} | {STEP: step}


def titled(title: str, text: str | None) -> tuple[str, str]:
    """A title and a text, also of a message that is both.

    >>> titled("regime changed from critical to ordered: α = 1.31", None)
    ('regime changed from critical to ordered', 'regime changed from critical to ordered: α = 1.31')
    """
    return (title.partition(": ")[0], title) if text is None else (title, text)


def message(title: str, text: str | None) -> str:
    """A title and a text as one message."""
    return title if text is None else f"{title}: {text}"
