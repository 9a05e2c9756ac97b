"""What gaps do to α and its interval: 5, 20 and 50 % of the samples lost, at random and in bursts, on series of known α.

    python benchmarks/gaps.py [500] [1000] [4096] [kinds] [regular] [speed] [--trials 1000] [--quick]

Each cell of the tables is made of one or more patterns of gaps, with as many series each, and of complete series beside them. What people
do instead is measured by the same estimate: samples that are lost are deleted and the rest joined, or replaced by a line between their
neighbours. `kinds` are series for which the calibration was not made.
`regular` patterns lose samples at fixed distances. `speed` is the time of a first and of a second call.
"""

from __future__ import annotations

import time

import harness
import numpy as np
from harness import Figure, arfima, bias, coverage, header, row, spread, within

import wcdfa
from wcdfa import synthetic
from wcdfa.support.text import several

ALPHAS = (0.3, 0.5, 0.7, 0.9, 1.1, 1.4)
LOSSES = ((0.05, 1), (0.05, 20), (0.2, 1), (0.2, 20), (0.2, 100), (0.5, 1), (0.5, 20), (0.5, 100))  # share, mean length of a burst
LONG, LOSSES_OF_LONG = 4096, ((0.05, 20), (0.2, 1), (0.2, 20), (0.2, 100), (0.5, 20))
PATTERNS = {500: 3, 1000: 2, 4096: 1}
METHODS = ("robust", "gls")
TOLERANCE = 0.01  # of the share that is lost


def of_length(n: int):
    def part(trials: int) -> None:
        for share, burst in LOSSES if n < LONG else LOSSES_OF_LONG:
            where = "at random" if burst == 1 else f"in bursts of {burst} on average"
            print(f"n = {n:,}, {share:.0%} lost {where}: {trials:,} series, {several(PATTERNS[n], 'pattern', 'patterns')}")
            header("ARFIMA(0, α - 1/2, 0), α", ALPHAS)
            found = [measured(arfima(alpha, n), n, share, burst, trials, alpha) for alpha in ALPHAS]
            barred = share <= 0.2
            for method in METHODS:
                of = [each[method] for each in found]
                complete = [each[f"{method}, complete"] for each in found]
                row(f"{method}: bias", along(bias, [each[0] for each in of]), *bar(barred, "|·| <= 0.02", -0.02, 0.02))
                row("  of complete series", along(bias, [each[0] for each in complete]))
                row(f"{method}: SD", [spread(each[0]) for each in of])
                row("  of complete series", [spread(each[0]) for each in complete])
                row(f"{method}: coverage, %", along(coverage, of), *bar(barred, ">= 92", 92, 100), digits=1)
                row("  of complete series", along(coverage, complete), digits=1)
            for name in ("deleted", "interpolated"):
                row(f"robust, lost samples {name}: bias", along(bias, [each[name][0] for each in found]))
                row("  coverage, %", along(coverage, [each[name] for each in found]), digits=1)

    return part


def along(figure, found) -> list[Figure]:
    return [figure(each, alpha) for each, alpha in zip(found, ALPHAS, strict=True)]


def bar(there: bool, text: str, low: float, high: float):
    return (text, within(low, high)) if there else ()


def measured(make, n: int, share: float, burst: int, trials: int, *cell: object) -> dict[str, np.ndarray]:
    """α, low and high, (3, trials), of each method with gaps and without, and of the two ways around gaps."""
    found: dict[str, list[np.ndarray]] = {}
    for k in range(PATTERNS[n]):
        rng = harness.seed("gaps", n, share, burst, k)
        present = pattern(n, share, burst, rng)
        x = make(trials // PATTERNS[n], harness.seed("gaps", n, share, burst, k, *cell))
        gapped = np.where(present, x, np.nan)
        results = {method: wcdfa.dfa(gapped, missing="omit", method=method) for method in METHODS}
        results |= {f"{method}, complete": wcdfa.dfa(x, method=method) for method in METHODS}
        results["deleted"] = wcdfa.dfa(x[:, present][:, : round(n * (1 - share - TOLERANCE))])  # one length for all patterns
        results["interpolated"] = wcdfa.dfa(interpolated(x, present))
        for name, result in results.items():
            found.setdefault(name, []).append(np.array([result.alpha, result.low, result.high]))
    return {name: np.concatenate(parts, axis=-1) for name, parts in found.items()}


def pattern(n: int, share: float, burst: int, rng: np.random.Generator) -> np.ndarray:
    """Which samples are present: each lost by itself, or bursts and what lies between them with geometric lengths."""
    while True:
        present = rng.random(n) >= share if burst == 1 else in_bursts(n, share, burst, rng)
        if abs(np.mean(~present) - share) < TOLERANCE:
            return present


def in_bursts(n: int, share: float, burst: int, rng: np.random.Generator) -> np.ndarray:
    present, at, there = np.ones(n, dtype=bool), 0, bool(rng.random() >= share)
    while at < n:
        length = int(rng.geometric(1 / (burst * (1 - share) / share if there else burst)))
        present[at : at + length] = there
        at, there = at + length, not there
    return present


def interpolated(x: np.ndarray, present: np.ndarray) -> np.ndarray:
    places = np.arange(len(present))
    return np.array([np.interp(places, places[present], each[present]) for each in x])


def kinds(trials: int) -> None:
    n, burst = 1000, 20
    print(f"n = {n:,}, 20 % lost in bursts of {burst} on average, series of other kinds; robust, {trials:,} series")
    made = {
        "fractional Gaussian noise": lambda alpha: lambda batch, rng: synthetic.fgn(n, hurst=alpha, batch=(batch,), seed=rng),
        "ARFIMA and AR(1) of 0.3": lambda alpha: lambda batch, rng: synthetic.autoregressive(arfima(alpha, n)(batch, rng), 0.3),
        "ARFIMA, lognormal": lambda alpha: lambda batch, rng: np.exp(0.5 * harness.standardised(arfima(alpha, n)(batch, rng))),
    }
    alphas = (0.5, 0.7, 0.9)
    header("α", alphas)
    for name, make in made.items():
        found = [measured(make(alpha), n, 0.2, burst, trials, name, alpha) for alpha in alphas]
        for of in ("robust", "robust, complete"):
            pairs = [(each[of], alpha) for each, alpha in zip(found, alphas, strict=True)]
            suffix = "" if of == "robust" else ", complete"
            row(f"{name}{suffix}: bias", [bias(each[0], alpha) for each, alpha in pairs])
            row("  coverage, %", [coverage(each, alpha) for each, alpha in pairs], digits=1)


def regular(trials: int) -> None:
    n, count, alphas = 1000, max(trials // 3, 20), (0.3, 0.5, 0.8, 1.1)
    print(f"n = {n:,}, samples lost at regular distances, {count:,} series; no bar")
    header("ARFIMA(0, α - 1/2, 0), α", alphas)
    for name, period, lost in (("every second", 2, (1,)), ("every third", 3, (2,)), ("2 of 7", 7, (5, 6))):
        present = ~np.isin(np.arange(n) % period, lost)
        series = [arfima(alpha, n)(count, harness.seed("regular", name, alpha)) for alpha in alphas]
        for method in METHODS:
            found = [wcdfa.dfa(np.where(present, x, np.nan), missing="omit", method=method) for x in series]
            of = [(np.array([each.alpha, each.low, each.high]), alpha) for each, alpha in zip(found, alphas, strict=True)]
            row(f"{name}, {method}: bias", [bias(each[0], alpha) for each, alpha in of])
            row("  coverage, %", [coverage(each, alpha) for each, alpha in of], digits=1)


def speed(_: int) -> None:
    print(
        "one series, 20 % lost at random: seconds of one core for a first call, which makes the calibration for the pattern, and for a second"
    )
    for n in (500, 1000, 4096, 20_000):
        rng = harness.seed("speed", n)
        x = np.where(pattern(n, 0.2, 1, rng), rng.standard_normal(n), np.nan)
        wcdfa.dfa(rng.standard_normal(n))  # reads the calibration of complete series
        seconds = []
        for _ in range(2):
            start = time.process_time()
            wcdfa.dfa(x, missing="omit")
            seconds.append(time.process_time() - start)
        print(f"        n = {n:>6,}: {seconds[0]:6.2f} {seconds[1]:8.4f}", flush=True)


if __name__ == "__main__":
    harness.run({**{str(n): of_length(n) for n in PATTERNS}, "kinds": kinds, "regular": regular, "speed": speed}, __doc__)
