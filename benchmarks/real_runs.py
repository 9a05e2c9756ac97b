"""The verdict on every window of 500 steps of the two real runs in tests/data: orders 1 to 3, the optimizer's own α, what explains it.

    python benchmarks/real_runs.py

Takes some ten seconds; prints Markdown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from wcdfa.nulls.update_rules import named
from wcdfa.verdicts import drifts, judge

DATA = Path(__file__).parents[1] / "tests" / "data"
RUNS: dict[str, dict[str, Any]] = {
    "charlm_adamw": {"betas": (0.9, 0.99), "weight_decay": 0.1},
    "grokking_mod97_adamw": {"betas": (0.9, 0.999), "weight_decay": 1.0},
}


def main() -> None:
    for name, hyperparameters in RUNS.items():
        norms = np.load(DATA / f"{name}.npz")["norms"]
        judged = judge(norms, lr=1e-3, optimizer="adamw", **hyperparameters)
        null = judged.verdicts[-1].null
        print(f"\n{name}: {named('adamw', hyperparameters)} alone gives {null.low:.2f}–{null.high:.2f}, median {null.median:.2f}\n")
        print("| steps | α | 95 % | order 2 | order 3 | excess | verdict |\n|---|---|---|---|---|---|---|")
        for start, stop, found in zip(judged.starts, judged.stops, judged.verdicts, strict=True):
            orders = " | ".join(f"{found.orders[order]:.2f}" for order in (2, 3))
            numbers = f"{found.alpha:.2f} | {found.low:.2f}–{found.high:.2f} | {orders} | {found.null.excess:+.2f}"
            print(f"| {start + 1}–{stop} | {numbers} | {found.label}: {found.explanation} |")
        for alarm in drifts(norms, lr=1e-3):
            until = "the end" if alarm.end is None else f"{alarm.end:,}"
            print(
                f"\ndrift {alarm.direction} from about step {alarm.onset:,} (alarm {alarm.start:,} to {until}), to {alarm.alpha:.2f}"
            )


if __name__ == "__main__":
    main()
