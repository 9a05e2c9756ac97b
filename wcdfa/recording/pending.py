"""Norms that were given to a recorder and may still be on their device, and how they are copied from it."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.recording.side_series import SKETCH
from wcdfa.recording.transfers import fetched
from wcdfa.support.numbers import on_host

Row = npt.NDArray[np.floating]
HOST = (float, int, np.generic, np.ndarray)


class Pending(NamedTuple):
    """Norms of one step, which may still be on a device."""

    norms: Mapping[str, object]
    """Of each group, and the numbers of the side series that are known."""
    lr: object
    """NaN if it is unknown."""
    passed: int
    """Steps since the last recorded one that were not recorded."""
    step: int | None = None
    """Number of the training step, if it is known."""
    read: bool = False
    """Whether they came in a reading."""

    @property
    def on_host(self) -> bool:
        """Whether nothing has to be copied from a device."""
        return isinstance(self.lr, HOST) and all(isinstance(value, HOST) for value in self.norms.values())


Read = tuple[dict[str, float | Row], float, int, int | None]
"""The same on the host: the norms, the learning rate, the steps that were not recorded, and the number of the step."""


def values_of(waiting: Sequence[Pending]) -> Iterator[Read]:
    """Copy norms from their devices, together.

    >>> [read[0] for read in values_of([Pending({"all": 0.5}, 0.1, 0), Pending({"all": np.array(2)}, 0.1, 0)])]
    [{'all': 0.5}, {'all': 2.0}]
    """
    scalars: list[object] = []
    for each in waiting:
        norms = each.norms
        scalars += norms.values() if SKETCH not in norms else [value for name, value in norms.items() if name != SKETCH]
        scalars.append(each.lr)
    numbers = iter(fetched(scalars))
    for norms, _, passed, step, _ in waiting:
        values = {name: next(numbers) if name != SKETCH else _row(norms[name]) for name in norms}
        yield values, next(numbers), passed, step


def _row(value: object) -> Row:
    """The coordinates of one change, or NaN as far as they cannot be read from their device."""
    try:
        return on_host(value)
    except Exception as error:  # noqa: BLE001 - no error of the device may end the training run
        logging.getLogger("wcdfa").warning("a sketch could not be read from its device and is recorded as a gap: %s", error)
        return np.full(getattr(value, "shape", ()), math.nan)
