"""F²(s) of series with gaps: boxes are laid by time, and residuals are those at the samples that are present.

In each box, samples are first taken relative to the polynomial of degree ``order - 1`` that fits those present (for order 1: their mean).
Their running sum is the profile, to which a missing sample adds nothing. The polynomial of degree ``order`` is fitted to the profile where
samples are present, and only there residuals count. So, as without gaps, nothing outside a box affects it, and a trend that the order
removes is removed exactly. Without gaps all this is the usual F²(s).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from wcdfa.kernel.arrays import NUMPY, Array, Namespace, is_jax, matmul_of
from wcdfa.kernel.boxes import Layout
from wcdfa.kernel.polynomials import Matrix, evaluate, frozen

if TYPE_CHECKING:
    import numpy.typing as npt

LEAST = 0.5  # a box counts if it holds at least this share of what boxes of its size hold on average, and order + 2 samples
SLAB = 1 << 15  # numbers that are held at a time
KEPT = 1 << 13  # samples of a series up to which the constants of its boxes are kept


class Gaps(NamedTuple):
    """Which samples of a series are present: a pattern of gaps, by which what is computed for it is kept."""

    n: int
    packed: bytes
    stretches: tuple[int, ...]  # lengths between breaks, which add up to n

    @classmethod
    def of(cls, present: npt.NDArray[np.bool_], stretches: tuple[int, ...] = ()) -> Self:
        """The pattern of a series.

        >>> Gaps.of(np.array([True, False, True])).present()
        array([ True, False,  True])
        """
        return cls(len(present), np.packbits(present).tobytes(), stretches or (len(present),))

    def present(self) -> npt.NDArray[np.bool_]:
        """One truth value for each sample."""
        return np.unpackbits(np.frombuffer(self.packed, dtype=np.uint8), count=self.n).astype(bool)

    def complete(self) -> bool:
        """Whether nothing is missing."""
        return bool(self.present().all())

    def part(self, start: int, stop: int) -> Gaps:
        """The pattern of some of the samples."""
        ends = {start, stop, *(end for end in accumulate(self.stretches) if start < end < stop)}
        return Gaps.of(self.present()[start:stop], tuple(b - a for a, b in pairwise(sorted(ends))))


class Boxes(NamedTuple):
    """The boxes of one size that count."""

    places: npt.NDArray[np.intp]  # (boxes, size): where each sample stands among those present; for a missing one a neighbour
    basis: Matrix  # (boxes, size, order + 1): polynomials orthonormal on the samples present, 0 at the others
    present: Matrix  # (boxes, size), 1 or 0
    counts: Matrix  # (boxes,): samples present


def mean_squares_with_gaps(x: Array, gaps: Gaps, sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> Array:
    """F²(s) from the samples that are present, x of shape (..., m): ``(..., k)``, NaN for a size of which no box counts."""
    each = box_residuals_with_gaps(x, gaps, sizes, order, layout, xp)
    return xp.stack([xp.mean(of, axis=-1) if of.shape[-1] else x[..., 0] * xp.nan for of in each], axis=-1)


def box_residuals_with_gaps(x: Array, gaps: Gaps, sizes: tuple[int, ...], order: int, layout: Layout, xp: Namespace) -> list[Array]:
    """The mean squared residual of each box that counts, from x of shape (..., m): ``(..., boxes)`` for each size."""
    single = xp is NUMPY and x.dtype == np.float32
    columns = xp.matrix_transpose(xp.reshape(xp.astype(x, np.float64) if single else x, (-1, x.shape[-1])))
    found = []
    for size in sizes:
        boxes = boxes_with_gaps(gaps, size, order, layout)
        parts = [_residuals(columns, part, order, xp) for part in _slabs(boxes, columns.shape[-1])]
        joined = xp.concat(parts, axis=0) if parts else columns[:0, :]
        joined = xp.reshape(xp.matrix_transpose(joined), (*x.shape[:-1], joined.shape[0]))
        found.append(xp.astype(joined, np.float32) if single else joined)
    return found


def _residuals(columns: Array, boxes: Boxes, order: int, xp: Namespace) -> Array:
    """The mean squared residual in each box, ``(boxes, series)``."""
    count, size = boxes.places.shape
    index = xp.asarray(boxes.places.ravel(), device=None if is_jax(xp) else columns.device)
    values = xp.reshape(xp.take(columns, index, axis=0), (count, size, columns.shape[-1]))
    basis, present = (_like(each, columns, xp) for each in (boxes.basis, boxes.present[..., None]))
    profile = xp.cumulative_sum(_without((values - values[:, :1, :]) * present, basis[..., :order], xp), axis=1) * present
    residuals = _without(profile, basis, xp)
    return xp.sum(residuals * residuals, axis=1) / _like(boxes.counts, columns, xp)[:, None]


def _without(values: Array, basis: Array, xp: Namespace) -> Array:
    matmul = matmul_of(xp)
    return values - matmul(basis, matmul(xp.matrix_transpose(basis), values))


def _like(values: Matrix, columns: Array, xp: Namespace) -> Array:
    return (
        values if xp is NUMPY else xp.asarray(np.array(values), dtype=columns.dtype, device=None if is_jax(xp) else columns.device)
    )


def _slabs(boxes: Boxes, series: int) -> Iterator[Boxes]:
    """A few boxes at a time."""
    count, size = boxes.places.shape
    step = max(1, SLAB // (size * max(series, 1)))
    for start in range(0, count, step):
        chosen = slice(start, start + step)
        yield Boxes(boxes.places[chosen], boxes.basis[chosen], boxes.present[chosen], boxes.counts[chosen])


def boxes_with_gaps(gaps: Gaps, size: int, order: int, layout: Layout) -> Boxes:
    """The boxes of one size that count; none if too few samples are present in all of them."""
    return _kept(gaps, size, order, layout) if gaps.n <= KEPT else _boxes(gaps, size, order, layout)


def _boxes(gaps: Gaps, size: int, order: int, layout: Layout) -> Boxes:
    present = gaps.present()
    starts = np.array(
        [
            end - n + start
            for n, end in zip(gaps.stretches, accumulate(gaps.stretches), strict=True)
            for span in layout.starts(n, size)
            for start in span
        ],
        dtype=np.intp,
    )
    before = np.concatenate([[0], np.cumsum(present)])
    counts = before[starts + size] - before[starts]
    enough = counts >= max(order + 2, LEAST * float(np.mean(counts)) if len(counts) else 0.0)
    starts, counts = starts[enough], counts[enough]
    places = starts[:, None] + np.arange(size)
    inside = present[places]
    neighbour = np.maximum(
        before[places + 1] - 1, before[starts][:, None]
    )  # the sample before a missing one, or the first of the box
    basis = _orthonormal(inside, size, order)
    return Boxes(neighbour, frozen(basis), frozen(inside.astype(np.float64)), frozen(counts.astype(np.float64)))


_kept = lru_cache(maxsize=128)(_boxes)


def _orthonormal(inside: npt.NDArray[np.bool_], size: int, order: int) -> Matrix:
    """Polynomials of degree 0 to `order`, orthonormal on the samples that are present, by Gram and Schmidt; twice, so to rounding."""
    powers = evaluate(np.arange(size, dtype=np.float64), size, order)
    basis = np.zeros((*inside.shape, order + 1))
    for k in range(order + 1):
        column = inside * powers[:, k]
        for _ in range(2):
            column = column - np.einsum("bsk,bk->bs", basis[..., :k], np.einsum("bsk,bs->bk", basis[..., :k], column))
        basis[..., k] = column / np.sqrt(np.sum(column**2, axis=-1, keepdims=True))
    return basis
