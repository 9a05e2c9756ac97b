"""Makes keys that all trackers accept, rows of numbers, and messages."""

from __future__ import annotations

import functools
import re

from wcdfa.sinks.base import Metrics

OF_ALPHA = ("alpha", "alpha_low", "alpha_high", "r2", "regime", "window_first_step", "window_last_step")
NAMES = ("step", "n", "skipped", "update_norm", *OF_ALPHA)
METRICS = tuple(f"wcdfa/{name}" for name in NAMES)  # what every monitor logs, except groups
WHERE_KNOWN = tuple(f"wcdfa/{name}" for name in ("lr", "gradient_norm", "momentum", "beta1", "beta2"))
OF_DIRECTION = ("cosine", "weight_norm", "update_ratio")
OF_DIRECTION_AND_ALPHA = ("vector_alpha", "vector_alpha_4_16", "vector_alpha_16", "cosine_low", "cosine_high", "diagnosis_p")
DIRECTION = tuple(f"wcdfa/{name}" for name in (*OF_DIRECTION, *OF_DIRECTION_AND_ALPHA))  # where the direction is recorded
STEP, ALERT = "wcdfa/step", "wcdfa/alert"
LONGEST = 200  # characters; MLflow takes 250
PLAIN = re.compile(r"(?!\.+(?:/|$))[A-Za-z0-9_.-]+(?:/(?!\.+(?:/|$))[A-Za-z0-9_.-]+)*")  # MLflow refuses "." and ".." in a path
MARKED = re.compile(r"-[0-9a-f]{16}$")


@functools.lru_cache(4096)
def clean(key: str) -> str:
    """Return the key if every tracker accepts it; otherwise a unique key of letters, digits, "_", "-", "." and "/".

    >>> clean("wcdfa/alpha/encoder/0"), clean("wcdfa/alpha/layers[0].w")
    ('wcdfa/alpha/encoder/0', 'wcdfa/alpha/layers_0_.w-fd3a2bdbc3599827')

    The new key ends with a digest of the original, so it is the same in every run. A key that already ends like that is changed too.
    """
    if len(key) <= LONGEST and PLAIN.fullmatch(key) and not MARKED.search(key):
        return key
    import hashlib  # noqa: PLC0415 - wcdfa is imported faster without it

    mark = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    parts = (re.sub(r"[^A-Za-z0-9_.-]+", "_", part) for part in key[:LONGEST].split("/"))
    readable = "/".join(part if part.strip(".") else "_" for part in parts)
    return f"{readable[: LONGEST - 17].rstrip('/')}-{mark}"


def row(step: int, metrics: Metrics) -> dict[str, float]:
    """The metrics of a step under clean keys, and the step."""
    return {clean(key): float(value) for key, value in metrics.items()} | {STEP: step}


def titled(title: str, text: str | None) -> tuple[str, str]:
    """Return a title and a text. Without a text, they are made from the message.

    >>> titled("regime changed from critical to ordered: α = 1.31", None)
    ('regime changed from critical to ordered', 'regime changed from critical to ordered: α = 1.31')
    """
    return (title.partition(": ")[0], title) if text is None else (title, text)


def message(title: str, text: str | None) -> str:
    """A title and a text as one message."""
    return title if text is None else f"{title}: {text}"
