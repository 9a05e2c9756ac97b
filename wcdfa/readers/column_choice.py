"""Chooses the columns of a run that are the series, and those that are its groups."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple, Self

from wcdfa.readers.column_names import is_time, listed, plain, quantity_of
from wcdfa.readers.errors import LogError, Option
from wcdfa.readers.name_tokens import meaning, tells_nothing, words
from wcdfa.readers.steps import is_ours, rank
from wcdfa.readers.telling_names import counts
from wcdfa.readers.tools import how_to_log, known_names
from wcdfa.support.quantity import Quantity
from wcdfa.support.text import shown

COLUMN = Option("column")
LIKED: tuple[Quantity, ...] = ("update norm", "displacement", "gradient norm")  # what is taken, best first


class NoSeries(LogError):
    """No column is the series, or several could be; the message lists the columns."""

    missing = False
    """Whether no column is a norm by its name."""
    advice = ""
    """How ‖ΔW‖ is logged, if it is missing."""

    def of(self, where: str) -> Self:
        """The same error, with the place put before the message."""
        error = super().of(where)
        error.missing, error.advice = self.missing, self.advice
        return error

    def advised(self, tool: str) -> Self:
        """The same error, with a note on how ‖ΔW‖ is logged with a tool if it is missing."""
        if self.missing:
            self.advice = how_to_log(tool)
            self.add_note(self.advice)
        return self


def choose(names: Iterable[str], wanted: Iterable[str] = (), tool: str = "") -> list[str]:
    """Choose the names of the series: those that match the wanted patterns, or else the one whose words say that it is a norm.

    A norm ‖ΔW‖ comes before a gradient norm, and a norm of all parameters before that of a part. If no name tells, the only column is taken.

    >>> choose(["loss", "train/update_norm", "train/grad_norm"]), choose(["loss", "train/grad_norm"])
    (['train/update_norm'], ['train/grad_norm'])
    >>> choose(["loss", "grad_norm/0", "grad_norm/1"], ["grad_norm/*"])
    ['grad_norm/0', 'grad_norm/1']

    Parameters
    ----------
    names : iterable of str
        The names of all columns.
    wanted : iterable of str
        Names, or patterns as in `fnmatch`.
    tool : str
        The program that wrote the log: names that say nothing elsewhere may say that of its columns.

    Raises
    ------
    NoSeries
        If no column matches the patterns; without patterns, if no column or more than one may be the series.
    """
    names, wanted = list(names), list(wanted)
    if wanted:
        return _matching(names, wanted)
    for quantity in LIKED:
        if found := usual(names, quantity):
            return [found]
    unnamed = [name for name in names if plain(name).rpartition("/")[2] == "norm"]
    rest = unnamed or [name for name in names if not _is_count(name)]
    if not rest and len(names) == 1:  # it may be called as its file
        rest = [name for name in names if not is_time(name)]
    told_nothing = [name for name in rest if tells_nothing(name) and name not in known_names(tool)]
    if len(rest) == 1 and (unnamed or told_nothing):
        return rest
    raise no_norm(names, told_nothing)


def _is_count(name: str) -> bool:
    return is_time(name) or (bool(words(name)) and counts(name))


def no_norm(names: Iterable[str], possible: Iterable[str] = ()) -> NoSeries:
    """The error if no column is a norm by its name. It invites to choose only if some column may be one, and nobody to choose a loss."""
    names = list(names)
    if list(possible):
        losses = "; a loss is no norm" if any(quantity_of(name) == "loss" for name in names) else ""
        error = NoSeries(f"which column? It holds: {listed(names)}{losses}. Choose one with", COLUMN)
    else:
        error = NoSeries(f"which column? By their names, none is ‖ΔW‖ or the gradient norm of each step; it holds: {listed(names)}")
    error.missing = True
    return error


def usual(names: Iterable[str], quantity: Quantity) -> str | None:
    """The name of the series of all parameters that holds a quantity, as its words tell; None if there is none.

    >>> usual(["wcdfa/lr", "train/update_norm", "update_norm/encoder"], "update norm")
    'train/update_norm'

    Raises
    ------
    NoSeries
        If several may be meant, and none is more likely than the others.
    """
    meant = {name: _likeness(name) for name in names if quantity_of(name) == quantity}
    if not meant:
        return None
    best = min(meant.values())
    found = [name for name, likeness in meant.items() if likeness == best]
    if len(found) == 1 and (best.further == 0 or all(_is_below(name, found[0]) for name in meant)):
        return found[0]
    msg = f"which of {listed(found if best.further == 0 else meant)}? Choose one with"
    raise NoSeries(msg, COLUMN)


class _Likeness(NamedTuple):
    """How likely a column is the one that is meant; the smallest is most likely."""

    further: int
    counter: bool
    foreign: bool
    not_applied: bool
    certainty: int
    words: int
    length: int


def _likeness(name: str) -> _Likeness:
    said, every = meaning(name), words(name)
    return _Likeness(
        said.further, rank(name) is not None, not is_ours(name), "applied" not in every, said.certainty, len(every), name.count("/")
    )


def _is_below(name: str, top: str) -> bool:
    return name == top or name.startswith(f"{top}/")


def _matching(names: list[str], wanted: list[str]) -> list[str]:
    found = [name for name in names if any(name == each or fnmatchcase(name, each) for each in wanted)]
    if not found:
        msg = f"no column of numbers named {' or '.join(repr(shown(each)) for each in wanted)}; it holds: {listed(names)}"
        raise NoSeries(msg)
    return found


def groups_of(names: Iterable[str], series: str, wanted: Iterable[str] = ()) -> dict[str, str]:
    """Find the columns of groups beside a series, by the names of the groups: those that match the wanted patterns, or "series/group".

    >>> groups_of(["update_norm", "update_norm/encoder", "loss/a", "loss/b"], "update_norm")
    {'encoder': 'update_norm/encoder'}
    >>> list(groups_of(["update_norm", "loss/a", "loss/b"], "update_norm", ["loss/*"]))
    ['loss/a', 'loss/b']

    Raises
    ------
    NoSeries
        If patterns are wanted, and no other column matches them.
    """
    others, wanted = [name for name in names if name != series], list(wanted)
    if wanted:
        return {name: name for name in choose(others, wanted)}
    return {name.removeprefix(f"{series}/"): name for name in others if name.startswith(f"{series}/")}
