"""Finds the series in lists of a JSON document that stand side by side under one name, as sacred writes them: steps and values."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wcdfa.readers.columns import Column
from wcdfa.readers.steps import rank, with_steps
from wcdfa.readers.telling_names import counts, holds_values


def series_in(lists: Mapping[str, Column]) -> dict[str, tuple[Column, set[str]]]:
    """The series under the names above them, each with the names of its lists: one of values, and others that count.

    >>> import numpy as np
    >>> lists = {"norm/steps": np.array([10.0, 20.0, 30.0]), "norm/values": np.array([0.5, 0.25]), "loss": np.ones(2)}
    >>> found = series_in({name: Column(values) for name, values in lists.items()})
    >>> found["norm"][0].steps, sorted(found["norm"][1])
    (array([10, 20]), ['norm/steps', 'norm/values'])

    If a document is cut off, the last list is shorter than the others.
    """
    found = {}
    for above, names in _by_name_above(lists).items():
        values = [name for name in names if holds_values(_last(name))]
        counters = [name for name in names if name not in values and _counts(_last(name))]
        if len(values) == 1 and counters and len(counters) == len(names) - 1:
            axes = {"step" if _is_step(_last(name)) else _last(name): lists[name] for name in reversed(counters)}
            found[above] = with_steps({**axes, above: lists[values[0]]})[above], {*values, *counters}
    return found


def _by_name_above(names: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        if "/" in name:
            found.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _counts(name: str) -> bool:
    return name == "x" or rank(name) is not None or counts(name)


def _is_step(name: str) -> bool:
    return name in ("x", "steps", "iterations", "iters")
