"""What the statistical benchmarks share: one thread, seeds, bars, and figures with their Monte-Carlo errors.

Import it before NumPy: the thread counts below are read when NumPy loads.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

warnings.simplefilter("ignore")

import wcdfa
from wcdfa import synthetic

SAMPLES = 1 << 21  # of series held at a time
MEMORY = 8192  # weights of a moving average that stands for ARFIMA
QUICK = 200


class Figure(NamedTuple):
    """A figure and its Monte-Carlo error."""

    value: float
    error: float


def run(parts: dict[str, Callable[[int], None]], description: str | None) -> None:
    """Run the parts named on the command line, each with the number of trials."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(parts)}; default: all")
    parser.add_argument("--trials", type=int, default=2000, help="series in a cell")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK} trials, to see that everything runs: bars may be missed by chance"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(parts))
    if unknown:
        parser.error(f"no part is called {unknown[0]!r}; there are {', '.join(parts)}")
    for part in options.parts or parts:
        start = time.perf_counter()
        parts[part](QUICK if options.quick else options.trials)
        print(f"  [{part}: {time.perf_counter() - start:.0f} s]\n", flush=True)


def seed(*cell: object) -> np.random.Generator:
    """A generator of its own for each cell of each table."""
    return np.random.default_rng(zlib.crc32(repr(cell).encode()))


def chunks(trials: int, n: int) -> Iterator[int]:
    """Batch sizes that add up to `trials` and keep memory flat."""
    most = max(1, SAMPLES // n)
    for start in range(0, trials, most):
        yield min(most, trials - start)


def increments_of(alpha: float, n: int, batch: int, rng: np.random.Generator) -> np.ndarray:
    """ARFIMA itself below α = 1, and its differences from there on."""
    return synthetic.arfima(n, d=alpha - (0.5 if alpha < 1 else 1.5), batch=(batch,), seed=rng)


def summed(x: np.ndarray, alpha: float) -> np.ndarray:
    """What `increments_of` are the increments of."""
    return x if alpha < 1 else np.cumsum(x, axis=-1)


def arfima(alpha: float, n: int) -> Callable[[int, np.random.Generator], np.ndarray]:
    return lambda batch, rng: summed(increments_of(alpha, n, batch, rng), alpha)


def moving_average(innovations: np.ndarray, d: float) -> np.ndarray:
    """ARFIMA(0, d, 0) with innovations of any distribution, MEMORY weights long: as much shorter than they are."""
    from scipy import signal

    lag = np.arange(1.0, MEMORY)
    weights = np.concatenate([[1.0], np.cumprod((lag - 1 + d) / lag)])
    return signal.fftconvolve(innovations, weights[None], axes=-1)[:, MEMORY : innovations.shape[-1]]


def standardised(x: np.ndarray) -> np.ndarray:
    """Each series with mean 0 and variance 1."""
    return (x - x.mean(axis=-1, keepdims=True)) / x.std(axis=-1, keepdims=True)


def estimates(
    make: Callable[[int, np.random.Generator], np.ndarray], methods: tuple[str, ...], n: int, trials: int, *cell: object
) -> dict[str, np.ndarray]:
    """α, low and high, of shape (3, trials), of each method on the same series; ``make(batch, rng)`` makes those."""
    rng = seed(n, *cell)
    found: dict[str, list[np.ndarray]] = {method: [] for method in methods}
    for batch in chunks(trials, n):
        x = make(batch, rng)
        for method in methods:
            result = wcdfa.dfa(x, method=method)
            found[method].append(np.array([result.alpha, result.low, result.high]))
    return {method: np.concatenate(parts, axis=-1) for method, parts in found.items()}


def mean(values: np.ndarray) -> Figure:
    return Figure(float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5)


def bias(alphas: np.ndarray, truth: float) -> Figure:
    return Figure(float(np.mean(alphas)) - truth, float(np.std(alphas, ddof=1)) / len(alphas) ** 0.5)


def spread(alphas: np.ndarray) -> Figure:
    deviation = float(np.std(alphas, ddof=1))
    return Figure(deviation, deviation / (2 * len(alphas)) ** 0.5)


def rmse(alphas: np.ndarray, truth: float) -> Figure:
    squares = (alphas - truth) ** 2
    root = float(np.mean(squares)) ** 0.5
    return Figure(root, float(np.std(squares, ddof=1)) / len(alphas) ** 0.5 / (2 * root))


def share(hits: np.ndarray) -> Figure:
    """In per cent; the error is never below that of one hit more."""
    p = float(np.mean(hits))
    return Figure(100 * p, 100 * max(p * (1 - p) / len(hits), len(hits) ** -2) ** 0.5)


def coverage(estimate: np.ndarray, truth: float) -> Figure:
    return share((estimate[1] <= truth) & (truth <= estimate[2]))


def within(low: float, high: float) -> Callable[[float], bool]:
    return lambda value: low <= value <= high


def row(what: str, figures: list[Figure], bar: str = "", met: Callable[[float], bool] | None = None, digits: int = 4) -> None:
    """One line of a table: figures of one kind along α, the largest error, and whether all meet the bar."""
    missed = met is not None and not all(met(figure.value) for figure in figures)
    mark = "     " if met is None else "SHORT" if missed else "ok   "
    cells = " ".join(f"{figure.value:8.{digits}f}" for figure in figures)
    error = max(figure.error for figure in figures)
    note = (f"  ± {error:.{digits}f}" if error else "") + (f"  (bar {bar})" if bar else "")
    print(f"  {mark} {what:<34}{cells}{note}", flush=True)


def header(what: str, alphas: tuple[float, ...]) -> None:
    print(f"  {'':5} {what:<34}{' '.join(f'{alpha:8.2f}' for alpha in alphas)}  Monte-Carlo error, largest")


def value(what: str, figure: float, bar: str = "", met: bool | None = None, digits: int = 2) -> None:
    """One figure on a line of its own."""
    mark = "     " if met is None else "ok   " if met else "SHORT"
    print(f"  {mark} {what}: {figure:.{digits}f}{f' (bar {bar})' if bar else ''}", flush=True)


def ready(n: int) -> bool:
    """Whether the calibration for `n` samples, or the shipped one that it is scaled from, is there."""
    from wcdfa.inference.calibration_tables import FOLDER
    from wcdfa.scales import LARGEST_EXACT, SHIPPED

    base = n if n <= LARGEST_EXACT else max(m for m in SHIPPED if m <= n)
    there = base not in SHIPPED or (FOLDER / f"{base}.npz").exists()
    if not there:
        print(
            f"        n = {n:,} left out: {FOLDER.name}/{base}.npz is missing (python -m wcdfa.inference.make_calibrations {base})"
        )
    return there
