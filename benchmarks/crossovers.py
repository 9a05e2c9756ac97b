"""Crossovers: how often one is found where there is none, how often where there is one, and whether intervals hold what they promise.

    python benchmarks/crossovers.py [level found places further kinds odd slopes ranges verdicts]

Series with a crossover have a spectrum of two power laws, f^(1 - 2 α), that meet at one frequency; it is given as the box size s at which the
straight lines of F(s) cross. They are made here, apart from the package's own model of them.
"""

from __future__ import annotations

import re
import time
from collections import Counter

import harness
import numpy as np
from harness import Figure, coverage, header, mean, row, seed, share, value, within

import wcdfa
from wcdfa import synthetic
from wcdfa.inference.broken_power_law import kink_of
from wcdfa.inference.crossovers import first_p_values
from wcdfa.inference.log_fluctuations import log_fluctuations

ALPHAS = (0.3, 0.5, 0.7, 0.9, 1.2, 1.3, 1.4)
LENGTHS = (256, 500, 1024, 4096, 16_384)
N = 4096
PLACES = (16, 24, 32, 48, 64, 96, 128, 256)
# the first four pairs were looked at while the test was made
PAIRS = ((0.5, 0.8), (0.8, 0.5), (0.9, 1.2), (1.2, 0.9), (0.4, 0.7), (0.7, 0.4), (1.1, 1.4), (1.4, 1.1))


def broken(n: int, before: float, after: float, place: float, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Spectral synthesis of series four times as long, of which a part is taken."""
    frequency = np.arange(1, 2 * n + 1) / (4 * n)
    meeting = np.exp(float(kink_of(np.array(place), before, after, 1))) / (2 * np.pi)
    exponent = np.where(frequency > meeting, 1 - 2 * before, 1 - 2 * after)
    real, imaginary = rng.standard_normal((2, batch, 2 * n))
    waves = (frequency / meeting) ** (exponent / 2) * (real + 1j * imaginary)
    return np.fft.irfft(np.concatenate([np.zeros((batch, 1)), waves], axis=-1), n=4 * n)[:, :n]


def single(kind: str, alpha: float, n: int, batch: int, rng: np.random.Generator) -> np.ndarray:
    """ARFIMA, a power law of the frequency, or fractional Gaussian noise: from α = 1 on its running sum."""
    if kind.startswith("power law"):
        return broken(n, alpha, alpha, 32, batch, rng)
    if kind == "ARFIMA":
        return synthetic.arfima(n, d=alpha - 0.5, batch=(batch,), seed=rng)
    if alpha < 1:
        return synthetic.fgn(n, hurst=alpha, batch=(batch,), seed=rng)
    return np.cumsum(synthetic.fgn(n, hurst=alpha - 1, batch=(batch,), seed=rng), axis=-1)


def found_in(x: np.ndarray) -> np.ndarray:
    """Whether a crossover is found in each series at a level of 5 %; `wcdfa.crossovers` with most=1 counts the same."""
    return first_p_values(log_fluctuations(x, axis=-1, order=1, scales=None, breaks=())) < 0.05


def level(trials: int) -> None:
    print(
        f"share of series with one exponent in which a crossover is found, in per cent, at a level of 5 %; {trials} series in a cell"
    )
    print("a row misses the bar if a share is above it by more than twice the error of 5 %")
    header("", ALPHAS)
    every = []
    for n in LENGTHS:
        for kind in ("ARFIMA", "fGn, from 1 on its sum", "power law up to f = 1/2"):
            cells = [_hits(kind, alpha, n, trials) for alpha in ALPHAS]
            row(f"{kind}, n = {n:,}", [share(each) for each in cells], "at most 5", within(0, 5 + _slack(trials)), 1)
            every.append(np.concatenate(cells))
    total = share(np.concatenate(every))
    value(f"all of these, ± {total.error:.2f}", total.value, "at most 5", total.value <= 5)
    cells = [_hits("sum of fGn", alpha, n, trials) for n in (1024, N) for alpha in (1.05, 1.1)]
    row("sum of fGn, α 1.05 and 1.1, n = 1,024; 4,096", [share(each) for each in cells], digits=1)
    print("        (sampled so near to 1, this motion has no single exponent: in small boxes it looks like noise)")
    counted = wcdfa.crossovers(single("ARFIMA", 0.8, 500, 300, seed("same")), most=1).bends
    same = np.array_equal(counted > 0, found_in(single("ARFIMA", 0.8, 500, 300, seed("same"))))
    value("crossovers() counts the same, in 300 series", float(same), "1", same, 0)


def _slack(trials: int) -> float:
    """Twice the Monte-Carlo error of 5 %, in per cent."""
    return 200 * (0.05 * 0.95 / trials) ** 0.5


def _hits(kind: str, alpha: float, n: int, trials: int) -> np.ndarray:
    rng = seed("level", kind, alpha, n)
    return np.concatenate([found_in(single(kind, alpha, n, batch, rng)) for batch in harness.chunks(trials, n)])


def found(trials: int) -> None:
    trials = max(trials // 2, 100)
    print(
        f"share of series of {N:,} samples in which a crossover is found, in per cent, where slopes differ by 0.3 and lines cross at s"
    )
    print(f"{trials} series in a cell; the first four pairs of exponents were seen while the test was made, the others not")
    header("s =", PLACES)
    cells = {}
    for pair in PAIRS:
        for place in PLACES:
            rng = seed("found", pair, place)
            cells[pair, place] = np.concatenate(
                [found_in(broken(N, *pair, place, batch, rng)) for batch in harness.chunks(trials, N)]
            )
        row(f"{pair[0]} to {pair[1]}", [share(cells[pair, place]) for place in PLACES], "at least 90", within(90, 100), 1)
    over = [share(np.concatenate([cells[pair, place] for pair in PAIRS])) for place in PLACES]
    row("mean over pairs", over, "at least 90", within(90, 100), 1)
    inner = share(np.concatenate([cells[pair, place] for pair in PAIRS for place in (24, 32, 48)]))
    print(
        "        (the sizes of the next line are chosen, as those at which the mean over pairs is largest: it is no bar that all of this has to meet)"
    )
    value(f"mean over pairs and s = 24 to 48, ± {inner.error:.1f}", inner.value, "at least 90", inner.value >= 90, 1)
    print(
        "        (a series holds 4,096 / s boxes of the size at which lines cross: the fewer, the less there is to tell the slope beyond)"
    )


def places(trials: int) -> None:
    trials = min(max(trials // 4, 50), 120)
    print(
        f"of the series of {N:,} samples in which one crossover is found: how often the 95 % intervals hold the truth, in per cent"
    )
    print(f"{trials} series in a cell; beside each pair the median place and the mean exponents; bar: 90, less twice its error")
    for pair in ((0.5, 0.8), (0.8, 0.5), (0.7, 1.2), (1.4, 1.1), (1.3, 0.6)):
        for place in (24, 64):
            result = wcdfa.crossovers(broken(N, *pair, place, trials, seed("places", pair, place)), most=1)
            one = result.number == 1
            inside = [share(((result.place_low <= place) & (place <= result.place_high))[one, 0])]
            inside += [share(((result.low <= a) & (a <= result.high))[one, k]) for k, a in enumerate(pair)]
            told = (
                f"{np.median(result.places[one, 0]):.0f}; {', '.join(f'{a:.2f}' for a in result.exponents[one, :2].mean(axis=0))}"
            )
            row(f"{pair[0]} to {pair[1]} at s = {place}: {told}", inside, "at least 90", within(90 - _slack(trials), 100), 0)


def further(trials: int) -> None:
    trials = min(max(trials // 10, 50), 200)
    print(
        f"share of series of {N:,} samples with one crossover in which two or more are found, in per cent; {trials} series in a cell"
    )
    for pair in ((0.5, 0.9), (1.0, 0.5), (0.6, 1.4), (1.5, 0.7)):
        cells = [share(wcdfa.crossovers(broken(N, *pair, s, trials, seed("further", pair, s)), most=2).bends > 1) for s in (24, 48)]
        row(f"{pair[0]} to {pair[1]}, at s = 24; 48", cells, "at most 8", within(0, 8), 1)


def kinds(trials: int) -> None:
    trials = max(trials // 4, 50)
    print(f"share of series in which a crossover is found, in per cent, n = 500; 2,000; {N:,}: {trials} series in a cell")
    for name, make in {
        "white noise": lambda n, rng: synthetic.white_noise(n, batch=(trials,), seed=rng),
        "uniform values, α = 0.8": lambda n, rng: harness.moving_average(rng.uniform(-1, 1, (trials, n + harness.MEMORY)), 0.3),
        "Student t (4), α = 0.8": lambda n, rng: harness.moving_average(rng.standard_t(4, (trials, n + harness.MEMORY)), 0.3),
        "exp of α = 0.8 (no single exponent)": lambda n, rng: np.exp(synthetic.arfima(n, d=0.3, batch=(trials,), seed=rng)),
        "AR(1), 0.1 (no single exponent)": lambda n, rng: synthetic.ar1(n, phi=0.1, batch=(trials,), seed=rng),
        "AR(1), 0.3 (no single exponent)": lambda n, rng: synthetic.ar1(n, phi=0.3, batch=(trials,), seed=rng),
        "AR(1), 0.9 (no single exponent)": lambda n, rng: synthetic.ar1(n, phi=0.9, batch=(trials,), seed=rng),
        "noise on a trend of 1 sigma": lambda n, rng: synthetic.white_noise(n, batch=(trials,), seed=rng) + np.linspace(0, 1, n),
        "noise on a trend of 4 sigma": lambda n, rng: synthetic.white_noise(n, batch=(trials,), seed=rng) + np.linspace(0, 4, n),
        "noise and a period of 50": lambda n, rng: synthetic.white_noise(n, batch=(trials,), seed=rng) + np.sin(np.arange(n) / 8),
    }.items():
        row(name, [share(found_in(make(n, seed("kinds", name, n)))) for n in (500, 2000, N)], digits=1)
    print("        (where one exponent is there, at most 5 is wanted; a trend and a period bend log F(s), and are found as bends)")


def odd(trials: int) -> None:
    trials = min(max(trials // 4, 50), 100)
    print(
        f"share of {trials} series in which log F(s) is found to bend; in which exponents beside a crossover are named; in per cent"
    )
    for name, make in {
        "a pulse": lambda n, rng: np.eye(n)[rng.integers(n)],
        "noise and a pulse of 50 sigma": lambda n, rng: synthetic.white_noise(n, seed=rng) + 50 * np.eye(n)[rng.integers(n)],
        "noise and a pulse of 1 % of its samples": lambda n, rng: synthetic.white_noise(n, seed=rng) + 30 * (rng.random(n) < 0.01),
        "a step": lambda n, rng: (np.arange(n) > rng.integers(n // 8, n - n // 8)) * 1.0,
        "noise and a step of 5 sigma": lambda n, rng: synthetic.white_noise(n, seed=rng) + 5 * (np.arange(n) > rng.integers(n)),
        "a period of 50": lambda n, rng: np.sin(np.arange(n) / 8 + 6 * rng.random()),
        "noise and a period of 50": lambda n, rng: synthetic.white_noise(n, seed=rng) + np.sin(np.arange(n) / 8),
        "noise, rounded to ties": lambda n, rng: np.round(0.6 * synthetic.white_noise(n, seed=rng)),
        "AR(1), 0.9, which has two": lambda n, rng: synthetic.ar1(n, phi=0.9, seed=rng),
        "0.5 to 0.8 at s = 32, which has two": lambda n, rng: broken(n, 0.5, 0.8, 32, 1, rng)[0],
    }.items():
        for n in (1024, N):
            rng = seed("odd", name, n)
            result = wcdfa.crossovers(np.stack([make(n, rng) for _ in range(trials)]))
            row(f"{name}, n = {n:,}", [share(result.bends > 0), share(result.number > 0)], digits=0)


def slopes(trials: int) -> None:
    print(
        "local slopes of series with one exponent: how often intervals hold it, in per cent; each slope alone, the worst, which is"
    )
    print("found in other series of the same kind than it is measured in; all at once")
    for n in (256, 1024, N):
        for alpha in (0.3, 0.7, 1.1, 1.5):
            half = min(trials, 1000)
            result = wcdfa.local_slopes(single("ARFIMA", alpha, n, 2 * half, seed("slopes", n, alpha)))
            held = (result.low <= alpha) & (alpha <= result.high)
            worst = share(held[half:, np.argmax(abs(held[:half].mean(axis=0) - 0.95))])
            together = share(((result.all_low <= alpha) & (alpha <= result.all_high)).all(axis=-1))
            row(f"n = {n:,}, α = {alpha}", [worst, together], "92 to 98", within(92, 98), 1)


def ranges(trials: int) -> None:
    trials = min(trials, 1000)
    print(
        "exponents of boxes 4–16 and 16–64 of series with one exponent: bias of each; coverage of each and of the difference, in per cent;"
    )
    print("how often p of the difference is below 0.05, in per cent")
    for n in (256, 1024, N):
        for alpha in (0.5, 0.8, 1.1, 1.4):
            result = wcdfa.range_exponents(single("ARFIMA", alpha, n, trials, seed("ranges", n, alpha)))
            biases = [mean(result.exponents[:, k] - alpha) for k in (0, 1)]
            row(f"n = {n:,}, α = {alpha}, bias", biases, "within 0.02", within(-0.02, 0.02), 3)
            each = [coverage(np.stack([result.exponents[:, k], result.low[:, k], result.high[:, k]]), alpha) for k in (0, 1)]
            both = share((result.difference_low[:, 0] <= 0) & (result.difference_high[:, 0] >= 0))
            row("     coverage", [*each, both], "92 to 98", within(92, 98), 1)
            row("     p below 0.05", [share(result.p_values[:, 0] < 0.05)], "2 to 8", within(2, 8), 1)
    _against_nolds(min(trials, 200))
    print("exponents of ranges of series with a crossover at s = 16, where each range holds something of the other: means")
    for pair in ((0.5, 1.0), (1.0, 0.5), (1.4, 0.8)):
        x = broken(1024, *pair, 16, 200, seed("mixed", pair))
        row(f"{pair[0]} to {pair[1]}", [mean(wcdfa.range_exponents(x).exponents[:, k]) for k in (0, 1)], digits=2)


def _against_nolds(trials: int) -> None:
    import nolds

    x, sizes = single("ARFIMA", 0.5, 256, trials, seed("nolds")), [4, 6, 8, 12, 16]
    theirs = np.array([nolds.dfa(each, nvals=sizes, overlap=False, order=1, fit_exp="poly") for each in x])
    ours = wcdfa.range_exponents(x).exponents[:, 0]
    row("white noise, n = 256, boxes 4–16, mean: wcdfa; nolds", [mean(ours), mean(theirs)], digits=3)


def verdicts(trials: int) -> None:
    trials = min(max(trials // 10, 30), 60)
    print(f"what a verdict says of windows whose log F(s) bends, of {trials} windows of 500 and of {N:,} norms each")
    for name, make in {
        "exponents 0.5 to 1.1 at s = 32": lambda n, rng: broken(n, 0.5, 1.1, 32, 1, rng)[0],
        "exponents 1.3 to 0.6 at s = 32": lambda n, rng: broken(n, 1.3, 0.6, 32, 1, rng)[0],
        "AR(1), 0.9": lambda n, rng: synthetic.ar1(n, phi=0.9, seed=rng),
        "noise on a line of 6 sigma": lambda n, rng: synthetic.white_noise(n, seed=rng) + np.linspace(0, 6, n),
        "noise on a line of 2 sigma": lambda n, rng: synthetic.white_noise(n, seed=rng) + np.linspace(0, 2, n),
        "noise on a decay": lambda n, rng: synthetic.white_noise(n, seed=rng) + 6 * np.exp(-np.linspace(0, 8, n)),
        "noise and a period of 50": lambda n, rng: synthetic.white_noise(n, seed=rng) + np.sin(np.arange(n) / 8),
        "noise, and from the middle AR(1), 0.95": lambda n, rng: _changing(n, rng),
    }.items():
        for n in (500, N):
            said = Counter(_said(make(n, seed("verdicts", name, n, i))) for i in range(trials))
            wrong = sum(count for text, count in said.items() if text.startswith("two exponents fit"))
            figure = share(np.arange(trials) < wrong)
            bar = ("at most 5", within(0, 5)) if "noise on" in name or "period" in name else ("", None)
            row(f"{name}, n = {n:,}", [figure], *bar, digits=0)
            for text, count in said.most_common():
                print(f"              {count:3} × {text}")
    _time_of_a_verdict()


def _changing(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([synthetic.white_noise(n // 2, seed=rng), synthetic.ar1(n - n // 2, phi=0.95, seed=rng)])


def _said(x: np.ndarray) -> str:
    findings = wcdfa.verdict(np.exp(0.1 * (x - x.mean()) / x.std())).findings
    texts = [each.text for each in findings if each.kind == "two exponents"]
    return re.sub(r"[\d.,]*\d", "#", texts[0]) if texts else "(log F(s) does not bend beyond chance)"


def _time_of_a_verdict() -> None:
    for n in (500, N):
        norms = [np.exp(0.1 * synthetic.ar1(n, phi=0.9, seed=i)) for i in range(20)]
        bent = [wcdfa.verdict(each) for each in norms]
        bent = [any(f.kind == "two exponents" for f in each.findings) for each in bent]
        times = []
        for each in norms:
            start = time.perf_counter()
            wcdfa.verdict(each)
            times.append(time.perf_counter() - start)
        for what, which in (("that bends", True), ("that does not", False)):
            those = [1e3 * each for each, bends in zip(times, bent, strict=True) if bends is which]
            if those:
                row(f"ms of a verdict, n = {n:,}, {what}", [Figure(float(np.median(those)), 0.0)], digits=0)


if __name__ == "__main__":
    harness.run({each.__name__: each for each in (level, found, places, further, kinds, odd, slopes, ranges, verdicts)}, __doc__)
