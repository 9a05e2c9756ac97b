"""The usual names of columns in logs: norms ‖ΔW‖, gradient norms, learning rates, losses, times."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from wcdfa.readers.steps import rank
from wcdfa.support.quantity import Quantity
from wcdfa.support.text import shown

# usual names of ‖ΔW‖, best first; they may follow a slash, as in "train/update_norm"
UPDATES = ("wcdfa/update_norm", "update_norm", "update_norms", "delta_norm", "weight_change", "displacement")
UNNAMED = ("norms", "norm")  # must match completely: "grads/norm" is something else
VALUE = ("value",)  # exports of a single column call it so, whatever it is; it must match completely too
GRADIENTS = ("wcdfa/gradient_norm", "grad_norm", "gradient_norm", "grad_norm/total", "global_grad_norm", "grad_2.0_norm_total")
RATES = ("wcdfa/lr", "lr", "learning_rate", "lr/group0", "lr-AdamW", "lr-Adam", "lr-SGD", "lr-RMSprop")
LOSSES = ("loss", "train_loss", "loss_step", "train_loss_step")
TIMES = ("epoch", "time", "timestamp", "_timestamp", "_runtime", "wall time", "wall_time")
SHOWN = 30  # names in a message

GRADIENT = re.compile(r"(^|[/_.-])(g_?norm|(grads?|gradients?)(_[0-9.]+|_inf)?[/_.-]?norms?)([/_.-]|$)")
DISPLACEMENT = re.compile(r"(^|/)displacement(/|$)")
LOSS = re.compile(r"(^|[/_. -])loss(es)?([/_. -]|$)")


def quantity_of(name: str) -> Quantity:
    """What a series with this name holds; "unknown" if the name does not tell.

    >>> quantity_of("train/update_norm"), quantity_of("grad_norm/encoder"), quantity_of("eval/loss"), quantity_of("accuracy")
    ('update norm', 'gradient norm', 'loss', 'unknown')
    """
    known = plain(name)
    if DISPLACEMENT.search(known):
        return "displacement"
    if known in UNNAMED or any(f"/{each}/" in f"/{known}/" for each in UPDATES):
        return "update norm"  # of all parameters, or of a group
    if GRADIENT.search(known):
        return "gradient norm"
    return "loss" if LOSS.search(known) else "unknown"


def named(names: Iterable[str], known: str) -> list[str]:
    """The names equal to the known one, ignoring case, or else those that end in "/" and the known one.

    >>> named(["train/Loss", "val/loss", "lr"], "loss")
    ['train/Loss', 'val/loss']
    """
    equal, ending = Names(names).equal_or_ending(known)
    return equal or ending


class Names:
    """The names of the columns of a run, in which usual names are found quickly, also if there are many columns and many series.

    >>> names = Names(["train/Loss", "val/loss", "norm/b", "norm", "norm/a"])
    >>> names.equal_or_ending("loss"), list(names.below("norm/"))
    (([], ['train/Loss', 'val/loss']), ['norm/b', 'norm/a'])
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._places = {name: i for i, name in enumerate(names)}
        self._plain = {name: plain(name) for name in self._places}
        self._sorted = sorted(self._places)
        self._found: dict[str, tuple[list[str], list[str]]] = {}

    def equal_or_ending(self, known: str) -> tuple[list[str], list[str]]:
        """The names equal to the known one, ignoring case, and those that end in "/" and the known one."""
        if known not in self._found:
            each, end = known.casefold(), f"/{known.casefold()}"
            equal = [name for name, written in self._plain.items() if written == each]
            self._found[known] = equal, [name for name, written in self._plain.items() if written.endswith(end)]
        return self._found[known]

    def below(self, prefix: str) -> Iterator[str]:
        """The names that begin with the prefix, in the order of the columns."""
        found = []
        for i in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[i].startswith(prefix):
                break
            found.append(self._sorted[i])
        return iter(sorted(found, key=self._places.__getitem__))


def plain(name: str) -> str:
    """The name without surrounding spaces, casefolded for comparison."""
    return name.strip().casefold()


def is_time(name: str) -> bool:
    """Whether the column counts steps, epochs or seconds."""
    return rank(name) is not None or plain(name).rpartition("/")[2] in TIMES


def listed(names: Iterable[str]) -> str:
    """List names for a message; if there are many, only the first."""
    names = list(names)
    said = ", ".join(shown(name) for name in names[:SHOWN]) or "none"
    return said + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
