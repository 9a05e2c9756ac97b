"""Finds the calibration for a length: shipped with the package, read from a cache on disk, or computed once.

Shipped tables are for the lengths people use (`calibrations/`, made by `python -m wcdfa.inference.make_calibrations`); any other length up to
1,024 is computed exactly, in seconds, and kept in the user's cache folder if platformdirs is installed (it comes with `wcdfa[cli]`),
otherwise in memory. ``WCDFA_CACHE_DIR`` names another folder.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wcdfa.inference.approximate_moments import boxes_of, interpolated, of_sizes, rescaled, simulate, simulated
from wcdfa.inference.calibration import LEVELS, Calibration, calibrate, has_misfit, misfit_alphas, step_for
from wcdfa.inference.estimators import calibrated_estimate
from wcdfa.inference.moments import Moments, alpha_range, exact_moments, interpolation, nodes
from wcdfa.inference.vector_moments import misfit_of_vector, of_vector
from wcdfa.kernel.polynomials import Matrix
from wcdfa.scales import LARGEST_EXACT, SHIPPED, default_sizes, half_sizes
from wcdfa.support import chi_square
from wcdfa.support.progress import Progress
from wcdfa.support.shipped import shipped

VERSION = 1  # version of the numbers: files with another version are not read
SIMULATED = 1000  # simulated series at each α for the misfit, if it is computed on demand
SHIPPED_ORDERS = {"ols": (1,), "robust": (1, 2, 3)}
FOLDER = Path(__file__).with_name("calibrations")


class Table(NamedTuple):
    """Moments, and the misfit that simulated series exceed with each probability in LEVELS."""

    moments: Moments
    misfit: dict[str, Matrix]  # for each method that uses this layout, (alphas, levels)


@lru_cache(maxsize=256)
def calibration_for(
    n: int, sizes: tuple[int, ...], order: int, method: str, stretches: tuple[int, ...] = (), coordinates: int = 1
) -> Calibration:
    """The constants for series of `n` samples, which may be split into stretches that no box crosses and be vectors.

    >>> calibration_for(500, half_sizes(500, 1), 1, "robust").product.shape
    (13, 522)
    """
    moments, misfit = moments_for(n, sizes, order, method, stretches)
    if coordinates > 1:
        if misfit is not None:
            misfit = misfit_of_vector(moments, misfit, coordinates, sizes=sizes, order=order, method=method)
        moments = of_vector(moments, coordinates)
    misfit = misfit if has_misfit(n) else None
    return calibrate(moments, misfit, sizes=sizes, order=order, method=method, step=step_for(n))


def moments_for(
    n: int, sizes: tuple[int, ...], order: int, method: str, stretches: tuple[int, ...] = ()
) -> tuple[Moments, Matrix | None]:
    """Moments of log F(s) and quantiles of the misfit, of one coordinate."""
    if not stretches:
        return _unsplit(n, sizes, order, method)
    # the moments are scaled anyway, so use a shipped length: nothing has to be computed for each number of missing samples
    base = min((m for m in SHIPPED if m >= n and sizes == method_sizes(m, order, method)[: len(sizes)]), default=n)
    moments, misfit = _unsplit(base, sizes, order, method)
    overlap = overlap_of(method)
    return rescaled(moments, boxes_of(sizes, (base,), overlap), boxes_of(sizes, stretches, overlap)), misfit


def expected(n: int, sizes: tuple[int, ...], order: int, method: str, alpha: float) -> tuple[Matrix, Matrix]:
    """Mean, up to a constant, and standard deviation of log F(s) over series of `n` samples with this α: shape (sizes,) each.

    >>> mean, deviation = expected(500, method_sizes(500, 1, "ols"), 1, "ols", 1.0)
    >>> deviation.round(2)[[0, -1]]
    array([0.05, 0.24])
    """
    low, high = alpha_range(order)
    moments = _unsplit(n, sizes, order, method)[0]
    variance = np.sum(moments.root**2, axis=-1)  # the diagonal of root rootᵀ
    mean, variance = (interpolation(order, np.array([min(max(alpha, low), high)])) @ each for each in (moments.mean, variance))
    return np.asarray(mean[0]), np.asarray(np.sqrt(np.maximum(variance[0], 0)))


def overlap_of(method: str) -> float:
    """The overlap of boxes: none for the textbook slope, half for the calibrated methods, which doubles the information."""
    return 0.0 if method == "ols" else 0.5


def method_sizes(n: int, order: int, method: str) -> tuple[int, ...]:
    """The default box sizes of a method."""
    return default_sizes(n, order) if method == "ols" else half_sizes(n, order)


def _unsplit(n: int, sizes: tuple[int, ...], order: int, method: str) -> tuple[Moments, Matrix | None]:
    """Moments and misfit for one stretch of `n` samples: exact, or scaled from the longest shipped length below."""
    overlap = overlap_of(method)
    shorter = [m for m in SHIPPED if LARGEST_EXACT <= m <= n]
    length = n if n <= LARGEST_EXACT or n in SHIPPED else shorter[-1]
    known = method_sizes(length, order, method)
    if sizes == known[: len(sizes)]:
        base = table(length, known, order, overlap)
        boxes = boxes_of(sizes, (n,), overlap)
        moments = rescaled(base.moments, boxes_of(known, (length,), overlap), boxes)
        degrees = chi_square_quantiles(len(sizes) - 2) / chi_square_quantiles(len(known) - 2) if len(sizes) > 2 else math.nan
        return moments, base.misfit[method] * degrees
    if (
        n > LARGEST_EXACT and method != "ols" and set(sizes) < set(known)
    ):  # some of the sizes whose moments are known: nothing has to be simulated
        kept = [known.index(size) for size in sizes]
        moments, misfit = _unsplit(n, known[: kept[-1] + 1], order, method)
        if misfit is not None and len(kept) > 2:
            misfit = misfit * chi_square_quantiles(len(kept) - 2) / chi_square_quantiles(kept[-1] - 1)
        return of_sizes(moments, kept), misfit
    if n <= LARGEST_EXACT or method != "ols":
        simulated_length = min(n, max(SHIPPED[-1], 4 * sizes[-1]))  # the time to simulate grows with the length
        base = table(simulated_length, sizes, order, overlap)
        boxes, wanted = boxes_of(sizes, (simulated_length,), overlap), boxes_of(sizes, (n,), overlap)
        return rescaled(base.moments, boxes, wanted) if wanted != boxes else base.moments, base.misfit[method]
    known = default_sizes(LARGEST_EXACT, order)
    base = table(LARGEST_EXACT, known, order, overlap)
    boxes = boxes_of(known, (LARGEST_EXACT,), overlap)
    return interpolated(base.moments, known, boxes, sizes, boxes_of(sizes, (n,), overlap), order), None


def chi_square_quantiles(degrees: int) -> Matrix:
    """Upper quantiles of χ² at LEVELS."""
    return np.array([chi_square.quantile(level, degrees) for level in LEVELS])


@lru_cache(maxsize=128)
def table(n: int, sizes: tuple[int, ...], order: int, overlap: float) -> Table:
    """The table for one length and layout: shipped, from the cache, or computed now."""
    shipped = _read_shipped(n, sizes, order, overlap)
    if shipped is not None:
        return shipped
    path = _cache_file(n, sizes, order, overlap)
    if path is not None:
        from zipfile import BadZipFile  # noqa: PLC0415 - importing wcdfa would pay for it

        with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), path.open("rb") as file, np.load(file) as stored:
            return unpacked(dict(stored), order)
    computed = packed(compute(n, sizes, order, overlap, exact=n <= LARGEST_EXACT))
    if path is not None:
        from wcdfa.support.files import write_arrays  # noqa: PLC0415 - importing wcdfa would pay for it

        with suppress(OSError):  # if the folder cannot be written, the next process computes the table again
            write_arrays(path, computed)
    return unpacked(computed, order)  # as the next process reads it, so that both give the same digits


def compute(n: int, sizes: tuple[int, ...], order: int, overlap: float, *, exact: bool, series: int = SIMULATED) -> Table:
    """Compute a table: the moments, then the misfit of simulated series."""
    with Progress(
        f"calibrating for {n:,} samples, {len(sizes)} box sizes", len(nodes(order)) + len(misfit_alphas(order))
    ) as progress:
        method = exact_moments if exact else simulated
        moments = method(n, sizes, order, overlap, each=progress.advance)
        return Table(moments, misfits(moments, n, sizes, order, overlap, series, each=progress.advance))


def misfits(
    moments: Moments, n: int, sizes: tuple[int, ...], order: int, overlap: float, series: int, *, each: Callable[[], None]
) -> dict[str, Matrix]:
    """The misfit that simulated series exceed with each probability in LEVELS; `each` is called after each α."""
    methods = ("ols",) if overlap == 0 else ("robust", "gls")
    calibrations = {name: calibrate(moments, None, sizes=sizes, order=order, method=name) for name in methods}
    found: dict[str, list[Matrix]] = {name: [] for name in methods}
    for i, alpha in enumerate(misfit_alphas(order)):
        mean_square = np.exp(2 * simulate(n, sizes, order, overlap, float(alpha), series, seed=1000 + i))
        for name in methods:
            estimate = calibrated_estimate(mean_square, np.zeros(len(sizes)), calibrations[name], 1.0, np)
            found[name].append(np.quantile(np.asarray(estimate.misfit), 1 - np.array(LEVELS)))
        each()
    return {name: np.array(rows) for name, rows in found.items()}


def packed(table: Table) -> dict[str, Matrix]:
    """Pack a table into plain arrays in single precision: lower triangles, one row per node."""
    low = np.tril_indices(table.moments.mean.shape[1])
    arrays = {
        "mean": table.moments.mean,
        "root": table.moments.root[:, low[0], low[1]],
        "short_memory": table.moments.short_memory,
    } | {f"misfit_{name}": rows for name, rows in table.misfit.items()}
    return {name: np.asarray(a, dtype=np.float32) for name, a in arrays.items()}


def unpacked(arrays: dict[str, Matrix], order: int) -> Table:
    """Undo `packed`."""
    wide = {name: a.astype(np.float64) for name, a in arrays.items()}
    count, sizes = wide["mean"].shape
    named = {name for name in wide if name.startswith("misfit_")}
    if count != len(nodes(order)) or not named or not all(np.isfinite(a).all() for a in wide.values()):
        msg = "a damaged calibration: it will be computed again"
        raise ValueError(msg)
    low = np.tril_indices(sizes)
    root = np.zeros((count, sizes, sizes))
    root[:, low[0], low[1]] = wide["root"]
    moments = Moments(nodes(order), wide["mean"], root, wide["short_memory"])
    return Table(moments, {name.removeprefix("misfit_"): a for name, a in wide.items() if name.startswith("misfit_")})


def shipped_layouts(n: int) -> dict[str, tuple[tuple[int, ...], int, float]]:
    """The content of the shipped file for `n` samples: box sizes, order and overlap for each name."""
    return {
        f"{method}{order}": (method_sizes(n, order, method), order, overlap_of(method))
        for method, orders in SHIPPED_ORDERS.items()
        for order in orders
    }


def _read_shipped(n: int, sizes: tuple[int, ...], order: int, overlap: float) -> Table | None:
    if n not in SHIPPED:
        return None
    for name, layout in shipped_layouts(n).items():
        if layout == (sizes, order, overlap):
            file = shipped("wcdfa.inference", FOLDER / f"{n}.npz")
            if file is None:
                return None
            with np.load(file) as stored:
                if stored.get("version", 0) != VERSION:
                    return None  # made before the numbers changed, so compute it again
                parts = {key.partition(".")[2]: stored[key] for key in stored if key.startswith(f"{name}.")}
            return unpacked(parts, order)
    return None


def _cache_file(n: int, sizes: tuple[int, ...], order: int, overlap: float) -> Path | None:
    from wcdfa.support.files import cache_folder  # noqa: PLC0415 - importing wcdfa would pay for it

    folder = cache_folder()
    if folder is None:
        return None
    from hashlib import sha256  # noqa: PLC0415 - importing wcdfa would pay for it

    key = sha256(repr((VERSION, n, sizes, order, overlap)).encode()).hexdigest()[:16]
    return folder / f"calibration-{n}-{key}.npz"
