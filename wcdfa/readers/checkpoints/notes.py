"""The notes that a user needs to interpret displacements between checkpoints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from wcdfa.readers.checkpoints.contents import Unreadable
from wcdfa.readers.checkpoints.names import Entry
from wcdfa.readers.checkpoints.order import CheckpointSeries
from wcdfa.readers.checkpoints.tensors import FLOAT8, FLOATS, Contents, Stored
from wcdfa.support.text import shown

NAMED = 3  # names in a note, before "…"
KINDS = 12  # kinds of numbers in a note
STATISTICS = ("running_mean", "running_var", "moving_mean", "moving_variance")


class Pair(NamedTuple):
    """Two neighbouring checkpoints, and ‖W − W before‖."""

    before: Entry
    entry: Entry
    displacement: float
    across: bool = False
    """Whether there are damaged checkpoints between them."""


class Notes:
    """Collects observations while the checkpoints are read."""

    def __init__(self) -> None:
        self.damaged: list[Unreadable] = []
        self.across: list[Pair] = []  # measured across damaged checkpoints
        self.partly: dict[str, None] = {}  # parameters that came or went
        self.reshaped: dict[str, None] = {}
        self.recast: dict[str, None] = {}
        self.left: dict[str, str] = {}  # tensors that do not hold floating-point numbers, and their dtypes
        self.passed: dict[str, None] = {}
        self.statistics: dict[str, None] = {}
        self.float8: dict[str, None] = {}

    def skips(self, error: Unreadable) -> None:
        """Note a checkpoint that is damaged. What led to the error is forgotten, because it may hold much memory."""
        error.__cause__ = error.__context__ = None
        self.damaged.append(error.with_traceback(None))

    def measured(self, pair: Pair) -> Pair:
        """Note whether the pair is across damaged checkpoints."""
        self.across += [pair] if pair.across else []
        return pair

    def holds(self, contents: Contents) -> None:
        """Note the content of a checkpoint that is not counted, or that is counted and the user should know."""
        self.passed |= dict.fromkeys(contents.passed)
        for name, tensor in contents.tensors.items():
            if tensor.kind not in FLOATS:
                self.left[name] = tensor.kind
            elif tensor.kind in FLOAT8:
                self.float8[name] = None
            elif name.endswith(STATISTICS):
                self.statistics[name] = None

    def compared(self, before: Contents, now: Contents) -> None:
        """Note the tensors that two checkpoints do not share."""
        self.partly |= {name: None for name in before.tensors.keys() ^ now.tensors.keys()}
        for name in before.tensors.keys() & now.tensors.keys():
            old, new = before.tensors[name], now.tensors[name]
            if old.shape != new.shape:
                self.reshaped[name] = None
            elif old.kind != new.kind:
                self.recast[name] = None

    def said(self, series: CheckpointSeries, pairs: Sequence[Pair]) -> tuple[str, ...]:
        """All notes, the most important first."""
        return tuple(self._said(series, pairs))

    def _said(self, series: CheckpointSeries, pairs: Sequence[Pair]) -> Iterator[str]:
        yield f"displacements between checkpoints, {_apart(series, pairs)}: each covers many steps and is not a step norm"
        whole = len(pairs) + 1
        if pairs[0].entry.step is None:
            names = [pairs[0].before.path.name, *(pair.entry.path.name for pair in pairs)]
            yield f"{whole} checkpoints without steps in their names, in the order of their times of writing: {_some(names)}"
        elif series.unit == "epoch":
            yield "the steps are epochs, because the names of the checkpoints give epochs"
        if self.damaged:
            why = [f"{shown(error.entry.path.name)} ({error.why})" for error in self.damaged]
            yield f"{len(self.damaged)} of {len(series.entries)} checkpoints skipped, damaged or half-written: {_listed(why)}"
        if self.across:
            to = _some(pair.entry.path.name for pair in self.across)
            left = "are counted, because there are no others" if pairs[0].across else "are left out"
            yield f"{len(self.across)} displacement(s) across skipped checkpoints cover more steps than the others and {left}: to {to}"
        if series.unfinished:
            yield f"{len(series.unfinished)} unfinished or temporary checkpoint(s) skipped: {_some(series.unfinished)}"
        if series.duplicates:
            yield f"{len(series.duplicates)} skipped, because there is a later one of the same step: {_some(series.duplicates)}"
        if series.others:
            yield f"{len(series.others)} left out, because their names differ from the others: {_some(series.others)}"
        if self.partly:
            yield f"{len(self.partly)} tensor(s) that came or went, counted if both checkpoints have them: {_some(self.partly)}"
        if self.reshaped:
            yield f"{len(self.reshaped)} tensor(s) changed shape and are not counted there: {_some(self.reshaped)}"
        if self.recast:
            yield f"{len(self.recast)} tensor(s) changed their dtype, so rounding is counted: {_some(self.recast)}"
        if self.left:
            kinds = _some(sorted(set(self.left.values())), KINDS)
            yield f"{len(self.left)} left out, because they are not floating-point numbers ({kinds}): {_some(self.left)}"
        if self.passed:
            yield f"the weights are taken from the usual place; left out beside them: {_some(self.passed)}"
        if self.statistics:
            yield f"running statistics are counted, because the files do not mark them: {_some(self.statistics)}"
        if self.float8:
            yield f"8-bit numbers are used without the scales that may belong to them: {_some(self.float8)}"
        if odd := sum(not math.isfinite(pair.displacement) for pair in pairs):
            yield f"{odd} of {len(pairs)} displacements are not finite: the weights are not"


def comparable(new: Stored, old: Stored) -> bool:
    """Whether both hold floating-point numbers, and equally many."""
    return new.shape == old.shape and new.kind in FLOATS and old.kind in FLOATS


def _apart(series: CheckpointSeries, pairs: Sequence[Pair]) -> str:
    gaps = [pair.entry.step - pair.before.step for pair in pairs if pair.entry.step is not None and pair.before.step is not None]
    if not gaps:
        return "an unknown number of steps apart"
    if min(gaps) == max(gaps):
        return f"{gaps[0]} {series.unit}{'' if gaps[0] == 1 else 's'} apart"
    return f"{min(gaps)} to {max(gaps)} {series.unit}s apart, not evenly"


def _some(names: Iterable[str], most: int = NAMED) -> str:
    return _listed([shown(name) for name in islice(names, most + 1)], most)


def _listed(names: list[str], most: int = NAMED) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
