"""Which estimator where, and what it costs: DFA beside Whittle likelihood, and the time of each method.

    python benchmarks/estimators.py [whittle] [cost] [--trials 2000] [--quick]

whittle: bias and SD of robust and gls DFA and of both ARFIMA models of `wcdfa.nulls.whittle`, n = 500. cost: time beside the textbook
slope, in NumPy and under jax.jit; the first call in a new process; the nulls. Takes one or two minutes on one core; cost needs JAX
and an idle machine.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import harness
import numpy as np
from calibration import filtered, fractional
from harness import arfima, bias, header, row, spread, standardised, value

import wcdfa
from wcdfa import synthetic
from wcdfa.nulls import nulls
from wcdfa.nulls.whittle import whittle_alpha

N = 500
ALPHAS = (0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 1.5, 1.7)
FRACTIONAL = (0.3, 0.5, 0.7, 0.9, 1.3, 1.5, 1.7)
ESTIMATORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "DFA robust": lambda x: wcdfa.dfa(x, method="robust").alpha,
    "DFA gls": lambda x: wcdfa.dfa(x, method="gls").alpha,
    "Whittle (0,d,0)": lambda x: whittle_alpha(x, model="ARFIMA(0,d,0)"),
    "Whittle (1,d,0)": lambda x: whittle_alpha(x, model="ARFIMA(1,d,0)"),
}
FRESH = """
import time, numpy as np, wcdfa
x = np.random.default_rng(0).standard_normal({n})
start = time.perf_counter(), time.process_time()
wcdfa.dfa(x)
print(time.perf_counter() - start[0], time.process_time() - start[1])
"""


def whittle(trials: int) -> None:
    print(f"n = {N}, {trials:,} trials; the lower root mean square error is the better estimator")
    for name, make, alphas in (
        ("ARFIMA(0, α - 1/2, 0)", arfima, ALPHAS),
        ("and an AR(1) of 0.3 on top", lambda alpha, n: filtered(alpha, 0.3, n), ALPHAS),
        ("and an AR(1) of -0.3 on top", lambda alpha, n: filtered(alpha, -0.3, n), ALPHAS),
        ("fGn (H = α), fBm (H = α - 1)", fractional, FRACTIONAL),
        ("ARFIMA, log of 1 % spikes × 20", spiked, ALPHAS),
    ):
        header(name, alphas)
        series = [make(alpha, N)(trials, harness.seed("whittle", name, alpha)) for alpha in alphas]
        for estimator, estimate in ESTIMATORS.items():
            found = [estimate(x) for x in series]
            row(f"{estimator}: bias", [bias(each, alpha) for each, alpha in zip(found, alphas, strict=True)])
            row(f"{estimator}: SD", [spread(each) for each in found])


def spiked(alpha: float, n: int) -> Callable[[int, np.random.Generator], np.ndarray]:
    """Log norms of SD 0.2 whose spikes nobody took out."""

    def make(batch: int, rng: np.random.Generator) -> np.ndarray:
        return 0.2 * standardised(arfima(alpha, n)(batch, rng)) + np.log(20) * (rng.random((batch, n)) < 0.01)

    return make


def cost(trials: int) -> None:
    calls = max(20, trials // 10)
    x = synthetic.white_noise(N, seed=0)
    times = in_turn({method: lambda method=method: wcdfa.dfa(x, method=method) for method in ("robust", "gls", "ols")}, calls)
    print(f"NumPy, n = {N}: " + ", ".join(f"{method} {each * 1e6:.0f} µs" for method, each in times.items()))
    for method in ("robust", "gls"):
        ratio = times[method] / times["ols"]
        value(f"{method} / ols", ratio, "<= 2", ratio <= 2)
    compiled(x, calls)
    first_calls()
    norms = np.exp(0.2 * synthetic.arfima(N, d=0.5, seed=0))
    for name, null in {
        "optimizer_null, adamw": lambda: nulls.optimizer_null(norms, optimizer="adamw"),
        "short_memory": lambda: nulls.short_memory(norms),
        "shuffled": lambda: nulls.shuffled(norms),
    }.items():
        taken = in_turn({name: null}, 1)[name]
        value(f"nulls.{name}, 500 replicates of {N}, seconds", taken, "<= 1", taken <= 1)


def in_turn(functions: dict[str, Callable[[], Any]], calls: int, rounds: int = 7) -> dict[str, float]:
    """Medians, in seconds, of rounds taken in turn, so that a noisy machine is noisy for all."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(rounds):
        for name, function in functions.items():
            for _ in range(calls):
                start = time.perf_counter()
                function()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def compiled(x: np.ndarray, calls: int) -> None:
    """The same under jax.jit, one series and 1,000 at once, in single precision."""
    import jax

    for batch in ((), (1000,)):
        given = jax.numpy.asarray(np.broadcast_to(x, (*batch, N)), dtype=jax.numpy.float32)
        programs = {m: jax.jit(lambda v, m=m: wcdfa.dfa(v, method=m)).lower(given).compile() for m in ("robust", "gls", "ols")}
        runs = {m: lambda program=program, given=given: jax.block_until_ready(program(given)) for m, program in programs.items()}
        times = in_turn(runs, max(3, calls // (10 if batch else 1)))
        fused = {m: len(re.findall(r"= [^=\n]*\bfusion\(", program.as_text())) for m, program in programs.items()}
        print(
            f"jax.jit, {' × '.join(map(str, (*batch, N)))}: "
            + ", ".join(f"{m} {each * 1e6:.0f} µs in {fused[m]} fused computations" for m, each in times.items())
        )
        value("robust / ols", times["robust"] / times["ols"], "<= 2", times["robust"] <= 2 * times["ols"])


def first_calls() -> None:
    """The first dfa of a process: with a shipped calibration, with an empty cache, and with what that left there."""
    taken, busy = (1e3 * each for each in fresh(N, "", 5))
    value(
        f"first call at n = {N}, milliseconds, median of 5 processes; {busy:.0f} of the processor", taken, "<= 50", taken <= 50, 0
    )
    for n in (700, 1023):
        with tempfile.TemporaryDirectory() as folder:
            taken, busy = fresh(n, folder, 1)
            value(f"first call at n = {n}, empty cache, seconds; {busy:.1f} of the processors", taken, "<= 10", taken <= 10)
            taken, busy = (1e3 * each for each in fresh(n, folder, 5))
            value(
                f"first call at n = {n} of later processes, milliseconds; {busy:.0f} of the processor",
                taken,
                "<= 50",
                taken <= 50,
                0,
            )


def fresh(n: int, folder: str, processes: int) -> np.ndarray:
    """Median seconds by the clock and of processor time, which other programs on the machine do not lengthen."""
    environment = os.environ | ({"WCDFA_CACHE_DIR": folder} if folder else {})
    program = [sys.executable, "-c", FRESH.format(n=n)]
    done = [subprocess.run(program, env=environment, capture_output=True, text=True, check=True).stdout for _ in range(processes)]
    return np.median(np.array([each.split() for each in done], dtype=np.float64), axis=0)


if __name__ == "__main__":
    harness.run({"whittle": whittle, "cost": cost}, __doc__)
