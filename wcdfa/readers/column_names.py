"""The usual names of columns in logs: norms ‖ΔW‖, gradient norms, learning rates, losses, times."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Literal

from wcdfa.readers.name_tokens import GROUPS, UNUSUAL, is_rate, meaning, words
from wcdfa.readers.steps import is_ours, rank
from wcdfa.support.quantity import Quantity
from wcdfa.support.text import shown

Role = Literal["rate", "loss", "gradient"]
NORMS = ("norms",)  # nobody calls one number so: what programs print as "norm" is often that of the gradients
TIMES = ("epoch", "time", "timestamp", "_timestamp", "_runtime", "wall time", "wall_time")
SHOWN = 30  # names in a message
LONGEST = 200  # characters in the name of a series


def quantity_of(name: str) -> Quantity:
    """What a series with this name holds; "unknown" if the name does not tell.

    >>> quantity_of("train/update_norm"), quantity_of("grad_norm/encoder"), quantity_of("eval/loss"), quantity_of("norm")
    ('update norm', 'gradient norm', 'loss', 'unknown')
    """
    return "update norm" if plain(name) in NORMS else meaning(name).quantity


def named(names: Iterable[str], known: str) -> list[str]:
    """The names equal to the known one, ignoring case, or else those that end in "/" and the known one.

    >>> named(["train/Loss", "val/loss", "lr"], "loss")
    ['train/Loss', 'val/loss']
    """
    equal, ending = Names(names).equal_or_ending(known)
    return equal or ending


def likeness(name: str, role: Role) -> tuple[int, ...] | None:
    """How likely a column is the one beside a series that has this role, a smaller tuple if it is more likely; None if it has not.

    >>> likeness("wcdfa/lr", "rate") < likeness("train/lr", "rate") < likeness("lr/group1", "rate"), likeness("loss", "rate")
    (True, None)
    """
    every = words(name)
    of_group = tuple(int("".join(filter(str.isdecimal, word))[:9] or 0) for word in every if GROUPS.fullmatch(word))
    if role == "rate":
        return (len(of_group), not is_ours(name), len(every), *of_group) if is_rate(name) else None
    said = meaning(name)
    if role == "loss":
        return (said.further, len(every)) if said.quantity == "loss" else None
    if said.quantity != "gradient norm" or said.further or said.certainty >= UNUSUAL:
        return None
    return (not is_ours(name), said.certainty, len(every), name.count("/"))


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
        self._meant: dict[Role, list[list[str]]] = {}

    def equal_or_ending(self, known: str) -> tuple[list[str], list[str]]:
        """The names equal to the known one, ignoring case, and those that end in "/" and the known one."""
        if known not in self._found:
            each, end = known.casefold(), f"/{known.casefold()}"
            equal = [name for name, written in self._plain.items() if written == each]
            self._found[known] = equal, [name for name, written in self._plain.items() if written.endswith(end)]
        return self._found[known]

    def meant(self, role: Role) -> list[list[str]]:
        """The names that have this role, the most likely ones first; those that are equally likely are together.

        >>> Names(["train/loss", "eval/loss", "lr", "lr/group1", "grad_norm/head"]).meant("rate")
        [['lr'], ['lr/group1']]
        """
        if role not in self._meant:
            likely: dict[tuple[int, ...], list[str]] = {}
            for name in self._places:
                if (rank_of := likeness(name, role)) is not None:
                    likely.setdefault(rank_of, []).append(name)
            self._meant[role] = [likely[each] for each in sorted(likely)]
        return self._meant[role]

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


def is_of_a_log(name: str) -> bool:
    """Whether logs of training have such a name: of steps, a norm, a loss or a learning rate.

    >>> is_of_a_log("train/grad_norm"), is_of_a_log("totalOffloaded")
    (True, False)
    """
    return len(name) < LONGEST and (rank(name) is not None or quantity_of(name) != "unknown" or is_rate(name))


def is_time(name: str) -> bool:
    """Whether the column counts steps, epochs or seconds."""
    return rank(name) is not None or plain(name).rpartition("/")[2] in TIMES


def listed(names: Iterable[str]) -> str:
    """List names for a message; if there are many, only the first."""
    names = list(names)
    said = ", ".join(shown(name) for name in names[:SHOWN]) or "none"
    return said + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
