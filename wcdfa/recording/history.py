"""Every α that a monitor has computed: with its interval and steps, and of all parameters with the F(s) that it is from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from wcdfa.inference.prepared import Outcome
from wcdfa.recording.groups import ALL


class Past(NamedTuple):
    """One α of one group."""

    alpha: float
    stderr: float
    low: float
    high: float


class Curve(NamedTuple):
    """F(s) of all parameters, in the window of these training steps."""

    first_step: int
    last_step: int
    scales: tuple[int, ...]
    fluctuations: tuple[float, ...]


class History:
    """Grows by some hundred bytes with each α.

    >>> History().alphas()
    {'all': []}
    """

    def __init__(self) -> None:
        self.curves: list[Curve] = []
        self.groups: dict[str, list[Past]] = {ALL: []}
        """A group that came later than others has fewer, the last ones."""

    def add(self, found: Mapping[str, Outcome], steps: Any) -> None:
        """Take what was found of norms of these training steps, shape (n,)."""
        result = found[ALL].result
        sizes, f = (int(size) for size in result.scales), (float(each) for each in result.fluctuations)
        self.curves.append(Curve(int(steps[0]), int(steps[-1]), tuple(sizes), tuple(f)))
        for name, (each, _) in found.items():
            self.groups.setdefault(name, []).append(Past(*(float(getattr(each, number)) for number in Past._fields)))

    def alphas(self) -> dict[str, list[float]]:
        """α of each group, oldest first."""
        return {name: [each.alpha for each in past] for name, past in self.groups.items()}

    def copy(self) -> History:
        """One that goes its own way."""
        other = History()
        other.curves, other.groups = list(self.curves), {name: list(past) for name, past in self.groups.items()}
        return other

    def numbers(self, name: str) -> Any:
        """All of one group: shape (4, computed), in the order of `Past`."""
        return np.array(self.groups[name], dtype=np.float64).reshape(-1, len(Past._fields)).T
