"""The numbers of a monitor, under the keys that trackers receive."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from wcdfa.monitor.computing import Computation
from wcdfa.monitor.coupling_metrics import of_coupling
from wcdfa.monitor.direction_metrics import of_last_step, of_window
from wcdfa.monitor.expected import of_expected
from wcdfa.recording.groups import ALL
from wcdfa.recording.recorder import Recorder
from wcdfa.recording.side_series import BETA1, GRADIENTS, MOMENTUM, SKETCH, given_series, is_side_series
from wcdfa.verdicts.regime import label

REGIME_NUMBERS = {"ordered": 2.0, "critical": 1.0, "disordered": 0.0}  # as wcdfa 0.1.0 logs them; undecided is NaN


def metrics_of(run: Computation, thresholds: tuple[float, float], *, alpha: bool = True) -> dict[str, float]:
    """The last norms and, if `alpha`, the last α, of all parameters and of each group. Without an α yet, only the norms."""
    recorder = run.recorder
    kept = min(recorder.count, recorder.window)
    numbers = {
        "wcdfa/step": float(recorder.step),
        "wcdfa/n": float(kept),
        "wcdfa/skipped": float(recorder.ring.wcdfa_skipped),
    }
    if kept:
        numbers |= dict(_of_last_step(recorder))
    if alpha and ALL in run.outcomes:
        numbers |= dict(_of_alpha(run, thresholds)) | _beside_alpha(run)
    return numbers


def _beside_alpha(run: Computation) -> dict[str, float]:
    """What the optimizer gives, and the numbers of the direction, which are computed once for each α."""
    if run.beside_alpha is None:
        run.beside_alpha = of_expected(run) | of_window(run.recorder.reading()) | of_coupling(run)
    return run.beside_alpha


def _of_last_step(recorder: Recorder) -> Iterator[tuple[str, float]]:
    """What the ring holds of the last step. It is not read as a whole, because a tracker may want each step."""
    held, last = recorder.ring.wcdfa_norms, (recorder.count - 1) % recorder.window
    now = {name: float(np.asarray(values)[last]) for name, values in held.items() if name != SKETCH}
    groups = [name for name in now if name != ALL and not is_side_series(name)]
    yield "wcdfa/update_norm", now[ALL]
    yield from ((f"wcdfa/update_norm/{name}", now[name]) for name in groups)
    rates = np.asarray(recorder.ring.wcdfa_lr)
    if np.isfinite(rates).any():
        yield "wcdfa/lr", float(rates[last])
    if GRADIENTS in now:
        yield "wcdfa/gradient_norm", now[GRADIENTS]
    yield from of_last_step(now, groups)
    yield from ((f"wcdfa/beside/{name}", now[held]) for name, held in given_series(now).items())
    if MOMENTUM in now or BETA1 in now:
        yield from ((name.replace("_", "/"), value) for name, value in recorder.varying_now(recorder.reading()).items())


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
