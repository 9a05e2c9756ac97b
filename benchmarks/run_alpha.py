"""One α for a whole run: `wcdfa.run_alpha` beside robust and gls DFA of the whole series and the mean over windows of 500.

    python benchmarks/run_alpha.py [noise] [precision] [cost] [--runs 200] [--quick]

noise: coverage of the 95 % interval, RMSE, the share of runs with a label, and of those with a wrong one, by kind of noise. precision: RMSE
on pure ARFIMA of 4,000 steps beside gls. cost: milliseconds for a run. The series are those of `mundane.noise`, written apart from the
package; seeds and some values of α are others than those that the prior was chosen with. Takes a quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from typing import NamedTuple

import harness
import numpy as np
from harness import Figure
from mundane import noise

import wcdfa
from wcdfa.verdicts import label

ALPHAS = (0.5, 0.7, 0.95, 1.3, 1.5)
LENGTHS = {500: 1, 2000: 1, 10_000: 2}  # and by what the number of runs is divided
WINDOW = 500
QUICK = 10
KINDS: dict[str, dict[str, object]] = {
    "nothing: pure ARFIMA": {},
    "AR .3": {"ar": (0.3,)},
    "AR .5": {"ar": (0.5,)},
    "MA .3": {"ma": (0.3,)},
    "MA .5": {"ma": (0.5,)},
    "MA -.3": {"ma": (-0.3,)},
    "MA -.5": {"ma": (-0.5,)},
    "AR(2) .3 .2": {"ar": (0.3, 0.2)},
    "white noise, SNR 1": {"snr": 1.0},
    "white noise, SNR 4": {"snr": 4.0},
    "t3 innovations": {"innovations": "t3"},
    "AR .2": {"ar": (0.2,)},
    "AR .4 and MA .3": {"ar": (0.4,), "ma": (0.3,)},
    "AR .9": {"ar": (0.9,)},
}


class Estimates(NamedTuple):
    """α, its interval and the label of each run, shape (runs,)."""

    alpha: np.ndarray
    low: np.ndarray
    high: np.ndarray
    label: np.ndarray


def of_method(method: str) -> Callable[[np.ndarray], Estimates]:
    def measured(x: np.ndarray) -> Estimates:
        found = wcdfa.dfa(x, method=method)
        return labelled(found.alpha, found.low, found.high)

    return measured


def windows(x: np.ndarray) -> Estimates:
    """The mean of robust over windows, with the interval of a mean of independent ones."""
    found = wcdfa.dfa(x.reshape(len(x), -1, WINDOW))
    below, above = (
        np.sqrt(np.sum(reach**2, -1)) / x.shape[1] * WINDOW for reach in (found.alpha - found.low, found.high - found.alpha)
    )
    alpha = found.alpha.mean(-1)
    return labelled(alpha, alpha - below, alpha + above)


def labelled(alpha: np.ndarray, low: np.ndarray, high: np.ndarray) -> Estimates:
    return Estimates(alpha, low, high, np.array([label(*each) for each in zip(low, high, strict=True)]))


def whole_run(x: np.ndarray) -> Estimates:
    found = [wcdfa.run_alpha(each, log=False) for each in x]
    return Estimates(*(np.array([getattr(each, name) for each in found]) for name in ("alpha", "low", "high", "regime")))


ESTIMATORS = {"run_alpha": whole_run, "robust": of_method("robust"), "gls": of_method("gls"), "windows": windows}


def of_noise(runs: int, jobs: int) -> None:
    header = " ".join(f"{alpha:6.2f}" for alpha in ALPHAS)
    print(f"coverage, %, {runs} runs in a cell, half as many of 10,000 steps")
    print(
        f"Monte-Carlo error ± {100 * (0.95 * 0.05 / runs) ** 0.5:.1f} at 95 %, ± {50 / runs**0.5:.1f} at 50 %; of 10,000 steps √2 times that"
    )
    print("RMSE and labelled: over all α; wrong: the largest share of wrong labels at any α. Bars: run_alpha 90 to 98, wrong <= 5")
    print("The last three kinds have no bars of their own")
    print("SHORT: beyond a bar by more than two Monte-Carlo errors")
    with ProcessPoolExecutor(jobs) as pool:
        for n, parts in LENGTHS.items():
            print(f"  n = {n:,}{'':<{37 - len(f'{n:,}')}}{header}    RMSE  labelled  wrong")
            for lines in pool.map(of_kind, KINDS, repeat(n), repeat(runs // parts)):
                print(*lines, sep="\n", flush=True)


def of_kind(kind: str, n: int, runs: int) -> list[str]:
    """A line for each estimator."""
    lines = []
    found: dict[str, list[Estimates]] = {name: [] for name in ESTIMATORS if name != "windows" or n > WINDOW}
    for alpha in ALPHAS:
        x = noise.arfima(alpha, n, runs=runs, seed=harness.seed("run_alpha", kind, n, alpha), **KINDS[kind])
        for name, each in found.items():
            each.append(ESTIMATORS[name](x))
    for name, each in found.items():
        covered = [100 * np.mean((one.low <= alpha) & (alpha <= one.high)) for one, alpha in zip(each, ALPHAS, strict=True)]
        rmse = np.mean([(one.alpha - alpha) ** 2 for one, alpha in zip(each, ALPHAS, strict=True)]) ** 0.5
        decided = 100 * np.mean([one.label != "undecided" for one in each])
        wrong = max(
            100 * np.mean((one.label != "undecided") & (one.label != label(alpha, alpha)))
            for one, alpha in zip(each, ALPHAS, strict=True)
        )
        mark = "     " if name != "run_alpha" else "SHORT" if missed(min(covered), max(covered), wrong, n=runs) else "ok   "
        cells = " ".join(f"{share:6.1f}" for share in covered)
        lines.append(
            f"  {mark} {kind if name == 'run_alpha' else '':<24}{name:<10}{cells}  {rmse:6.3f}  {decided:8.1f}  {wrong:5.1f}"
        )
    return lines


def missed(lowest: float, highest: float, wrong: float, *, n: int) -> bool:
    """Whether a share is beyond its bar by more than two Monte-Carlo errors."""
    reach = {bar: 200 * (bar / 100 * (1 - bar / 100) / n) ** 0.5 for bar in (90, 98, 5)}
    return lowest < 90 - reach[90] or highest > 98 + reach[98] or wrong > 5 + reach[5]


def precision(runs: int, _: int) -> None:
    print(f"RMSE on pure ARFIMA, n = 4,000, {2 * runs} runs; bar: run_alpha at most 1.5 times gls")
    harness.header("", ALPHAS)
    found: dict[str, list[Figure]] = {"gls": [], "run_alpha": []}
    for alpha in ALPHAS:
        x = noise.arfima(alpha, 4000, runs=2 * runs, seed=harness.seed("precision", alpha))
        for name, each in found.items():
            each.append(harness.rmse(ESTIMATORS[name](x).alpha, alpha))
    for name, each in found.items():
        harness.row(name, each)
    ratios = [Figure(a.value / b.value, a.error / b.value) for a, b in zip(found["run_alpha"], found["gls"], strict=True)]
    harness.row("run_alpha / gls", ratios, "<= 1.5", harness.within(0, 1.5), digits=2)
    mean = [np.mean([each.value**2 for each in found[name]]) ** 0.5 for name in ("run_alpha", "gls")]
    harness.value("over all α", mean[0] / mean[1], "<= 1.5", mean[0] <= 1.5 * mean[1])


def cost(runs: int, _: int) -> None:
    for n in (500, 2000, 10_000, 100_000):
        x = noise.norms(noise.arfima(1.0, n, runs=min(runs, 10), seed=0), 0.2)
        wcdfa.run_alpha(x[0])
        taken = []
        for each in x:
            start = time.process_time()
            wcdfa.run_alpha(each)
            taken.append(1e3 * (time.process_time() - start))
        bar = ("<= 20", float(np.median(taken)) <= 20) if n == 10_000 else ()
        harness.value(
            f"milliseconds of processor time for a run of {n:,} steps, preparation included, median",
            float(np.median(taken)),
            *bar,
            digits=1,
        )


def main() -> None:
    parts = {"noise": of_noise, "precision": precision, "cost": cost}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], metavar="part", help=f"{', '.join(parts)}; default: all")
    parser.add_argument("--runs", type=int, default=200, help="runs in a cell")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} runs in a cell, to see that everything works")
    parser.add_argument("--jobs", type=int, default=1, help="processes for the part on noise")
    options = parser.parse_args()
    for part in options.parts or parts:
        parts[part](QUICK if options.quick else options.runs, options.jobs)
        print(flush=True)


if __name__ == "__main__":
    main()
