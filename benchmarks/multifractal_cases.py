"""Are the intervals of h(q) honest? On series of known h(q).

    python benchmarks/multifractal_cases.py [coverage] [others] [widths] [--trials 200] [--quick]

coverage: how often the 95 % interval holds h(q), q = -3 … 5, on ARFIMA, fractional Brownian motion and random binomial cascades.
others: the same for series that are not promised: multifractal noise, a length that is no power of 2, heavy tails, order 2.
widths: how often the interval of the width holds that of theory, and how often it leaves out 0, n = 1,024.
Takes some five minutes on one core. A SHORT row has a figure beyond its bar by more than two Monte-Carlo errors.
"""

from __future__ import annotations

from collections.abc import Callable

import harness
import numpy as np
from harness import header, row, share, within

import wcdfa
from wcdfa import synthetic

Make = Callable[[int, int, np.random.Generator], np.ndarray]
Q = np.arange(-3.0, 6.0)
ROUNDING = 1e-9  # of a width of 0 by theory


def arfima(alpha: float) -> tuple[str, Make, np.ndarray]:
    return f"ARFIMA, α {alpha}", lambda n, batch, rng: synthetic.arfima(n, d=alpha - 0.5, batch=(batch,), seed=rng), 0 * Q + alpha


def motion(hurst: float) -> tuple[str, Make, np.ndarray]:
    def make(n: int, batch: int, rng: np.random.Generator) -> np.ndarray:
        return np.cumsum(synthetic.fgn(n, hurst=hurst, batch=(batch,), seed=rng), axis=-1)

    return f"fBm, H {hurst}", make, 0 * Q + hurst + 1


def cascade(weight: float) -> tuple[str, Make, np.ndarray]:
    def make(n: int, batch: int, rng: np.random.Generator) -> np.ndarray:
        return synthetic.binomial_cascade(n, weight=weight, batch=(batch,), seed=rng)

    return f"cascade, weight {weight}", make, synthetic.cascade_exponents(Q, weight=weight)


def noise(intermittency: float, d: float) -> tuple[str, Make, np.ndarray]:
    def make(n: int, batch: int, rng: np.random.Generator) -> np.ndarray:
        return synthetic.multifractal_noise(n, intermittency=intermittency, d=d, batch=(batch,), seed=rng)

    return f"multifractal noise, {intermittency}, d {d}", make, synthetic.noise_exponents(Q, intermittency=intermittency, d=d)


def student(alpha: float) -> tuple[str, Make, np.ndarray]:
    def make(n: int, batch: int, rng: np.random.Generator) -> np.ndarray:
        innovations = rng.standard_t(5, (batch, n + harness.MEMORY - 1)) if alpha != 0.5 else rng.standard_t(5, (batch, n))
        return innovations if alpha == 0.5 else harness.moving_average(innovations, alpha - 0.5)[:, :n]

    return f"ARFIMA, α {alpha}, t of 5 degrees", make, 0 * Q + alpha


PROMISED = {
    1024: [
        *(arfima(alpha) for alpha in (0.3, 0.5, 0.8, 1.0, 1.3)),
        *(motion(hurst) for hurst in (0.2, 0.5, 0.8)),
        *(cascade(weight) for weight in (0.6, 0.65, 0.7, 0.75)),
    ],
    4096: [arfima(0.5), arfima(0.8), motion(0.3), cascade(0.6), cascade(0.7), cascade(0.75)],
    8192: [arfima(0.8), cascade(0.7)],
}
TIMES = {1024: 2.0, 4096: 1.0, 8192: 0.5}  # the number of trials, as a multiple of what is asked for


def coverage(trials: int) -> None:
    print("coverage of the nominal 95 % interval of h(q), %")
    for n, cases in PROMISED.items():
        times = round(trials * TIMES[n])
        header(f"n = {n:,}, {times:,} trials; q:", tuple(Q))
        error = 100 * (0.05 * 0.95 / times) ** 0.5
        for case in cases:
            covered(case, n, times, "92 to 98", within(92 - 2 * error, 98 + 2 * error))


def others(trials: int) -> None:
    print("the same, on series that are not promised")
    header(f"n = 1,024, {trials:,} trials; q:", tuple(Q))
    for case in (noise(0.02, 0.0), noise(0.05, 0.4), noise(0.08, 0.0), student(0.5), student(0.8)):
        covered(case, 1024, trials)
    header(f"n = 3,000, {trials:,} trials; q:", tuple(Q))
    for case in (arfima(0.7), cascade(0.7)):
        covered(case, 3000, trials)
    header(f"n = 4,096, order 2, {trials:,} trials; q:", tuple(Q))
    for case in (cascade(0.8),):
        covered(case, 4096, trials, order=2)


def covered(case: tuple[str, Make, np.ndarray], n: int, trials: int, *bar: object, order: int = 1) -> None:
    name, make, truth = case
    rng, hits = harness.seed("coverage", name, n), []
    for batch in harness.chunks(trials, n):
        found = wcdfa.mfdfa(make(n, batch, rng), q=Q, nulls=(), order=order)
        hits.append((found.h_low <= truth) & (truth <= found.h_high))
    row(name, [share(each) for each in np.concatenate(hits).T], *bar, digits=1)


def widths(trials: int) -> None:
    print(f"nominal 95 % interval of the width of the spectrum, n = 1,024, {trials:,} trials, %")
    print(f"  {'':5} {'':<34}holds the width   leaves out 0")
    noises = (noise(0.02, 0.0), noise(0.05, 0.0), noise(0.05, 0.4), noise(0.05, 0.8), noise(0.08, 0.0), noise(0.08, 0.4))
    for name, make, truth in (arfima(0.5), arfima(0.9), *noises, cascade(0.6), cascade(0.7)):
        rng, hits = harness.seed("widths", name), []
        alphas = np.gradient(Q * truth - 1, Q)
        width = alphas.max() - alphas.min()
        for batch in harness.chunks(trials, 1024):
            found = wcdfa.mfdfa(make(1024, batch, rng), q=Q, nulls=())
            hits.append(((found.width_low <= width + ROUNDING) & (width <= found.width_high), found.width_low > 0))
        row(name, [share(each) for each in np.concatenate(hits, axis=-1)], digits=1)


PARTS: dict[str, Callable[[int], None]] = {"coverage": coverage, "others": others, "widths": widths}

if __name__ == "__main__":
    harness.run(PARTS, __doc__)
