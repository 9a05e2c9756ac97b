"""`dfa`, the main function of the package: it takes a series and gives its DFA exponent."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sized
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wcdfa.inference import jax_slabs
from wcdfa.inference.calibration import METHODS, Method
from wcdfa.inference.calibration_tables import calibration_for, method_sizes, overlap_of
from wcdfa.inference.estimators import calibrated_estimate, least_squares
from wcdfa.inference.gap_calibration import as_without_gaps, calibration_with_gaps
from wcdfa.inference.one_estimate import OneEstimate
from wcdfa.inference.vector_fluctuation import Computed, computed_for, coordinates_second_to_last
from wcdfa.kernel.arrays import NUMPY, Array, as_series, concrete, constant, namespace_of
from wcdfa.kernel.checks import check_order, listed
from wcdfa.kernel.fluctuation import MeanSquares, scales_of
from wcdfa.kernel.missing import Missing, asked_for, find_missing
from wcdfa.kernel.one_series import one_series

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.kernel.gapped import Gaps
    from wcdfa.kernel.time_grid import Spacing

SATURATION = 0.1  # this near to order + 1, the largest value that an order can show, α cannot be told from a trend
CEILING = "the largest that this order shows, as for a trend"  # said of such an exponent
CONSTANT, ROUNDING, NOT_FINITE, TOO_FEW, EMPTY = 1, 2, 3, 4, 5  # why there is no α
NO_CAUSE = np.int8(0)
REASONS = {
    CONSTANT: "the series is constant, so it does not fluctuate at any scale",
    ROUNDING: "after detrending only rounding error is left: the series is constant or a polynomial, up to its last digits",
    NOT_FINITE: "the series holds a value that is NaN or infinite",
    TOO_FEW: "gaps leave too few samples: too few sizes have boxes that hold enough of them",
    EMPTY: "every sample is missing",
}


class DFAWarning(RuntimeWarning):
    """α is NaN because of the data; the message gives the reason."""


class DFAResult(NamedTuple):
    """The result of `dfa`; a JAX pytree. Its fields have the batch shape ``(...)`` for input ``(..., n)``."""

    # arrays of the library of the series, which a type checker cannot know
    alpha: Any
    """DFA exponent α, dimensionless. For ``method="ols"`` the plain slope of log F(s) on log s, with its bias."""
    stderr: Any
    """Standard error of the unbiased α, from the exact covariance of log F(s)."""
    low: Any
    """Lower end of the confidence interval: the smallest α that is compatible with log F(s). Bias is removed, for "ols" too."""
    high: Any
    """Upper end of the confidence interval of α."""
    r_squared: Any
    """R² of the line. Close to 1 for most series, scaling or not: no evidence of scaling."""
    adequacy: Any
    """p-value of the misfit: small if log F(s) does not look like that of a series with a single exponent."""
    scales: Any
    """Box sizes in samples, shape ``(k,)``."""
    fluctuations: Any
    """F(s), shape ``(..., k)``, in the unit of the series."""
    saturated: Any
    """Whether α is within 0.1 of ``order + 1``, the largest value that the order can show: a trend, no regime. Try a higher order."""
    cause: Any = NO_CAUSE
    """Why α is NaN, as a key of `wcdfa.inference.exponent.REASONS`; 0 if α is a number. `reason` says it in words."""

    def _repr_html_(self) -> str | None:
        """What a notebook shows: α with its interval, and F(s)."""
        from wcdfa.inference.result_card import result_card  # noqa: PLC0415 - only notebooks need it

        return result_card(self)

    def __str__(self) -> str:
        """α with its interval, or why there is none, in a line; `repr` shows all fields."""
        from wcdfa.inference.result_sentence import result_sentence  # noqa: PLC0415 - only who prints needs it

        return result_sentence(self)

    def at(self, *index: int) -> DFAResult:
        """The result of one of many series."""
        parts = {name: part for name, part in self._asdict().items() if name != "scales"}
        own = {name: part[index] if part.ndim == len(index) else part[(*index, ...)] for name, part in parts.items()}
        return DFAResult(**own, scales=self.scales)

    @property
    def reason(self) -> str | None:
        """Why there is no α, in words; None if there is one. For many series, the most informative reason among those without α."""
        if not math.prod(self.cause.shape):
            return None
        return REASONS.get(int(concrete(namespace_of(self.cause).max(self.cause)) or 0))


def dfa(
    x: Array | npt.ArrayLike,
    /,
    *,
    axis: int = -1,
    order: int = 1,
    scales: Iterable[int] | None = None,
    method: Method = "robust",
    confidence: float = 0.95,
    breaks: Iterable[int] = (),
    coordinates: int | None = None,
    missing: Missing = "raise",
    times: npt.ArrayLike | None = None,
    spacing: Spacing | None = None,
) -> DFAResult:
    """Measure the DFA exponent α of a series, with its interval: α is 0.5 for white noise, 1 for 1/f noise, 1.5 for a random walk.

    >>> import wcdfa
    >>> norms = wcdfa.synthetic.white_noise(500, seed=0)
    >>> result = wcdfa.dfa(norms)
    >>> print(f"{result.alpha:.2f}, between {result.low:.2f} and {result.high:.2f}")
    0.45, between 0.32 and 0.60

    It takes many series at once, in any array library, also under ``jax.jit``:

    >>> wcdfa.dfa(wcdfa.synthetic.random_walk(500, batch=(3,), seed=1)).alpha.round(2)
    array([1.52, 1.54, 1.5 ])

    Of a vector that changes with time it measures one α, from the sum of F²(s) over the coordinates, much more precisely:

    >>> result = wcdfa.dfa(wcdfa.synthetic.white_noise(500, batch=(64,), seed=0), coordinates=-2)
    >>> print(f"{result.alpha:.3f}, between {result.low:.3f} and {result.high:.3f}")
    0.494, between 0.476 and 0.512

    Samples may be missing, or have times of their own:

    >>> norms[100:150] = float("nan")
    >>> result = wcdfa.dfa(norms, missing="omit")
    >>> print(f"{result.alpha:.2f}, between {result.low:.2f} and {result.high:.2f}")
    0.45, between 0.31 and 0.60

    The package has calibrations for 128, 256, 500, 512, 1000, 1024 samples and all lengths above. For another length, the first call
    computes one in a few seconds and keeps it. Above 1,024 samples, `scales` that are not among the default sizes of "robust" and "gls"
    take the first call a minute or more, because series are simulated.

    Parameters
    ----------
    x : array of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        One or many series, e.g. the norms ‖ΔW‖, one per optimizer step. The array is not changed.
    axis : int
        The axis of `x` along which time runs.
    order : 1, 2, 3 or 4
        Degree of the polynomial removed from the profile in each box. α cannot exceed ``order + 1``.
    scales : integers, optional
        Box sizes in samples (training steps). Default: for "ols" those of `fluctuations`; otherwise 2·2^k and 3·2^k from ``order + 2`` to
        half of the series, at most 2,048.
    method : "robust", "gls" or "ols"
        How α is found from log F(s). "gls": generalised least squares with the exact mean and covariance of log F(s) of
        ARFIMA(0, d, 0). It is unbiased and as precise as possible for such series. "robust": the same, but additional short memory
        (an AR(1) coefficient of about ± 0.3) no longer passes for long memory; its interval is wider. "ols": the textbook slope, for
        comparison with other packages. Its boxes are side by side; those of the other methods overlap by half.
    confidence : float
        Level of the interval ``low … high``, between 0 and 1.
    breaks : integers, optional
        Samples at which a new stretch begins; no box crosses them. As in `fluctuations`.
    coordinates : int, optional
        The axis of `x` along which the coordinates of a vector lie, e.g. -2 for shape (..., K, n); the result has shape (...) and
        F(s) = √Σ F_k²(s). The largest coordinates count most: divide each by the root mean square of its differences first if all
        are to count alike (not by its standard deviation, which lowers α where it is 1 or more). The interval holds for coordinates with one
        autocorrelation, independent or correlated: it is as wide as their effective number says, (tr Σ)² / tr Σ², Σ their covariance.
        It is too narrow if they share only their slow part, such as a common trend in independent noise.
    missing : "raise" or "omit"
        "omit": NaN are gaps, as is what a masked array masks. F(s) is that of the samples present (as in `fluctuations`); how the gaps
        change its mean and covariance is simulated for their pattern, and removed from α and its interval. The first call for a pattern
        takes seconds; patterns are kept in memory. Where samples are missing must not depend on their values.
    times : numbers or datetime64 of shape (n,), optional
        When each sample was taken, increasing; as in `fluctuations`.
    spacing : number or timedelta, optional
        Time between two samples. Default: the usual step between neighbours.

    Returns
    -------
    DFAResult
        In the library of `x`, on its device. α is NaN, with a `DFAWarning`, if F(s) is only rounding error, for a constant or a
        polynomial that detrending removes: with "ols" at all sizes or all but one, otherwise at any size; or if gaps leave fewer than
        four sizes (of `scales`, two) with boxes that count. Sizes without are left out. Under tracing, NaN in `x` gives NaN. α of "robust" and "gls" is between 0 and ``order + 0.95``. `adequacy` is NaN for fewer than three sizes, for
        more than 16 million samples, and for "ols" above 1,024 samples unless they are 2,048 or 4,096.

    Raises
    ------
    TypeError, ValueError
        As `fluctuations`; and if fewer than two sizes are given, or the method is unknown, or the confidence is not between 0 and 1.

    References
    ----------
    C.-K. Peng et al., Phys. Rev. E 49, 1685 (1994), doi:10.1103/PhysRevE.49.1685. Mean of F²(s): M. Höll and H. Kantz, Eur. Phys. J. B
    88, 126 (2015), doi:10.1140/epjb/e2015-60143-1; covariance: G. Sikora et al., Phys. Rev. E 101, 032114 (2020),
    doi:10.1103/PhysRevE.101.032114.
    """
    result, undefined = _measured(x, axis, order, scales, method, confidence, breaks, coordinates, missing, times, spacing)
    if undefined:
        _warn(result)
    return result


def measure(
    x: Array | npt.ArrayLike,
    /,
    *,
    axis: int = -1,
    order: int = 1,
    scales: Iterable[int] | None = None,
    method: Method = "robust",
    confidence: float = 0.95,
    breaks: Iterable[int] = (),
    coordinates: int | None = None,
    missing: Missing = "raise",
    times: npt.ArrayLike | None = None,
    spacing: Spacing | None = None,
) -> DFAResult:
    """`dfa` without its warning; if there is no α, the result holds the reason.

    >>> import numpy as np
    >>> measure(np.ones(100)).reason
    'the series is constant, so it does not fluctuate at any scale'
    """
    return _measured(x, axis, order, scales, method, confidence, breaks, coordinates, missing, times, spacing)[0]


def _measured(
    x: Array | npt.ArrayLike,
    axis: int,
    order: int,
    scales: Iterable[int] | None,
    method: Method,
    confidence: float,
    breaks: Iterable[int],
    coordinates: int | None,
    missing: Missing,
    times: npt.ArrayLike | None,
    spacing: Spacing | None,
) -> tuple[DFAResult, bool]:
    """The result, and whether an α is known to be NaN: a compiler that traces does not know."""
    gaps = asked_for(x, missing, times, spacing)
    plain = scales is None and coordinates is None and axis in (0, -1) and _empty(breaks) and not gaps
    if plain and type(x) is np.ndarray and x.ndim == 1 and x.dtype == np.float64:
        found = _of_one(x, order, method, confidence)
        if found is not None:
            return found, False
    check_method(method)
    check_confidence(confidence)
    breaks = listed(breaks, "breaks")
    scales = None if scales is None else listed(scales, "scales")

    if gaps:
        vector = coordinates is not None
        given = x if coordinates is None else _with_coordinates(x, axis, coordinates)
        lost = find_missing(given, axis=-1 if vector else axis, missing=missing, times=times, spacing=spacing, breaks=breaks)
        if lost is not None and not lost.present.all():
            from wcdfa.inference.gapped_exponent import measured_with_gaps  # noqa: PLC0415 - it builds on this module

            return measured_with_gaps(lost, order=order, scales=scales, method=method, confidence=confidence, vector=vector)
        if lost is not None:
            x, axis, coordinates, breaks = lost.series, -1, -2 if vector else None, lost.breaks

    def whole(x: Array | npt.ArrayLike, axis: int) -> tuple[DFAResult, bool]:
        computed = computed_for(x, axis=axis, coordinates=coordinates, order=order, scales=scales, method=method, breaks=breaks)
        return result_of(computed, order, method, confidence)

    if coordinates is None and jax_slabs.helps(x):
        return jax_slabs.by_slabs(lambda slab: whole(slab, -1)[0], as_series(x, axis)[0]), False
    return whole(x, axis)


def _with_coordinates(x: Array | npt.ArrayLike, axis: int, coordinates: int) -> Array | npt.ArrayLike:
    """The series with time along the last axis and coordinates along the one before; a masked array stays one."""
    if not isinstance(x, np.ma.MaskedArray):
        return coordinates_second_to_last(x, axis, coordinates)[0]
    data, mask = (
        np.asarray(coordinates_second_to_last(part, axis, coordinates)[0])
        for part in (np.ma.getdata(x), np.ma.getmaskarray(x).astype(np.float64))
    )
    return np.ma.masked_array(data, mask > 0)


def result_of(of: Computed, order: int, method: Method, confidence: float, gaps: Gaps | None = None) -> tuple[DFAResult, bool]:
    """α and its interval from F²(s), and whether an α is known to be NaN; with gaps, by the calibration for these."""
    computed = of.total
    xp, sizes = computed.xp, computed.sizes
    if len(sizes) < 2:
        msg = f"a line needs at least two box sizes, got scales={sizes}; fluctuations() takes a single one"
        raise ValueError(msg)
    if gaps is None:
        key = (computed.series.shape[-1], sizes, order, method, computed.stretches, of.calibrated)
        table = constant(calibration_for, *key, xp=xp, like=computed.values)
    else:
        table = constant(calibration_with_gaps, gaps, sizes, order, method, of.calibrated, xp=xp, like=computed.values)
    inflation = None if of.inverse is None else of.inverse * of.calibrated
    estimate = calibrated_estimate(computed.values, computed.floor, table, normal_quantile(confidence), xp, inflation)
    alpha, r_squared = estimate.alpha, estimate.r_squared
    if method == "ols":
        values = computed.values if gaps is None else as_without_gaps(computed.values, alpha, gaps, sizes, order, method, xp)
        alpha, r_squared = least_squares(values, computed.floor, sizes, xp)
    worst = concrete(alpha if alpha.ndim == 0 else xp.sum(alpha))
    undefined = worst is not None and math.isnan(worst)
    result = DFAResult(
        alpha=alpha,
        stderr=estimate.stderr,
        low=estimate.low,
        high=estimate.high,
        r_squared=r_squared,
        adequacy=estimate.adequacy,
        scales=computed.scales(),
        fluctuations=computed.fluctuations(),
        saturated=alpha > order + 1 - SATURATION,
        cause=_causes(alpha, computed) if undefined or worst is None else _no_cause(alpha, computed),
    )
    return result, undefined


def _empty(breaks: Iterable[int]) -> bool:
    return not breaks if isinstance(breaks, tuple) else isinstance(breaks, Sized) and len(breaks) == 0


def _of_one(x: npt.NDArray[np.float64], order: int, method: Method, confidence: float) -> DFAResult | None:
    """The result for one series with default box sizes; None if `result_of` has to find it."""
    if type(order) is not int or type(method) is not str:
        return None
    of_length = _one_estimate(len(x), order, method, confidence)
    found = None if of_length is None else of_length[0](x)
    if of_length is None or found is None:
        return None
    alpha, stderr, low, high, r_squared, adequacy = map(np.float64, found[:-1])
    scales, saturation = of_length[1:]
    return DFAResult(
        alpha, stderr, low, high, r_squared, adequacy, scales, np.sqrt(found.mean_square), np.bool_(found.alpha > saturation)
    )


@lru_cache(maxsize=32)
def _one_estimate(n: int, order: int, method: Method, confidence: float) -> tuple[OneEstimate, npt.NDArray[np.int_], float] | None:
    """What estimates α of series of one length, the box sizes, and the α above which an α is saturated."""
    check_method(method)
    check_confidence(confidence)
    sizes = method_sizes(n, check_order(order), method)
    compute = one_series(n, sizes, order, overlap_of(method))
    if compute is None:
        return None
    table = calibration_for(n, sizes, order, method)
    estimate = OneEstimate(compute, n, sizes, table, normal_quantile(confidence), slope=method == "ols")
    return estimate, scales_of(sizes), order + 1 - SATURATION


def check_method(method: str) -> None:
    """Raise a ValueError that lists the methods if `method` is unknown."""
    if method not in METHODS:
        msg = f"method must be one of {', '.join(map(repr, METHODS))}, got {method!r}"
        raise ValueError(msg)


def check_confidence(confidence: float) -> None:
    """Raise a ValueError unless the confidence is between 0 and 1."""
    if not 0 < confidence < 1:
        msg = f"confidence must be between 0 and 1, got {confidence}; 0.95 is usual"
        raise ValueError(msg)


@lru_cache(maxsize=16)
def normal_quantile(confidence: float) -> float:
    """How many standard deviations on each side of the mean hold this share of a normal distribution."""
    from statistics import NormalDist  # noqa: PLC0415 - 10 ms that importing wcdfa would cost

    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _no_cause(alpha: Array, computed: MeanSquares) -> Array | np.int8:
    """That no α is NaN."""
    return NO_CAUSE if computed.xp is NUMPY and alpha.ndim == 0 else computed.xp.zeros_like(alpha, dtype=computed.xp.int8)


def _causes(alpha: Array, computed: MeanSquares) -> Array:
    """Why each α is NaN, 0 where it is not."""
    xp, series = computed.xp, computed.series
    spread = xp.max(series, axis=-1) - xp.min(series, axis=-1)
    if spread.ndim > alpha.ndim:
        spread = xp.sum(spread, axis=-1)  # over the coordinates
    undefined, varies, infinite = (xp.astype(each, xp.int8) for each in (xp.isnan(alpha), spread != 0, ~xp.isfinite(spread)))
    return undefined * (CONSTANT + varies + infinite)


def _warn(result: DFAResult) -> None:
    xp, shape = namespace_of(result.cause), result.cause.shape
    count = int(xp.sum(xp.astype(result.cause != 0, xp.int32)))
    which = f"alpha is NaN for {count} of {math.prod(shape)} series" if shape else "alpha is NaN"
    warnings.warn(f"{which}: {result.reason}", DFAWarning, stacklevel=3)
