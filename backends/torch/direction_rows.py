"""Computes the series of the direction from the rows that came from the device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from wcdfa.recording.groups import ALL
from wcdfa.recording.ring import Ring
from wcdfa.recording.side_series import COSINE, SKETCH, WEIGHT_NORM, cosine_of

Columns = dict[str, npt.NDArray[np.float64]]


def direction_columns(
    cells: npt.NDArray[np.float64], names: Sequence[str], norms: Mapping[str, npt.NDArray[np.float64]], ring: Ring
) -> Columns:
    """The series of the direction, by their names.

    A cosine is NaN where this norm or the last is not finite, because an update that is known on the sample only is not one that is known.

    Parameters
    ----------
    cells : array of shape (rows, 1 + 3 groups + coordinates)
        As `wcdfa.backends.torch.direction.Direction` gives them, of the rows that are recorded.
    names : list of str
        The groups, that of all parameters first.
    norms : dict of arrays of shape (rows,)
        The norms of each group.
    ring : Ring
        What was recorded before.
    """
    n = len(names)
    products, new, old = np.split(cells[:, 1 : 1 + 3 * n], 3, axis=1)
    cosines = np.clip(products / np.sqrt(new) / np.sqrt(old), -1, 1)
    found = {WEIGHT_NORM: np.sqrt(cells[:, 0]), SKETCH: cells[:, 1 + 3 * n :][:, : ring.wcdfa_norms[SKETCH].shape[1]]}
    for i, name in enumerate(names):
        around = np.concatenate([[_last(ring, name)], norms[name]])
        known = np.isfinite(around[1:]) & np.isfinite(around[:-1])
        found[COSINE if name == ALL else cosine_of(name)] = np.where(known, cosines[:, i], math.nan)
    return found


def _last(ring: Ring, name: str) -> float:
    """The norm that was recorded last; NaN if there is none."""
    values, count = np.asarray(ring.wcdfa_norms[name]), int(ring.wcdfa_count)
    return float(values[(count - 1) % len(values)]) if count else math.nan
