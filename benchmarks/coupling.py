"""Coupling of two series: digits and speed beside fathon, false positives, power, and coverage of the intervals of ρ(s) and λ.

    python benchmarks/coupling.py [vectors] [level] [others] [trends] [power] [coverage] [exponent] [speed] [--trials 300] [--quick]

vectors: F²xy and ρ of fathon's DCCA at the same settings; direct least squares in each box.
level: pairs of independent ARFIMA called coupled over all sizes (p ≤ 0.05), %. others: the same for pairs of other kinds, and with the
phase null. trends: two decays and other courses of a training run with independent noise, called coupled by `wcdfa.coupling`, which
takes them for one, and by `norm_coupling`, as of a monitor and of --with. power: pairs with ρ = 0.2. coverage: of the 95 % interval of ρ(s), the size at which it is worst and the mean.
exponent: of the interval of λ. speed: one pair beside fathon; a pair that is new to the package, and one like it.
Nulls are of 199 pairs here, with which a test has its level exactly; the power is that of the default of 999. Takes about seven minutes on one core.
A SHORT row has a figure beyond its bar.
"""

from __future__ import annotations

import sys
import time

import harness
import numpy as np
from harness import Figure, arfima, mean, moving_average, row, seed, share, value, within

import wcdfa
from wcdfa import synthetic
from wcdfa.inference.moments import log_mean_square
from wcdfa.preprocess.options import Preparation
from wcdfa.verdicts.norm_coupling import norm_coupling

ALPHAS = (0.5, 0.95, 1.4)
LENGTHS = (256, 1024, 4096)
LONG = 1024  # above, a quarter of the trials
REPLICATES, TRIALS = 199, 300
TOGETHER = 50  # pairs that share nulls, whose quantiles vary too
POWER = 1000  # pairs at least, with the default nulls
DIGITS = 1e-9
SPEED = 100_000


def vectors(_: int) -> None:
    """The largest difference relative to F_x F_y."""
    print("F²xy and ρ against others, largest difference in units of F_x F_y")
    x, noise = synthetic.arfima(2000, d=0.5, batch=(2,), seed=1)
    y = noise + 0.4 * x
    sizes = [4, 8, 16, 32, 64, 128, 200]
    for order in (1, 2):
        used = [size for size in sizes if size > 4]
        mine = wcdfa.cross_fluctuations(x, y, scales=used, order=order)[1]
        unit = np.prod([wcdfa.fluctuations(each, scales=used, order=order)[1] for each in (x, y)], axis=0)
        direct = np.array([_direct(x, y, size, order) for size in used])
        largest("direct least squares", order, (mine - direct) / unit)
        fathon = _fathon(x, y)
        if fathon is None:
            print("        fathon is not installed")
            continue
        windows = np.array(used, dtype=np.int64)
        largest("fathon's ρ", order, mine / unit - fathon.computeRho(windows, polOrd=order)[1])
        largest("fathon's F²xy", order, (mine - fathon.computeFlucVec(windows, polOrd=order, absVals=False)[1]) / unit)
        one_more = wcdfa.cross_fluctuations(x, y, scales=windows + 1, order=order, overlap=1 - 1e-9)[1]
        theirs = fathon.computeFlucVec(windows, polOrd=order, absVals=False, overlap=True)[1] * (windows - 1) / (windows + 1)
        largest("fathon's F²xy of overlapping boxes, of s + 1 samples", order, (one_more - theirs) / unit)


def largest(what: str, order: int, differences: np.ndarray) -> None:
    found = float(np.abs(differences).max())
    print(f"  {'ok   ' if found <= DIGITS else 'SHORT'} {what}, order {order}: {found:.1e} (bar {DIGITS:g})")


def _direct(x: np.ndarray, y: np.ndarray, size: int, order: int) -> float:
    """F²xy by a least-squares fit in each box."""
    powers = np.vander(np.linspace(-1, 1, size), order + 1)
    products = []
    for start in range(0, len(x) - size + 1, size):
        profiles = np.stack([np.cumsum(each[start : start + size] - each.mean()) for each in (x, y)], axis=1)
        residuals = profiles - powers @ np.linalg.lstsq(powers, profiles, rcond=None)[0]
        products.append(residuals[:, 0] @ residuals[:, 1] / size)
    return float(np.mean(products))


def _fathon(x: np.ndarray, y: np.ndarray):
    try:
        import fathon
        from fathon import fathonUtils
    except ImportError:
        return None
    return fathon.DCCA(*(fathonUtils.toAggregated(each) for each in (x, y)))


def level(trials: int) -> None:
    print("independent ARFIMA called coupled, %, pairs of α (mean over pairs of α last)")
    pairs = [(a, b) for a in ALPHAS for b in ALPHAS if a <= b]
    for n in LENGTHS:
        hits = [_called(n, arfima(a, n), arfima(b, n), _number(n, trials), "level", a, b) for a, b in pairs]
        together = share(np.concatenate(hits))
        row(f"n = {n:,}, all pairs of α", [together], "4 to 6.5", within(4, 6.5), digits=1)
        for pair, found in zip(pairs, hits, strict=True):
            row(f"  α {pair[0]} and {pair[1]}", [share(found)], digits=1)


def others(trials: int) -> None:
    print("independent pairs of other kinds called coupled, %: null of the memory, and of random phases")
    n = 500
    for name, make in KINDS.items():
        figures = [share(_called(n, make, make, trials, "others", name, null=null)) for null in ("memory", "phase")]
        row(name, figures, "3 to 8", within(3, 8), digits=1)


def _heavy(count: int, rng: np.random.Generator) -> np.ndarray:
    return moving_average(rng.standard_t(3, (count, harness.MEMORY + 500)), 0.4)[:, -500:]


KINDS = {
    "AR(1), 0.9": lambda count, rng: synthetic.ar1(500, phi=0.9, batch=(count,), seed=rng),
    "AR(1), 0.5": lambda count, rng: synthetic.ar1(500, phi=0.5, batch=(count,), seed=rng),
    "fGn, H = 0.8": lambda count, rng: synthetic.fgn(500, hurst=0.8, batch=(count,), seed=rng),
    "ARFIMA of t with 3 degrees, α 0.9": _heavy,
    "exp of ARFIMA, α 0.8": lambda count, rng: np.exp(synthetic.arfima(500, d=0.3, batch=(count,), seed=rng)),
}


TIME = np.arange(1000)
COSINE = 0.5 * (1 + np.cos(np.pi * TIME / len(TIME)))
COURSES = {
    "two decays, exp(-t/400) and 3/(1 + t/100)": (np.exp(-TIME / 400), 3 / (1 + TIME / 100)),
    "two fast decays, exp(-t/50) and 3/(1 + t/20)": (np.exp(-TIME / 50), 3 / (1 + TIME / 20)),
    "cosine, twice": (COSINE, COSINE),
    "warm-up and cosine, twice": 2 * (np.minimum(TIME / 50, 1) * COSINE,),
    "warm-up and cosine, 3/(1 + t/20)": (np.minimum(TIME / 50, 1) * COSINE, 3 / (1 + TIME / 20)),
}


def trends(trials: int) -> None:
    print(
        "series that follow a trend each, n = 1,000, with independent white noise of 1 and .1 of the spread of the trend, called coupled, %"
    )
    print(
        "by coupling at order 1; by norm_coupling; and by norm_coupling where half of the variance of one noise is that of the other"
    )
    for name, pair in COURSES.items():
        for noise in (1, 0.1):
            alone = _on_top(pair, noise, trials // 10, 0.0)
            plain = [wcdfa.coupling(x, y, replicates=REPLICATES).p_value <= 0.05 for x, y in alone]
            prepared = [_of_norms(x, y) for x, y in alone]
            shared = [_of_norms(x, y) for x, y in _on_top(pair, noise, trials // 10, 1.0)]
            row(f"{name}, noise {noise}", [share(np.array(plain))], digits=1)
            row("  norm_coupling", [found := share(np.array(prepared))], "at most 5", within(0, 5 + 2 * found.error), digits=1)
            row("  with a coupling", [share(np.array(shared))], digits=1)


def _on_top(pair: tuple[np.ndarray, ...], noise: float, trials: int, coupled: float) -> list[tuple[np.ndarray, np.ndarray]]:
    x, y = seed("trends", noise).standard_normal((2, trials, len(TIME)))
    one, other = (each / each.std() for each in pair)
    return list(zip(one + noise * x, other + noise * (y + coupled * x), strict=True))


def _of_norms(x: np.ndarray, y: np.ndarray) -> bool:
    found = norm_coupling(np.exp(0.1 * x), 5 + y, "loss", Preparation(), replicates=REPLICATES)
    return bool(found.p_value <= 0.05)


def _called(n: int, make_x, make_y, trials: int, *cell: object, null: str = "memory") -> np.ndarray:
    """Whether each pair is called coupled over all sizes."""
    rng, found = seed(n, *cell), []
    for start in range(0, trials, TOGETHER):
        count = min(TOGETHER, trials - start)
        x, y = make_x(count, rng), make_y(count, rng)
        found.append(wcdfa.coupling(x, y, null=null, replicates=REPLICATES, seed=start).p_value <= 0.05)
    return np.concatenate(found)


def _number(n: int, trials: int) -> int:
    return trials // 4 if n > LONG else trials


def power(trials: int) -> None:
    print("pairs of α = 1 called coupled, %, n = 500")
    for rho, bar in ((0.1, None), (0.2, 95), (0.3, None)):
        make = arfima(1.0, 500)
        x, noise = (make(max(trials, POWER), seed("power", rho, name)) for name in "xy")
        found = wcdfa.coupling(x, rho * x + (1 - rho**2) ** 0.5 * noise).p_value <= 0.05
        row(f"ρ = {rho}", [share(found)], "" if bar is None else f"at least {bar}", bar and (lambda p, bar=bar: p >= bar), digits=1)


CASES = (
    (0.5, 0.5, 0.5),
    (1.0, 1.0, 0.0),
    (1.0, 1.0, 0.3),
    (1.0, 1.0, 0.9),
    (1.4, 1.4, 0.6),
    (0.6, 1.2, 0.5),
    (1.2, 0.6, 0.5),
    (1.2, 0.6, 0.9),
)
"""α of x, α of the noise in y = b x + noise, and ρ at a middle size."""


def _pairs(case: tuple[float, float, float], n: int, trials: int) -> tuple[np.ndarray, np.ndarray, tuple[int, ...], np.ndarray]:
    """x, y, the sizes, and the true ρ(s)."""
    of_x, of_noise, rho = case
    sizes = tuple(wcdfa.coupling(*np.random.default_rng(0).standard_normal((2, n)), replicates=19).scales.tolist())
    x, noise = (arfima(alpha, n)(trials, seed("coverage", case, n, name)) for alpha, name in ((of_x, "x"), (of_noise, "noise")))
    own, other = (np.exp(log_mean_square(sizes, 1, alpha)) for alpha in (of_x, of_noise))
    middle = len(sizes) // 2
    factor = rho / (1 - rho**2) ** 0.5 * (other[middle] / own[middle]) ** 0.5
    return x, factor * x + noise, sizes, factor * own / np.sqrt(own * (factor**2 * own + other))


def coverage(trials: int) -> None:
    print("intervals of ρ(s) that hold the true one, %: the size where fewest do, the mean over sizes, the size where most do")
    for n in LENGTHS[:2]:
        for case in CASES:
            number = _number(n, trials)
            x, y, _, truth = _pairs(case, n, number)
            found = wcdfa.coupling(x, y, replicates=REPLICATES)
            held = (found.low <= truth) & (truth <= found.high)
            by_size = sorted(float(100 * each) for each in held.mean(axis=0))
            error = share(held[:, 0]).error
            figures = [Figure(each, error) for each in (by_size[0], float(np.mean(by_size)), by_size[-1])]
            what = f"n = {n:,}, α {case[0]} and {case[1]}, ρ {case[2]}"
            row(what, figures, "92 to 98", within(92 - 2 * error, 98 + 2 * error), digits=1)


def exponent(trials: int) -> None:
    print("λ of coupled pairs: % of intervals that hold α of x, then bias, SD and the SD that the interval states")
    for n in (500, 2048):
        for case in ((1.0, 1.0, 0.2), (0.5, 0.5, 0.5), (1.0, 1.0, 0.9), (1.4, 1.4, 0.5), (0.6, 1.2, 0.5), (1.2, 0.6, 0.5)):
            x, y, _, _ = _pairs(case, n, trials // 2)
            found = wcdfa.coupling(x, y, replicates=REPLICATES)
            given = found.exponent_cause == 0
            low, high, own = (part[given] for part in (found.exponent_low, found.exponent_high, found.exponent))
            held = share((low <= case[0]) & (case[0] <= high))
            row(
                f"n = {n:,}, α {case[0]} and {case[1]}, ρ {case[2]}",
                [held],
                "90 to 98",
                within(90 - 2 * held.error, 98 + 2 * held.error),
                digits=1,
            )
            row(
                "  bias, SD, stated",
                [
                    Figure(float(own.mean() - case[0]), mean(own).error),
                    Figure(float(own.std()), 0),
                    Figure(float((high - low).mean() / 3.92), 0),
                ],
                digits=3,
            )


def speed(_: int) -> None:
    x, y = np.random.default_rng(0).standard_normal((2, SPEED))
    own = _fastest(lambda: wcdfa.cross_fluctuations(x, y))
    sizes = wcdfa.cross_fluctuations(x, y)[0]
    print(f"{SPEED:,} samples, {len(sizes)} sizes")
    value("wcdfa, ms", 1e3 * own)
    fathon = _fathon(x, y)
    if fathon is not None:
        theirs = _fastest(lambda: fathon.computeFlucVec(np.asarray(sizes, dtype=np.int64), polOrd=1), 2)
        value("fathon's DCCA, ms", 1e3 * theirs)
        value("times as fast", theirs / own, "at least 20", theirs / own >= 20, digits=0)
    for n in (500, 4096):
        pair = synthetic.arfima(n, d=0.31, batch=(2,), seed=4)
        wcdfa.dfa(pair)
        new = _fastest(lambda pair=pair: wcdfa.coupling(*pair, seed=time.perf_counter_ns()), 3)
        again = _fastest(lambda pair=pair: wcdfa.coupling(*pair), 3)
        value(f"coupling, n = {n:,}, a null of 999 pairs to simulate, ms", 1e3 * new)
        value(f"coupling, n = {n:,}, the next pair with such α, ms", 1e3 * again)


def _fastest(call, times: int = 5) -> float:
    """Seconds of the fastest of some calls, after one to warm up."""
    call()
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


PARTS = {
    "vectors": vectors,
    "level": level,
    "others": others,
    "trends": trends,
    "power": power,
    "coverage": coverage,
    "exponent": exponent,
    "speed": speed,
}

if __name__ == "__main__":
    if not any(each.startswith("--trials") for each in sys.argv):
        sys.argv += ["--trials", str(TRIALS)]
    harness.run(PARTS, __doc__)
