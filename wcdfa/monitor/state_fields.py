"""The fields of a saved state: numbers, strings and lists, fresh or read from JSON or npz."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

State = dict[str, object]
"""The values are integers, floats, strings, bools, None and lists of them."""


class Fields:
    """Reads the fields of a state, and gives each its type.

    >>> fields = Fields({"count": 3} | with_gaps("norms", [0.5, math.nan]))
    >>> fields.integer("count"), fields.numbers("norms")
    (3, array([0.5, nan]))

    Raises
    ------
    ValueError
        If a field is missing.
    """

    def __init__(self, state: Mapping[str, object]) -> None:
        self._state = state

    def __contains__(self, name: str) -> bool:
        """Whether there is a field of this name."""
        return name in self._state

    def __getitem__(self, name: str) -> object:
        """A field, unconverted."""
        if name not in self._state:
            msg = f"the state lacks {name!r}; it is not a state_dict, or an incomplete one"
            raise ValueError(msg)
        return self._state[name]

    def integer(self, name: str, default: int | None = None) -> int:
        """Read an integer."""
        return default if default is not None and name not in self else int(np.asarray(self[name]))

    def text(self, name: str) -> str:
        """Read a string."""
        return str(self[name])

    def integers(self, name: str) -> list[int]:
        """Read a list of integers."""
        return [int(each) for each in np.asarray(self[name]).tolist()]

    def floats(self, name: str) -> list[float]:
        """Read a list of finite numbers."""
        return [float(each) for each in np.asarray(self[name]).tolist()]

    def texts(self, name: str) -> list[str]:
        """Read a list of strings."""
        return [str(each) for each in np.asarray(self[name]).tolist()]

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Read numbers that `with_gaps` wrote, with NaN where one was not finite."""
        values = np.array(self[name], dtype=np.float64)
        values[np.asarray(self[f"{name}_missing"], dtype=np.intp)] = math.nan
        return values


def with_gaps(name: str, values: npt.ArrayLike) -> State:
    """Make two fields: the numbers, and the positions of those that are not finite, because JSON has no NaN.

    >>> with_gaps("norms", [0.5, math.nan])
    {'norms': [0.5, 0.0], 'norms_missing': [1]}
    """
    numbers = np.asarray(values, dtype=np.float64)
    missing = ~np.isfinite(numbers)
    return {name: np.where(missing, 0.0, numbers).tolist(), f"{name}_missing": np.flatnonzero(missing).tolist()}
