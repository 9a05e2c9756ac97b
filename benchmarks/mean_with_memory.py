"""How often the interval of `wcdfa.mean_with_memory` holds the true mean, beside two intervals that are in use.

    python benchmarks/mean_with_memory.py [arfima] [short] [unseen] [more] [cost] [--trials 400] [--quick]

arfima: ARFIMA(0, d, 0) and fractional Gaussian noise. short: AR(1) and ARMA. unseen: kinds that
took no part in the choice of the prior, with the same bar, chosen before they were run. more: heavy tails, white noise on top, skewed values; they
have no bar. cost: milliseconds for a series. Beside it: Student's interval of independent samples (scipy), and the interval with the
autocorrelation-consistent error of Newey and West (statsmodels' HAC with its usual lags, if it is installed). The weights of the prior
were chosen on n = 50, 200, 500 and 1,000, and changed once after a run of this script had shown too narrow intervals where long and short
memory meet. The seeds were drawn anew after that. ARMA, fGn of H = .3, heavy tails and skewed values never took part in the choice.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import harness
import numpy as np
from harness import Figure
from mundane import noise
from scipy import stats

import wcdfa

try:
    import statsmodels.api as sm
except ImportError:
    sm = None

LENGTHS = (50, 150, 500, 5000)
LOWEST, HIGHEST = 92, 98
FEWER = {5000: 2}  # by what the trials are divided
HAC_TRIALS = 100  # one series at a time

Make = Callable[[int, int, np.random.Generator], np.ndarray]


def arfima(d: float, **beside: object) -> Make:
    return lambda n, runs, rng: noise.arfima(d + 0.5, n, runs=runs, seed=rng, **beside)


def fgn(hurst: float) -> Make:
    return lambda n, runs, rng: wcdfa.synthetic.fgn(n, hurst=hurst, batch=(runs,), seed=rng)


def ar1(phi: float) -> Make:
    return lambda n, runs, rng: wcdfa.synthetic.ar1(n, phi=phi, batch=(runs,), seed=rng)


def skewed(n: int, runs: int, rng: np.random.Generator) -> np.ndarray:
    """Lognormal values of ARFIMA(0, .3, 0) with a standard deviation of 1/2, less their mean."""
    x = noise.arfima(0.8, n, runs=runs, seed=rng) / noise.autocovariance(0.3, 1)[0] ** 0.5
    return np.exp(x / 2) - np.exp(1 / 8)


ARFIMA: dict[str, Make] = {f"ARFIMA d = {d}": arfima(d) for d in (-0.3, -0.15, 0.0, 0.15, 0.3, 0.4, 0.45)} | {
    f"fGn H = {hurst}": fgn(hurst) for hurst in (0.3, 0.7, 0.9)
}
SHORT: dict[str, Make] = {f"AR(1) {phi}": ar1(phi) for phi in (-0.9, -0.5, 0.5, 0.9)} | {
    "ARMA .7, .4": arfima(0.0, ar=(0.7,), ma=(0.4,)),
    "ARMA -.5, .3": arfima(0.0, ar=(-0.5,), ma=(0.3,)),
}
UNSEEN: dict[str, Make] = {
    "MA(1) .8": arfima(0.0, ma=(0.8,)),
    "AR(2) 1.2, -.6": arfima(0.0, ar=(1.2, -0.6)),
    "fGn H = 0.6": fgn(0.6),
    "ARFIMA d = .2, MA .5": arfima(0.2, ma=(0.5,)),
}
MORE: dict[str, Make] = {
    "d = .3, t with 3 degrees": arfima(0.3, innovations="t3"),
    "d = 0, t with 3 degrees": arfima(0.0, innovations="t3"),
    "d = .3 and as much white noise": arfima(0.3, snr=1.0),
    "d = .3 with AR .5": arfima(0.3, ar=(0.5,)),
    "lognormal, d = .3": skewed,
}


def with_memory(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = wcdfa.mean_with_memory(x)
    return found.low, found.high


def student(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The interval of a mean of independent samples."""
    n = x.shape[-1]
    half = stats.t.ppf(0.975, n - 1) * x.std(axis=-1, ddof=1) / n**0.5
    return x.mean(axis=-1) - half, x.mean(axis=-1) + half


def hac(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newey and West with 4 (n / 100)^(2/9) lags and Student's quantiles."""
    lags = int(4 * (x.shape[-1] / 100) ** (2 / 9))
    ones = np.ones(x.shape[-1])
    settings = {"cov_type": "HAC", "cov_kwds": {"maxlags": lags, "use_correction": True}, "use_t": True}
    bounds = [sm.OLS(each, ones).fit(**settings).conf_int()[0] for each in x]
    return tuple(np.array(bounds).T)


def coverage(kinds: dict[str, Make], trials: int, *, barred: bool) -> None:
    print(
        "share of 95 % intervals that hold the true mean, %; without: series whose α is surely 1 or more have no interval, and do not"
    )
    print(
        f"count. SHORT: a length is outside {LOWEST} to {HIGHEST} by more than two Monte-Carlo errors of its own; it is named. width: median half-width over 1.96 times the true standard error"
    )
    print(f"  {'':5} {'n':<34}{' '.join(f'{n:8,d}' for n in LENGTHS)}  Monte-Carlo error, largest")
    for name, make in kinds.items():
        samples = {n: make(n, trials // FEWER.get(n, 1), harness.seed("mean, judged", name, n)) for n in LENGTHS}
        found = {n: with_memory(x) for n, x in samples.items()}
        shares = [held(*found[n]) for n in LENGTHS]
        bar = _bar(shares) if barred else ("", None)
        harness.row(name, shares, *bar, digits=1)
        harness.row("  width", [width(*found[n], samples[n]) for n in LENGTHS], digits=2)
        if any(np.isnan(low).any() for low, _ in found.values()):
            harness.row("  without, %", [harness.share(np.isnan(found[n][0])) for n in LENGTHS], digits=1)
        harness.row("  Student's", [held(*student(samples[n])) for n in LENGTHS], digits=1)
        if sm is not None:
            harness.row("  HAC", [held(*hac(samples[n][:HAC_TRIALS])) for n in LENGTHS], digits=1)


def _bar(shares: list[Figure]) -> tuple[str, Callable[[float], bool]]:
    """The bar with the lengths that miss it, each judged by its own error."""
    missed = [f"n = {n:,} ± {each.error:.1f}" for n, each in zip(LENGTHS, shares, strict=True) if not _inside(each)]
    return f"{LOWEST} to {HIGHEST}{', not ' if missed else ''}{', '.join(missed)}", lambda _: not missed


def _inside(share: Figure) -> bool:
    return LOWEST - 2 * share.error <= share.value <= HIGHEST + 2 * share.error


def held(low: np.ndarray, high: np.ndarray) -> Figure:
    there = np.isfinite(low)
    return harness.share(((low <= 0) & (high >= 0))[there])


def width(low: np.ndarray, high: np.ndarray, x: np.ndarray) -> Figure:
    """Over the root mean square of the averages, whose true mean is 0."""
    truth = np.mean(x.mean(axis=-1) ** 2) ** 0.5
    ratio = float(np.nanmedian(high - low)) / 2 / 1.96 / truth
    return Figure(ratio, ratio / (2 * len(x)) ** 0.5)


def cost(trials: int) -> None:
    print("milliseconds for a series, best of 3, in batches of 16")
    for n in LENGTHS:
        x = wcdfa.synthetic.arfima(n, d=0.3, batch=(16,), seed=harness.seed("cost", n))
        wcdfa.mean_with_memory(x)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            wcdfa.mean_with_memory(x)
            times.append((time.perf_counter() - start) / 16)
        harness.value(f"n = {n:,}", 1e3 * min(times), digits=1)


PARTS = {
    "arfima": lambda trials: coverage(ARFIMA, trials, barred=True),
    "short": lambda trials: coverage(SHORT, trials, barred=True),
    "unseen": lambda trials: coverage(UNSEEN, trials, barred=True),
    "more": lambda trials: coverage(MORE, trials, barred=False),
    "cost": cost,
}

if __name__ == "__main__":
    harness.run(PARTS, __doc__)
