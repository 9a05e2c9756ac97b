"""Many moments: time and digits against MFDFA, fathon and NeuroKit2, and the published figures of Ihlen's three series.

    python benchmarks/multifractal.py [speed digits vectors] [folder with whitenoise.txt, monofractal.txt and multifractal.txt]

Without a name all parts run. Ihlen's series (2012, BSD licence) are those of github.com/stfbnc/fathon, folder tests/mat; no package on PyPI carries them.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

warnings.simplefilter("ignore")

import wcdfa
from wcdfa import scales, synthetic

N = 100_000
Q = np.linspace(-5, 5, 21)
WITHOUT_0 = Q[Q != 0]  # MFDFA and NeuroKit2 leave 0 out
GRIDS = {
    "2^k and 3·2^k, 16 to 12,288": tuple(sorted(m << k for k in range(10) for m in (16, 24))),
    "evenly spaced logarithms, 10 to 25,000, rounded": scales.logarithmic(10, N // 4, 20),
}
IHLEN = {  # h(q) at q = -5, -3, -1, 1, 3, 5 as fathon's tests print them, and the rounded H of Ihlen (Front. Physiol. 3, 141, 2012)
    "whitenoise": ((0.4583, 0.4555, 0.4546, 0.4515, 0.4445, 0.4340), 0.45),
    "monofractal": ((0.7542, 0.7392, 0.7301, 0.7240, 0.7149, 0.7023), 0.72),
    "multifractal": ((1.4477, 1.3064, 1.0823, 0.8846, 0.6606, 0.5174), 0.77),
}
ODD = (-5, -3, -1, 1, 3, 5)


def fastest(functions: dict[str, Callable[[], Any]], repeats: dict[str, int], rounds: int) -> dict[str, float]:
    """The least processor time in seconds of many calls, in rounds taken in turn: what else the machine does can only add to it."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            for _ in range(repeats[name]):
                start = time.thread_time()
                function()
                times[name].append(time.thread_time() - start)
    return {name: min(values) for name, values in times.items()}


def report(what: str, figure: float, bar: str, met: bool, digits: int = 1) -> None:
    print(f"  {'ok   ' if met else 'SHORT'} {what}: {figure:.{digits}f} (bar {bar})", flush=True)


def speed() -> None:
    import fathon
    import MFDFA
    from fathon import fathonUtils

    x = synthetic.white_noise(N, seed=0)
    profile = fathonUtils.toAggregated(x)
    for grid, sizes in GRIDS.items():
        at = np.array(sizes)
        times = fastest(
            {
                "ours": lambda: wcdfa.fluctuations(x, scales=sizes, moment=Q),  # noqa: B023 - called at once
                "ours, both ends": lambda: wcdfa.fluctuations(x, scales=sizes, moment=Q, backward=True),  # noqa: B023
                "MFDFA": lambda: MFDFA.MFDFA(x, lag=at, q=Q, order=1),  # noqa: B023
                "fathon": lambda: fathon.MFDFA(profile).computeFlucVec(at, Q, polOrd=1),  # noqa: B023
            },
            {"ours": 20, "ours, both ends": 20, "MFDFA": 5, "fathon": 1},
            rounds=5,
        )
        print(
            f"fastest call, processor time, n = {N:,}, {len(sizes)} sizes ({grid}), 21 moments: "
            + ", ".join(f"{k} {v * 1e3:.2f} ms" for k, v in times.items())
        )
        for peer, own in (("MFDFA", "ours, both ends"), ("fathon", "ours")):
            ratio = times[peer] / times[own]
            report(f"{peer} / {own} (the same boxes)", ratio, ">= 20", ratio >= 20)
    print("  MFDFA always places boxes from both ends, and has 20 moments here: it leaves out q = 0. fathon: boxes from the start.")
    print("  Sizes of the second grid are no doublings of each other: each box is fitted on its own, which takes most of the time.")


def digits() -> None:
    import fathon
    import MFDFA
    import neurokit2
    from fathon import fathonUtils

    at = np.rint(2 ** np.linspace(4, 10, 19)).astype(int)
    series = {
        "white noise": synthetic.white_noise(8000, seed=1),
        "random walk": synthetic.random_walk(8000, seed=2),
        "noise of varying size": synthetic.white_noise(8000, seed=3) * np.exp(synthetic.random_walk(8000, seed=4) / 40),
    }
    print("largest relative difference of F, q from -5 to 5, 19 sizes from 16 to 1,024, n = 8,000")
    for name, x in series.items():
        ours = wcdfa.fluctuations(x, scales=at, moment=Q)[1]
        both = wcdfa.fluctuations(x, scales=at, moment=WITHOUT_0, backward=True)[1]
        theirs = {
            "fathon": (fathon.MFDFA(fathonUtils.toAggregated(x)).computeFlucVec(at, Q, polOrd=1)[1], ours),
            "MFDFA": (MFDFA.MFDFA(x, lag=at, q=WITHOUT_0, order=1)[1].T, both),
            "NeuroKit2": (
                neurokit2.fractal_dfa(x, scale=at, overlap=False, multifractal=True, q=list(WITHOUT_0))[1]["Fluctuations"].T,
                ours[Q != 0],
            ),
        }
        for peer, (found, expected) in theirs.items():
            difference = float(np.max(np.abs(found / expected - 1)))
            print(f"  {'ok   ' if difference <= 1e-9 else 'SHORT'} {name}, {peer}: {difference:.1e} (bar 1e-9)", flush=True)


def vectors(folder: Path | None) -> None:
    at = np.rint(2 ** np.linspace(4, 10, 19)).astype(int)
    print("Ihlen's three series, DFA1, 19 sizes from 16 to 1,024: h(q) at q = -5, -3, -1, 1, 3, 5, and H = h(2)")
    missing = [name for name in IHLEN if folder is None or not (folder / f"{name}.txt").is_file()]
    if folder is None or missing:
        print(f"  not measured: give a folder with {', '.join(f'{name}.txt' for name in missing)}")
        return
    for name, (published, rounded) in IHLEN.items():
        x = np.loadtxt(folder / f"{name}.txt")
        _, f = wcdfa.fluctuations(x, scales=at, moment=(*ODD, 2))
        found = [float(np.polyfit(np.log2(at), np.log2(each), 1)[0]) for each in f]
        same = sum(abs(a / b - 1) <= 1e-4 for a, b in zip(found, published, strict=False))
        print(
            f"  {'ok   ' if same == 6 else 'SHORT'} {name}: {' '.join(f'{each:.4f}' for each in found[:6])} ({same} of 6 as published)"
        )
        near = abs(found[6] / rounded - 1) <= 1e-2
        print(f"  {'ok   ' if near else 'SHORT'} {name}: H = {found[6]:.4f} (published {rounded}, to 1 %)", flush=True)


def main() -> None:
    parts = {"speed": speed, "digits": digits, "vectors": lambda: vectors(folder)}
    names = [each for each in sys.argv[1:] if each in parts]
    paths = [Path(each) for each in sys.argv[1:] if each not in parts]
    if len(paths) > 1 or any(not path.is_dir() for path in paths):
        sys.exit(f"there is neither a part nor a folder {', '.join(map(str, paths))!r}; parts are {', '.join(parts)}")
    folder = paths[0] if paths else None
    for each in names or parts:
        parts[each]()


if __name__ == "__main__":
    main()
