"""Is the verdict true? Shares of runs in which it says something false, or misses what is there, on runs that are made apart.

    python benchmarks/verdicts.py [table] [--runs 400] [--cell PATTERN] [--quick] [--processes 2] [--list]

Each table has rows, and each row a figure for one or more optimizers, exponents or lengths. --cell measures only the figures in
whose "table / row / column", as --list prints it, the regular expression is found. Optimizers, gradients and series are those of
benchmarks/mundane, which imports nothing of wcdfa. A SHORT row has a figure beyond its bar. All of it takes hours; the slowest tables are
long and live. The α of a run is measured by benchmarks/run_alpha.py, and what 1,000 runs cost by benchmarks/many_runs.py.
"""

from __future__ import annotations

import argparse
import re
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import groupby
from typing import NamedTuple

import numpy as np
from harness import Figure, share
from mundane import Windows, noise, windows
from mundane.gradients import GRADIENTS, Gradients, LeastSquares, White
from mundane.optimizers import OPTIMIZERS, Adam, Optimizer
from mundane.schedules import SCHEDULES

import wcdfa
from wcdfa.monitor.watch import Watch
from wcdfa.recording.reading import Reading
from wcdfa.verdicts import drifts, judge

Measure = Callable[[int, int], Figure | list[Figure]]  # of the number of runs and a seed
RUNS, QUICK = 400, 20
SETTLED = 3000  # steps after which no optimizer here remembers its start
TRAVELLED = 2000  # steps after which least squares still approach the solution
WIDTH = 54  # of the names of rows
BOTH = ("SGD .9", "AdamW .9 .999")
MESSAGES = ("drifted", "regime changed")
MORE = re.compile(r"\b(beyond|not explained|less)\b")
TODAY = {500: 59, 4000: 110}  # a verdict against one white replay took as long as so many wcdfa.dfa of the same window


class Row(NamedTuple):
    """What is measured for each column of a table: one figure, or several from the same runs, each on a line of its own."""

    table: str
    name: str
    columns: dict[str, Measure]
    bars: dict[str, tuple[float, float]]  # lowest and highest that are allowed, by the name of the figure


# what a verdict says


def not_explained(verdict: wcdfa.Verdict) -> bool:
    """Whether it says that α is more, or less, than what the optimizer gives."""
    briefs = [finding.brief for finding in verdict.findings]
    return any(MORE.search(brief) and not brief.startswith(("undecided", "not compared")) for brief in briefs)


def explained(verdict: wcdfa.Verdict) -> bool:
    """Whether it says that the optimizer explains α."""
    return "optimizer" in verdict.explained_by


def of_steps(optimizer: Optimizer, made: Windows) -> dict[str, object]:
    """Hyperparameters for `wcdfa.verdict`; those that the schedule changes are of shape (n,), betas (n, 2)."""
    known = optimizer.keywords
    if made.momentum is None:
        return known
    if not isinstance(optimizer, Adam):
        return known | {"momentum": made.momentum}
    return known | {"betas": np.column_stack([made.momentum, np.full(len(made.momentum), optimizer.betas[1])])}


def judged(norms: np.ndarray, optimizer: Optimizer, made: Windows, **more: object) -> wcdfa.Verdict:
    """The verdict on the norms of one run, of which all is known that a recorder knows."""
    return wcdfa.verdict(norms, lr=made.lr, steps=made.steps, **of_steps(optimizer, made), **more)


# measures of one cell


def mundane_share(optimizer: Optimizer, gradients: Gradients, schedule: str, first: int, n: int, runs: int, seed: int) -> Figure:
    """How often a window of a mundane run is said to be not explained."""
    made = windows(optimizer, gradients, runs=runs, window=n, first=first, seed=seed, schedule=SCHEDULES[schedule])
    return share(np.array([not_explained(judged(norms, optimizer, made)) for norms in made.norms]))


def unnumbered_share(optimizer: Optimizer, first: int, n: int, runs: int, seed: int) -> Figure:
    """The same of white gradients, where nobody knows which steps the window holds."""
    made = windows(optimizer, White(), runs=runs, window=n, first=first, seed=seed)
    return share(np.array([not_explained(wcdfa.verdict(norms, **optimizer.keywords)) for norms in made.norms]))


def run_share(optimizer: Optimizer, gradients: Gradients, count: int, runs: int, seed: int) -> Figure:
    """How often any of the windows of a run is said to be not explained."""
    made = windows(optimizer, gradients, runs=runs, window=count * 500, seed=seed)
    of_runs = (judge(norms, window=500, lr=made.lr, steps=made.steps, **of_steps(optimizer, made)) for norms in made.norms)
    return share(np.array([any(map(not_explained, found.verdicts)) for found in of_runs]))


def group_share(optimizer: Optimizer, count: int, runs: int, seed: int) -> Figure:
    """How often any of the groups of a run is said to be not explained, in a settled window."""
    hits = []
    for run in range(runs):
        made = windows(optimizer, White(), runs=count, window=500, first=SETTLED, seed=seed + run)
        whole, groups = np.sqrt(np.sum(made.norms**2, axis=0)), {f"group {i}": norms for i, norms in enumerate(made.norms)}
        keywords = optimizer.keywords
        name = str(keywords.pop("optimizer"))
        known = {"lr": made.lr, "steps": made.steps, "groups": groups, "optimizer": name, "hyperparameters": keywords}
        reading = Reading(norms=whole, count=SETTLED + 500, skipped=0, **known)
        verdicts = reading.verdicts()
        hits.append(any(not_explained(verdicts[group]) for group in groups))
    return share(np.array(hits))


def power(optimizer: Optimizer, alpha: float, sigma: float, n: int, measured: bool, runs: int, seed: int) -> Figure:
    """How often memory in the size of steps is found, which the optimizer does not give."""
    made = windows(optimizer, White(), runs=runs, window=n, first=SETTLED, seed=seed)
    found = made.norms * noise.norms(noise.arfima(alpha, n, runs=runs, seed=seed + 1), sigma)
    hits = []
    for norms, sizes in zip(found, made.gradient_norms, strict=True):
        more = {"gradient_norm": sizes} if measured else {}
        hits.append(not_explained(judged(norms, optimizer, made, **more)))
    return share(np.array(hits))


def pure_explained(optimizer: Optimizer, n: int, runs: int, seed: int) -> Figure:
    """How often norms of long memory and nothing else are said to be explained by the optimizer."""
    x = noise.norms(noise.arfima(1.0, n, runs=runs, seed=seed), 0.2)
    steps = np.arange(SETTLED, SETTLED + n) + 1
    return share(np.array([explained(wcdfa.verdict(norms, steps=steps, **optimizer.keywords)) for norms in x]))


def gradient_share(optimizer: Optimizer, alpha: float, runs: int, seed: int) -> Figure:
    """How often something is found in gradient norms: white ones at 0.5, others of the exponent given."""
    made = windows(optimizer, White(), runs=runs, window=500, first=SETTLED, seed=seed)
    x = made.gradient_norms if alpha == 0.5 else noise.norms(noise.arfima(alpha, 500, runs=runs, seed=seed), 0.2)
    return share(np.array([not_explained(judged(norms, optimizer, made, quantity="gradient norm")) for norms in x]))


def thinned_share(optimizer: Optimizer, first: int, runs: int, seed: int) -> Figure:
    """How often a log of every 10th step of a mundane run is said to be explained."""
    made = windows(optimizer, White(), runs=runs, window=5000, first=first, seed=seed)
    kept = {"lr": made.lr[9::10], "steps": made.steps[9::10]}
    return share(np.array([explained(wcdfa.verdict(norms[9::10], **kept, **optimizer.keywords)) for norms in made.norms]))


def level_step_cover(alpha: float, sigma: float, factor: float, runs: int, seed: int) -> Figure:
    """How often the interval holds the α that is there without a step of the level."""
    x = noise.norms(noise.arfima(alpha, 500, runs=runs, seed=seed), sigma)
    found = [wcdfa.verdict(norms) for norms in noise.with_level_step(x, factor, seed=seed + 1)]
    return share(np.array([one.low <= alpha <= one.high for one in found]))


def messages(make: Callable[[int, int], np.ndarray], runs: int, seed: int) -> list[Figure]:
    """How often a watch that is called at each step says each of `MESSAGES`, though nothing changes."""
    said = [watched(norms) for norms in make(runs, seed)]
    return [share(np.array([any(word in message for message in each) for each in said])) for word in MESSAGES]


def watched(norms: np.ndarray) -> list[str]:
    """All messages of one run."""
    monitor, watch = wcdfa.WeightChangeDFA(), Watch()
    return [message for norm in norms.tolist() for message in watch.update(monitor, norm)]


def from_the_start(optimizer: Optimizer, runs: int, seed: int) -> np.ndarray:
    """10,000 steps of an optimizer on white gradients."""
    return windows(optimizer, White(), runs=runs, window=10_000, seed=seed).norms


def of_exponent(alpha: float, runs: int, seed: int) -> np.ndarray:
    """10,000 norms of one exponent."""
    return noise.norms(noise.arfima(alpha, 10_000, runs=runs, seed=seed), 0.2)


def drift_share(optimizer: Optimizer, factor: float, runs: int, seed: int) -> Figure:
    """How often `drifts` raises an alarm in 10,000 steps whose level changes once, and nothing else."""
    x = windows(optimizer, White(), runs=runs, window=10_000, first=SETTLED, seed=seed).norms
    return share(np.array([bool(drifts(norms)) for norms in noise.with_level_step(x, factor, seed=seed + 1, margin=1000)]))


def cost(optimizer: Optimizer, n: int, runs: int, seed: int) -> Figure:
    """Time of a verdict with a cached family, in units of what it took with one white replay; the median."""
    made = windows(optimizer, White(), runs=min(runs, 40), window=n, first=SETTLED, seed=seed)
    judged(made.norms[0], optimizer, made)
    whole = np.array([seconds(partial(judged, norms, optimizer, made)) for norms in made.norms])
    unit = np.median([seconds(partial(wcdfa.dfa, np.log(norms))) for norms in made.norms])
    ratios = whole / unit / TODAY[n]
    return Figure(float(np.median(ratios)), float(1.25 * np.std(ratios) / len(ratios) ** 0.5))


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


# the tables

FEW = (0.0, 7.0)


def only(low: float, high: float) -> dict[str, tuple[float, float]]:
    """The bar of a row that measures one figure."""
    return {"": (low, high)}


def per_optimizer(measure: Callable[..., Figure], *given: object, names: tuple[str, ...] = tuple(OPTIMIZERS)) -> dict[str, Measure]:
    """A column for each optimizer."""
    return {name: partial(measure, OPTIMIZERS[name], *given) for name in names}


def mundane_rows(n: int) -> Iterator[Row]:
    table = f"said to be not explained, window {n}"
    for what, gradients in GRADIENTS.items():
        later = TRAVELLED if isinstance(gradients, LeastSquares) else SETTLED
        for schedule, first in (("constant", 0), ("constant", later), ("warm-up + cosine", 0), ("warm-up + cosine", 2500)):
            if first + n <= 5000 or schedule == "constant":
                columns = per_optimizer(mundane_share, gradients, schedule, first, n)
                yield Row(table, f"{what}, {schedule}, from step {first}", columns, only(*FEW))
    for first in (0, SETTLED):
        yield Row(table, f"white, steps unknown, from step {first}", per_optimizer(unnumbered_share, first, n), only(*FEW))
    for first in (0, 2500):
        if first + n <= 5000:
            columns = per_optimizer(mundane_share, White(), "OneCycle", first, n, names=BOTH)
            yield Row(table, f"white, OneCycle, from step {first}", columns, only(*FEW))


def dimension_rows() -> Iterator[Row]:
    for d in (1, 10, 500, 5000, 50_000):
        for first in (0, SETTLED) if d < 5000 else (0,):
            names = tuple(OPTIMIZERS) if d <= 5000 else ("SGD .9", "AdamW .9 .999", "AdamW .95 .95")
            columns = per_optimizer(mundane_share, White(d=d), "constant", first, 500, names=names)
            yield Row(
                "said to be not explained, white, window 500, by dimension", f"d = {d:,}, from step {first}", columns, only(*FEW)
            )


def family_rows() -> Iterator[Row]:
    table = "any part of a run said to be not explained"
    for what in ("white", "mean 10 %", "batch lognormal 1"):
        yield Row(table, f"20 windows, {what}", per_optimizer(run_share, GRADIENTS[what], 20), only(*FEW))
    yield Row(table, "50 groups, white", per_optimizer(group_share, 50, names=BOTH), only(*FEW))


def power_rows() -> Iterator[Row]:
    table = "found: the norms of white gradients × exp(σ ARFIMA)"
    for alpha, sigma, n, measured, least in (
        *((0.8, 0.2, 500, False, 90.0), (1.0, 0.2, 500, False, 90.0), (1.3, 0.2, 500, False, 60.0)),
        *((1.3, 0.2, 500, True, 80.0), (1.3, 0.2, 2000, False, 80.0), (1.0, 0.1, 4000, False, 90.0)),
    ):
        name = f"α = {alpha}, σ = {sigma}, n = {n}{', ‖g‖ measured' if measured else ''}"
        yield Row(table, name, per_optimizer(power, alpha, sigma, n, measured, names=BOTH), only(least, 100))


def other_rows() -> Iterator[Row]:
    table = "what is compared with what"
    yield Row(table, "ARFIMA α = 1: explained", per_optimizer(pure_explained, 500, names=BOTH), only(0, 5))
    yield Row(table, "white gradient norms: not explained", per_optimizer(gradient_share, 0.5, names=BOTH), only(*FEW))
    yield Row(table, "gradient norms of α = .95: found", per_optimizer(gradient_share, 0.95, names=BOTH), only(80, 100))
    yield Row(table, "every 10th step: explained", per_optimizer(thinned_share, SETTLED, names=BOTH), only(93, 100))
    yield Row(table, "every 10th step, from 0: explained", per_optimizer(thinned_share, 0, names=BOTH), only(93, 100))


def level_rows() -> Iterator[Row]:
    for factor, table in (
        (2.0, "the interval holds the α without the step of the level by 2"),
        (1.0, "the same where there is no step"),
    ):
        for alpha in (0.5, 0.7, 1.0):
            sigmas = (0.1, 0.15, 0.2, 0.25, 0.3) if factor > 1 else (0.2,)
            columns = {f"σ {sigma:.0%}": partial(level_step_cover, alpha, sigma, factor) for sigma in sigmas}
            yield Row(table, f"α = {alpha}", columns, only(90, 100))


def live_rows() -> Iterator[Row]:
    table, bars = "messages in 10,000 unchanged steps", dict.fromkeys(MESSAGES, FEW)
    columns = {name: partial(messages, partial(from_the_start, each)) for name, each in OPTIMIZERS.items()}
    yield Row(table, "white, from step 0", columns, bars)
    constant = {f"α {alpha}": partial(messages, partial(of_exponent, alpha)) for alpha in (0.5, 0.8, 1.0, 1.2, 1.5)}
    yield Row(f"{table} of one exponent", "ARFIMA", constant, bars)
    for name, factor in (("level unchanged", 1.0), ("level × √2", 2**0.5), ("level / √2", 0.5**0.5)):
        columns = per_optimizer(drift_share, factor, names=("SGD", *BOTH))
        yield Row("alarms of drifts() in 10,000 steps", name, columns, only(*FEW))


def cost_rows() -> Iterator[Row]:
    for n in TODAY:
        yield Row("time of a verdict over that before the family", f"window {n}", per_optimizer(cost, n, names=BOTH), only(0, 2))


TABLES: dict[str, Callable[[], Iterator[Row]]] = {
    "mundane": partial(mundane_rows, 500),
    "long": partial(mundane_rows, 4000),
    "dimension": dimension_rows,
    "family": family_rows,
    "power": power_rows,
    "other": other_rows,
    "level": level_rows,
    "live": live_rows,
    "cost": cost_rows,
}
SERIAL = ("cost",)  # measured alone, because others would slow it


def rows_of(tables: list[str], pattern: str) -> list[Row]:
    """The rows of some tables, with those columns in whose full name the pattern is found."""
    found = []
    for row in (row for table in tables for row in TABLES[table]()):
        columns = {
            name: measure for name, measure in row.columns.items() if re.search(pattern, f"{row.table} / {row.name} / {name}")
        }
        if columns:
            found.append(row._replace(columns=columns))
    return found


def measured(row: Row, column: str, runs: int) -> list[Figure]:
    """The figures of one column; its seed is its own."""
    found = row.columns[column](runs, zlib.crc32(f"{row.table} / {row.name} / {column}".encode()))
    return [found] if isinstance(found, Figure) else found


def report(rows: list[Row], runs: int, processes: int) -> None:
    """Measure all figures, and print each row when it is complete."""
    with ProcessPoolExecutor(processes) as pool:
        jobs = [(row, [pool.submit(measured, row, column, runs) for column in row.columns]) for row in rows]
        for (table, columns), lines in groupby(jobs, lambda job: (job[0].table, tuple(job[0].columns))):
            print(f"\n{table}; {runs} runs a figure, ± Monte-Carlo error")
            print(f"  {'':{WIDTH + 6}}{' '.join(f'{column:>13}' for column in columns)}", flush=True)
            for row, futures in lines:
                show(row, [future.result() for future in futures])


def show(row: Row, columns: list[list[Figure]]) -> None:
    """A line for each figure of a row."""
    for (name, (low, high)), figures in zip(row.bars.items(), zip(*columns, strict=True), strict=True):
        met = all(low <= figure.value <= high for figure in figures)
        bar = f"<= {high:g}" if low == 0 else f">= {low:g}" if high == 100 else f"{low:g} to {high:g}"
        cells = " ".join(f"{f'{figure.value:.1f} ± {figure.error:.1f}':>13}" for figure in figures)
        full = f"{row.name}: {name}" if name else row.name
        print(f"  {'ok   ' if met else 'SHORT'} {full:<{WIDTH}}{cells}  (bar {bar})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="table", help=f"{', '.join(TABLES)}; default: all")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs for each figure")
    parser.add_argument("--cell", default="", metavar="PATTERN", help="only figures in whose name this is found")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} runs, to see that all works: bars may be missed by chance")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="print the names of the figures, and measure nothing")
    given = parser.parse_args()
    unknown = sorted(set(given.tables) - set(TABLES))
    if unknown:
        parser.error(f"no table is called {unknown[0]!r}; there are {', '.join(TABLES)}")
    tables = given.tables or list(TABLES)
    for alone in (False, True):
        rows = rows_of([table for table in tables if (table in SERIAL) == alone], given.cell)
        if given.list:
            print("\n".join(f"{row.table} / {row.name} / {column}" for row in rows for column in row.columns))
        elif rows:
            report(rows, QUICK if given.quick else given.runs, 1 if alone else given.processes)


if __name__ == "__main__":
    main()
