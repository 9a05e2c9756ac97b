"""How sure α of the weight change as a vector is, how precise beside α of ‖ΔW‖, and what it costs.

    python benchmarks/vector_alpha.py [interval] [ranges] [precision] [cost] [--trials 2000] [--quick]

interval: how often the nominal 95 % interval of `wcdfa.dfa(x, coordinates=-2)` holds α; 64 coordinates, independent and correlated.
ranges: exponents of sizes 4 to 16 and 16 to n/4 with momentum 0.9, their expectation and standard errors.
precision: windows of 500 steps of SGD with momentum 0.9 on white gradients; the standard deviation of α, vector against norm.
cost: milliseconds for 64 coordinates of 500 steps, beside separate calls and another package.
Takes some twenty minutes on one core. A SHORT row has a figure beyond its bar by more than two Monte-Carlo errors.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import harness
import numpy as np
from harness import Figure, bias, header, mean, row, share, spread, value

import wcdfa
from wcdfa import synthetic
from wcdfa.inference.exponent import result_of
from wcdfa.inference.range_exponents import expected_exponents
from wcdfa.inference.sketch_exponents import VectorExponents, vector_exponents
from wcdfa.inference.vector_fluctuation import computed_for

COORDINATES, MOMENTUM = 64, 0.9
ALPHAS = (0.5, 0.75, 1.0, 1.25, 1.5)
CORRELATIONS = (0.0, 0.3)
LENGTHS, SHORT = (256, 500, 1024, 4096), 1024
METHODS = ("robust", "gls")
PARAMETERS = 4096  # of the network whose ‖ΔW‖ is measured


def coordinates_of(parts: np.ndarray, rho: float) -> np.ndarray:
    """Coordinates (trials, K, n) that share the last of K + 1 independent parts, with correlation `rho`."""
    return math.sqrt(1 - rho) * parts[:, :-1] + math.sqrt(rho) * parts[:, -1:]


def interval(trials: int) -> None:
    print(
        f"coverage of the nominal 95 % interval, %, {COORDINATES} coordinates of ARFIMA(0, α - 1/2, 0), {trials:,} trials (a quarter above {SHORT:,})"
    )
    header("n, correlation, method", ALPHAS)
    for n in LENGTHS:
        found = {alpha: intervals(alpha, n, trials // 4 if n > SHORT else trials) for alpha in ALPHAS}
        for rho in CORRELATIONS:
            for method in METHODS:
                of = [found[alpha][rho, method] for alpha in ALPHAS]
                covered = [share((e[1] <= alpha) & (alpha <= e[2])) for e, alpha in zip(of, ALPHAS, strict=True)]
                error = max(figure.error for figure in covered)
                what = f"{n:,}, {'independent' if rho == 0 else rho}, {method}"
                row(what, covered, "93 to 97", harness.within(93 - 2 * error, 97 + 2 * error), digits=1)
                row("  bias", [bias(e[0], alpha) for e, alpha in zip(of, ALPHAS, strict=True)])
                row("  SD", [spread(e[0]) for e in of])
                row("  K_eff, mean", [mean(e[3]) for e in of], digits=1)


def intervals(alpha: float, n: int, trials: int) -> dict[tuple[float, str], np.ndarray]:
    """α, low, high and K_eff, (4, trials), for each correlation and method, of the same series."""
    rng = harness.seed("interval", n, alpha)
    found: dict[tuple[float, str], list[np.ndarray]] = {(rho, method): [] for rho in CORRELATIONS for method in METHODS}
    for batch in harness.chunks(trials, n * COORDINATES):
        parts = synthetic.arfima(n, d=alpha - 0.5, batch=(batch, COORDINATES + 1), seed=rng)
        for rho in CORRELATIONS:
            x = coordinates_of(parts, rho)
            computed = computed_for(x, axis=-1, coordinates=-2, order=1, scales=None, method="robust")  # the boxes of "gls" too
            for method in METHODS:
                result, _ = result_of(computed, 1, method, 0.95)
                found[rho, method].append(np.array([result.alpha, result.low, result.high, 1 / computed.inverse]))
    return {key: np.concatenate(each, axis=-1) for key, each in found.items()}


def ranges(trials: int) -> None:
    print(f"white gradients through momentum {MOMENTUM}, {COORDINATES} coordinates, {trials // 2:,} trials; α has no value here")
    print(f"        {'n, correlation':<34}{'4 to 16':>8} {'16 to n/4':>8}  Monte-Carlo error, largest")
    for n in LENGTHS[:-1]:
        expected = expected_exponents(MOMENTUM ** np.arange(n), n)
        row(f"{n:,}, expected exponent", [Figure(float(each), 0) for each in expected])
        for rho in CORRELATIONS:
            rng = harness.seed("ranges", n, rho)
            parts = (synthetic.ar1(n, phi=MOMENTUM, batch=(COORDINATES + 1,), seed=rng)[None] for _ in range(trials // 2))
            found = [vector_exponents(coordinates_of(each, rho)[0].T) for each in parts]
            report(f"{n:,}, {'independent' if rho == 0 else rho}", found, expected)
    shared(trials // 2)


def shared(trials: int, n: int = 500, slow: float = 0.98) -> None:
    """Coordinates that share only a slow part; the standard errors lean on few degrees of freedom here, so there is no bar."""
    lags = np.arange(n)
    for strength in (0.05, 0.1, 0.2):
        variances = 1 / (1 - MOMENTUM**2), (strength / (1 - MOMENTUM**2) ** 0.5) ** 2 / (1 - slow**2)
        expected = expected_exponents(variances[0] * MOMENTUM**lags + variances[1] * slow**lags, n)
        rng, found = harness.seed("shared", strength), []
        for _ in range(trials):
            own, common = synthetic.ar1(n, phi=MOMENTUM, batch=(COORDINATES,), seed=rng), synthetic.ar1(n, phi=slow, seed=rng)
            found.append(vector_exponents((own + strength / (1 - MOMENTUM**2) ** 0.5 * common).T))
        report(f"{n}, shared AR({slow}), {variances[1] / sum(variances):.0%}", found, expected, bar=False)


def report(what: str, found: list[VectorExponents], expected: np.ndarray, *, bar: bool = True) -> None:
    exponents, stderr = (np.array([getattr(each, name) for each in found]).T for name in ("exponents", "stderr"))
    row(f"{what}: mean", [mean(each) for each in exponents])
    row("  SD", [spread(each) for each in exponents])
    row("  standard error, mean", [mean(each) for each in stderr])
    covered = [share(np.abs(each - truth) < 1.96 * error) for each, truth, error in zip(exponents, expected, stderr, strict=True)]
    error = max(figure.error for figure in covered)
    limits = ("93 to 97", harness.within(93 - 2 * error, 97 + 2 * error)) if bar else ()
    row("  ± 1.96 of them hold it, %", covered, *limits, digits=1)


def precision(trials: int) -> None:
    count, n = max(trials // 5, 20), 500
    print(
        f"SGD, momentum {MOMENTUM}, white gradients, {PARAMETERS:,} parameters of which {COORDINATES} are kept; {count:,} windows of {n}"
    )
    rng = harness.seed("precision")
    found: dict[str, list[float]] = {}
    for _ in range(count):
        change = synthetic.ar1(n, phi=MOMENTUM, batch=(PARAMETERS,), seed=rng)
        log_norm = 0.5 * np.log(np.sum(change**2, axis=0))
        for method in METHODS:
            of = vector_exponents(change[:COORDINATES].T, method=method)
            found.setdefault(f"‖ΔW‖, {method}", []).append(float(wcdfa.dfa(log_norm, method=method).alpha))
            found.setdefault(f"vector, {method}", []).append(of.alpha)
        for (low, high), exponent in zip(of.ranges, of.exponents, strict=True):
            found.setdefault(f"vector, sizes {low} to {high}", []).append(exponent)
    print("        mean and standard deviation of α")
    for what, alphas in found.items():
        row(what, [mean(np.array(alphas)), spread(np.array(alphas))])
    deviation = {what: float(np.std(alphas, ddof=1)) for what, alphas in found.items()}
    for method in METHODS:
        value(f"SD of ‖ΔW‖ / SD of the vector, {method}", deviation[f"‖ΔW‖, {method}"] / deviation[f"vector, {method}"])


def cost(trials: int) -> None:
    import fathon
    from fathon import fathonUtils

    x = synthetic.white_noise(500, batch=(COORDINATES,), seed=0)
    sizes = wcdfa.dfa(x[0]).scales.astype(np.int64)
    work: dict[str, Callable[[], object]] = {
        "fluctuations, one call": lambda: wcdfa.fluctuations(x, scales=sizes.tolist(), overlap=0.5),
        "dfa(x, coordinates=-2)": lambda: wcdfa.dfa(x, coordinates=-2),
        "vector_exponents": lambda: vector_exponents(x.T),
        f"{COORDINATES} calls of dfa": lambda: [wcdfa.dfa(each) for each in x],
        "fathon, each coordinate": lambda: [
            fathon.DFA(fathonUtils.toAggregated(each)).computeFlucVec(sizes, polOrd=1) for each in x
        ],
    }
    times = {what: median_ms(call, 5 if trials <= harness.QUICK else 50) for what, call in work.items()}
    print(f"{COORDINATES} coordinates of 500 steps, {len(sizes)} sizes, medians in ms")
    for what, each in times.items():
        value(what, each)
    ours = times["dfa(x, coordinates=-2)"]
    value(
        f"{COORDINATES} calls / one",
        times[f"{COORDINATES} calls of dfa"] / ours,
        ">= 2",
        times[f"{COORDINATES} calls of dfa"] >= 2 * ours,
    )
    value("fathon, boxes side by side / one call with half-overlapping ones", times["fathon, each coordinate"] / ours)


def median_ms(call: Callable[[], object], times: int) -> float:
    call()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return 1e3 * float(np.median(taken))


if __name__ == "__main__":
    harness.run({"interval": interval, "ranges": ranges, "precision": precision, "cost": cost}, __doc__)
