"""Collects a list of numbers in a JSON document, in which other values are gaps."""

from __future__ import annotations

from array import array

import numpy as np

from wcdfa.readers.columns import Column
from wcdfa.readers.formats.rows import numbers


class Values:
    """A list of numbers, in which other values are gaps."""

    def __init__(self) -> None:
        self.count = 0
        self._values = array("d")
        self._rows: array[int] | None = None

    def extend(self, values: list[object]) -> None:
        """Add values."""
        plain = len(self._values) == self.count and set(map(type, values)) <= {float, int}
        try:
            self._values += array("d", values if plain else ())  # type: ignore[arg-type] # they are numbers
        except OverflowError:  # a whole number that no float holds
            plain = False
        if not plain:
            for i, value in enumerate(values, start=self.count):
                self._add(i, value)
        self.count += len(values)

    def _add(self, row: int, value: object) -> None:
        if self._rows is None and len(self._values) < row:  # the value before is the first gap
            self._rows = array("q", range(len(self._values)))
        for _, number in numbers(value):
            self._values.append(_float(number))
            if self._rows is not None:
                self._rows.append(row)

    def column(self) -> Column:
        """The numbers; without rows if there is no gap."""
        if self._rows is None and len(self._values) < self.count:  # only the last ones are gaps
            self._rows = array("q", range(len(self._values)))
        return Column(np.frombuffer(self._values), rows=None if self._rows is None else np.frombuffer(self._rows, np.int64))


def _float(number: float) -> float:
    """The number; infinite if it is a whole number that no float holds."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
