"""α1 of heart beats: `wcdfa.heart.alpha1` beside NeuroKit2 and pyHRV.

    python benchmarks/heart.py [agreement] [coverage] [beats] [found] [artefacts] [--trials 1000] [--pyhrv PYTHON] [--quick]

agreement: α1 and the time it takes on the packaged recordings. coverage: of the 95 % interval, on series of one exponent. beats: of windows
of the packaged hour, how much α1 varies beside what its interval says. found: artefacts found and intervals left out for nothing.
artefacts: the error that they bring into α1. PYTHON is that of an environment with pyhrv 0.5.0 and nolds 0.6.2, which need other
versions than the tests. Takes five minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import harness
import neurokit2
import numpy as np

import wcdfa
from wcdfa import heart
from wcdfa.inference.slope_spread import slope_spread
from wcdfa.preprocess.beats import artefacts
from wcdfa.surrogates import phase_randomised

DATA = Path(__file__).parents[1] / "studies" / "biology" / "data"
RECORDINGS = ("hour", "five_minutes")
SIZES = np.array(heart.SHORT)
ALPHAS = (0.5, 0.75, 1.0, 1.25, 1.5)
MEAN, DEVIATION = 800.0, 40.0  # milliseconds
SHARES = (0.0, 0.01, 0.03, 0.05, 0.07)
KINDS = ("ectopic", "missed", "extra")
BEATS = 300
SAME = 1e-9
PYHRV = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
import pyhrv.nonlinear
rr = json.load(sys.stdin)
times = []
for _ in range(3):
    start = time.perf_counter()
    found = pyhrv.nonlinear.dfa(rr, short=[4, 16], long=[17, 64], show=False)
    times.append(time.perf_counter() - start)
    plt.close("all")
print(json.dumps([float(found["dfa_alpha1"]), min(times)]))
"""


def recording(name: str) -> np.ndarray:
    return np.array((DATA / f"{name}.txt").read_text("ascii").split(), dtype=float)


def of_neurokit(rr: np.ndarray, *, overlap: bool = False) -> float:
    return float(neurokit2.fractal_dfa(rr, scale=SIZES, overlap=overlap)[0])


def seconds(call: Callable[[], object], repeats: int = 7) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def agreement(python: str | None) -> None:
    print("α1, nothing left out, sizes 4, 5 … 16, order 1, boxes side by side")
    for name in RECORDINGS:
        rr = recording(name)
        own = heart.alpha1(rr, skip=None)
        print(f"  {name} ({len(rr):,} intervals): {own.alpha:.6f} ({own.low:.3f}–{own.high:.3f})")
        print(f"    least squares through F(s) of wcdfa.fluctuations: {close(own.alpha, by_hand(rr))}")
        print(
            f"    NeuroKit2 {of_neurokit(rr):.6f}: it leaves out boxes whose intervals are all equal, as some in steps of 8 ms are"
        )
        finer = rr + harness.seed("finer").uniform(-4, 4, len(rr))
        print(f"    without the steps, NeuroKit2: {close(heart.alpha1(finer, skip=None).alpha, of_neurokit(finer))}")
        print(
            f"    with boxes that overlap by half, its default: {of_neurokit(finer, overlap=True):.6f} for {of_neurokit(finer):.6f}"
        )
        mine = seconds(lambda rr=rr: heart.alpha1(rr, skip=None))
        theirs = seconds(lambda rr=rr: of_neurokit(rr), 3)
        print(f"    {1e3 * mine:.1f} ms with the interval, NeuroKit2 {1e3 * theirs:.1f} ms: {theirs / mine:.1f} × as fast")
        if python:
            done = subprocess.run(
                [python, "-c", PYHRV], input=json.dumps(rr.tolist()), stdout=subprocess.PIPE, text=True, check=True
            )
            alpha, took = json.loads(done.stdout)
            print(f"    pyHRV 0.5.0: {close(own.alpha, alpha)}, {1e3 * took:.0f} ms, which include α2 and a picture")
    rr = recording("hour") + harness.seed("finer").uniform(-4, 4, len(recording("hour")))
    windows = heart.alpha1(rr, skip=None, window=200, step=10)
    spans = list(zip(windows.start, windows.stop, strict=True))
    mine = seconds(lambda: heart.alpha1(rr, skip=None, window=200, step=10), 3)
    theirs = seconds(lambda: [of_neurokit(rr[i:j]) for i, j in spans], 1)
    print(
        f"  {len(spans)} windows of 200 beats in the hour: {1e3 * mine:.0f} ms, NeuroKit2 {1e3 * theirs:,.0f} ms: {theirs / mine:.0f} × as fast"
    )
    worst = max((abs(of_neurokit(rr[i:j]) - a), a, i, j) for (i, j), a in zip(spans, windows.alpha, strict=True))
    print(f"    the window that differs most: {close(worst[1], of_neurokit(rr[worst[2] : worst[3]]))}")


def by_hand(rr: np.ndarray) -> float:
    sizes, f = wcdfa.fluctuations(rr, scales=heart.SHORT)
    return float(np.polyfit(np.log(sizes), np.log(f), 1)[0])


def close(own: float, other: float) -> str:
    difference = abs(own - other)
    return f"differs by {difference:.0e} [{SAME:.0e}: {'ok' if difference <= SAME else 'SHORT'}]"


def truth(alpha: float, sizes: tuple[int, ...]) -> float:
    """The slope of a very long series of this exponent."""
    slopes = slope_spread(sizes, 1).slopes
    return float(np.interp(alpha, np.linspace(0, 1.95, len(slopes)), slopes))


def coverage(trials: int) -> None:
    print("coverage of the 95 % interval, % ± Monte-Carlo error, ARFIMA(0, d, 0) with mean 800 and deviation 40 ms [92 to 98]")
    for name, sizes, measure, lengths in (
        ("α1", heart.SHORT, heart.alpha1, (64, 100, 300, 1000)),
        ("α2", heart.LONG, heart.alpha2, (300, 1000)),
    ):
        for n in lengths:
            cells = []
            for alpha in ALPHAS:
                rr, wanted = simulated(alpha, n, trials, "coverage"), truth(alpha, sizes)
                found = measure(rr.ravel(), skip=None, window=n)
                inside = harness.share((found.low <= wanted) & (wanted <= found.high))
                cells.append(f"α {alpha:g}: {inside.value:.1f} ± {inside.error:.1f}{'' if 92 <= inside.value <= 98 else ' SHORT'}")
            print(f"  {name}, {n:>5,} beats  {'   '.join(cells)}")


def simulated(alpha: float, n: int, count: int, *cell: object) -> np.ndarray:
    rng = harness.seed("heart", alpha, n, *cell)
    x = harness.standardised(harness.arfima(alpha, n)(count, rng))
    return np.round(MEAN + DEVIATION * x)


def beats(trials: int) -> None:
    del trials
    print("windows of the packaged hour: the standard deviation of α1, beside the one that its intervals say")
    rr = recording("hour")
    surrogates = phase_randomised(rr, 100, seed=harness.seed("surrogates"))
    for window in (100, 200, 400):
        own, *others = (heart.alpha1(each, window=window, skip=None) for each in (rr, *surrogates))
        varies, said = (harness.mean(np.array(each)) for each in zip(*map(spreads, others), strict=True))
        real = spreads(own)
        print(
            f"  {window} beats: varies by {real[0]:.3f}, said {real[1]:.3f}; the same hour with random phases, in which α1 does not change: "
            f"varies by {varies.value:.3f} ± {varies.error:.3f}, said {said.value:.3f}"
        )


def spreads(found: heart.HeartExponent) -> tuple[float, float]:
    """The standard deviation of α1 over windows, and the one that their intervals say."""
    return float(np.std(found.alpha, ddof=1)), float(np.mean(found.high - found.low)) / 3.92


def spoil(rr: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The series with artefacts at a share of its beats, ten beats or more from both ends, and where they are."""
    places = 10 + 4 * np.sort(rng.choice((len(rr) - 20) // 4, size=round(share * len(rr)), replace=False))
    kinds = dict(zip(places.tolist(), rng.choice(KINDS, size=len(places)).tolist(), strict=True))
    made: list[float] = []
    wrong: list[int] = []
    i = 0
    while i < len(rr):
        kind, at = kinds.get(i), len(made)
        if kind == "ectopic":
            early = rng.uniform(0.2, 0.4) * rr[i]
            made += [rr[i] - early, rr[i + 1] + early]
            wrong += [at, at + 1]
        elif kind == "missed":
            made.append(rr[i] + rr[i + 1])
            wrong.append(at)
        elif kind == "extra":
            part = rng.uniform(0.3, 0.7) * rr[i]
            made += [part, rr[i] - part, rr[i + 1]]
            wrong += [at, at + 1]
        else:
            made.append(rr[i])
        i += 1 if kind is None else 2
    mask = np.zeros(len(made), dtype=bool)
    mask[wrong] = True
    return np.array(made), mask


def corrected(rr: np.ndarray) -> np.ndarray:
    """What NeuroKit2 makes of the beats by its form of the same rule."""
    peaks = np.concatenate([[0], np.cumsum(rr)]).round().astype(int)
    return np.diff(neurokit2.signal_fixpeaks(peaks, sampling_rate=1000, iterative=True, method="Kubios")[1]).astype(float)


def found(trials: int) -> None:
    print(
        f"artefacts found, and clean intervals left out, % of them, {BEATS} beats, 5 % of them artefacts; and of series without any"
    )
    for alpha in ALPHAS:
        rng = harness.seed("found", alpha)
        hits, clean = [], []
        for rr in simulated(alpha, BEATS, trials // 4, "found"):
            spoilt, mask = spoil(rr, 0.05, rng)
            left = artefacts(spoilt).spoilt()
            hits.append((left[mask].mean(), left[~mask].mean()))
            clean.append((artefacts(rr).spoilt().mean(), fixed(rr)))
        own, false = (harness.mean(100 * np.array(each)) for each in zip(*hits, strict=True))
        none, theirs = (harness.mean(100 * np.array(each)) for each in zip(*clean, strict=True))
        print(
            f"  α {alpha:g}: {own.value:.1f} ± {own.error:.1f} found, {false.value:.2f} ± {false.error:.2f} for nothing; "
            f"without any {none.value:.2f} ± {none.error:.2f}, NeuroKit2 {theirs.value:.2f} ± {theirs.error:.2f}"
        )


def fixed(rr: np.ndarray) -> float:
    """The share of beats that NeuroKit2 calls artefacts."""
    peaks = np.concatenate([[0], np.cumsum(rr)]).round().astype(int)
    info = neurokit2.signal_fixpeaks(peaks, sampling_rate=1000, iterative=False, method="Kubios")[0]
    return sum(len(info[kind]) for kind in ("ectopic", "missed", "extra", "longshort")) / len(rr)


def error_of(trials: int) -> None:
    print(
        f"α1 with artefacts less α1 of the same {BEATS} beats without: mean ± Monte-Carlo error (standard deviation); and coverage"
    )
    ways = {
        "wcdfa, left out": lambda rr: heart.alpha1(rr),
        "wcdfa, kept": lambda rr: heart.alpha1(rr, skip=None),
        "NeuroKit2, kept": lambda rr: of_neurokit(rr),
        "NeuroKit2, fixpeaks": lambda rr: of_neurokit(corrected(rr)),
    }
    for alpha in (0.5, 1.0, 1.5):
        wanted = truth(alpha, heart.SHORT)
        for share in SHARES:
            rng = harness.seed("artefacts", alpha, share)
            off: dict[str, list[float]] = {name: [] for name in ways}
            inside: list[bool] = []
            for rr in simulated(alpha, BEATS, max(trials // 10, 20), "artefacts"):
                spoilt, _ = spoil(rr, share, rng)
                clean = of_neurokit(rr)
                for name, way in ways.items():
                    result = way(spoilt)
                    off[name].append((result if isinstance(result, float) else float(result.alpha)) - clean)
                    if name == "wcdfa, left out":
                        inside += [bool(result.low <= wanted <= result.high)] if np.isfinite(result.alpha) else []
            cells = []
            for name, each in off.items():
                known = np.array(each)[np.isfinite(each)]
                if len(known) < len(each) / 10:
                    cells.append(f"{name}: {1 - len(known) / len(each):.0%} have none")
                    continue
                figure = harness.mean(known)
                lost = f", none of {1 - len(known) / len(each):.0%}" if len(known) < len(each) else ""
                cells.append(f"{name} {figure.value:+.2f} ± {figure.error:.2f} ({np.std(known):.2f}{lost})")
            held = harness.share(np.array(inside)) if len(inside) > 9 else None
            covers = "" if held is None else f"   interval of wcdfa covers {held.value:.0f} ± {held.error:.0f} %"
            print(f"  α {alpha:g}, {share:4.0%}: {'   '.join(cells)}{covers}")


def main() -> None:
    parts = {"agreement": agreement, "coverage": coverage, "beats": beats, "found": found, "artefacts": error_of}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(parts)}; default: all")
    parser.add_argument("--trials", type=int, default=1000, help="series in a cell of coverage; fewer elsewhere")
    parser.add_argument("--pyhrv", metavar="PYTHON", help="the python of an environment with pyhrv")
    parser.add_argument("--quick", action="store_true", help="few series, to see that everything runs")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(parts))
    if unknown:
        parser.error(f"no part is called {unknown[0]!r}; there are {', '.join(parts)}")
    print(f"wcdfa {wcdfa.__version__}, NeuroKit2 {neurokit2.__version__}\n")
    for part in options.parts or parts:
        start = time.perf_counter()
        parts[part](options.pyhrv if part == "agreement" else harness.QUICK if options.quick else options.trials)
        print(f"  [{part}: {time.perf_counter() - start:.0f} s]\n", flush=True)


if __name__ == "__main__":
    main()
