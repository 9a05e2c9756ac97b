"""The numbers of a monitor, under the keys that trackers receive."""

from __future__ import annotations

import math
from collections.abc import Mapping

from wcdfa.inference.prepared import Outcome
from wcdfa.recording.groups import ALL
from wcdfa.recording.recorder import Recorder
from wcdfa.verdicts.regime import label

REGIME_NUMBERS = {"ordered": 2.0, "critical": 1.0, "disordered": 0.0}  # as wcdfa 0.1.0 logs them; undecided is NaN


def metrics_of(recorder: Recorder, found: Mapping[str, Outcome], thresholds: tuple[float, float]) -> dict[str, float]:
    """The last norms and the last α, of all parameters and of each group. Without an α yet, only the norms."""
    reading = recorder.reading()
    numbers = {"wcdfa/step": float(recorder.step), "wcdfa/n": float(len(reading.norms)), "wcdfa/skipped": float(reading.skipped)}
    if len(reading.norms):
        numbers["wcdfa/update_norm"] = float(reading.norms[-1])
        numbers |= {f"wcdfa/update_norm/{name}": float(norms[-1]) for name, norms in reading.groups.items()}
    if (outcome := found.get(ALL)) is not None:
        result = outcome.result
        regime = label(float(result.low), float(result.high), thresholds=thresholds)
        numbers |= {"wcdfa/alpha": float(result.alpha), "wcdfa/alpha_low": float(result.low)}
        numbers |= {"wcdfa/alpha_high": float(result.high), "wcdfa/r2": float(result.r_squared)}
        numbers["wcdfa/regime"] = REGIME_NUMBERS.get(str(regime), math.nan)
        numbers |= {f"wcdfa/alpha/{name}": float(each.result.alpha) for name, each in found.items() if name != ALL}
    return numbers
