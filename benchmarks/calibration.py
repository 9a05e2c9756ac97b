"""Are the calibrated exponents unbiased, precise and honest? Bias, RMSE, efficiency and coverage on series of known α.

    python benchmarks/calibration.py [gls] [interval] [robust] [--trials 2000] [--quick]

gls: against the Cramér-Rao bound of ARFIMA(0, d, 0) (five times the trials, because the efficiency is a ratio of variances).
interval: how often the nominal 95 % interval holds α, at lengths that ship and others.
robust: what short memory, other long memory and other marginals do to the default method.
Takes some five minutes on one core, most of it for series of 20,000. A SHORT row has a figure beyond its bar.
"""

from __future__ import annotations

import math
from functools import lru_cache

import harness
import numpy as np
from harness import Figure, arfima, bias, coverage, estimates, header, increments_of, rmse, row, share, spread, summed, within
from scipy import signal, stats

import wcdfa
from wcdfa import synthetic

ALPHAS = (0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 1.5, 1.7)
MARGINAL_ALPHAS = (0.5, 0.7, 0.9, 1.0, 1.3)
SHIPPED = (128, 256, 500, 1000, 1024, 2048, 4096)
OTHER = (700, 6000, 20_000)  # computed on demand; scaled from the longest that ships
METHODS = ("robust", "gls", "ols")
BURN_IN = 200  # samples after which an AR(1) of 0.3 has forgotten its start: 0.3^200


def gls(trials: int) -> None:
    trials *= 5
    for n, least in ((128, 70), (500, 80), (1024, None), (4096, 70)):
        if not harness.ready(n):
            continue
        found = [estimates(arfima(alpha, n), ("gls",), n, trials, "gls", alpha)["gls"][0] for alpha in ALPHAS]
        bounds = [bound(n, alpha) if n <= 1024 else math.sqrt(6 / (np.pi**2 * n)) for alpha in ALPHAS]
        kind = "exact" if n <= 1024 else "asymptotic, √(6/(π² n))"
        print(f"gls on ARFIMA(0, α - 1/2, 0), n = {n}, {trials:,} trials; Cramér-Rao bound {kind}")
        header("α", ALPHAS)
        row("bias", pairwise(bias, found), *(("|·| <= 0.005", within(-0.005, 0.005)) if n == 500 else ()))
        row("RMSE", pairwise(rmse, found), *(("<= 0.042", within(0, 0.042)) if n == 500 else ()))
        row("Cramér-Rao bound", [Figure(each, 0) for each in bounds])
        efficiency = [efficient(spread(each), limit) for each, limit in zip(found, bounds, strict=True)]
        row("efficiency (bound / SD)², %", efficiency, *((f">= {least}", within(least, math.inf)) if least else ()), digits=1)


def pairwise(figure, found):
    return [figure(each, alpha) for each, alpha in zip(found, ALPHAS, strict=True)]


def efficient(deviation: Figure, limit: float) -> Figure:
    percent = 100 * (limit / deviation.value) ** 2
    return Figure(percent, 2 * percent * deviation.error / deviation.value)


@lru_cache
def bound(n: int, alpha: float) -> float:
    """Least standard deviation of an unbiased α, level and scale unknown: Fisher information of the n - 1 differences.

    For Gaussian y of covariance σ² T(d) and A = T⁻¹ dT/dd it is ½ (tr A² - (tr A)² / (n - 1)), whatever σ.
    """
    m, step = n - 1, 1e-4
    lags = np.abs(np.subtract.outer(np.arange(m), np.arange(m)))
    d = alpha - 1.5  # of the differences
    slope = (autocovariance(d + step, m) - autocovariance(d - step, m)) / (2 * step)
    a = np.linalg.solve(autocovariance(d, m)[lags], slope[lags])
    return float((0.5 * (np.sum(a * a.T) - np.trace(a) ** 2 / m)) ** -0.5)


def autocovariance(d: float, count: int) -> np.ndarray:
    """Of ARFIMA(0, d, 0) for any d below 1/2, those of a difference too (Hosking 1981)."""
    lag = np.arange(1.0, count)
    return math.gamma(1 - 2 * d) / math.gamma(1 - d) ** 2 * np.concatenate([[1.0], np.cumprod((lag - 1 + d) / (lag - d))])


def interval(trials: int) -> None:
    print(f"coverage of the nominal 95 % interval, %, ARFIMA(0, α - 1/2, 0), {trials:,} trials")
    header("n, method", ALPHAS)
    for n in SHIPPED + OTHER:
        if not harness.ready(n):
            continue
        found = [estimates(arfima(alpha, n), METHODS, n, trials, "interval", alpha) for alpha in ALPHAS]
        for method in METHODS:
            covered = [coverage(each[method], alpha) for each, alpha in zip(found, ALPHAS, strict=True)]
            row(f"{n:,} {method}", covered, "93 to 97", within(93, 97), digits=1)
    header("0.1.0's line, n = 500", ALPHAS)
    row("slope ± 1.96 residual errors", [residual_interval(alpha, 500, trials) for alpha in ALPHAS], digits=1)
    header("the same, where the bar is", MARGINAL_ALPHAS)
    covered = [residual_interval(alpha, 500, trials) for alpha in MARGINAL_ALPHAS]
    row("slope ± 1.96 residual errors", covered, "39 to 49", within(39, 49), digits=1)


def residual_interval(alpha: float, n: int, trials: int) -> Figure:
    """Coverage of the standard error that a regression prints, of the line that wcdfa 0.1.0 drew."""
    sizes = np.unique(np.logspace(np.log10(4), np.log10(n // 4), num=20).astype(int))
    line = np.log10(sizes) - np.mean(np.log10(sizes))
    hits = []
    rng = harness.seed("residual", n, alpha)
    for batch in harness.chunks(trials, n):
        _, found = wcdfa.fluctuations(arfima(alpha, n)(batch, rng), scales=sizes.tolist(), backward=True, moment=1)
        log_f = np.log10(found)
        log_f -= log_f.mean(axis=-1, keepdims=True)
        slope = log_f @ line / (line @ line)
        residual = log_f - slope[:, None] * line
        error = np.sqrt(np.sum(residual**2, axis=-1) / (len(sizes) - 2) / (line @ line))
        hits.append(np.abs(slope - alpha) <= 1.96 * error)
    return share(np.concatenate(hits))


def robust(trials: int) -> None:
    n = 500
    print(f"robust, n = {n}, {trials:,} trials")
    header("ARFIMA(0, α - 1/2, 0)", ALPHAS)
    found = [estimates(arfima(alpha, n), ("robust",), n, trials, "robust", alpha)["robust"] for alpha in ALPHAS]
    row("bias", pairwise(bias, [each[0] for each in found]))
    row("RMSE", pairwise(rmse, [each[0] for each in found]), "<= 0.073", within(0, 0.073))
    for phi in (0.3, -0.3):
        header(f"and an AR(1) of {phi} on top", ALPHAS)
        found = [estimates(filtered(alpha, phi, n), ("robust",), n, trials, phi, alpha)["robust"] for alpha in ALPHAS]
        row("bias", pairwise(bias, [each[0] for each in found]), "|·| <= 0.06", within(-0.06, 0.06))
        row("SD", [spread(each[0]) for each in found])
        row("coverage, %", pairwise(coverage, found), ">= 83", within(83, 100), digits=1)
    others = (0.3, 0.5, 0.7, 0.9, 1.3, 1.5, 1.7)
    header("fGn (H = α), fBm (H = α - 1)", others)
    found = [estimates(fractional(alpha, n), ("robust",), n, trials, "fgn", alpha)["robust"] for alpha in others]
    row("bias", [bias(each[0], alpha) for each, alpha in zip(found, others, strict=True)], "|·| <= 0.03", within(-0.03, 0.03))
    row("SD", [spread(each[0]) for each in found])
    row("coverage, %", [coverage(each, alpha) for each, alpha in zip(found, others, strict=True)], digits=1)
    header("other marginals", MARGINAL_ALPHAS)
    for what, make, met in MARGINALS:
        found = [estimates(make(alpha, n), ("robust",), n, trials, what, alpha)["robust"] for alpha in MARGINAL_ALPHAS]
        row(f"{what}: bias", [bias(each[0], alpha) for each, alpha in zip(found, MARGINAL_ALPHAS, strict=True)])
        covered = [coverage(each, alpha) for each, alpha in zip(found, MARGINAL_ALPHAS, strict=True)]
        row(f"{what}: coverage, %", covered, *((">= 92", within(92, 100)) if met else ()), digits=1)
    print("        (a static transform of Gaussian long memory takes some of the memory away: t3 marginals have no bar)")


def filtered(alpha: float, phi: float, n: int):
    """ARFIMA(1, d, 0): the AR(1) acts on the increments from α = 1 on."""

    def make(batch, rng):
        x = increments_of(alpha, n + BURN_IN, batch, rng)
        return summed(signal.lfilter([1.0], [1.0, -phi], x, axis=-1)[:, BURN_IN:], alpha)

    return make


def fractional(alpha: float, n: int):
    """Fractional Gaussian noise, and its sum above α = 1."""
    return lambda batch, rng: summed(synthetic.fgn(n, hurst=alpha if alpha < 1 else alpha - 1, batch=(batch,), seed=rng), alpha)


def transformed(function):
    """Gaussian ARFIMA of unit variance, within the window where it has none of its own, through a static function."""

    def of(alpha: float, n: int):
        def make(batch, rng):
            x = arfima(alpha, n)(batch, rng)
            return function(harness.standardised(x) if alpha >= 1 else x / math.sqrt(autocovariance(alpha - 0.5, 2)[0]))

        return make

    return of


def heavy_innovations(alpha: float, n: int):
    """The same moving average of Student's t with 3 degrees of freedom instead of Gaussian numbers."""
    d = alpha - (0.5 if alpha < 1 else 1.5)

    def make(batch, rng):
        sizes = harness.chunks(batch, harness.MEMORY + n)
        parts = [harness.moving_average(rng.standard_t(3, size=(some, harness.MEMORY + n)), d) for some in sizes]
        return summed(np.concatenate(parts), alpha)

    return make


MARGINALS = (
    ("lognormal, σ 0.3", transformed(lambda z: np.exp(0.3 * z)), True),
    ("log of it, as prepare takes it", transformed(lambda z: np.log(np.exp(0.3 * z))), True),
    ("chi, 3 degrees", transformed(lambda z: stats.chi.ppf(stats.norm.cdf(z), 3)), True),
    ("t3 innovations", heavy_innovations, True),
    ("t3 marginal", transformed(lambda z: stats.t.ppf(stats.norm.cdf(z), 3)), False),
)


if __name__ == "__main__":
    harness.run({"gls": gls, "interval": interval, "robust": robust}, __doc__)
