"""Does the whole path hold, from recorded norms to a verdict? Preparation, optimizer null, drift alarm.

    python benchmarks/pipeline.py [preparation] [null] [alarm] [--trials 2000] [--quick]

preparation: norms under five schedules with spikes, through prepare and dfa. null: how often white gradients look like more than the
optimizer, and how often long memory on top is found. alarm: false alarms in 10,000 steps, delay and onset of a change.
Takes a quarter of an hour on one core. A SHORT row has a figure beyond its bar.
"""

from __future__ import annotations

import harness
import numpy as np
from harness import arfima, bias, coverage, header, increments_of, row, share, spread, standardised, within

import wcdfa
from wcdfa.inference.moments import log_mean_square
from wcdfa.nulls import nulls
from wcdfa.preprocess.preparation import Prepared, prepare
from wcdfa.verdicts import regime

N = 500
ALPHAS = (0.5, 0.7, 0.9, 1.0, 1.1, 1.3)
STEP = np.arange(N)
SCHEDULES = {
    "constant": np.ones(N),
    "cosine 1 → 0": 0.5 * (1 + np.cos(np.pi * STEP / N)),  # the last is 1e-5
    "warm-up of 100, then constant": np.minimum(1.0, (STEP + 1) / 100),
    "step × 0.1 in the middle": np.where(STEP < N // 2, 1.0, 0.1),
    "exp(-3)": np.exp(-3 * STEP / N),
}
COORDINATES = 200  # of the replayed optimizers; the null takes 64
SETTLING = 5000  # steps until a β₂ of 0.999 has forgotten its start
REPLICATES = 2000  # of the shared null; with the default 500 its 5 % quantile is only known to ± 1 point
STRIDE, CHANGE, AFTER = 20, 5000, 10_000


def preparation(trials: int) -> None:
    print(f"norms = lr^0.9 · exp(0.2 · ARFIMA) · 1 % spikes × 20, prepare(norms, lr=lr), robust; n = {N}, {trials:,} trials")
    for name, lr in SCHEDULES.items():
        header(name, ALPHAS)
        found = [through(alpha, lr, 0.01, "hampel", trials) for alpha in ALPHAS]
        row("bias", [bias(each[0], alpha) for each, alpha in zip(found, ALPHAS, strict=True)], "|·| <= 0.02", within(-0.02, 0.02))
        row("SD", [spread(each[0]) for each in found])
        covered = [coverage(each, alpha) for each, alpha in zip(found, ALPHAS, strict=True)]
        row("coverage, %", covered, ">= 92", within(92, 100), digits=1)
        row("split into stretches, % of series", [share(each[3] > 0) for each in found], digits=1)
        row("spikes found a series (5 put in)", [harness.mean(each[4]) for each in found], digits=1)
    header("constant lr, what the filter does", ALPHAS)
    for name, rate, spikes in (
        ("no spikes, no filter", 0, None),
        ("no spikes, filter", 0, "hampel"),
        ("spikes, no filter", 0.01, None),
    ):
        found = [through(alpha, SCHEDULES["constant"], rate, spikes, trials) for alpha in ALPHAS]
        row(f"{name}: bias", [bias(each[0], alpha) for each, alpha in zip(found, ALPHAS, strict=True)])


def through(alpha: float, lr: np.ndarray, rate: float, spikes: str | None, trials: int) -> np.ndarray:
    """α, low, high, number of breaks and of spikes found, of shape (5, trials)."""
    rng = harness.seed("preparation", alpha)  # the same series under every schedule
    noise = standardised(arfima(alpha, N)(trials, rng))
    norms = lr**0.9 * np.exp(0.2 * noise) * np.where(rng.random((trials, N)) < rate, 20.0, 1.0)
    return exponents([prepare(each, lr=lr, spikes=spikes) for each in norms])


def exponents(prepared: list[Prepared]) -> np.ndarray:
    """One call of dfa for all series with the same breaks."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for i, each in enumerate(prepared):
        alike.setdefault(each.breaks, []).append(i)
    found = np.empty((5, len(prepared)))
    for breaks, members in alike.items():
        result = wcdfa.dfa(np.stack([prepared[i].values for i in members]), breaks=breaks)
        found[:3, members] = result.alpha, result.low, result.high
        found[3, members], found[4, members] = len(breaks), [prepared[i].spikes for i in members]
    return found


def null(trials: int) -> None:
    for optimizer, options, norms in (
        ("sgd", {"momentum": 0.9}, sgd_norms(trials)),
        ("adamw", {"betas": (0.9, 0.999)}, adamw_norms(trials)),
    ):
        memory = np.exp(0.2 * standardised(arfima(1.3, N)(trials, harness.seed("memory", optimizer))))
        alphas, louder = (wcdfa.dfa(np.log(x)).alpha for x in (norms, norms * memory))
        print(f"{optimizer} {options} on white gradients of {COORDINATES} coordinates, n = {N}, {trials:,} runs")
        replayed = nulls.optimizer_alphas(N, optimizer=optimizer, replicates=REPLICATES, seed=1, **options)
        print(
            f"        null: α {np.mean(replayed):.3f} ± {np.std(replayed):.3f}, runs: {np.mean(alphas):.3f} ± {np.std(alphas):.3f}"
        )
        row("p < 0.05 on white gradients, %", [significant(alphas, replayed)], "<= 6", within(0, 6), digits=1)
        row("found with α = 1.3 on top, %", [significant(louder, replayed)], ">= 80", within(80, 100), digits=1)
        default = nulls.optimizer_alphas(N, optimizer=optimizer, **options)
        row("as the first, default null of 500", [significant(alphas, default)], digits=1)


def significant(alphas: np.ndarray, replayed: np.ndarray) -> harness.Figure:
    return share(np.array([nulls.compare(alpha, replayed).p_value < 0.05 for alpha in alphas]))


def sgd_norms(trials: int) -> np.ndarray:
    """‖ΔW‖ of SGD with momentum 0.9, up to the learning rate, once 200 steps have passed."""
    rng, buffer, norms = harness.seed("sgd"), 0.0, []
    for _ in range(200 + N):
        buffer = 0.9 * buffer + rng.standard_normal((COORDINATES, trials), dtype=np.float32)
        norms.append(np.linalg.norm(buffer, axis=0))
    return np.array(norms[-N:]).T


def adamw_norms(trials: int) -> np.ndarray:
    """‖ΔW‖ of AdamW(1e-3, (0.9, 0.999), weight_decay=0.01), bias correction and all, after SETTLING steps."""
    rng, norms = harness.seed("adamw"), []
    weights, mean, square = (np.zeros((COORDINATES, trials), dtype=np.float32) for _ in range(3))
    for count in range(1, SETTLING + N + 1):
        gradient = rng.standard_normal((COORDINATES, trials), dtype=np.float32)
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient * gradient - square)
        move = mean / (1 - 0.9**count) / (np.sqrt(square / (1 - 0.999**count)) + 1e-8)
        change = -1e-3 * (move + 0.01 * weights)
        weights += change
        if count > SETTLING:
            norms.append(np.linalg.norm(change, axis=0))
    return np.array(norms).T


def alarm(trials: int) -> None:
    print(f"drift alarm, window {N}, stride {STRIDE}, 5 % in {AFTER:,} steps, {trials:,} runs; ARFIMA of α = 1")
    for method in ("gls", "robust"):
        for baseline, before in ((1.0, 0), (None, regime.BASELINE * N - N)):
            rng = harness.seed("calm", before)  # the baseline's windows come first
            calm = [rolling(arfima(1.0, N + before + AFTER)(1, rng)[0], method) for _ in range(trials)]
            print(f"        {method}, baseline {f'from {regime.BASELINE * N:,} steps' if baseline is None else 'known'}:")
            report_calm(calm, baseline)
        for name, make in CHANGES.items():
            rng = harness.seed("change", name)
            print(f"        {method}, change from 1.0 to 1.3 at step {CHANGE:,}, {name}:")
            report_change([alarms(rolling(make(rng), method), 1.0) for _ in range(trials)])


def report_calm(runs: list[tuple[np.ndarray, np.ndarray]], baseline: float | None) -> None:
    """How often nothing raises an alarm, and how far α goes: what `regime` has its TESTS and DOWN from."""
    found = [alarms(estimates, baseline) for estimates in runs]
    row("any alarm, % of runs", [share(np.array([len(each) > 0 for each in found]))], "<= 7", within(0, 7), digits=1)
    both = [share(np.array([any(each.direction == way for each in run) for run in found])) for way in ("up", "down")]
    row("up, down, % of runs", both, digits=1)
    if baseline is not None:
        z = np.array([(np.max(z), -np.min(z)) for z in ((alpha - baseline) / stderr for alpha, stderr in runs)])
        row("exceeded by 2.5 % of runs, in stderr", [harness.Figure(each, 0) for each in np.quantile(z, 0.975, axis=0)], digits=2)


def report_change(runs: list[tuple[regime.Alarm, ...]]) -> None:
    """How soon the change is seen, and where its onset is put."""
    first = [next((each for each in found if each.direction == "up" and each.start > N + CHANGE), None) for found in runs]
    row("seen, % of runs", [share(np.array([each is not None for each in first]))], digits=1)
    delay, onset = np.array([(each.start, each.onset) for each in first if each is not None]).T - (N + CHANGE)
    middle = harness.Figure(float(np.median(delay)), 1.25 * float(np.std(delay)) / len(delay) ** 0.5)
    row("median delay, steps", [middle], "<= 250", within(0, 250), digits=0)
    quantiles = [harness.Figure(each, 0) for each in np.quantile(onset, [0.05, 0.5, 0.95])]
    row("onset less change: 5, 50, 95 %", quantiles, digits=0)


def rolling(x: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    """α and its standard error in every window."""
    result = wcdfa.dfa(np.lib.stride_tricks.sliding_window_view(x, N)[::STRIDE], method=method)
    return result.alpha, result.stderr


def alarms(estimates: tuple[np.ndarray, np.ndarray], baseline: float | None) -> tuple[regime.Alarm, ...]:
    stops = N + STRIDE * np.arange(len(estimates[0]))
    return regime.drift_alarms(*estimates, stops, window=N, baseline=baseline, false_alarm_rate=0.05, steps=AFTER)


def same_innovations(rng: np.random.Generator) -> np.ndarray:
    """One moving average of white noise, whose weights change from those of α = 1.0 to those of 1.3: the memory goes on."""
    innovations = rng.standard_normal((1, harness.MEMORY + N + AFTER))
    before, after = (harness.moving_average(innovations, alpha - 1.5)[0] for alpha in (1.0, 1.3))
    return np.cumsum(np.concatenate([before[: N + CHANGE], after[N + CHANGE :]]))


def same_level(rng: np.random.Generator) -> np.ndarray:
    """Increments of ARFIMA(0, 0.5, 0), then independent ones of ARFIMA(0, 0.8, 0), scaled to the same mean F² at size 16.

    Only the level goes on. Below size 16 the series becomes quieter, which hides the change until larger boxes are full of it.
    """
    before, after = increments_of(1.0, N + CHANGE, 1, rng)[0], increments_of(1.3, AFTER - CHANGE, 1, rng)[0]
    ratio = log_mean_square((16,), 1, 1.0) - log_mean_square((16,), 1, 1.3)
    return np.cumsum(np.concatenate([before, np.exp(0.5 * ratio) * after]))


CHANGES = {"the same innovations": same_innovations, "independent, F(16) the same": same_level}


if __name__ == "__main__":
    harness.run({"preparation": preparation, "null": null, "alarm": alarm}, __doc__)
