"""How often a watch says something of a run in which nothing changes, and how soon of one in which something does.

    python benchmarks/live_messages.py [looks] [watch] [level] [drifts] [--trials 2000] [--quick]

looks: how far α strays from its baseline, as `wcdfa.verdicts.live_drift` looks at it after each stride; TESTS is found from it (a fifth
of the trials, because each is a run of many windows). watch: the messages of `wcdfa.monitor.watch.Watch` on whole runs, as it is called
live (a twentieth). level: coverage of windows with a step of the level, and splits where there is none (a fifth). drifts: alarms of
`wcdfa.verdicts.drifts` when the level changes by the square root of 2, as when the batch is doubled (a tenth). The optimizers are
written here, apart from those of the package. Takes about twelve minutes on one core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import harness
import numpy as np
from harness import row, share, within

import wcdfa
from wcdfa.monitor.watch import Watch
from wcdfa.recording.reading import Reading
from wcdfa.verdicts import drifts
from wcdfa.verdicts.live_drift import change

STEPS, WINDOW, STRIDE = 10_000, 500, 100
CHANGE = 5_000
COORDINATES = 64
Gradients = Callable[[np.ndarray, int], np.ndarray]


def optimizer(
    rule: str, runs: int, rng: np.random.Generator, first: float, second: float = 0.0, later: float | None = None
) -> np.ndarray:
    """Log ‖ΔW‖ on white gradients from step 0, shape (runs, STEPS): after CHANGE steps with another momentum if `later` is given."""
    mean, square = (np.zeros((runs, COORDINATES), dtype=np.float32) for _ in range(2))
    norms = np.empty((STEPS, runs))
    for step in range(STEPS):
        gradient = rng.standard_normal((runs, COORDINATES), dtype=np.float32)
        momentum = np.float32(first if later is None or step < CHANGE else later)
        if rule in ("SGD", "Nesterov"):
            mean = momentum * mean + gradient
            move = gradient + momentum * mean if rule == "Nesterov" else mean
        else:
            square += np.float32(1 - second) * (gradient * gradient - square)
            mean += (1 - momentum) * (gradient - mean)
            corrected = 1 - np.float32([first, second]) ** (step + 1) if rule == "AdamW" else np.float32([1, 1])
            move = mean / corrected[0] / (np.sqrt(square / corrected[1]) + np.float32(1e-8))
        norms[step] = np.sqrt(np.einsum("ij,ij->i", move, move, dtype=np.float64))
    return np.log(norms.T)


def arfima(alpha: float, runs: int, rng: np.random.Generator) -> np.ndarray:
    """Log norms of one α."""
    x = harness.arfima(alpha, STEPS)(runs, rng)
    return 0.2 * x / np.std(np.diff(x, axis=-1)) if alpha >= 1 else 0.2 * x


UNCHANGED: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "SGD": lambda runs, rng: optimizer("SGD", runs, rng, 0.0),
    "SGD(0.9)": lambda runs, rng: optimizer("SGD", runs, rng, 0.9),
    "SGD(0.95)": lambda runs, rng: optimizer("SGD", runs, rng, 0.95),
    "SGD(0.99)": lambda runs, rng: optimizer("SGD", runs, rng, 0.99),
    "Nesterov(0.9)": lambda runs, rng: optimizer("Nesterov", runs, rng, 0.9),
    "AdamW(0.9, 0.999)": lambda runs, rng: optimizer("AdamW", runs, rng, 0.9, 0.999),
    "AdamW(0.9, 0.95)": lambda runs, rng: optimizer("AdamW", runs, rng, 0.9, 0.95),
    "AdamW(0.95, 0.95)": lambda runs, rng: optimizer("AdamW", runs, rng, 0.95, 0.95),
    "RMSprop(0.99)": lambda runs, rng: optimizer("RMSprop", runs, rng, 0.0, 0.99),
    **{f"ARFIMA, α = {alpha}": lambda runs, rng, alpha=alpha: arfima(alpha, runs, rng) for alpha in (0.5, 0.8, 1.0, 1.2, 1.5)},
}
CHANGED: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "momentum 0.9 → 0.95": lambda runs, rng: optimizer("SGD", runs, rng, 0.9, later=0.95),
    "momentum 0.95 → 0.9": lambda runs, rng: optimizer("SGD", runs, rng, 0.95, later=0.9),
    "momentum 0.9 → 0": lambda runs, rng: optimizer("SGD", runs, rng, 0.9, later=0.0),
}


def looks(trials: int) -> None:
    runs = trials // 5
    print(f"the largest change of α in {STEPS:,} unchanged steps, as a share of what counts as significant; {runs:,} runs")
    print("        (limits: 97.5 % of runs stay below, up and down)")
    for name, make in UNCHANGED.items():
        z = np.array([strayed(x) for x in make(runs, harness.seed("looks", name))])
        limits = [harness.Figure(each, 0) for each in np.quantile(z, 0.975, axis=0)]
        row(f"{name}: limits", limits, digits=2)
        row(f"{name}: any message, %", [share(np.max(z, axis=1) > 1)], "<= 7", within(0, 7), digits=1)


def strayed(x: np.ndarray) -> tuple[float, float]:
    """The largest change up and down in one run, in units of what counts as significant."""
    result = wcdfa.dfa(np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::STRIDE], method="gls")
    stops = WINDOW + STRIDE * np.arange(len(result.alpha))
    seen = [
        change(result.alpha[:i], result.stderr[:i], stops[:i], window=WINDOW, since=WINDOW) for i in range(1, len(result.alpha) + 1)
    ]
    moved = np.array([each.moved / each.reach for each in seen if each is not None])
    return float(np.max(moved)), float(-np.min(moved))


def watch(trials: int) -> None:
    runs = trials // 20
    print(f"messages in {STEPS:,} steps from step 0, window {WINDOW}, stride {STRIDE}, defaults; {runs:,} runs")
    for name, make in UNCHANGED.items():
        said = [messages(x) for x in make(runs, harness.seed("watch", name))]
        figures = [share(np.array([bool(steps_of(run, about)) for run in said])) for about in ("drifted", "regime")]
        row(f"{name}: drift, regime, %", figures, "<= 7", within(0, 7), digits=1)
    for name, make in CHANGED.items():
        said = [messages(x) for x in make(runs, harness.seed("watch", name))]
        first = [next((step for step in steps_of(run, "drifted") if step > CHANGE), None) for run in said]
        row(f"{name}: found, %", [share(np.array([each is not None for each in first]))], digits=1)
        delay = np.array([each - CHANGE for each in first if each is not None])
        row(
            "    median delay, steps",
            [harness.Figure(float(np.median(delay)), 1.25 * float(np.std(delay)) / len(delay) ** 0.5)],
            digits=0,
        )


def messages(x: np.ndarray) -> list[str]:
    """What a watch says of a run of which it gets a reading every 500 steps."""
    monitor, watching = wcdfa.WeightChangeDFA(window=WINDOW, stride=STRIDE), Watch()
    parts = [Reading(np.exp(x[i : i + WINDOW]), i + WINDOW, 0) for i in range(0, len(x), WINDOW)]
    return [message for part in parts for message in watching.update(monitor, part)]


def steps_of(said: list[str], about: str) -> list[int]:
    return [int(message.rpartition(" ")[2]) for message in said if about in message]


def level(trials: int) -> None:
    windows = trials // 5
    print(f"one step of the level by a factor of 2 at a random place in {WINDOW} white log norms; {windows:,} windows")
    for sd in (0.1, 0.15, 0.2, 0.25, 0.3):
        rng = harness.seed("level", sd)
        x = stepped(sd * rng.standard_normal((windows, WINDOW)), np.log(2), rng.integers(60, WINDOW - 60, windows))
        holds, _ = np.array([covered(each, 0.5) for each in x]).T
        row(f"noise of {100 * sd:.0f} %: interval holds α, %", [share(holds)], ">= 90", within(90, 100), digits=1)
    print("without a step: windows that are split")
    for name, make in calm():
        found = np.array([covered(x, 0.5) for x in make(windows, harness.seed("calm", name))])
        row(f"{name}: split, %", [share(found[:, 1] > 0)], "<= 2", within(0, 2), digits=1)


def calm() -> Iterator[tuple[str, Callable[[int, np.random.Generator], np.ndarray]]]:
    for alpha in (0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 1.5):
        yield f"ARFIMA, α = {alpha}", lambda runs, rng, alpha=alpha: 0.1 * harness.arfima(alpha, WINDOW)(runs, rng)
    yield "white SGD(0.9)", lambda runs, rng: optimizer("SGD", runs, rng, 0.9)[:, -WINDOW:]


def stepped(x: np.ndarray, height: float, places: np.ndarray) -> np.ndarray:
    return x + height * (np.arange(x.shape[-1]) >= places[:, None])


def covered(x: np.ndarray, alpha: float) -> tuple[bool, int]:
    """Whether the interval holds α, and how many steps of the level were found."""
    prepared = wcdfa.prepare(np.exp(x))
    result = wcdfa.dfa(prepared.values, breaks=prepared.cuts)
    return bool(result.low <= alpha <= result.high), len(prepared.level_steps)


def drifting(trials: int) -> None:
    runs = trials // 10
    print(f"drift alarms in {STEPS:,} steps whose level changes at a random place and whose α does not; {runs:,} runs")
    for name in ("SGD", "SGD(0.9)", "SGD(0.95)", "AdamW(0.9, 0.999)", "Nesterov(0.9)", "ARFIMA, α = 0.8"):
        rng = harness.seed("drifts", name)
        x = UNCHANGED[name](runs, rng)
        places = rng.integers(2_000, STEPS - 1_000, runs)
        changed = [stepped(x, height, places) for height in (0.0, 0.5 * np.log(2), -0.5 * np.log(2))]
        figures = [share(np.array([bool(drifts(np.exp(run))) for run in each])) for each in changed]
        row(f"{name}: × 1, √2, 1/√2, %", figures, "<= 7", within(0, 7), digits=1)


if __name__ == "__main__":
    harness.run({"looks": looks, "watch": watch, "level": level, "drifts": drifting}, __doc__)
