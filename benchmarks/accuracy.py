"""Accuracy: F² against direct least squares in extended precision, α against nolds, and α of noises of known exponent.

    python benchmarks/accuracy.py

Takes some ten minutes on one core. Every figure is computed here and now; the bars are those the project holds itself to.
"""

from __future__ import annotations

import warnings

import numpy as np

import wcdfa
from wcdfa import scales, synthetic

warnings.simplefilter("ignore")
TRIALS = 200


def main() -> None:
    print(
        f"relative error of F² (order 1), worst over the sizes, against least squares in {np.finfo(np.longdouble).bits}-bit long double"
    )
    n = 1_000_000
    white = synthetic.white_noise(n, seed=0)
    for name, x in {"white noise": white, "random walk": np.cumsum(white), "white noise + 1e6": white + 1e6}.items():
        report(f"float64, n = 1e6, {name}", error_of_squares(x), 1e-10)
    for order in (2, 3, 4):
        report(f"float64, n = 1e6, random walk, order {order}", error_of_squares(np.cumsum(white), order), 1e-10)
    n = 10_000_000
    white = synthetic.white_noise(n, seed=1)
    report("float32, n = 1e7, alpha 0.5", error_of_squares(white.astype(np.float32)), 1e-6)
    report("float32, n = 1e7, alpha 1.5", error_of_squares(np.cumsum(white).astype(np.float32)), 1e-6)
    del white
    against_nolds()
    known_exponents()


def error_of_squares(x: np.ndarray, order: int = 1) -> float:
    sizes, found = wcdfa.fluctuations(x, order=order)
    chosen = range(0, len(sizes), 1 if len(x) <= 1_000_000 else 6)
    return max(abs(float(found[i]) ** 2 / mean_square(x, int(sizes[i]), order) - 1) for i in chosen)


def mean_square(x: np.ndarray, size: int, order: int) -> float:
    """Direct least squares, box-local, in long double: Gram-Schmidt on 1, t, t², …, done twice."""
    count = len(x) // size
    t = np.arange(size, dtype=np.longdouble) - np.longdouble(size - 1) / 2
    t /= np.longdouble(size) / 2
    columns: list[np.ndarray] = []
    for degree in range(order + 1):
        column = t**degree
        for _ in range(2):
            for other in columns:
                column = column - other * np.sum(column * other)
        columns.append(column / np.sqrt(np.sum(column * column)))
    total = np.longdouble(0)
    step = max(1, 2_000_000 // size)
    for start in range(0, count, step):
        boxes = x[start * size : min(start + step, count) * size].reshape(-1, size).astype(np.longdouble)
        profile = np.cumsum(boxes - boxes.mean(axis=1, keepdims=True), axis=1)
        for _ in range(2):
            for column in columns:
                profile -= np.sum(profile * column, axis=1, keepdims=True) * column
        total += np.sum(profile * profile)
    return float(total / (count * size))


def against_nolds() -> None:
    import nolds

    x = synthetic.white_noise(1000, batch=(50,), seed=4)
    expected = np.array([nolds.dfa(row, overlap=False, fit_exp="poly") for row in x])
    found = wcdfa.dfa(x, scales=scales.geometric(4, 100, 1.2), method="ols").alpha
    report(
        "alpha against nolds under its settings, 50 white-noise series of 1000, largest difference",
        np.max(np.abs(found - expected)),
        1e-9,
    )
    old = np.array([wcdfa.compute_dfa(row)[0] for row in x])
    print(f"  (wcdfa 0.1.0's definition against nolds: mean difference {np.mean(np.abs(old - expected)):.3f})")


def known_exponents() -> None:
    n = 10_000
    print(f"mean alpha of {TRIALS} series of {n:,} on sizes 16 to n/4")
    for name, alpha in {"white noise": 0.5, "pink noise (ARFIMA d = 0.5)": 1.0, "Brownian noise": 1.5}.items():
        x = synthetic.arfima(n, d=alpha - 0.5, batch=(TRIALS,), seed=2)
        found = wcdfa.dfa(x, scales=scales.dyadic(16, n // 4), method="ols").alpha
        error = found.std(ddof=1) / np.sqrt(TRIALS)
        report(f"{name}: {found.mean():.4f} ± {error:.4f} (Monte Carlo); distance from {alpha}", abs(found.mean() - alpha), 0.02)


def report(what: str, value: float, bar: float) -> None:
    print(f"  {'ok  ' if value <= bar else 'OVER'} {what}: {value:.2e} (bar {bar:g})", flush=True)


if __name__ == "__main__":
    main()
