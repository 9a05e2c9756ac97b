"""The fields of a saved state: numbers, strings and lists, fresh or read from JSON or npz."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from wcdfa.support.text import shown

SHOWN = 60  # characters of a field in a message
State = dict[str, object]
"""The values are integers, floats, strings, bools, None and lists of them."""


class WrongField(ValueError):
    """A field of a state is missing or of another type; the message names it."""


class Fields:
    """Reads the fields of a state, and gives each its type.

    >>> fields = Fields({"count": 3} | with_gaps("norms", [0.5, math.nan]))
    >>> fields.integer("count"), fields.numbers("norms")
    (3, array([0.5, nan]))

    Raises
    ------
    WrongField
        If a field is missing, or of another type.
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
            raise WrongField(msg)
        return self._state[name]

    def integer(self, name: str, default: int | None = None) -> int:
        """Read an integer."""
        return default if default is not None and name not in self else int(self._array(name, "an integer", "iub", 0))

    def text(self, name: str) -> str:
        """Read a string."""
        return str(self._array(name, "a text", "U", 0))

    def mapping(self, name: str) -> dict[str, object]:
        """Read an object that is kept as JSON."""
        text = self.text(name)
        with suppress(ValueError, RecursionError):
            if isinstance(found := json.loads(text), dict):
                return found
        msg = f"{name} of the state is {shown(text, SHOWN)}, and not an object in JSON: it is damaged"
        raise WrongField(msg)

    def integers(self, name: str) -> list[int]:
        """Read a list of integers."""
        return [int(each) for each in self._array(name, "a list of integers", "iub", 1).tolist()]

    def floats(self, name: str) -> list[float]:
        """Read a list of finite numbers."""
        return [float(each) for each in self._array(name, "a list of numbers", "iubf", 1).tolist()]

    def texts(self, name: str) -> list[str]:
        """Read a list of strings."""
        return [str(each) for each in self._array(name, "a list of texts", "U", 1).tolist()]

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Read numbers that `with_gaps` wrote, with NaN where one was not finite."""
        values = np.array(self._array(name, "a list of numbers", "iubf", 1), dtype=np.float64)
        missing = np.array(self.integers(f"{name}_missing"), dtype=np.intp)
        if missing.size and not (missing.min() >= 0 and missing.max() < len(values)):
            msg = f"{name}_missing of the state names places that {name} does not have: it is damaged"
            raise WrongField(msg)
        values[missing] = math.nan
        return values

    def _array(self, name: str, what: str, kinds: str, axes: int) -> npt.NDArray[np.generic]:
        """A field as an array, which must be of one of these kinds of NumPy; an empty list may be of any."""
        found = np.asarray(self[name])
        if found.ndim != axes or (found.dtype.kind not in kinds and (found.size or not axes)):
            msg = f"{name} of the state is {shown(found, SHOWN)}, and not {what}: it is damaged"
            raise WrongField(msg)
        return found


def with_gaps(name: str, values: npt.ArrayLike) -> State:
    """Make two fields: the numbers, and the positions of those that are not finite, because JSON has no NaN.

    >>> with_gaps("norms", [0.5, math.nan])
    {'norms': [0.5, 0.0], 'norms_missing': [1]}
    """
    numbers = np.asarray(values, dtype=np.float64)
    missing = ~np.isfinite(numbers)
    return {name: np.where(missing, 0.0, numbers).tolist(), f"{name}_missing": np.flatnonzero(missing).tolist()}
