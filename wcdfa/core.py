"""The pure function the package is for: a series in, its DFA exponent out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from wcdfa.arrays import Array, concrete
from wcdfa.exponent import least_squares
from wcdfa.fluctuation import MeanSquares, fluctuations, mean_squares

METHODS = ("ols",)


class DFAWarning(RuntimeWarning):
    """α is NaN for a reason that the data give: the message says which."""


class DFAResult(NamedTuple):
    """What `dfa` returns; a JAX pytree. Batch shape ``(...)`` for input ``(..., n)``."""

    alpha: Array
    """DFA exponent α, dimensionless: the slope of log F(s) on log s."""
    stderr: Array
    """Standard error of α. NaN for ``method="ols"``: a slope's own residual error is none."""
    low: Array
    """Lower end of the confidence interval of α. NaN for ``method="ols"``."""
    high: Array
    """Upper end of the confidence interval of α. NaN for ``method="ols"``."""
    r_squared: Array
    """R² of the line. Close to 1 for most series, scaling or not: no evidence of scaling."""
    adequacy: Array
    """p-value of the misfit of the line. NaN for ``method="ols"``."""
    scales: Array
    """Box sizes in samples, shape ``(k,)``."""
    fluctuations: Array
    """F(s), shape ``(..., k)``, in the unit of the series."""


def dfa(
    x: Any,
    /,
    *,
    axis: int = -1,
    order: int = 1,
    scales: Iterable[int] | None = None,
    method: str = "ols",
    confidence: float = 0.95,
) -> DFAResult:
    """DFA exponent α of a series: 0.5 for white noise, 1 for 1/f noise, 1.5 for a random walk.

    >>> import wcdfa
    >>> norms = wcdfa.synthetic.white_noise(500, seed=0)
    >>> result = wcdfa.dfa(norms)
    >>> print(f"{result.alpha:.2f}")
    0.51

    Many series at once, and any array library; under ``jax.jit`` too:

    >>> wcdfa.dfa(wcdfa.synthetic.random_walk(500, batch=(3,), seed=1)).alpha.round(2)
    array([1.52, 1.56, 1.45])

    Parameters
    ----------
    x : array of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        One or many series, e.g. the norms ‖ΔW‖, one per optimizer step. Never changed.
    axis : int
        The axis of `x` along which time runs.
    order : 1, 2, 3 or 4
        Degree of the polynomial removed from the profile in each box. α cannot exceed ``order + 1``.
    scales : integers, optional
        Box sizes in samples (training steps), as in `fluctuations`.
    method : "ols"
        The line through log F(s): "ols" is the textbook slope.
    confidence : float
        Level of the interval ``low … high``, between 0 and 1.

    Returns
    -------
    DFAResult
        In the library of `x`, on its device. α is NaN, with a `DFAWarning`, where F(s) is nothing but rounding at all or all but one
        of the sizes: for a constant, or for a polynomial that the detrending removes. Under tracing NaN in `x` gives NaN.

    Raises
    ------
    TypeError, ValueError
        As `fluctuations`; and if fewer than two sizes are given, or the method or the confidence is none.

    References
    ----------
    C.-K. Peng et al., Phys. Rev. E 49, 1685 (1994), doi:10.1103/PhysRevE.49.1685.
    """
    if method not in METHODS:
        msg = f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}"
        raise ValueError(msg)
    if not 0 < confidence < 1:
        msg = f"confidence must be between 0 and 1, got {confidence}; 0.95 is usual"
        raise ValueError(msg)
    computed = mean_squares(x, scales=scales, order=order, axis=axis)
    if len(computed.sizes) < 2:
        msg = f"a line needs at least two box sizes, got scales={computed.sizes}; fluctuations() takes a single one"
        raise ValueError(msg)
    line = least_squares(computed.values, computed.floor, computed.sizes, computed.xp)
    _warn_if_undefined(line.slope, computed)
    unknown = line.slope * math.nan
    return DFAResult(
        alpha=line.slope,
        stderr=unknown,
        low=unknown,
        high=unknown,
        r_squared=line.r_squared,
        adequacy=unknown,
        scales=computed.scales(),
        fluctuations=computed.fluctuations(),
    )


def _warn_if_undefined(alpha: Array, computed: MeanSquares) -> None:
    xp, series = computed.xp, computed.series
    worst = concrete(alpha if series.ndim == 1 else xp.sum(alpha))
    if worst is None or not math.isnan(worst):
        return
    undefined = xp.isnan(alpha)
    count = int(xp.sum(xp.astype(undefined, xp.int64)))
    which = "alpha is NaN" if alpha.ndim == 0 else f"alpha is NaN for {count} of {math.prod(alpha.shape)} series"
    spread = xp.max(series, axis=-1) - xp.min(series, axis=-1)
    flat = bool(xp.all((spread == 0) | ~undefined))
    reason = (
        "the series is constant, so it does not fluctuate at any scale"
        if flat
        else "what detrending leaves is rounding error: the series is constant or a polynomial, up to its last digits"
    )
    warnings.warn(f"{which}: {reason}", DFAWarning, stacklevel=3)


def compute_dfa(
    signal: Any,
    min_box: int = 4,
    max_box: int | None = None,
    num_scales: int = 20,
    return_r_squared: bool = False,
) -> tuple[float, Array, Array] | tuple[float, Array, Array, float]:
    """What ``compute_dfa`` of wcdfa 0.1.0 returns, for code that relies on its numbers: the mean of RMS, not DFA proper.

    >>> import wcdfa
    >>> alpha, scales, fluctuations = compute_dfa(wcdfa.synthetic.white_noise(500, seed=0))
    >>> print(f"{alpha:.2f}", len(scales))
    0.52 19

    F(s) here is the mean over forward and backward boxes of each box's root mean square, at up to `num_scales` sizes from `min_box`
    to `max_box` (default, and limit: a quarter of the series), spaced logarithmically and truncated. Prefer `dfa`: it averages mean
    squares, as the literature does, which heavy tails bias less.

    Parameters
    ----------
    signal : numbers of shape (n,), n at least 50
    min_box, max_box, num_scales : int
        Box sizes in samples.
    return_r_squared : bool
        Append R² of the line.

    Returns
    -------
    alpha, scales, fluctuations[, r_squared]
        A float, two NumPy arrays (sizes with F(s) = 0 left out), and a float.

    Raises
    ------
    ValueError
        If the signal is not 1-D, shorter than 50, not finite or constant, or fewer than two sizes remain.
    """
    signal = np.asarray(signal, dtype=np.float64)
    if signal.ndim != 1:
        msg = f"signal must be 1-D, got shape {signal.shape}; dfa() takes many series at once"
        raise ValueError(msg)
    n = len(signal)
    if n < 50:
        msg = f"signal has {n} samples, 50 are the least; dfa() with scales= takes shorter series"
        raise ValueError(msg)
    largest_box = n // 4 if max_box is None else min(max_box, n // 4)
    if largest_box < min_box:
        largest_box = min_box + 1
    sizes = np.unique(np.logspace(np.log10(min_box), np.log10(largest_box), num=num_scales).astype(int))
    sizes = sizes[sizes >= max(min_box, 3)]  # two points leave nothing after a line, and 0.1.0 drops them
    if len(sizes) < 2:
        msg = f"only {len(sizes)} box size(s) between min_box={min_box} and {largest_box}; lower min_box or give more samples"
        raise ValueError(msg)
    _, fluctuation = fluctuations(signal, scales=sizes, backward=True, moment=1)
    rounding = 2.0**-52 * np.max(np.abs(signal)) * np.sqrt(sizes)
    kept = fluctuation > rounding
    if np.count_nonzero(kept) < 2:
        msg = "the signal is constant up to rounding: it does not fluctuate at two sizes, so it has no exponent"
        raise ValueError(msg)
    sizes, fluctuation = sizes[kept], fluctuation[kept]
    log_s, log_f = np.log10(sizes), np.log10(fluctuation)
    slope, intercept = np.polyfit(log_s, log_f, 1)
    if not return_r_squared:
        return float(slope), sizes, fluctuation
    residual = np.sum((log_f - slope * log_s - intercept) ** 2)
    total = np.sum((log_f - np.mean(log_f)) ** 2)
    return float(slope), sizes, fluctuation, float(1 - residual / total if total > 0 else 0.0)
