"""Describes earlier windows of a monitor, whose norms are gone, from their α and F(s)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration_tables import method_sizes
from wcdfa.inference.exponent import NO_CAUSE, DFAResult
from wcdfa.inference.fluctuation_spread import spread
from wcdfa.recording.groups import ALL
from wcdfa.recording.history import Curve, History, Past
from wcdfa.report.windows import Fluctuations, Measuring, Window, windows_of
from wcdfa.verdicts.evidence import Evidence
from wcdfa.verdicts.optimizer_comparison import against_optimizer_by_curve
from wcdfa.verdicts.single_window import Verdict, weighed, without_alpha

GONE = "there is no α, and the reason was not kept"


def past_windows(history: History, measuring: Measuring, rates: Rates) -> list[Window]:
    """Make all windows of a history except the last.

    Parameters
    ----------
    history : History
    measuring : Measuring
    rates : Rates
        What is known of the learning rate.
    """
    curves, past = history.curves[:-1], history.groups[ALL][:-1]
    verdicts = [_verdict(each, curve, measuring, rates) for each, curve in zip(past, curves, strict=True)]
    windows = windows_of(verdicts, [(curve.first_step, curve.last_step) for curve in curves], measuring)
    return [_with_curve(*each, measuring) for each in zip(windows, curves, past, strict=True)]


class Rates(NamedTuple):
    """What is known of the learning rate of past windows."""

    constant: bool
    rate: float | None = None


def rates_of(lr: npt.ArrayLike | None) -> Rates:
    """Whether the learning rate is constant as far as it is known, and the rate."""
    known = np.asarray(math.nan if lr is None else lr, dtype=np.float64)
    known = known[np.isfinite(known) & (known > 0)]  # the verdict cannot use other learning rates either
    return Rates(not known.size or bool(np.ptp(known) == 0), float(known[0]) if known.size else None)


def _verdict(past: Past, curve: Curve, measuring: Measuring, rates: Rates) -> Verdict:
    criteria = measuring.criteria
    if not math.isfinite(past.alpha):
        return without_alpha(GONE, criteria)
    comparison = None
    if rates.constant:
        comparison = against_optimizer_by_curve(
            curve.fluctuations,
            curve.scales,
            past.alpha,
            measuring.window,
            criteria,
            rates.rate,
            (curve.first_step, curve.last_step),
        )
    null = None if comparison is None else comparison.found.null
    return weighed(Evidence(criteria=criteria, alpha=past.alpha, low=past.low, high=past.high, null=null, comparison=comparison))


def _with_curve(window: Window, curve: Curve, past: Past, measuring: Measuring) -> Window:
    """Add the stored F(s) to a window."""
    if window.regime is None:
        return window
    measurement = measuring.criteria.measurement
    unknown = dict.fromkeys(DFAResult._fields, math.nan) | {"cause": NO_CAUSE}
    known = past._asdict() | {"scales": curve.scales, "fluctuations": np.array(curve.fluctuations)}
    result = DFAResult(**(unknown | known))
    complete = curve.scales == method_sizes(measuring.window, measurement.order, measurement.method)  # otherwise boxes were split
    return window._replace(
        curves=[Fluctuations(measurement.order, result)],
        spread=spread(result, measuring.window, measurement.order) if complete else None,
        surrogates=[] if window.null is None else [window.null],
    )
