"""Measures each of many series, as tables hold them: one without α does not stop the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import NOT_FINITE, REASONS, DFAResult, measure

NUMBERS = ("alpha", "stderr", "low", "high", "r_squared", "adequacy")
"""The fields of a result that are one number for each series."""


class Options(TypedDict, total=False):
    """The options of `wcdfa.dfa` that do not depend on how the series are stored."""

    order: int
    scales: Iterable[int] | None
    method: Method
    confidence: float
    breaks: Iterable[int]


def measure_each(x: npt.ArrayLike, **options: Unpack[Options]) -> DFAResult:
    """`wcdfa.dfa` of each series of an array ``(..., n)``, without a warning; a series with NaN or infinity has no α, and a reason.

    >>> import wcdfa
    >>> x = wcdfa.synthetic.white_noise(500, batch=(3,), seed=0)
    >>> x[1, 7] = np.nan
    >>> result = measure_each(x)
    >>> result.alpha.round(2), result.cause
    (array([0.45,  nan, 0.52]), array([0, 3, 0], dtype=int8))

    Parameters
    ----------
    x : numbers of shape (..., n)
        Real numbers, time along the last axis.
    options
        As `wcdfa.dfa`.
    """
    values = np.asarray(x)
    values = np.asarray(values, dtype=np.result_type(values.dtype, np.float32))
    whole = np.isfinite(values).all(axis=-1, keepdims=True)
    if whole.all():
        return measure(values, **options)
    result = measure(np.where(whole, values, 0.0), **options)
    lacking = ~whole[..., 0]
    return result._replace(
        fluctuations=np.where(whole, result.fluctuations, np.nan), cause=np.where(lacking, np.int8(NOT_FINITE), result.cause)
    )


def reasons(result: DFAResult) -> npt.NDArray[np.object_]:
    """Why each series has no α, in words; None where it has one.

    >>> reasons(measure_each(np.ones((1, 500)))).tolist()
    ['the series is constant, so it does not fluctuate at any scale']
    """
    words = np.array([None, *(REASONS[cause] for cause in sorted(REASONS))], dtype=object)
    return np.asarray(words[np.asarray(result.cause)], dtype=object)
