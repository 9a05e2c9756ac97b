"""Measures of the weight change that several studies take: α as version 0.1.0 defined it, α by order, of the vector, cosines."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

import wcdfa
from wcdfa.inference.sketch_exponents import vector_exponents

Floats = npt.NDArray[np.float64]


def old_alpha(norms: npt.ArrayLike) -> float:
    """α of the norms themselves as wcdfa 0.1.0 computes it; NaN where it refuses.

    >>> round(old_alpha(np.exp(-np.linspace(0, 1, 500))), 1)
    2.0
    """
    try:
        return float(wcdfa.compute_dfa(np.asarray(norms, dtype=float))[0])
    except ValueError:
        return math.nan


def alphas(
    norms: npt.ArrayLike, orders: Iterable[int] = (1, 2, 3), method: Literal["robust", "gls", "ols"] = "ols"
) -> dict[str, float]:
    """α of the logarithm of the norms at each order, as `alpha_1`, `alpha_2`, …; NaN where it is undefined, as with a zero."""
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", wcdfa.DFAWarning)
        logs = np.log(np.asarray(norms, dtype=float))
        return {f"alpha_{order}": float(wcdfa.dfa(logs, order=order, method=method).alpha) for order in orders}


def windowed(
    series: npt.ArrayLike, measure: Callable[[Floats], float], *, window: int = 500, stride: int = 100
) -> tuple[npt.NDArray[np.int_], Floats]:
    """A measure in each window. Return the number of steps up to the end of each window, and the measures.

    >>> ends, means = windowed(np.arange(6.0), np.mean, window=4, stride=2)
    >>> ends.tolist(), means.tolist()
    ([4, 6], [1.5, 3.5])
    """
    values = np.asarray(series, dtype=float)
    ends = np.arange(window, len(values) + 1, stride)
    return ends, np.array([measure(values[end - window : end]) for end in ends], dtype=float)


def vector_alphas(sketch: npt.ArrayLike) -> tuple[float, float]:
    """α of ΔW as a vector at sizes 4–16 and 16–125, from sampled coordinates of shape (steps, coordinates)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wcdfa.DFAWarning)
        short, long = vector_exponents(np.asarray(sketch, dtype=float), method="ols").exponents
    return short, long


def cosine(now: npt.ArrayLike, before: npt.ArrayLike) -> float:
    """Cosine between two changes, along all their numbers; NaN if one is zero."""
    a, b = np.ravel(now).astype(float), np.ravel(before).astype(float)
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size else math.nan


def first_sustained(flags: npt.ArrayLike, at: npt.ArrayLike, run: int = 3) -> float:
    """Where the flags are first true `run` times in a row: the place of the first of these; NaN if nowhere.

    >>> first_sustained([False, True, False, True, True, True], [10, 20, 30, 40, 50, 60])
    40.0
    """
    set_ = np.asarray(flags, dtype=bool)
    if len(set_) < run:
        return math.nan
    held = np.lib.stride_tricks.sliding_window_view(set_, run).all(axis=1)
    return float(np.asarray(at)[int(held.argmax())]) if held.any() else math.nan
