"""Coverage of the interval that `wcdfa compare` gives for the difference of α of two runs: nominal 95 %, bar 93 to 97 %.

Usage: python benchmarks/comparison.py [--pairs 1000]
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import harness
import numpy as np

from wcdfa import synthetic
from wcdfa.analysis import Settings, compare
from wcdfa.readers import RecordedSeries

POINTS = 2000
CELLS = {  # d of the one and of the other: white against white, 1/f against 1/f, and apart
    (0.0, 0.0): "α 0.5 and 0.5",
    (0.5, 0.5): "α 1.0 and 1.0",
    (0.0, 0.4): "α 0.5 and 0.9",
    (0.4, 0.9): "α 0.9 and 1.4",
}


def series(d: float, seed: np.random.Generator) -> RecordedSeries:
    return RecordedSeries(Path("run"), "", "norms", synthetic.arfima(POINTS, d=d, seed=seed), None, None, None, 0, ())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    pairs = parser.parse_args().pairs
    for (one, other), name in CELLS.items():
        rng = harness.seed("comparison", name)
        covered = np.zeros(2)
        excess = []
        for _ in range(pairs):
            found = compare(series(one, rng), series(other, rng), Settings(log=False, window=500))
            true = other - one
            covered += found.mean.low <= true <= found.mean.high, found.windows[0].low <= true <= found.windows[0].high
            excess.append(found.mean.difference - true)
        share = 100 * covered / pairs
        error = 100 * math.sqrt(0.95 * 0.05 / pairs)
        bias = f"{np.mean(excess):+.3f} ± {np.std(excess) / math.sqrt(pairs):.3f}"
        print(
            f"{name}: mean of 4 windows {share[0]:.1f} ± {error:.1f} %, one window {share[1]:.1f} ± {error:.1f} %; bias {bias}",
            flush=True,
        )


if __name__ == "__main__":
    main()
