"""The numbers of a monitor, under the keys that trackers receive."""

from __future__ import annotations

import math
from collections.abc import Iterator

from wcdfa.monitor.computing import Computation
from wcdfa.monitor.direction_metrics import of_last_step, of_window
from wcdfa.monitor.expected import of_expected
from wcdfa.recording.groups import ALL
from wcdfa.recording.reading import Reading
from wcdfa.verdicts.regime import label

REGIME_NUMBERS = {"ordered": 2.0, "critical": 1.0, "disordered": 0.0}  # as wcdfa 0.1.0 logs them; undecided is NaN


def metrics_of(run: Computation, thresholds: tuple[float, float], *, alpha: bool = True) -> dict[str, float]:
    """The last norms and, if `alpha`, the last α, of all parameters and of each group. Without an α yet, only the norms."""
    reading = run.recorder.reading()
    numbers = {
        "wcdfa/step": float(run.recorder.step),
        "wcdfa/n": float(len(reading.norms)),
        "wcdfa/skipped": float(reading.skipped),
    }
    if len(reading.norms):
        numbers |= dict(_of_last_step(reading))
        numbers |= {name.replace("_", "/"): value for name, value in run.recorder.varying_now(reading).items()}
    if alpha and ALL in run.outcomes:
        numbers |= dict(_of_alpha(run, thresholds)) | _beside_alpha(run, reading)
    return numbers


def _beside_alpha(run: Computation, reading: Reading) -> dict[str, float]:
    """What the optimizer gives, and the numbers of the direction, which are computed once for each α."""
    if run.beside_alpha is None:
        run.beside_alpha = of_expected(run) | of_window(reading)
    return run.beside_alpha


def _of_last_step(reading: Reading) -> Iterator[tuple[str, float]]:
    yield "wcdfa/update_norm", float(reading.norms[-1])
    yield from ((f"wcdfa/update_norm/{name}", float(norms[-1])) for name, norms in reading.groups.items())
    if reading.lr is not None:
        yield "wcdfa/lr", float(reading.lr[-1])
    if reading.gradients is not None:
        yield "wcdfa/gradient_norm", float(reading.gradients[-1])
    yield from ((key, float(number)) for key, number in of_last_step(reading))


def _of_alpha(run: Computation, thresholds: tuple[float, float]) -> Iterator[tuple[str, float]]:
    """The last α, and the steps that it is computed from, which may lie before the last step."""
    result = run.outcomes[ALL].result
    yield "wcdfa/alpha", float(result.alpha)
    yield "wcdfa/alpha_low", float(result.low)
    yield "wcdfa/alpha_high", float(result.high)
    yield "wcdfa/r2", float(result.r_squared)
    yield "wcdfa/regime", REGIME_NUMBERS.get(str(label(float(result.low), float(result.high), thresholds=thresholds)), math.nan)
    if (steps := run.window_steps) is not None:
        yield from zip(("wcdfa/window_first_step", "wcdfa/window_last_step"), map(float, steps), strict=True)
    yield from ((f"wcdfa/alpha/{name}", float(each.result.alpha)) for name, each in run.outcomes.items() if name != ALL)
