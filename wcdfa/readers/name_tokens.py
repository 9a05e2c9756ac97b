"""Understands the name of a column by its words: a norm ‖ΔW‖, a gradient norm, a loss, a learning rate, or something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from wcdfa.readers.name_words import (
    CHANGE,
    COUNTERS,
    ELSEWHERE,
    GRADIENT,
    KINDS,
    LOSS,
    NAMESPACES,
    NORM,
    OF_ALL,
    OF_LOSS,
    OTHER_NORMS,
    OTHERS,
    PLACES,
    SPOILING,
    UPDATE,
    WEIGHT,
)
from wcdfa.support.quantity import Quantity

HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+\d*")
DELTA_W = re.compile(r"(?<![A-Za-z])(?:[dD]_?(?:[wW]|[tT]heta)|[Δδ∆]_?[wWθ])(?![A-Za-z])")
BARS = re.compile(r"‖|∥|\|\|?|\bnorm\(")
NABLA = re.compile(r"∇_?[A-Za-zθ]*")
CLIPPING = re.compile(r"(?<![a-z])(?:pre|post|before|after|un)[ _-]?clip(?:ping|ped)?")
JOINED = {  # words that people write as one
    **dict.fromkeys(("gnorm", "gradnorm", "gradientnorm"), "grad norm"),
    **dict.fromkeys(("updatenorm", "updatesnorm"), "update norm"),
    **dict.fromkeys(("deltanorm", "dwnorm"), "delta norm"),
    "deltaw": "delta w",
    "globalnorm": "global norm",
    "totalnorm": "total norm",
    "learningrate": "learning rate",
    "l2norm": "l2 norm",
}
GROUPS = re.compile(r"(?:group|pg)?\d+|group|pg")  # words that number the groups of an optimizer
UNUSUAL = 4  # certainty of a gradient norm that is not Euclidean


class Meaning(NamedTuple):
    """What a name says."""

    quantity: Quantity
    further: int = 0
    """How many words are left that name a part of the network or anything else; 0 for a series of all parameters."""
    certainty: int = 0
    """How usual the name is: lower is better."""


@lru_cache(1 << 14)
def meaning(name: str) -> Meaning:
    """What a name says.

    >>> meaning("train/update_norm"), meaning("gradNorm").quantity, meaning("opt_applied_update_norm").quantity
    (Meaning(quantity='update norm', further=0, certainty=0), 'gradient norm', 'update norm')
    >>> meaning("update_norm/encoder"), meaning("update_norm_ratio").quantity, meaning("params/global_norm").quantity
    (Meaning(quantity='update norm', further=1, certainty=0), 'unknown', 'unknown')
    >>> [meaning(each).quantity for each in ("lm loss", "loss scale", "update_norm/steps")]
    ['loss', 'unknown', 'unknown']
    """
    parts = [words(part) for part in name.split("/")]
    if len(parts) > 1 and parts[-1] and set(parts[-1]) <= COUNTERS:
        return Meaning("unknown")
    flat = [(word, i) for i, part in enumerate(parts) for word in part]
    found = _norm([word for word, _ in flat])
    if found is not None:
        quantity, certainty, start, stop = found
        first, last = flat[start][1], flat[stop - 1][1]
        near = [word for i, part in enumerate(parts) if first <= i <= last or _says_how(part, before=i < first) for word in part]
        beside = [word for word, i in (*flat[:start], *flat[stop:]) if first <= i <= last]
        spoiling = (SPOILING | {"lr"}) & set(near) | ({"delta", *CHANGE} & set(beside)) | (ELSEWHERE & {word for word, _ in flat})
        if spoiling - (OTHER_NORMS if quantity == "gradient norm" else set()):
            return Meaning("unknown")
        certainty += UNUSUAL * bool(spoiling)
        rest = [word for word, _ in (*flat[:start], *flat[stop:])]
        return Meaning(quantity, sum(word not in PLACES | KINDS | WEIGHT or word.isdecimal() for word in rest), certainty)
    every = [word for word, _ in flat]
    if "displacement" in every:
        return Meaning("displacement", len(every) - 1)
    of_loss = any(LOSS & set(part) and not OF_LOSS & set(part) for part in parts)
    return Meaning("loss", _further(every, LOSS)) if of_loss else Meaning("unknown")


def _says_how(part: Sequence[str], *, before: bool) -> bool:
    """Whether a part of a name beside that of a norm says how it was computed, as "ema" before a slash and "mean" after one do."""
    return bool(part) and set(part) <= SPOILING | OF_ALL and not (before and set(part) <= NAMESPACES | OF_ALL)


def words(part: str) -> list[str]:
    """The words of a name, in small letters.

    >>> words("gradNorm"), words("‖ΔW‖"), words(" Delta-W norm "), words("grad_2.0_norm")
    (['grad', 'norm'], ['delta', 'w', 'norm'], ['delta', 'w', 'norm'], ['grad', '2.0', 'norm'])
    """
    barred = " norm" if BARS.search(part) else ""
    spelled = HUMPS.sub(" ", DELTA_W.sub(" delta w ", NABLA.sub(" grad ", BARS.sub(" ", part.replace("₂", ""))))).casefold()
    for delta in "δ∆":
        spelled = spelled.replace(delta, " delta ")
    spelled = CLIPPING.sub(" ", spelled)
    return [word for each in WORD.findall(f"{spelled}{barred}") for word in JOINED.get(each, each).split()]


def tells_nothing(name: str) -> bool:
    """Whether a name tells nothing of what a column holds, as "value", "x" or "0"; "accuracy" does.

    >>> [tells_nothing(name) for name in ("value", "norms_3", "accuracy", "param_norm", "train/reward")]
    [True, True, False, False, False]
    """
    every = {word for part in name.split("/") for word in words(part)}
    of_what = {word for word in every - NORM - PLACES - KINDS if not word.isdecimal()}
    return not (every & (OTHERS | LOSS) or is_rate(name) or (every & NORM and of_what))


def is_rate(name: str) -> bool:
    """Whether a name is that of a learning rate.

    >>> [is_rate(name) for name in ("train/lr", "lr-AdamW/pg1", "learning_rate", "lr_scale", "lrelu")]
    [True, True, True, False, False]
    """
    every = [word for part in name.split("/") for word in words(part)]
    pairs = list(pairwise(every))
    return ("lr" in every or ("learning", "rate") in pairs) and not (SPOILING | OTHERS - {"momentum"}) & set(every)


def _further(every: Sequence[str], known: set[str]) -> int:
    return sum(word not in PLACES | OF_ALL | known for word in every)


def _norm(every: Sequence[str]) -> tuple[Quantity, int, int, int] | None:
    """The first words that say a norm of what changes: the quantity, how usual they are, and their place."""
    return next((found for found in (*_updates_and_gradients(every), *_of_all(every))), None)


def _updates_and_gradients(every: Sequence[str]) -> Iterator[tuple[Quantity, int, int, int]]:
    for start, word in enumerate(every):
        before = every[start - 1] if start else ""
        if word in GRADIENT and (stop := _ends(every, start + 1, KINDS)):
            if before not in CHANGE | {"delta"}:  # the change of a gradient is something else
                yield "gradient norm", int(stop - start > 2), start, stop
        elif word in UPDATE and (stop := _ends(every, start + 1, KINDS)):
            if before not in GRADIENT:
                yield "update norm", int("applied" not in every[:start] and stop - start > 2), start, stop
        elif word == "delta" and (stop := _ends(every, start + 1, KINDS | WEIGHT)):
            yield "update norm", 1, start, stop
        elif word in WEIGHT and start + 1 < len(every) and every[start + 1] in CHANGE:
            stop = _ends(every, start + 2, KINDS)
            if stop or (every[start : start + 2] == ["weight", "change"]):
                yield "update norm", 2, start, stop or start + 2
        elif word in NORM and start + 1 < len(every) and (start == 0 or before in PLACES | KINDS):
            at = start + 1 + (every[start + 1] in {"of", *OF_ALL})
            kind = every[at] if at < len(every) else ""
            if kind in GRADIENT:
                yield "gradient norm", 2, start, at + 1
            elif kind in UPDATE:
                yield "update norm", 2, start, at + 1


def _ends(every: Sequence[str], start: int, between: set[str]) -> int:
    """The place after "norm", if only certain words come before it; else 0."""
    for place in range(start, len(every)):
        if every[place] in NORM:
            return place + 1
        if every[place] not in between:
            return 0
    return 0


def _of_all(every: Sequence[str]) -> Iterator[tuple[Quantity, int, int, int]]:
    """A "global_norm" or "total_norm" of nothing named is that of the gradients: so do the functions that clip them call it."""
    for place, (one, two) in enumerate(pairwise(every)):
        if one in {"global", "total"} and two in NORM and not set(every) - PLACES - OF_ALL - NORM:
            yield "gradient norm", 3, place, place + 2
