"""`coupling`: whether two series move together, at which box sizes and how closely."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from wcdfa.cross.compare import NullName, compared, null_maker
from wcdfa.cross.fluctuation import batch_of
from wcdfa.cross.frame import frame_of
from wcdfa.cross.null import least_replicates
from wcdfa.cross.result import Coupling
from wcdfa.cross.series import both, side_of
from wcdfa.inference.exponent import check_confidence
from wcdfa.kernel.checks import saying_where_time_runs

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.kernel.arrays import Array

__all__ = ["Coupling", "coupling"]

NULLS = get_args(NullName)
FEWEST_REPLICATES = 19


def coupling(
    x: Array | npt.ArrayLike,
    y: Array | npt.ArrayLike,
    /,
    *,
    scales: Iterable[int] | None = None,
    order: int = 1,
    axis: int = -1,
    breaks: Iterable[int] = (),
    lags: Iterable[int] | None = None,
    null: NullName = "memory",
    replicates: int = 999,
    confidence: float = 0.95,
    seed: int = 0,
) -> Coupling:
    """Tell whether two series move together, at which box sizes and how closely: ρ(s) with its interval and p-values.

    >>> import wcdfa
    >>> x, noise = wcdfa.synthetic.arfima(500, d=0.5, batch=(2,), seed=0)
    >>> print(wcdfa.coupling(x, noise))
    no coupling found (p = 0.45)
    >>> print(wcdfa.coupling(x, 0.5 * x + noise))
    coupled (p = 0.001): ρ = 0.45 (0.38 to 0.52) at boxes of 3 samples

    Independent series with long memory often look correlated: at α = 1 and 500 samples, the usual test of a correlation finds one in half
    of all pairs. So ρ(s) is compared with that of pairs of independent series with the same two memories.

    Parameters
    ----------
    x, y : arrays of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        Series of the same length, sample by sample, each in any unit. Batch shapes broadcast. The computation is in NumPy.
    scales : integers, optional
        Box sizes in samples. Default: those of `dfa` that at least seven boxes fit in, which overlap by half: up to a quarter of the
        series, at most 2,048.
    order, axis, breaks
        As in `dfa`, for both series.
    lags : integers, optional
        Lags in samples to compare at, such as ``range(-10, 11)``. At a positive lag y follows x.
    null : "memory" or "phase"
        What pairs without coupling are like. "memory": Gaussian ARFIMA with the α of x and the α of y (by ``method="gls"``); such pairs
        are kept, so that the next comparison with these α takes little time, up to
        256 MB of them. If log F(s) of a series is not that of ARFIMA (`adequacy`
        below 0.1), series with its spectrum and random phases are used instead. "phase": random phases for every series.
    replicates : int
        How many pairs without coupling are simulated, at least 19; p-values are at least ``1 / (replicates + 1)``.
    confidence : float
        Level of the intervals, between 0 and 1.
    seed : int
        Seed of the simulation.

    Returns
    -------
    Coupling
        Its ``str`` is a sentence. Where a series is constant or not finite, its numbers are NaN and ``reason`` says why.

    Raises
    ------
    TypeError, ValueError
        As `cross_fluctuations` and `dfa`; and if the series are too short, or a lag, the null or the number of replicates is out of range.

    References
    ----------
    G. F. Zebende, Physica A 390, 614 (2011), doi:10.1016/j.physa.2010.10.022; tests of ρ(s): B. Podobnik et al., Phys. Rev. E 84, 066118
    (2011), doi:10.1103/PhysRevE.84.066118; λ: B. Podobnik and H. E. Stanley, Phys. Rev. Lett. 100, 084102 (2008),
    doi:10.1103/PhysRevLett.100.084102.
    """
    check_confidence(confidence)
    check_null(null, replicates, confidence)
    left, right = both(x, y, axis)
    with saying_where_time_runs(left.shape):
        frame = frame_of(left.shape[-1], scales=scales, order=order, breaks=breaks, lags=lags)
    batch = batch_of(left.shape, right.shape)
    of_x, of_y = (side_of(each, frame).spread_to(batch) for each in (left, right))
    found = compared(frame, of_x, of_y, null_maker(frame, null, replicates, seed), confidence)
    return found.shaped(batch, with_lags=lags is not None)


def check_null(null: str, replicates: int, confidence: float = 0.95) -> None:
    """Raise a ValueError if the null is unknown or has too few pairs for the intervals."""
    if null not in NULLS:
        msg = f"null must be one of {', '.join(map(repr, NULLS))}, got {null!r}"
        raise ValueError(msg)
    if replicates < FEWEST_REPLICATES:
        msg = f"replicates must be at least {FEWEST_REPLICATES}, with which p can be 0.05, got {replicates}; 999 is usual"
        raise ValueError(msg)
    if replicates < (needed := least_replicates(confidence)):
        msg = f"replicates must be at least {needed:,} for confidence={confidence}, got {replicates:,}; use more, or a lower confidence"
        raise ValueError(msg)
