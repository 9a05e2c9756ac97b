"""Finds what changes the weights while no step is running, such as swapping them for their average, so that no step is blamed for it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.backends.torch.gradients import Squares
from wcdfa.backends.torch.parts import Part, touched

WORTH_A_WORD = 1e-3  # times the norm of the step: swapping weights there and back changes them by rounding


class BetweenSteps:
    """Measures the changes since the last step, and says once that they are left out."""

    def __init__(self) -> None:
        self._squares: Squares = {}
        self._told = False

    def leave_out(self, parts: Sequence[Part]) -> bool:
        """Measure from the current values of the parts that have changed since the last step. Returns whether there are any."""
        changed = [part for part in touched(parts) if part.fits]
        for part in changed:
            found = part.moved()
            before = self._squares.get(part.process_groups)
            self._squares[part.process_groups] = found.square if before is None else before + found.square.to(before.device)
            part.keep()
        return bool(changed)

    def taken(self) -> Squares:
        """Σ|ΔW|² of what was left out since the last call, for each kind of sharding."""
        found, self._squares = self._squares, {}
        return found

    def arrived(self, changes: npt.NDArray[np.floating], norms: npt.NDArray[np.floating], first: int) -> None:
        """The sizes of such changes have come to the host, with the norm of the step after each; `first` is the number of the first."""
        worth = np.flatnonzero(changes > WORTH_A_WORD * norms)
        if self._told or not len(worth):
            return
        self._told = True
        logging.getLogger("wcdfa").warning(
            "the weights changed by %.3g between two steps (before step %s), and the norms leave this out, now and later. It happens when "
            "weights are swapped (for their average, or by train() and eval() of a schedule-free optimizer), loaded, clipped or averaged, "
            "or when an optimizer that is not attached moves them",
            *(changes[worth[0]], f"{first + int(worth[0]):,}"),
        )
