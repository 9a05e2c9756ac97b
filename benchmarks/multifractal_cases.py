"""Are the intervals of h(q) honest, and do the nulls of the width hold their level? On series of known h(q).

    python benchmarks/multifractal_cases.py [coverage] [others] [nulls] [flat] [--trials 400] [--quick]

coverage: how often the 95 % interval holds h(q), q = -3 … 5, on ARFIMA, fractional Brownian motion and random binomial cascades.
others: the same for series that are not promised: multifractal noise, a length that is no power of 2, heavy tails, order 2.
nulls: how often a width is called wider than each null, on Gaussian series (5 % is right) and on others (power).
flat: what one run of 32 equal samples in 16,384 does to the width, here and in MFDFA.
Takes some twelve minutes on one core. A SHORT row has a figure beyond its bar.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import harness
import numpy as np
from harness import header, row, share, value, within

import wcdfa
from wcdfa import synthetic

Make = Callable[[int, int, np.random.Generator], np.ndarray]
Q = np.arange(-3.0, 6.0)
BAR = ("92 to 98", within(92, 98))


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


PROMISED = [
    *(arfima(alpha) for alpha in (0.3, 0.5, 0.8, 1.0, 1.3)),
    *(motion(hurst) for hurst in (0.2, 0.5, 0.8)),
    *(cascade(weight) for weight in (0.6, 0.65, 0.7, 0.75)),
]


def coverage(trials: int) -> None:
    print("coverage of the nominal 95 % interval of h(q), %; the series is the sum of increments for fBm")
    for n, times in ((1024, 2), (4096, 1), (8192, 0.5)):
        header(f"n = {n:,}, {round(trials * times):,} trials; q:", tuple(Q))
        for case in PROMISED if n < 8192 else (arfima(0.8), motion(0.2), cascade(0.7)):
            covered(case, n, round(trials * times), *BAR)


def others(trials: int) -> None:
    print("the same, on series that are not promised")
    header(f"n = 1,024, {trials:,} trials; q:", tuple(Q))
    for case in (noise(0.02, 0.0), noise(0.05, 0.4), noise(0.08, 0.0), student(0.5), student(0.8)):
        covered(case, 1024, trials)
    header(f"n = 3,000, {trials:,} trials; q:", tuple(Q))
    for case in (arfima(0.7), cascade(0.7)):
        covered(case, 3000, trials)
    header(f"n = 4,096, order 2, {trials:,} trials; q:", tuple(Q))
    for case in (arfima(0.9), cascade(0.8)):
        covered(case, 4096, trials, order=2)


def covered(case: tuple[str, Make, np.ndarray], n: int, trials: int, *bar: object, order: int = 1) -> None:
    name, make, truth = case
    rng, hits = harness.seed("coverage", name, n), []
    for batch in harness.chunks(trials, n):
        found = wcdfa.mfdfa(make(n, batch, rng), q=Q, nulls=(), order=order)
        hits.append((found.h_low <= truth) & (truth <= found.h_high))
    row(name, [share(each) for each in np.concatenate(hits).T], *bar, digits=1)


def nulls(trials: int) -> None:
    trials = max(trials // 2, 100)
    print(f"share of spectra called wider than each null at the 5 % level, %, {trials:,} trials, 199 replicates")
    level = ("3 to 8", within(3 - 2 * error(trials), 8 + 2 * error(trials)))
    print(f"  {'':5} {'n, series':<34}  memory    phase shuffled")
    for n in (1024, 4096):
        for case in (arfima(0.3), arfima(0.5), arfima(0.9), motion(0.3)):
            compared(case, n, trials, level)
        for case in (noise(0.02, 0.0), noise(0.05, 0.4), cascade(0.6), cascade(0.7)):
            compared(case, n, trials // 2)
        for name, make in HEAVY:
            compared((name, make, Q), n, trials // 2)


HEAVY: list[tuple[str, Make]] = [
    ("t of 3 degrees, in any order", lambda n, batch, rng: rng.standard_t(3, (batch, n))),
    ("log-normal, in any order", lambda n, batch, rng: rng.lognormal(0, 1, (batch, n))),
]


def compared(case: tuple[str, Make, np.ndarray], n: int, trials: int, bar: tuple = ()) -> None:
    name, make, _ = case
    found = wcdfa.mfdfa(make(n, trials, harness.seed("nulls", name, n)), q=Q)
    figures = [share(p <= 0.05) for p in (found.p_memory, found.p_phase, found.p_shuffled)]
    row(f"{n:,}, {name}", figures[:2] if bar else figures, *bar, digits=1)
    if bar:
        row("    against the shuffled values", figures[2:], digits=1)


def error(trials: int) -> float:
    """Monte-Carlo error of a share of 5 %, in per cent."""
    return 100 * math.sqrt(0.05 * 0.95 / trials)


def flat(_: int) -> None:
    n, start, length = 16_384, 5000, 32
    x = synthetic.white_noise(n, seed=0)
    stuck = x.copy()
    stuck[start : start + length] = stuck[start]
    print(f"width of h(q), q = -3 … 5, of white noise of {n:,} samples, without and with {length} equal samples")
    ours = [float(wcdfa.mfdfa(each, nulls=()).delta_h) for each in (x, stuck)]
    value("h(-3) - h(5), wcdfa: without", ours[0], digits=3)
    value("h(-3) - h(5), wcdfa: with", ours[1], "within 0.05", abs(ours[1] - ours[0]) <= 0.05, digits=3)
    theirs = peer(x), peer(stuck)
    value("h(-3) - h(5), MFDFA: without", theirs[0], digits=3)
    value("h(-3) - h(5), MFDFA: with", theirs[1], digits=3)
    print(f"  {wcdfa.mfdfa(stuck)}")


def peer(x: np.ndarray) -> float:
    from MFDFA import MFDFA

    sizes = np.array(wcdfa.scales.dyadic(16, len(x) // 4))
    _, found = MFDFA(x, lag=sizes, q=np.array([-3.0, 5.0]), order=1)
    slopes = np.polyfit(np.log(sizes), np.log(found), 1)[0]
    return float(slopes[0] - slopes[1])


PARTS: dict[str, Callable[[int], None]] = {"coverage": coverage, "others": others, "nulls": nulls, "flat": flat}

if __name__ == "__main__":
    harness.run(PARTS, __doc__)
