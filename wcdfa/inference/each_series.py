"""Measures each of many series, as tables hold them: one without α does not stop the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.calibration_tables import method_sizes
from wcdfa.inference.exponent import NOT_FINITE, REASONS, DFAResult, check_method, measure
from wcdfa.kernel.checks import check_order

if TYPE_CHECKING:
    from wcdfa.kernel.missing import Missing
    from wcdfa.kernel.time_grid import Spacing

Column = npt.NDArray[np.generic]

NUMBERS = ("alpha", "stderr", "low", "high", "r_squared", "adequacy")
"""The fields of a result that are one number for each series."""


class Options(TypedDict, total=False):
    """The options of `wcdfa.dfa` that do not depend on how the series are stored."""

    order: int
    scales: Iterable[int] | None
    method: Method
    confidence: float
    breaks: Iterable[int]
    missing: Missing
    times: npt.ArrayLike | None
    spacing: Spacing | None


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
        As `wcdfa.dfa`. With ``missing="omit"`` NaN is a gap, with "raise" an error.
    """
    values = np.asarray(x)
    if values.dtype.kind not in "biuf":
        return measure(values, **options)  # which says what it takes
    values = np.asarray(values, dtype=np.result_type(values.dtype, np.float32))
    wrong = np.isinf(values) if options.get("missing") == "omit" else ~np.isfinite(values)
    whole = ~wrong.any(axis=-1, keepdims=True)
    if whole.all() or options.get("missing") == "raise":
        return measure(values, **options)
    result = measure(np.where(whole, values, 0.0), **options)
    lacking = ~whole[..., 0]
    return result._replace(
        fluctuations=np.where(whole, result.fluctuations, np.nan), cause=np.where(lacking, np.int8(NOT_FINITE), result.cause)
    )


def columns_of(result: DFAResult) -> dict[str, Column]:
    """The fields of a result that are one value for each series, as columns of a table; `reason` says why there is no α, or is None.

    >>> columns_of(measure_each(np.ones((1, 500))))["reason"].tolist()
    ['the series is constant, so it does not fluctuate at any scale']
    """
    words = np.array([REASONS.get(cause) for cause in range(1 + max(REASONS))], dtype=object)
    columns: dict[str, Column] = {name: np.ravel(getattr(result, name)) for name in (*NUMBERS, "saturated")}
    return {**columns, "reason": np.ravel(np.asarray(words[np.asarray(result.cause)], dtype=object))}


def table_of(series: npt.NDArray[np.float64], **options: Unpack[Options]) -> dict[str, Column]:
    """The columns for series of shape ``(series, n)``; if they are too short, such as a small group in a table, without α.

    >>> table_of(np.zeros((1, 10)))["reason"].item()[:24]
    'the series has 10 sample'
    """
    count, n = series.shape
    why = too_short(n, options)
    if why is None:
        return columns_of(measure_each(series, **options))
    columns: dict[str, Column] = {name: np.full(count, np.nan) for name in NUMBERS}
    return {**columns, "saturated": np.zeros(count, dtype=bool), "reason": np.full(count, why, dtype=object)}


def too_short(n: int, options: Options) -> str | None:
    """Why series of `n` samples are too short for the default box sizes; None if they are not, or if sizes or times are given.

    >>> too_short(16, {}), too_short(10, {"scales": (4, 8)})
    (None, None)
    """
    if options.get("scales") is not None or options.get("times") is not None:
        return None
    order, method = options.get("order", 1), options.get("method", "robust")
    check_method(method)
    check_order(order)
    try:
        method_sizes(n, order, method)
    except ValueError as error:
        return str(error)
    return None
