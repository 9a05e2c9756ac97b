"""All keys of a monitor with what they mean; keys that all trackers accept, rows of numbers, and messages."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from wcdfa.sinks.base import Metrics


class Key(NamedTuple):
    """One number of a monitor."""

    name: str
    """Without "wcdfa/" before it."""
    meaning: str


ALWAYS, NORM, ALPHA = "always", "from the first norm on", "with α, which is there once the window was full"
HYPER, SEEN = "once they have changed, as with OneCycleLR", "where the direction is recorded"
BOTH, NULL = "with α and the direction", "with α, if the optimizer is known and its replays are at hand"
GROUPS = "with groups of parameters"
GIVEN, GIVEN_AND_ALPHA = "with `beside=`", "with α and `beside=`"
WHEN: dict[str, tuple[Key, ...]] = {
    ALWAYS: (
        Key("step", "training step of the last norm"),
        Key("n", "norms in the window"),
        Key("skipped", "steps so far whose norm was 0"),
    ),
    NORM: (Key("update_norm", "‖ΔW‖ of that step"),),
    ALPHA: (
        Key("alpha", "the last α"),
        Key("alpha_low", "lower end of its interval"),
        Key("alpha_high", "upper end of its interval"),
        Key("r2", "R² of the line through log F(s)"),
        Key("regime", "2 for ordered, 1 for critical, 0 for disordered, NaN for undecided"),
        Key("window_first_step", "first step of the window that this α belongs to"),
        Key("window_last_step", "last step of that window"),
    ),
    "if it is known": (Key("lr", "learning rate of that step"),),
    "with `gradients=True` or `gradient_norm=`": (Key("gradient_norm", "‖g‖ of that step"),),
    HYPER: (
        Key("momentum", "momentum of that step"),
        Key("beta1", "first beta of that step"),
        Key("beta2", "second beta of that step"),
    ),
    SEEN: (
        Key("cosine", "cosine of this weight change with the last"),
        Key("weight_norm", "‖W‖ after that step"),
        Key("update_ratio", "‖ΔW‖ / ‖W‖"),
    ),
    BOTH: (
        Key("vector_alpha", "α of ΔW as a vector"),
        Key("vector_alpha_4_16", "its exponent over box sizes 4 to 16"),
        Key("vector_alpha_16", "its exponent from box size 16 on"),
        Key("cosine_low", "lower end of the cosine that the optimizer gives; NaN if the optimizer is not known"),
        Key("cosine_high", "upper end of it"),
        Key("diagnosis_p", "smallest p of what is compared with the optimizer, times how much is compared"),
    ),
    NULL: (
        Key("expected_low", "lower end of the band of α from the optimizer alone"),
        Key("expected_high", "upper end of that band; it holds 95 %"),
        Key("p", "p of the window against the optimizer alone: below 0.05 it does not explain the window"),
    ),
    GROUPS: (
        Key("update_norm/GROUP", "‖ΔW‖ of a group"),
        Key("alpha/GROUP", "α of a group"),
        Key("cosine/GROUP", "`wcdfa/cosine` of a group"),
    ),
    GIVEN: (Key("beside/NAME", "the number that was given beside the norm, such as the loss"),),
    GIVEN_AND_ALPHA: (
        Key("coupling/NAME/p", "p of ‖ΔW‖ and that series over all box sizes: below 0.05 they move together at some size"),
        Key("coupling/NAME/rho", "ρ, from -1 to 1, at the box size where it is clearest"),
        Key("coupling/NAME/size", "that box size, in samples"),
    ),
}
"""All keys, by when they are logged."""


def _keys(*conditions: str) -> tuple[str, ...]:
    return tuple(f"wcdfa/{key.name}" for condition in conditions for key in WHEN[condition])


METRICS = _keys(ALWAYS, NORM, ALPHA)  # what every monitor logs, except groups
WHERE_KNOWN = _keys("if it is known", "with `gradients=True` or `gradient_norm=`", HYPER)
DIRECTION = _keys(SEEN, BOTH)
EXPECTED = _keys(NULL)
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


def as_table() -> str:
    """All keys as a table in Markdown.

    >>> print(as_table().splitlines()[2])
    | `wcdfa/step` | training step of the last norm | always |
    """
    rows = (f"| `wcdfa/{key.name}` | {key.meaning} | {condition} |" for condition, keys in WHEN.items() for key in keys)
    return "\n".join(["| key | what it is | when |", "|---|---|---|", *rows])
