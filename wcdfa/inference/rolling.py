"""Measures α in every window of a recorded series."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import NOT_FINITE, DFAResult, measure


class Rolling(NamedTuple):
    """Windows ``[start, stop)`` of a series, in samples, with the result of `dfa` for each: batch shape ``(windows,)``."""

    starts: npt.NDArray[np.intp]
    stops: npt.NDArray[np.intp]
    result: DFAResult

    def window(self, i: int) -> DFAResult:
        """The result of one window."""
        return self.result.at(i)


def rolling_dfa(
    x: npt.ArrayLike,
    /,
    *,
    window: int = 500,
    stride: int | None = None,
    order: int = 1,
    method: Method = "robust",
    confidence: float = 0.95,
) -> Rolling:
    """Measure α in all windows of a series, in one call of `dfa`.

    >>> import wcdfa
    >>> rolling = wcdfa.rolling_dfa(wcdfa.synthetic.white_noise(2000, seed=0), window=1000)
    >>> rolling.stops
    array([1000, 2000])
    >>> rolling.result.alpha.round(2)
    array([0.49, 0.51])

    Parameters
    ----------
    x : numbers of shape (n,)
        The norms ‖ΔW‖, one per optimizer step.
    window : int
        Samples in a window. A series shorter than that is one window.
    stride : int, optional
        Samples from the start of one window to that of the next. Default: `window`, so that windows are independent.
    order, method, confidence
        As in `dfa`.

    Returns
    -------
    Rolling
        A remainder at the end, shorter than the stride, is left out. α is NaN in a window that has no exponent, or holds a value that is
        not finite.

    Raises
    ------
    ValueError
        If x is not 1-D, or too short for the order, or window or stride is below 1; and as `dfa`.
    """
    x, starts, window = laid_out(x, window, stride)
    windows = np.lib.stride_tricks.sliding_window_view(x, window)[starts]
    usable: npt.NDArray[np.bool_] = np.asarray(np.isfinite(windows).all(axis=-1))
    result = measure(np.where(usable[:, None], windows, 0.0), order=order, method=method, confidence=confidence)
    if not usable.all():
        cause = np.where(usable, result.cause, np.int8(NOT_FINITE))
        result = result._replace(cause=cause, fluctuations=np.where(usable[:, None], result.fluctuations, np.nan))
    return Rolling(starts, starts + window, result)


def laid_out(x: npt.ArrayLike, window: int, stride: int | None) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp], int]:
    """The series as numbers, the starts of its windows, and their length (at most that of the series)."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 1 or not x.size:
        msg = f"x must be one series, got shape {x.shape}; make one call for each series"
        raise ValueError(msg)
    stride = window if stride is None else stride
    if window < 1 or stride < 1:
        msg = f"window and stride must be at least 1, got {window} and {stride}"
        raise ValueError(msg)
    window = min(window, x.size)
    return x, np.arange(0, x.size - window + 1, stride), window
