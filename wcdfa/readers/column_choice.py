"""Which of the columns of a run are the series to look at, and which lie beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from wcdfa.readers.columns import Column
from wcdfa.readers.steps import rank
from wcdfa.support.text import shown

# what people call ‖ΔW‖, best first, by the end of the name: "train/update_norm" is one too
UPDATES = ("wcdfa/update_norm", "update_norm", "update_norms", "delta_norm", "weight_change", "displacement")
UNNAMED = ("norms", "norm", "value")  # taken as they stand: "grads/norm" is another thing
GRADIENTS = ("grad_norm", "gradient_norm", "grad_norm/total", "global_grad_norm", "grad_2.0_norm_total")
RATES = ("lr", "learning_rate", "lr/group0", "lr-AdamW", "lr-Adam", "lr-SGD", "lr-RMSprop")
LOSSES = ("loss", "train_loss", "loss_step", "train_loss_step")
TIMES = ("epoch", "time", "timestamp", "_timestamp", "_runtime", "wall time", "wall_time")
SHOWN = 30  # names in a message


class NoSeries(ValueError):
    """None of the columns is the series; the text lists them."""


def choose(names: Iterable[str], wanted: Iterable[str] = ()) -> list[str]:
    """The names of the series: those that match the patterns wanted, or else the one that is called as norms usually are.

    >>> choose(["loss", "train/update_norm", "train/grad_norm"]), choose(["loss", "train/grad_norm"])
    (['train/update_norm'], ['train/grad_norm'])
    >>> choose(["loss", "grad_norm/0", "grad_norm/1"], ["grad_norm/*"])
    ['grad_norm/0', 'grad_norm/1']

    Raises
    ------
    NoSeries
        If there is none.
    """
    names = list(names)
    wanted = list(wanted)
    if wanted:
        found = [name for name in names if any(name == each or fnmatchcase(name, each) for each in wanted)]
        if not found:
            msg = f"no column of numbers named {' or '.join(repr(shown(each)) for each in wanted)}; it holds: {listed(names)}"
            raise NoSeries(msg)
        return found
    for group in (UPDATES, UNNAMED, GRADIENTS):
        for each in group:
            found = [name for name in names if _plain(name) == each] if group is UNNAMED else named(names, each)
            if len(found) > 1:
                msg = f"which of {listed(found)}? Choose with --column, which also takes patterns"
                raise NoSeries(msg)
            if found:
                return found
    rest = [name for name in names if not _is_time(name)]
    if len(rest) == 1 and not any(named(rest, each) for each in (*RATES, *LOSSES)):
        return rest
    msg = f"which column? It holds: {listed(names)}. Choose one with --column"
    raise NoSeries(msg)


def groups_of(names: Iterable[str], series: str, wanted: Iterable[str] = ()) -> dict[str, str]:
    """The columns of groups beside a series, by the names of the groups: those that match the patterns wanted, or "series/group".

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


def kind_of(name: str) -> str:
    """What a series of this name is: "update norm", "displacement", "gradient norm", or "series" where the name does not tell."""
    if any(named([name], each) for each in GRADIENTS):
        return "gradient norm"
    if re.search(r"(^|/)displacement(/|$)", name):
        return "displacement"
    if _plain(name) in UNNAMED or any(named([name], each) or f"{each}/" in _plain(name) for each in UPDATES):
        return "update norm"  # of all parameters, or of a group of them
    return "series"


def named(names: Iterable[str], known: str) -> list[str]:
    """The names that are the one known, in any case; or else those that end as it does."""
    plain = {name: _plain(name) for name in names}
    return [name for name in plain if plain[name] == known.casefold()] or [
        name for name in plain if plain[name].endswith(f"/{known.casefold()}")
    ]


def _plain(name: str) -> str:
    return name.strip().casefold()


def _is_time(name: str) -> bool:
    return rank(name) is not None or _plain(name).rpartition("/")[2] in TIMES


def beside(columns: Mapping[str, Column], known: Iterable[str], series: str, column: Column, steps: Any) -> Any:
    """What lies beside a series: the numbers of the first column so named that has one for each of its values; else None.

    `steps` are those that the series has once it is in order; None where the log has no steps, and rows tell.
    """
    for name in known:
        found = named([each for each in columns if each != series], name)
        if len(found) != 1:
            continue
        other = columns[found[0]]
        if steps is not None and other.steps is not None:
            values = _at(other.steps, other.values, steps)
        elif steps is None:
            rows = np.arange(len(column.values)) if column.rows is None else column.rows
            values = _at(np.arange(len(other.values)) if other.rows is None else other.rows, other.values, rows)
            if column.rows is None and other.rows is None and len(other.values) != len(column.values):
                continue  # of another length, and so of another table
        else:
            continue
        if values is not None:
            return values
    return None


def _at(places: Any, values: Any, wanted: Any) -> Any:
    """The last written value at each of the places wanted; None if one of them has none."""
    if np.array_equal(places, wanted):
        return values
    order = np.argsort(places, kind="stable")
    there = np.searchsorted(places[order], wanted, "right") - 1
    if not len(places) or there.min(initial=0) < 0 or not np.array_equal(places[order][there], wanted):
        return None
    return values[order][there]


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first of them if there are many."""
    names = [shown(name) for name in names]
    return (", ".join(names[:SHOWN]) or "none") + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
