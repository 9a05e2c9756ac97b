"""`coupling_matrix`: which of several series move together, and which still do when the others are taken out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wcdfa.cross.all_pairs import coefficients, pairs_of, simulated
from wcdfa.cross.compare import NullName, memory_of
from wcdfa.cross.coupling import check_null
from wcdfa.cross.fluctuation import z_of
from wcdfa.cross.frame import Frame, frame_of
from wcdfa.cross.null import null_of
from wcdfa.cross.partial import matrices, partial_and_multiple
from wcdfa.cross.result import WHY
from wcdfa.cross.sentences import matrix_sentence
from wcdfa.cross.series import Side, on_host, side_of
from wcdfa.inference.exponent import ROUNDING, check_confidence
from wcdfa.kernel.checks import saying_where_time_runs
from wcdfa.kernel.fluctuation import scales_of
from wcdfa.support.aliases import Series

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.kernel.arrays import Array

REASONS = {cause: text.format("a series") for cause, text in WHY.items()}
ONE_RHYTHM = "two series have one rhythm and little else, so that ρ is near 1 or -1 at every size with or without a coupling"
SINGULAR = "some series are sums of others, up to rounding, so that the others cannot be taken out"


class CouplingMatrix(NamedTuple):
    """The result of `coupling_matrix` for C series: arrays with the batch shape ``(...)``, NaN where there is no number."""

    rho: Any
    """ρ(s) of each pair, shape (..., C, C, k), 1 on the diagonal."""
    low: Any
    """Lower end of the interval of ρ(s), at each size on its own."""
    high: Any
    """Upper end of the interval of ρ(s)."""
    p_value: Any
    """p-value of each pair over all sizes, shape (..., C, C); NaN on the diagonal."""
    p_corrected: Any
    """The same, corrected for the number of pairs: how often the most coupled pair of as many independent series is as far from 0."""
    partial: Any
    """ρ(s) of each pair when the other series are taken out of both, shape (..., C, C, k)."""
    partial_p_value: Any
    """p-value of the partial ρ(s) over all sizes, shape (..., C, C)."""
    multiple: Any
    """Share of F²(s) of each series that the others explain, shape (..., C, k)."""
    alpha: Any
    """α of each series, shape (..., C)."""
    scales: Any
    """Box sizes in samples, shape ``(k,)``."""
    cause: Any
    """Why a series is left out, as a key of `wcdfa.cross.matrix.REASONS`; 0 if it is not. Shape (..., C)."""
    singular: Any
    """Whether the others cannot be taken out at a size, because some series are sums of others. Shape (..., k)."""

    def __str__(self) -> str:
        """Which pairs are coupled, in a sentence."""
        return matrix_sentence(self)

    @property
    def reason(self) -> str | None:
        """Why a series, or a pair, is left out, in words; None if none is."""
        if left_out := REASONS.get(int(np.max(self.cause, initial=0))):
            return left_out
        pairs = (..., *pairs_of(self.alpha.shape[-1]))
        return ONE_RHYTHM if np.isnan(np.asarray(self.p_value)[pairs]).any() else None

    @property
    def partial_reason(self) -> str | None:
        """Why there are sizes without partial ρ, in words; None if there are none."""
        return SINGULAR if np.any(self.singular) else None

    def at(self, *index: int) -> CouplingMatrix:
        """The result of one member of a batch."""
        return CouplingMatrix(**{name: part if name == "scales" else part[index] for name, part in self._asdict().items()})


def coupling_matrix(
    x: Array | npt.ArrayLike,
    /,
    *,
    scales: Iterable[int] | None = None,
    order: int = 1,
    axis: int = -1,
    breaks: Iterable[int] = (),
    null: NullName = "memory",
    replicates: int = 999,
    confidence: float = 0.95,
    seed: int = 0,
) -> CouplingMatrix:
    """Tell which of several series move together, and which still do when the others are taken out: all pairs of `coupling` at once.

    >>> import numpy as np
    >>> import wcdfa
    >>> a, b, noise = wcdfa.synthetic.arfima(500, d=0.3, batch=(3,), seed=0)
    >>> print(wcdfa.coupling_matrix([a, a + noise, b]))
    1 of 3 pairs is coupled (p ≤ 0.05, corrected for 3 pairs): series 0 and 1 (p = 0.001)

    Parameters
    ----------
    x : array of shape (..., C, n)
        C series of n samples, at least two, each in any unit.
    scales, order, axis, breaks, null, replicates, confidence, seed
        As in `coupling`; of the other axes, the last one counts the series. `replicates` sets of C independent series are simulated: 20
        series of 500 samples take some seconds.

    Returns
    -------
    CouplingMatrix
        ``p_corrected`` allows for the number of pairs, by the distribution of the largest deviation among them: if no series are coupled,
        any of them is below 0.05 in 5 % of cases. A series that is constant or not finite is left out. The partial ρ needs more boxes
        than series.

    Raises
    ------
    TypeError, ValueError
        As `coupling`; and if there are fewer than two series.

    References
    ----------
    Partial ρ: N. Yuan et al., Sci. Rep. 5, 8143 (2015), doi:10.1038/srep08143; multiple ρ²: G. F. Zebende and A. M. da Silva Filho,
    Physica A 510, 91 (2018), doi:10.1016/j.physa.2018.06.119. Correction: P. H. Westfall and S. S. Young, Resampling-Based Multiple Testing
    (1993).
    """
    check_confidence(confidence)
    check_null(null, replicates, confidence)
    values = on_host(x, axis)
    if values.ndim < 2 or values.shape[-2] < 2:
        msg = f"x has shape {values.shape} with time along the last axis; a matrix needs at least two series, shape (..., C, n)"
        raise ValueError(msg)
    with saying_where_time_runs(values.shape):
        frame = frame_of(values.shape[-1], scales=scales, order=order, breaks=breaks, lags=None)
    side, batch = side_of(values, frame), values.shape[:-2]
    sets = [side.at(*place) for place in np.ndindex(*batch)]
    parts = [_of_set(frame, each, null, replicates, confidence, seed) for each in sets]
    empty = _without(values.shape[-2], len(frame.sizes))
    joined = {
        name: np.array([part[name] for part in parts], each.dtype).reshape(*batch, *each.shape) for name, each in empty.items()
    }
    return CouplingMatrix(**joined, scales=scales_of(frame.sizes))


def _of_set(
    frame: Frame, side: Side, null: NullName, replicates: int, confidence: float, seed: int
) -> dict[str, npt.NDArray[np.generic]]:
    """The result of one set of series, (C, n)."""
    count, cause = len(side.alpha), side.cause.copy()
    rho = matrices(coefficients(frame, side.values), count)  # (sizes, C, C)
    used = np.flatnonzero(cause == 0)
    bad = used[np.isnan(rho[:, used[:, None], used]).all(axis=-1).any(axis=0)] if len(used) > 1 else used[:0]
    cause[bad] = ROUNDING
    used = np.flatnonzero(cause == 0)
    found = _without(count, len(frame.sizes)) | {"alpha": np.where(cause == 0, side.alpha, math.nan), "cause": cause}
    if len(used) < 2:
        return found
    own = rho[:, used[:, None], used]
    partial, multiple, usable = partial_and_multiple(own)
    z_null = simulated(frame, [memory_of(side.at(int(i)), null) for i in used], replicates, seed)
    block = np.ix_(used, used)
    found["rho"][block], found["partial"][block] = np.moveaxis(own, 0, -1), np.moveaxis(partial, 0, -1)
    found["multiple"][used] = multiple.T
    found["singular"] = ~usable
    _test(found, used, z_null, confidence)
    return found


def _test(found: dict[str, Any], used: npt.NDArray[np.intp], z_null: Series, confidence: float) -> None:
    """Fill in the intervals and the p-values of all pairs of the series that are used."""
    first, second = (used[each] for each in pairs_of(len(used)))
    z, z_partial = (z_of(found[name][first, second]) for name in ("rho", "partial"))
    together = null_of(z_null)
    reach = together.reach(confidence)
    _both_ways(found["low"], first, second, np.minimum(np.tanh(z - reach), found["rho"][first, second]))
    _both_ways(found["high"], first, second, np.maximum(np.tanh(z + reach), found["rho"][first, second]))
    _both_ways(
        found["p_corrected"],
        first,
        second,
        np.array([together.p_of(each) for each in np.max(np.abs(z) / together.deviation, axis=-1)]),
    )
    _both_ways(found["p_value"], first, second, _alone(z_null, z))
    alike = np.flatnonzero(np.isnan(found["p_value"][first, second]))
    for name in ("low", "high", "p_corrected"):
        _both_ways(found[name], first[alike], second[alike], np.array(math.nan))
    sizes = np.isfinite(z_partial).all(axis=0)
    if sizes.any():
        simulated_partial = partial_and_multiple(matrices(np.tanh(z_null[..., sizes]), len(used)))[0]
        null_partial = z_of(np.moveaxis(simulated_partial, -3, -1)[(slice(None), *pairs_of(len(used)))])
        _both_ways(found["partial_p_value"], first, second, _alone(null_partial, z_partial[:, sizes]))


def _alone(z_null: Series, z: Series) -> Series:
    """The p-value of each pair over all sizes; NaN where ρ = ±1 tells nothing."""
    nulls = (null_of(z_null[:, [i]]) for i in range(len(z)))
    return np.array([math.nan if null.alike else null.p_value(z[[i]]) for i, null in enumerate(nulls)])


def _both_ways(target: Series, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp], values: Series) -> None:
    target[first, second] = target[second, first] = values


def _without(count: int, sizes: int) -> dict[str, npt.NDArray[Any]]:
    by_size = {name: np.full((count, count, sizes), math.nan) for name in ("rho", "low", "high", "partial")}
    by_series = {"alpha": np.full(count, math.nan), "cause": np.zeros(count, np.int8)}
    by_pair = {name: np.full((count, count), math.nan) for name in ("p_value", "p_corrected", "partial_p_value")}
    return {**by_size, **by_pair, **by_series, "multiple": np.full((count, sizes), math.nan), "singular": np.zeros(sizes, np.bool_)}
