"""α of series with gaps: those with one pattern of gaps are measured together, with the calibration for that pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wcdfa.inference.calibration_tables import method_sizes, overlap_of
from wcdfa.inference.effective_number import LAGS, inverse_effective_number
from wcdfa.inference.exponent import EMPTY, TOO_FEW, DFAResult, result_of
from wcdfa.inference.vector_fluctuation import Computed, summed
from wcdfa.kernel.arrays import NUMPY, Array, is_jax
from wcdfa.kernel.boxes import Layout
from wcdfa.kernel.gapped import Gaps, boxes_with_gaps
from wcdfa.kernel.gapped_fluctuation import Group, Grouped, grouped, in_order, mean_squares_of
from wcdfa.kernel.missing import in_numpy
from wcdfa.scales import FEWEST_SIZES, default_sizes, half_sizes

if TYPE_CHECKING:
    from wcdfa.inference.calibration import Method
    from wcdfa.kernel.fluctuation import MeanSquares
    from wcdfa.kernel.missing import Found

BOXES = 2  # a size counts if so many of its boxes do


def measured_with_gaps(
    found: Found, *, order: int, scales: tuple[int, ...] | None, method: Method, confidence: float, vector: bool
) -> tuple[DFAResult, bool]:
    """The result for all series, and whether an α is known to be NaN; for a vector, coordinates lie along the last axis but one."""
    found, back = in_numpy(found)
    of = grouped(found, scales, order, default_sizes if method == "ols" else half_sizes, inner=1 if vector else 0)
    kept = [_counting(group.gaps, of.sizes, of.order, method) for group in of.groups]
    fewest = FEWEST_SIZES if scales is None else 2
    union = tuple(sorted({size for sizes in kept if len(sizes) >= fewest for size in sizes})) or of.sizes
    parts, undefined = [], False
    for group, sizes in zip(of.groups, kept, strict=True):
        enough = len(sizes) >= fewest
        computed = _computed(group, sizes if enough else of.sizes, of, method, vector=vector)
        if enough:
            result, unknown = result_of(computed, of.order, method, confidence, None if group.gaps.complete() else group.gaps)
        else:
            result, unknown = _no_alpha(computed.total, TOO_FEW if group.series.shape[-1] else EMPTY), True
        parts.append(_with_sizes(result, sizes if enough else of.sizes, union, computed.total))
        undefined |= unknown
    return DFAResult(*map(back, _together(parts, of, union))), undefined


def _counting(gaps: Gaps, sizes: tuple[int, ...], order: int, method: str) -> tuple[int, ...]:
    """The sizes of which enough boxes hold enough samples; none if the series is too short altogether."""
    layout = Layout(overlap_of(method))
    try:
        method_sizes(gaps.n, order, method)
    except ValueError:  # so short a series has no calibration
        return ()
    return tuple(size for size in sizes if len(boxes_with_gaps(gaps, size, order, layout).counts) >= BOXES)


def _computed(group: Group, sizes: tuple[int, ...], of: Grouped, method: str, *, vector: bool) -> Computed:
    each = mean_squares_of(group, sizes, of.order, Layout(overlap_of(method)), of.xp)
    if not vector:
        return Computed(each, each)
    if (count := group.series.shape[-2]) == 1:
        return Computed(summed(each), each)
    return Computed(summed(each), each, inverse_effective_number(group.series, of.xp, _runs(group.gaps)), count)


def _runs(gaps: Gaps) -> tuple[int, ...]:
    """Lengths of the runs of present samples; none if they are too short for an autoregression, which then goes across the gaps."""
    present = np.flatnonzero(gaps.present())
    lengths = np.diff(np.concatenate([[0], np.flatnonzero(np.diff(present) > 1) + 1, [len(present)]]))
    return tuple(lengths.tolist()) if np.maximum(lengths - LAGS, 0).sum() > len(present) / 2 else ()


def _no_alpha(computed: MeanSquares, cause: int) -> DFAResult:
    xp, unknown = computed.xp, computed.values[..., 0] * computed.xp.nan
    causes: Array = xp.zeros_like(unknown, dtype=xp.int8) + cause
    of_sizes = computed.scales(), computed.fluctuations()
    return DFAResult(unknown, unknown, unknown, unknown, unknown, unknown, *of_sizes, unknown > 0, causes)


def _with_sizes(result: DFAResult, sizes: tuple[int, ...], union: tuple[int, ...], computed: MeanSquares) -> DFAResult:
    """The result with F(s) at all sizes of the batch, NaN where too few boxes count."""
    if sizes == union:
        return result
    xp, values = computed.xp, result.fluctuations
    device = None if is_jax(xp) else values.device
    places = [sizes.index(size) if size in sizes else len(sizes) for size in union]
    wide = xp.concat([values, values[..., :1] * xp.nan], axis=-1)
    return result._replace(fluctuations=xp.take(wide, xp.asarray(np.array(places), device=device), axis=-1))


def _together(parts: list[DFAResult], of: Grouped, sizes: tuple[int, ...]) -> DFAResult:
    scales = next(part.scales for part in parts if part.scales.shape[0] == len(sizes))
    joined: dict[str, Array] = {
        name: in_order([getattr(part, name) for part in parts], of.groups, of.batch, of.xp)
        for name in DFAResult._fields
        if name != "scales"
    }
    numbers = of.xp is NUMPY and not of.batch  # as without gaps
    return DFAResult(**{name: part[()] if numbers else part for name, part in joined.items()}, scales=scales)
