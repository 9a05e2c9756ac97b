"""How well the nulls of the width of a spectrum hold their level, and what they find.

    python benchmarks/multifractal_nulls.py [level] [nulls] [flat] [--trials 150] [--quick]

level: how often a width is called wider than that of Gaussian noise with the same memory at the 5 % level, on such noise; 8 times the
    trials.
nulls: how often a width is called wider than each null at the 5 % level, on Gaussian series (5 % is right) and on others (power).
flat: what one run of 32 equal samples in 16,384 does to the width, here and in MFDFA.
Takes some three minutes on one core. A SHORT row has a figure beyond its bar.
"""

from __future__ import annotations

import harness
import numpy as np
from harness import row, share, value, within
from multifractal_cases import Make, Q, arfima, cascade, motion, noise

import wcdfa
from wcdfa import synthetic

REPLICATES = 99
LINEAR = arfima(0.3), arfima(0.5), arfima(0.9), motion(0.3)


def level(trials: int) -> None:
    times = 8 * trials
    print(
        f"share of spectra of Gaussian series called wider than that of noise with the same memory at the 5 % level, %, {times:,} trials"
    )
    every = []
    for name, make, _ in LINEAR:
        found = wcdfa.mfdfa(make(1024, times, harness.seed("level", name)), q=Q, nulls="memory")
        every.append(found.p_memory <= 0.05)
        row(f"1,024, {name}", [share(every[-1])], digits=1)
    row("1,024, these four together", [share(np.concatenate(every))], "4 to 6.5", within(4, 6.5), digits=1)


def nulls(trials: int) -> None:
    print(f"share of spectra called wider than each null at the 5 % level, %, {trials:,} trials, {REPLICATES} replicates")
    print(f"  {'':5} {'n, series':<34}  memory    phase shuffled      all")
    linear = [compared((name, make), 1024, trials, level=True) for name, make, _ in LINEAR]
    pooled = [share(hits) for hits in np.concatenate(linear, axis=-1)[:2]]
    row("1,024, these four together", pooled, "3 to 6.5", within(3, 6.5), digits=1)
    for n in (1024, 4096):
        for name, make, _ in (noise(0.02, 0.0), noise(0.05, 0.4), cascade(0.6), cascade(0.7)):
            compared((name, make), n, trials // 3)
    for each in HEAVY:
        compared(each, 1024, trials // 3)


HEAVY: list[tuple[str, Make]] = [
    ("t of 3 degrees, in any order", lambda n, batch, rng: rng.standard_t(3, (batch, n))),
    ("t of 3 degrees, α 0.8", lambda n, batch, rng: harness.moving_average(rng.standard_t(3, (batch, n + harness.MEMORY)), 0.3)),
    ("log-normal, in any order", lambda n, batch, rng: rng.lognormal(0, 1, (batch, n))),
]


def compared(case: tuple[str, Make], n: int, trials: int, *, level: bool = False) -> np.ndarray:
    """Print how often each null is rejected; the hits, of shape (3, trials)."""
    name, make = case
    found = wcdfa.mfdfa(make(n, trials, harness.seed("nulls", name, n)), q=Q, replicates=REPLICATES)
    hits = np.stack([found.p_memory, found.p_phase, found.p_shuffled]) <= 0.05
    row(f"{n:,}, {name}{', level' if level else ''}", [share(each) for each in (*hits, hits.all(axis=0))], digits=1)
    return hits


def flat(_: int) -> None:
    n, start, length = 16_384, 5000, 32
    x = synthetic.white_noise(n, seed=0)
    stuck = x.copy()
    stuck[start : start + length] = stuck[start]
    print(f"width of h(q), q = -3 … 5, of white noise of {n:,} samples, without and with {length} equal samples")
    ours = [float(wcdfa.mfdfa(each, nulls=()).delta_h) for each in (x, stuck)]
    value("h(-3) - h(5), wcdfa: without", ours[0], digits=3)
    value("h(-3) - h(5), wcdfa: with", ours[1], "within 0.05", abs(ours[1] - ours[0]) <= 0.05, digits=3)
    theirs = peer(x), peer(stuck)
    value("h(-3) - h(5), MFDFA: without", theirs[0], digits=3)
    value("h(-3) - h(5), MFDFA: with (nan: its F(s) is 0 where a box is flat)", theirs[1], digits=3)
    print(f"  {wcdfa.mfdfa(stuck)}")


def peer(x: np.ndarray) -> float:
    from MFDFA import MFDFA

    sizes = np.array(wcdfa.scales.dyadic(16, len(x) // 4))
    _, found = MFDFA(x, lag=sizes, q=np.array([-3.0, 5.0]), order=1)
    slopes = np.polyfit(np.log(sizes), np.log(found), 1)[0]
    return float(slopes[0] - slopes[1])


if __name__ == "__main__":
    harness.run({"level": level, "nulls": nulls, "flat": flat}, __doc__)
