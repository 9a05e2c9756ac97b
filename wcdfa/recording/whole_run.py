"""The norms of a run beyond the window of a monitor, with what was given beside them, in memory that is bounded."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from wcdfa.recording.groups import ALL
from wcdfa.recording.reading import Reading
from wcdfa.recording.side_series import given_as, given_series

Values = npt.NDArray[np.float64]

MOST = 16_384
"""Steps that are kept: the last ones of a longer run."""
LR = "lr"


class WholeRun:
    """The last 16,384 norms of all parameters, their learning rates and steps, and the series that were given beside them.

    >>> whole = WholeRun()
    >>> whole.extend([({"all": 0.5, "wcdfa_beside/loss": 2.0}, 0.1, 1), ({"all": 0.25}, 0.1, 2)])
    >>> whole.reading().norms, whole.reading().beside["loss"]
    (array([0.5 , 0.25]), array([ 2., nan]))
    """

    def __init__(self) -> None:
        self._steps = array("q")
        self._columns: dict[str, array[float]] = {ALL: array("d"), LR: array("d")}

    def __len__(self) -> int:
        """How many norms are kept."""
        return len(self._steps)

    def extend(self, rows: Iterable[tuple[Mapping[str, object], float, int]]) -> None:
        """Add steps, each with its numbers by series, its learning rate and its number."""
        for numbers, lr, step in rows:
            for held in given_series(numbers).values():
                if held not in self._columns:
                    self._columns[held] = array("d", [math.nan]) * len(self._steps)
            for name, column in self._columns.items():
                column.append(lr if name == LR else float(numbers.get(name, math.nan)))  # type: ignore[arg-type]  # only rows are none
            self._steps.append(step)
        if len(self) >= 2 * MOST:  # not at every step: it moves all that is kept
            self._forget(len(self) - MOST)

    def reading(self) -> Reading:
        """What is kept, as a reading."""
        last = slice(-MOST, None)
        columns = {name: np.array(column[last]) for name, column in self._columns.items()}
        norms = np.where(np.isfinite(columns[ALL]), columns[ALL], math.nan)
        beside = {name: columns[held] for name, held in given_series(columns).items()}
        return Reading(norms, len(norms), 0, columns[LR], np.array(self._steps[last]), beside=beside)

    @classmethod
    def of(cls, steps: Iterable[int], norms: Values, lr: Values, beside: Mapping[str, Values]) -> WholeRun:
        """Make one of what a `reading` held.

        >>> WholeRun.of([1, 2], np.ones(2), np.full(2, 0.1), {"loss": np.zeros(2)}).reading().steps.tolist()
        [1, 2]
        """
        whole = cls()
        whole._steps = array("q", steps)
        columns = {ALL: norms, LR: lr} | {given_as(name): values for name, values in beside.items()}
        whole._columns = {name: array("d", values.tolist()) for name, values in columns.items()}
        if any(len(column) != len(whole._steps) for column in whole._columns.values()):
            msg = "the series of the whole run differ in length"
            raise ValueError(msg)
        return whole

    def _forget(self, first: int) -> None:
        del self._steps[:first]
        for column in self._columns.values():
            del column[:first]
