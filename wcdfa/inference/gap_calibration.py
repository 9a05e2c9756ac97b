"""The calibration for a pattern of gaps: what the gaps do to the mean and covariance of log F(s), from simulated series.

At a few α, series are simulated and F(s) is measured twice, complete and with the gaps. The mean and covariance of the complete log F are
known. So only what the gaps change has to be found, by regression of the one log F on the other, and few series are enough. The same
random numbers serve all α, so what is found is smooth and interpolated. Of a long series, pieces are simulated.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from wcdfa.inference.approximate_moments import arfima_of, of_sizes
from wcdfa.inference.calibration import LEVELS, STEP, Calibration, calibrate, grid, misfit_alphas, step_for
from wcdfa.inference.calibration_tables import chi_square_quantiles, method_sizes, moments_for, overlap_of
from wcdfa.inference.estimators import calibrated_estimate
from wcdfa.inference.moments import PHI, Moments, alpha_range, interpolation, nodes, root_of
from wcdfa.inference.vector_moments import misfit_of_vector, of_vector
from wcdfa.kernel.arrays import NUMPY, Array, Namespace, constant, matmul_of
from wcdfa.kernel.boxes import Layout
from wcdfa.kernel.fluctuation import fluctuations
from wcdfa.kernel.gapped import Gaps, boxes_with_gaps, mean_squares_with_gaps
from wcdfa.kernel.polynomials import Matrix, frozen
from wcdfa.scales import LARGEST_EXACT
from wcdfa.support.progress import Progress
from wcdfa.synthetic import autoregressive

PIECE = 4096  # samples that are simulated at most …
PIECES = 4  # … and how many such pieces of a longer series, evenly spread
FEWEST, MOST, SAMPLES = 200, 600, 1 << 19  # series simulated at each α, and about how many samples they have in all
IN_PIECE = 120  # of each of several pieces
NODES = {1: 7, 2: 9, 3: 11, 4: 13}  # how many α, for each order
FILTERED = 40  # of the series at each α show what an additional AR(1) does
WORST = 0.1  # probability of the misfit by which the p-value is scaled


class GapMoments(NamedTuple):
    """Moments of log F(s) with gaps, and how they differ from those without."""

    moments: Moments
    misfit: Matrix | None
    shift: Matrix  # (nodes, sizes): by how much gaps raise the mean of log F


class _Sample(NamedTuple):
    """A piece of the series to simulate."""

    gaps: Gaps
    kept: list[int]  # positions of the sizes of which a box counts
    sizes: tuple[int, ...]  # those sizes
    weights: Matrix  # (kept,): boxes of each of them
    complete: Moments  # of the piece without gaps


class _Drawn(NamedTuple):
    """Log F(s) of simulated series at one α."""

    complete: Matrix  # (series, sizes)
    gapped: Matrix  # (series, sizes)
    memory: Matrix  # (sizes,): how log F with gaps changes with the coefficient of an additional AR(1)


class _Found(NamedTuple):
    """What gaps do to a piece at one α."""

    raised: Matrix  # (kept,): by how much they raise ½ log E F²
    gapped: Matrix  # (kept, kept): covariance of log F
    complete: Matrix  # (kept, kept): the same without gaps
    memory: Matrix  # (kept,)


class _Change(NamedTuple):
    """What gaps do to the whole series at one α, or at several."""

    raised: Matrix  # (sizes,)
    factor: Matrix  # (sizes, sizes), T: the covariance is R T Tᵀ Rᵀ, with R the root of the complete one
    memory: Matrix  # (sizes,)


@lru_cache(maxsize=64)
def calibration_with_gaps(gaps: Gaps, sizes: tuple[int, ...], order: int, method: str, coordinates: int = 1) -> Calibration:
    """The constants for series with this pattern of gaps."""
    moments, misfit, _ = moments_with_gaps(gaps, sizes, order, method)
    if coordinates > 1:
        if misfit is not None:
            misfit = misfit_of_vector(moments, misfit, coordinates, sizes=sizes, order=order, method=method)
        moments = of_vector(moments, coordinates)
    return calibrate(moments, misfit, sizes=sizes, order=order, method=method, step=step_for(gaps.n))


@lru_cache(maxsize=64)
def moments_with_gaps(gaps: Gaps, sizes: tuple[int, ...], order: int, method: str) -> GapMoments:
    """Moments of log F(s) of one coordinate, and the quantiles of the misfit."""
    complete, misfit = _complete(gaps, sizes, order, method)
    change, drawn = _change(gaps, sizes, order, overlap_of(method))
    root = complete.root @ change.factor
    shift = change.raised - np.sum(root**2, axis=-1) + np.sum(complete.root**2, axis=-1)
    moments = Moments(complete.alphas, complete.mean + shift, root, change.memory)
    if misfit is not None and drawn:
        misfit = misfit * _widening(drawn, moments, misfit, sizes, order, method)[:, None]
    return GapMoments(moments, misfit, shift)


@lru_cache(maxsize=64)
def _change(gaps: Gaps, sizes: tuple[int, ...], order: int, overlap: float) -> tuple[_Change, list[Matrix]]:
    """What gaps do at the nodes of α, and, unless pieces were simulated, log F with gaps at each simulated α."""
    method = "gls" if overlap else "ols"  # one of those with these boxes
    samples = [_sample(piece, sizes, order, method) for piece in _pieces(gaps)]
    changes, drawn = [], []
    with Progress(f"calibrating for gaps in {gaps.n:,} samples", len(samples) * NODES[order]) as progress:
        for alpha in _alphas(order):
            found = []
            for sample in samples:
                drawn.append(_drawn(sample, float(alpha), order, overlap, len(samples)))
                found.append(_found(sample, drawn[-1], float(alpha), order))
                progress.advance()
            changes.append(_joined(samples, found, len(sizes)))
    between = _interpolation(order)
    change = _Change(*(np.tensordot(between, np.array(part), 1) for part in zip(*changes, strict=True)))
    return change, [each.gapped for each in drawn] if len(samples) == 1 else []


def as_without_gaps(
    mean_square: Array, alpha: Array, gaps: Gaps, sizes: tuple[int, ...], order: int, method: str, xp: Namespace
) -> Array:
    """F²(s) less what the gaps change of it on average at this α."""
    alphas, shift = constant(_shift_on_grid, gaps, sizes, order, method, xp=xp, like=mean_square)
    share = xp.maximum(1 - xp.abs(alpha[..., None] - alphas) / STEP, 0.0)  # linear between the points of the grid
    return mean_square * xp.exp(-2 * matmul_of(xp)(share, shift))


@lru_cache(maxsize=64)
def _shift_on_grid(gaps: Gaps, sizes: tuple[int, ...], order: int, method: str) -> tuple[Matrix, Matrix]:
    """The grid of α, and by how much gaps raise the mean of log F there, ``(alphas, sizes)``."""
    alphas = grid(order)
    return frozen(alphas), frozen(interpolation(order, alphas) @ moments_with_gaps(gaps, sizes, order, method).shift)


def _complete(gaps: Gaps, sizes: tuple[int, ...], order: int, method: str) -> tuple[Moments, Matrix | None]:
    """Moments and misfit of the same series without gaps."""
    stretches = gaps.stretches if len(gaps.stretches) > 1 or gaps.n <= LARGEST_EXACT else ()  # with them, lengths that ship will do
    known = method_sizes(gaps.n, order, method)
    if not set(sizes) <= set(known):
        return moments_for(gaps.n, sizes, order, method, stretches)
    wide = known[: known.index(sizes[-1]) + 1]
    moments, misfit = moments_for(gaps.n, wide, order, method, stretches)
    if wide == sizes:
        return moments, misfit
    if misfit is not None and len(sizes) > 2:
        misfit = misfit * chi_square_quantiles(len(sizes) - 2) / chi_square_quantiles(len(wide) - 2)
    return of_sizes(moments, [wide.index(size) for size in sizes]), misfit


def _pieces(gaps: Gaps) -> list[Gaps]:
    """The whole pattern, or pieces of a long one."""
    if gaps.n <= PIECE:
        return [gaps]
    starts = np.linspace(0, gaps.n - PIECE, PIECES).round().astype(int).tolist()
    return [gaps.part(start, start + PIECE) for start in starts]


def _sample(gaps: Gaps, sizes: tuple[int, ...], order: int, method: str) -> _Sample:
    longest = sizes[-1] if gaps.n < PIECE else max(method_sizes(gaps.n, order, method)[-1], sizes[0])
    fitting = [size for size in sizes if size <= min(max(gaps.stretches), longest)]
    boxes = [boxes_with_gaps(gaps, size, order, Layout(overlap_of(method))) for size in fitting]
    weights = np.array([len(each.counts) for each in boxes], dtype=np.float64)
    kept = np.flatnonzero(weights).tolist()
    own = tuple(sizes[i] for i in kept)
    return _Sample(gaps, kept, own, weights[kept], _complete(gaps, own, order, method)[0])


def _alphas(order: int) -> Matrix:
    """The α at which series are simulated: Chebyshev nodes of the range."""
    low, high = alpha_range(order)
    count = NODES[order]
    return low + (high - low) * (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2


def _interpolation(order: int) -> Matrix:
    """The matrix ``(nodes, alphas)`` that interpolates what was found at each α."""
    low, high = alpha_range(order)
    known, wanted = (
        np.polynomial.chebyshev.chebvander(2 * (at - low) / (high - low) - 1, NODES[order] - 1)
        for at in (_alphas(order), nodes(order))
    )
    return np.asarray(wanted @ np.linalg.inv(known))


def _drawn(sample: _Sample, alpha: float, order: int, overlap: float, pieces: int) -> _Drawn:
    gaps, sizes = sample.gaps, sample.sizes
    series = min(max(SAMPLES // gaps.n, FEWEST), MOST) if pieces == 1 else IN_PIECE
    x = arfima_of(alpha, gaps.n, series, np.random.default_rng([len(gaps.packed), gaps.n, order]))
    breaks, present = tuple(accumulate(gaps.stretches))[:-1], gaps.present()

    def log_f(of: Matrix) -> Matrix:
        squares = mean_squares_with_gaps(of[:, present], gaps, sizes, order, Layout(overlap), NUMPY)
        return np.asarray(0.5 * np.log(np.asarray(squares)))

    complete = np.log(fluctuations(x, scales=sizes, order=order, overlap=overlap, breaks=breaks)[1])
    up, down = (np.mean(log_f(autoregressive(x[: FILTERED // pieces], phi)), axis=0) for phi in (PHI, -PHI))
    return _Drawn(complete, log_f(x), (up - down) / (2 * PHI))


def _found(sample: _Sample, drawn: _Drawn, alpha: float, order: int) -> _Found:
    between = interpolation(order, np.array([alpha]))[0]
    mean = between @ sample.complete.mean
    root = np.tensordot(between, sample.complete.root, 1)
    known = root @ root.T
    average = drawn.complete.mean(axis=0)
    centred, own = drawn.complete - average, drawn.gapped - drawn.gapped.mean(axis=0)
    slopes = np.linalg.lstsq(centred, own, rcond=None)[0]
    left = own - centred @ slopes
    freedom = len(own) - 1 - len(root)
    optimism = 1 + 2 * len(root) / freedom  # weights made for this very sample would do better on it than on others
    covariance = slopes.T @ known @ slopes + optimism * left.T @ left / freedom
    shift = drawn.gapped.mean(axis=0) - (average - mean) @ slopes - mean
    return _Found(shift + np.diag(covariance) - np.diag(known), covariance, known, drawn.memory)


def _joined(samples: list[_Sample], found: list[_Found], count: int) -> _Change:
    """The change for the whole series from that of its pieces, each with the weight of its boxes."""
    weights, raised, memory = np.zeros((3, len(samples), count))
    for i, (sample, each) in enumerate(zip(samples, found, strict=True)):
        weights[i, sample.kept], raised[i, sample.kept], memory[i, sample.kept] = sample.weights, each.raised, each.memory
    known = np.flatnonzero(weights.any(axis=0))
    weights[:, known] /= weights[:, known].sum(axis=0)
    shares = weights * np.exp(2 * raised)
    total = shares.sum(axis=0)
    shares[:, known] /= total[known]
    gapped, complete = np.zeros((2, count, count))
    for sample, share, each in zip(samples, shares, found, strict=True):
        at = np.ix_(sample.kept, sample.kept)
        gapped[at] += each.gapped * np.outer(share[sample.kept], share[sample.kept]) * len(samples)
        complete[at] += each.complete / len(samples)
    at = np.ix_(known, known)
    factor, change = np.eye(count), np.zeros(count)
    factor[at] = np.linalg.solve(root_of(complete[at]), root_of(gapped[at]))
    change[known] = 0.5 * np.log(total[known])
    for size in range(known[-1] + 1, count):  # longer than a piece: they change as the longest in it does
        factor[size, size], change[size] = factor[known[-1], known[-1]], change[known[-1]]
    return _Change(change, factor, np.sum(shares * memory, axis=0))


def _widening(drawn: list[Matrix], moments: Moments, misfit: Matrix, sizes: tuple[int, ...], order: int, method: str) -> Matrix:
    """How many times the misfit of the simulated series is that of complete ones, at each α of the latter."""
    table = calibrate(moments, None, sizes=sizes, order=order, method=method)
    alphas = _alphas(order)
    expected = np.interp(alphas, misfit_alphas(order), misfit[:, LEVELS.index(WORST)])
    seen = [
        np.quantile(np.asarray(calibrated_estimate(np.exp(2 * log_f), np.zeros(len(sizes)), table, 1.0, NUMPY).misfit), 1 - WORST)
        for log_f in drawn
    ]
    fresh = np.array([1 + 2 * len(sizes) / len(log_f) for log_f in drawn])  # the covariance is that of these very series
    return np.asarray(np.interp(misfit_alphas(order), alphas, fresh * np.array(seen) / expected))
