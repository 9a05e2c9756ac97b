"""Keeps every α that a monitor has computed, with interval and steps; for all parameters together also F(s)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.prepared import Outcome
from wcdfa.recording.groups import ALL


class Past(NamedTuple):
    """One α of one group."""

    alpha: float
    stderr: float
    low: float
    high: float


class Curve(NamedTuple):
    """F(s) of all parameters in one window."""

    first_step: int
    last_step: int
    scales: tuple[int, ...]
    fluctuations: tuple[float, ...]


class History:
    """Every α of all parameters and of each group. One α takes a few hundred bytes.

    >>> History().alphas()
    {'all': []}
    """

    def __init__(self) -> None:
        self.curves: list[Curve] = []
        self.groups: dict[str, list[Past]] = {ALL: []}
        """By group, oldest first. A group that began later has fewer entries; the last entries of all groups belong together."""

    def add(self, outcomes: Mapping[str, Outcome], steps: npt.NDArray[np.integer]) -> None:
        """Add the outcomes of one window; `steps` are the training steps of its norms, shape (n,)."""
        result = outcomes[ALL].result
        sizes, f = (int(size) for size in result.scales), (float(each) for each in result.fluctuations)
        self.curves.append(Curve(int(steps[0]), int(steps[-1]), tuple(sizes), tuple(f)))
        for name, (each, _) in outcomes.items():
            self.groups.setdefault(name, []).append(Past(*(float(getattr(each, number)) for number in Past._fields)))

    def alphas(self) -> dict[str, list[float]]:
        """α of each group, oldest first."""
        return {name: [each.alpha for each in past] for name, past in self.groups.items()}

    def copy(self) -> History:
        """An independent copy."""
        other = History()
        other.curves, other.groups = list(self.curves), {name: list(past) for name, past in self.groups.items()}
        return other

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Every α of a group with its error and interval, shape (4, computed), in the order of the fields of `Past`."""
        return np.array(self.groups[name], dtype=np.float64).reshape(-1, len(Past._fields)).T
