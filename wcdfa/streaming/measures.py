"""F(s) and α of a stream."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.inference.calibration_tables import calibration_for
from wcdfa.inference.estimators import calibrated_estimate, least_squares
from wcdfa.inference.exponent import CONSTANT, NO_CAUSE, ROUNDING, SATURATION, DFAResult, check_confidence, normal_quantile
from wcdfa.kernel.arrays import NUMPY
from wcdfa.kernel.checks import check_sizes
from wcdfa.kernel.fluctuation import scales_of
from wcdfa.kernel.rounding import floor_of_extremes
from wcdfa.scales import default_sizes
from wcdfa.streaming.checks import LAST
from wcdfa.support.text import several

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.kernel.polynomials import Matrix
    from wcdfa.streaming.pieces import Pieces


TABLES = 3e-4  # to this the tables of the calibration give α, which only shows for a hundred million samples and more


def fluctuations_of(pieces: Pieces, scales: Iterable[int] | None) -> tuple[npt.NDArray[np.int_], Matrix]:
    """Box sizes and F(s)."""
    sizes = _default_sizes(pieces, ", or give scales= yourself") if scales is None else _checked_sizes(pieces, scales)
    return scales_of(sizes), np.sqrt(_mean_squares(pieces, sizes))


def _mean_squares(pieces: Pieces, sizes: tuple[int, ...]) -> Matrix:
    settled = pieces.settled()
    return np.array([settled.mean_square(size) for size in sizes])


def _default_sizes(pieces: Pieces, otherwise: str = "") -> tuple[int, ...]:
    """The default sizes; raises if there are too few samples. `otherwise` is another way out than to push more."""
    fewest, smallest = 4 * pieces.chains[-1].base, pieces.chains[0].base  # four boxes of each of the four smallest sizes
    if pieces.count < fewest:
        count = several(pieces.count, "sample", "samples")
        msg = f"the stream has {count}, and its default box sizes of order {pieces.order} need at least {fewest}: push more"
        raise ValueError(msg + (otherwise if pieces.count >= smallest else ""))
    return default_sizes(pieces.count, pieces.order)


def _checked_sizes(pieces: Pieces, scales: Iterable[int]) -> tuple[int, ...]:
    sizes = check_sizes(scales, LAST, pieces.order)
    for size in sizes:
        if pieces.chain_of(size) is None:
            bases = ", ".join(str(chain.base) for chain in pieces.chains)
            msg = f"a stream of order {pieces.order} has boxes of {bases} samples and their doublings, not of {size}"
            raise ValueError(msg)
        if size > pieces.count:
            count = several(pieces.count, "sample", "samples")
            msg = f"box size {size} is above the length of the stream, {count}; push more, or use smaller sizes"
            raise ValueError(msg)
        if not pieces.boxes(size):
            msg = f"no box of {size} samples is complete in samples {pieces.start} to {pieces.stop - 1}; push more, or use smaller sizes"
            raise ValueError(msg)
    return sizes


def exponent_of(pieces: Pieces, low: int | None, high: int | None, confidence: float) -> DFAResult:
    """α over a range of box sizes."""
    check_confidence(confidence)
    known = _default_sizes(pieces)
    sizes = tuple(size for size in known if (low is None or size >= low) and (high is None or size <= high))
    if len(sizes) < 2:
        wanted = f"from {known[0] if low is None else low} to {known[-1] if high is None else high}"
        msg = f"a line needs at least two box sizes, and the stream has {len(sizes)} {wanted}; there are {known[0]} to {known[-1]}"
        raise ValueError(msg)
    return _result(pieces, sizes, confidence)


def _result(pieces: Pieces, sizes: tuple[int, ...], confidence: float) -> DFAResult:
    values, floor = _mean_squares(pieces, sizes), floor_of_extremes(pieces.low, pieces.high, sizes)
    table = calibration_for(pieces.count, sizes, pieces.order, "ols")
    estimate = calibrated_estimate(values, floor, table, normal_quantile(confidence), NUMPY)
    centre = float(estimate.alpha)
    alpha, r_squared = least_squares(values, floor, sizes, NUMPY)
    return DFAResult(
        alpha=alpha,
        stderr=estimate.stderr,
        low=np.float64(centre - math.hypot(centre - float(estimate.low), TABLES)),
        high=np.float64(centre + math.hypot(float(estimate.high) - centre, TABLES)),
        r_squared=r_squared,
        adequacy=estimate.adequacy,
        scales=scales_of(sizes),
        fluctuations=np.sqrt(values),
        saturated=alpha > pieces.order + 1 - SATURATION,
        cause=NO_CAUSE if math.isfinite(float(alpha)) else np.int8(CONSTANT if pieces.low == pieces.high else ROUNDING),
    )
