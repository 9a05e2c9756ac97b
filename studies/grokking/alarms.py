"""Alarms of a statistic: windows that leave the line through earlier ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from studies.common.measures import Floats

REFERENCE = 20  # windows that a line is drawn through
APART = 5  # windows from the last of them to the one that is judged, so that the two share no step
LIMIT = 6.0  # standard deviations of the residuals
IN_A_ROW = 3


def alarms(values: Floats, ends: npt.NDArray[np.int_]) -> npt.NDArray[np.int_]:
    """Return the steps at which alarms are raised.

    A window is odd if it is LIMIT standard deviations off the line through REFERENCE earlier windows. An alarm is raised at the third odd
    window in a row.
    """
    odd = _oddness(values) > LIMIT
    held = odd.copy()
    for back in range(1, IN_A_ROW):
        held[back:] &= odd[:-back]
        held[:back] = False
    raised = held & ~np.concatenate([[False], held[:-1]])
    return np.asarray(ends[raised])


def _oddness(values: Floats) -> Floats:
    """How many residual standard deviations each window is off the line; 0 where there are too few windows before it."""
    found = np.zeros(len(values))
    first = REFERENCE + APART - 1
    if len(values) <= first:
        return found
    reference = np.lib.stride_tricks.sliding_window_view(values, REFERENCE)[: len(values) - first]
    x = np.arange(REFERENCE) - (REFERENCE - 1) / 2
    slope = reference @ x / (x @ x)
    middle = reference.mean(1)
    residual = reference - middle[:, None] - slope[:, None] * x
    spread = np.sqrt((residual**2).sum(1) / (REFERENCE - 2)) + 1e-12
    found[first:] = np.abs(values[first:] - middle - slope * (x[-1] + APART)) / spread
    return np.nan_to_num(found)
