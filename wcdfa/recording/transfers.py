"""Brings numbers over from their devices: many of one library in one transfer."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module

from wcdfa.support.numbers import number

FEWEST = 4  # numbers of one type: fewer are copied one by one
TOGETHER = {"jaxlib": "jax", "torch": "torch"}  # where an array type is defined, and the backend that copies many of them at once


def fetched(given: Sequence[object]) -> list[float]:
    """The numbers as floats: NaN (a gap) for each that cannot be read from its device.

    >>> import numpy as np
    >>> fetched([0.5, np.array([2])])
    [0.5, 2.0]

    Parameters
    ----------
    given : sequence of numbers and arrays of size 1
        Of any library. Arrays of JAX and of torch are copied together, if they have the same type and are on the same device.
    """
    alike: dict[type, list[int]] = defaultdict(list)
    for place, value in enumerate(given):
        if type(value) is not float:
            alike[type(value)].append(place)
    found = list(given)
    for kind, places in alike.items():
        for place, value in zip(places, _of_one_type(kind, [given[place] for place in places]), strict=True):
            found[place] = value
    return found  # type: ignore[return-value]  # nothing but floats is left


def _of_one_type(kind: type, given: list[object]) -> list[float]:
    library = TOGETHER.get(kind.__module__.partition(".")[0])
    if library is not None and len(given) >= FEWEST:
        together: Callable[[list[object]], list[float]] = import_module(f"wcdfa.backends.{library}.transfers").together
        with suppress(Exception):  # if one of them cannot be read, the others can
            return together(given)
    return [_known(value) for value in given]


def _known(value: object) -> float:
    try:
        return number(value)
    except Exception as error:  # noqa: BLE001 - no error of the device may end the training run
        logging.getLogger("wcdfa").warning("a norm could not be read from its device and is recorded as a gap: %s", error)
        return math.nan
