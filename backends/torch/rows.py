"""Turns the rows that arrive from the device into the series that are kept on the host."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.backends.torch.handle_state import VARIANCE
from wcdfa.recording.ring import Ring
from wcdfa.recording.side_series import GRADIENTS, HYPERPARAMETERS

BESIDE = tuple(series for each in HYPERPARAMETERS.values() for series in each)


def columns_of(
    rows: npt.NDArray[np.float64], names: Sequence[str], beside: Sequence[Mapping[str, object]], host: Ring
) -> dict[str, npt.NDArray[np.float64]]:
    """The norms of each group, with those of the gradients and the variance where the ring keeps them, and momentum and betas.

    Parameters
    ----------
    rows : array of shape (steps, numbers of a step)
        As `DeviceRing` has them: squares.
    names : list of str
        The groups.
    beside : list of dict
        Momentum and betas of each step.
    host : Ring
        The ring that the columns are for.
    """
    norms = np.sqrt(rows).astype(np.asarray(host.wcdfa_lr).dtype)  # infinite where it is kept as that
    columns: dict[str, npt.NDArray[np.float64]] = dict(zip(names, norms.T, strict=False))
    columns |= _hyperparameters(beside)
    if GRADIENTS in host.wcdfa_norms:
        columns[GRADIENTS] = np.sqrt(rows[:, len(names)])
    if VARIANCE in host.wcdfa_norms:  # relative variance of the norm; the row has the variance of the square
        columns[VARIANCE] = rows[:, len(names) + 1] / (2 * rows[:, 0]) ** 2
    return columns


def _hyperparameters(beside: Sequence[Mapping[str, object]]) -> dict[str, npt.NDArray[np.float64]]:
    """Momentum and betas of each row, NaN where the optimizer has none."""
    return {name: np.array([float(each.get(name, math.nan)) for each in beside]) for name in BESIDE}  # type: ignore[arg-type]
