"""The shape of a learning-rate schedule in a window, coarse enough for similar windows to share their replays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wcdfa.preprocess.schedule import fitted_slopes

Floats = npt.NDArray[np.float64]
Shape = tuple[float, ...]

DEGREE = 6
MESH = 0.1
CAPTURED = 0.999  # share of the variance that polynomials must describe; else the schedule itself is the shape
CONSTANT = 1e-6  # a smaller range of log lr is rounding


def shape_of_schedule(lr: npt.ArrayLike | None, *, log: bool = True) -> Shape | None:
    """The shape of log lr, or of lr itself, whatever its size: coefficients of Legendre polynomials, or else its values; None for a constant.

    >>> shape_of_schedule(0.1), shape_of_schedule(np.geomspace(1, 0.5, 100)), shape_of_schedule(np.geomspace(1, 0.1, 100))
    (None, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    """
    if lr is None or np.ndim(lr) == 0:
        return None
    rate = np.log(lr) if log else np.asarray(lr, dtype=np.float64)
    if np.ptp(rate) <= CONSTANT:
        return None
    unit = _unit(rate)
    coefficients = unit @ _polynomials(len(unit))
    coefficients *= np.sign(coefficients[np.argmax(np.abs(coefficients))])
    rounded = np.round(coefficients / MESH) * MESH + 0.0
    if np.sum(coefficients**2) < CAPTURED:
        return tuple(np.round(unit, 4).tolist())
    return tuple(rounded.round(2).tolist())


def without_shape(logs: Floats, shape: Shape | None) -> Floats:
    """Remove what a line in the schedule explains from log norms of shape (..., n)."""
    if shape is None:
        return logs
    n = logs.shape[-1]
    unit = _unit(np.asarray(shape)) if len(shape) == n else _unit(_polynomials(n) @ np.asarray(shape))
    return np.asarray(logs - fitted_slopes(logs, unit)[0][..., None] * unit)


def _unit(values: Floats) -> Floats:
    centred = values - values.mean()
    return np.asarray(centred / np.linalg.norm(centred))


def _polynomials(n: int) -> Floats:
    """Orthonormal polynomials of degree 1 to `DEGREE` on n points, shape (n, DEGREE)."""
    powers = np.polynomial.legendre.legvander(np.linspace(-1, 1, n), min(DEGREE, n - 1))
    basis, triangle = np.linalg.qr(powers)
    return np.asarray((basis * np.sign(np.diag(triangle)))[:, 1:])
