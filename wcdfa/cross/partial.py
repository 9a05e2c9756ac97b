"""What two of several series still share when the others are taken out, and how much of one the others explain."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wcdfa.cross.all_pairs import pairs_of
from wcdfa.support.aliases import Series

SINGULAR = 1e-9  # smallest eigenvalue of a matrix of ρ that has an inverse


def matrices(rho: Series, count: int) -> Series:
    """Symmetric matrices (..., sizes, C, C) with ones on the diagonal, from ρ of the pairs (..., pairs, sizes)."""
    first, second = pairs_of(count)
    full = np.zeros((*rho.shape[:-2], rho.shape[-1], count, count))
    full[..., first, second] = full[..., second, first] = np.moveaxis(rho, -2, -1)
    full[..., range(count), range(count)] = 1.0
    return full


def partial_and_multiple(full: Series) -> tuple[Series, Series, npt.NDArray[np.bool_]]:
    """Partial ρ (..., C, C), multiple ρ² (..., C), and whether the matrix (..., C, C) has an inverse; NaN where it has none."""
    usable = np.asarray(np.isfinite(full).all(axis=(-2, -1)))
    safe = np.where(usable[..., None, None], full, np.eye(full.shape[-1]))
    usable &= np.linalg.eigvalsh(safe)[..., 0] > SINGULAR
    inverse = np.linalg.inv(np.where(usable[..., None, None], safe, np.eye(full.shape[-1])))
    own = np.diagonal(inverse, axis1=-2, axis2=-1)
    partial = -inverse / np.sqrt(own[..., None, :] * own[..., :, None])
    places = range(full.shape[-1])
    partial[..., places, places] = 1.0
    unknown = np.where(usable, 0.0, np.nan)
    return partial + unknown[..., None, None], 1 - 1 / own + unknown[..., None], usable
