"""Chooses the columns of a run that are the series, and those that are its groups."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from wcdfa.readers.column_names import GRADIENTS, LOSSES, RATES, UNNAMED, UPDATES, VALUE, Names, is_time, listed, named
from wcdfa.readers.errors import LogError, Option
from wcdfa.support.text import shown

COLUMN = Option("column")


class NoSeries(LogError):
    """No column is the series, or several could be; the message lists the columns."""


def choose(names: Iterable[str], wanted: Iterable[str] = ()) -> list[str]:
    """Choose the names of the series: those that match the wanted patterns, or else the one with a usual name for norms.

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

    Raises
    ------
    NoSeries
        If no column matches the patterns; without patterns, if no column or more than one may be the series.
    """
    names = list(names)
    wanted = list(wanted)
    if wanted:
        return _matching(names, wanted)
    index = Names(names)
    for group in (UPDATES, UNNAMED, GRADIENTS, VALUE):
        for each in group:
            equal, ending = index.equal_or_ending(each)
            found = equal if group in (UNNAMED, VALUE) else equal or ending
            if len(found) > 1:
                msg = f"which of {listed(found)}? Choose one, or several by a pattern, with"
                raise NoSeries(msg, COLUMN)
            if found:
                return found
    rest = [name for name in names if not is_time(name)]
    if len(rest) == 1 and not any(named(rest, each) for each in (*RATES, *LOSSES)):
        return rest
    msg = f"which column? It holds: {listed(names)}. Choose one with"
    raise NoSeries(msg, COLUMN)


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
