"""Speed: ours and the peers, single thread, medians, in one process run; prints ratios.

    python benchmarks/speed.py [path of wcdfa 0.1.0's dfa.py] [short long many growth imports]

Without a name all parts run. The wheel of wcdfa 0.1.0 does not import; its function is in the sdist: pip download --no-deps --no-binary :all: wcdfa==0.1.0
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import importlib.util
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

warnings.simplefilter("ignore")

import wcdfa
from wcdfa import scales, synthetic

IMPORTS = ("import numpy", "import wcdfa", "import wcdfa; wcdfa.dfa")


def median(function: Callable[[], Any], repeats: int) -> float:
    """Median wall time in seconds, after one call to warm up."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def interleaved(functions: dict[str, Callable[[], Any]], repeats: int, rounds: int) -> dict[str, float]:
    """Medians of rounds taken in turn, so that a noisy machine is noisy for all."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            times[name].append(median(function, repeats))
    return {name: statistics.median(values) for name, values in times.items()}


def report(what: str, ratio: float, bar: str, met: bool) -> None:
    print(f"  {'ok   ' if met else 'SHORT'} {what}: {ratio:.2f} (bar {bar})", flush=True)


def short_series(old: Callable[..., Any] | None) -> None:
    import antropy

    x = synthetic.white_noise(500, seed=0)
    times = interleaved(
        {
            "fluctuations": lambda: wcdfa.fluctuations(x),
            "ols": lambda: wcdfa.dfa(x, method="ols"),
            "robust": lambda: wcdfa.dfa(x),
            "antropy": lambda: antropy.detrended_fluctuation(x),
        },
        1000,
        7,
    )
    print(
        f"n = 500, {len(wcdfa.fluctuations(x)[0])} sizes (antropy: 17): "
        + ", ".join(f"{k} {v * 1e6:.1f} µs" for k, v in times.items())
    )
    for method, bar in (("ols", 1.5), ("robust", 2.0)):
        ratio = times[method] / times["antropy"]
        report(
            f'dfa(x, method="{method}"), interval, p-value and R² included / antropy\'s slope', ratio, f"<= {bar:g}", ratio <= bar
        )
    print(f"  F(s) alone / antropy's slope: {times['fluctuations'] / times['antropy']:.2f}")
    ours_old = median(lambda: wcdfa.compute_dfa(x), 200)
    print(f"  (compute_dfa, 0.1.0's definition: {ours_old * 1e6:.0f} µs)")
    if old is None:
        print("  wcdfa 0.1.0 not measured: give the path of its dfa.py")
        return
    theirs = median(lambda: old(x), 7)
    print(f"  wcdfa 0.1.0: {theirs * 1e3:.1f} ms")
    report("wcdfa 0.1.0 / F(s)", theirs / times["fluctuations"], ">= 500", theirs >= 500 * times["fluctuations"])
    print(f"  wcdfa 0.1.0 / dfa with its interval: {theirs / times['robust']:.0f}")


def long_series() -> None:
    import antropy
    import fathon
    from fathon import fathonUtils

    n = 1_000_000
    x = synthetic.white_noise(n, seed=0)
    twenty = np.array(scales.logarithmic(4, n // 4, 20))
    profile = fathonUtils.toAggregated(x)
    times = interleaved(
        {
            "ours": lambda: wcdfa.dfa(x, method="ols"),
            "robust": lambda: wcdfa.dfa(x),
            "cumsum": lambda: np.cumsum(x),
            "antropy": lambda: antropy.detrended_fluctuation(x),
            "fathon": lambda: fathon.DFA(profile).computeFlucVec(twenty, polOrd=1),
        },
        3,
        3,
    )
    print(
        f"n = 1e6, {len(wcdfa.fluctuations(x)[0])} sizes (robust: {len(wcdfa.dfa(x).scales)}): "
        + ", ".join(f"{name} {value * 1e3:.1f} ms" for name, value in times.items())
    )
    ours = times["ours"]
    report("antropy (its sizes) / ours", times["antropy"] / ours, ">= 8", times["antropy"] >= 8 * ours)
    report("fathon (20 sizes) / ours", times["fathon"] / ours, ">= 40", times["fathon"] >= 40 * ours)
    for name, bar in (("ours", 6), ("robust", 12)):
        report(f"{name} / np.cumsum", times[name] / times["cumsum"], f"<= {bar}", times[name] <= bar * times["cumsum"])


def many_series() -> None:
    import antropy
    import jax

    x = synthetic.white_noise(512, batch=(10_000,), seed=0)
    single = jax.numpy.asarray(x, dtype=jax.numpy.float32)
    whole = jax.jit(lambda v: wcdfa.dfa(v, method="ols").alpha)
    robust = jax.jit(lambda v: wcdfa.dfa(v).alpha)

    def antropy_in_a_loop() -> None:
        for row in x:
            antropy.detrended_fluctuation(row)

    times = interleaved(
        {
            "antropy in a loop": antropy_in_a_loop,
            "JAX jit, one call": lambda: whole(single).block_until_ready(),
            "JAX jit, one call, robust": lambda: robust(single).block_until_ready(),
            "NumPy float64, one call": lambda: wcdfa.dfa(x, method="ols"),
            "NumPy float64, one call, robust": lambda: wcdfa.dfa(x),
        },
        1,
        5,
    )
    print("10,000 series of 512 (JAX: float32): " + ", ".join(f"{name} {value * 1e3:.0f} ms" for name, value in times.items()))
    theirs = times["antropy in a loop"]
    for name in list(times)[1:]:
        bar = 10 if name == "JAX jit, one call" else 1
        report(f"antropy in a loop / {name}", theirs / times[name], f">= {bar}", theirs >= bar * times[name])


def growth() -> None:
    per_sample = {}
    for n in (100_000, 1_000_000, 10_000_000):
        x = synthetic.white_noise(n, seed=0)
        per_sample[n] = median(lambda x=x: wcdfa.dfa(x, method="ols"), max(3, 3_000_000 // n)) / n
    print("growth: " + ", ".join(f"n = {n:.0e}: {value * 1e9:.1f} ns a sample" for n, value in per_sample.items()))
    spread = max(per_sample.values()) / min(per_sample.values())
    report("largest / smallest time per sample", spread, "<= 1.3", spread <= 1.3)


def imports() -> None:
    programs = {name: f"import time; t = time.perf_counter(); {name}; print(time.perf_counter() - t)" for name in IMPORTS}
    times: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(15):
        for name, program in programs.items():
            taken = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
            times[name].append(float(taken))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(", ".join(f"{name} {value * 1e3:.0f} ms" for name, value in medians.items()))
    ratio = medians["import wcdfa"] / medians["import numpy"]
    report("import wcdfa / import numpy", ratio, "<= 1.2", ratio <= 1.2)
    print("  (what else is imported when it is first used, NumPy too: startup.py measures whole processes)")


def main() -> None:
    parts = {"short": short_series, "long": long_series, "many": many_series, "growth": growth, "imports": imports}
    files = [argument for argument in sys.argv[1:] if argument not in parts]
    old = None
    if files:
        spec = importlib.util.spec_from_file_location("wcdfa_0_1_0", files[0])
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        old = module.compute_dfa
    for name in [argument for argument in sys.argv[1:] if argument in parts] or parts:
        parts[name](*([old] if name == "short" else []))


if __name__ == "__main__":
    main()
