"""Describes earlier windows of a monitor, whose norms are gone, from their α and F(s)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration_tables import method_sizes
from wcdfa.inference.exponent import NO_CAUSE, DFAResult
from wcdfa.inference.fluctuation_spread import spread
from wcdfa.nulls.nulls import compare
from wcdfa.recording.groups import ALL
from wcdfa.recording.history import Curve, History, Past
from wcdfa.report.windows import Fluctuations, Measuring, Window, windows_of
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.evidence import Evidence
from wcdfa.verdicts.shared_null import SharedNull
from wcdfa.verdicts.single_window import Verdict, weighed, without_alpha

GONE = "there is no α, and the reason was not kept"


def past_windows(history: History, measuring: Measuring, shared: SharedNull | None) -> list[Window]:
    """Make all windows of a history except the last.

    Parameters
    ----------
    history : History
    measuring : Measuring
    shared : SharedNull, optional
        α of the optimizer alone, from `shared_null`.
    """
    curves, past = history.curves[:-1], history.groups[ALL][:-1]
    verdicts = [_verdict(each, curve.first_step, measuring.criteria, shared) for each, curve in zip(past, curves, strict=True)]
    windows = windows_of(verdicts, [(curve.first_step, curve.last_step) for curve in curves], measuring)
    return [_with_curve(*each, measuring) for each in zip(windows, curves, past, strict=True)]


def shared_null(criteria: Criteria, window: int, lr: npt.ArrayLike | None) -> SharedNull | None:
    """α of the optimizer alone in any window; None if no optimizer is known or the learning rate varies."""
    known = np.asarray(math.nan if lr is None else lr, dtype=np.float64)
    known = known[np.isfinite(known) & (known > 0)]  # the verdict cannot use other learning rates either
    if criteria.optimizer is None or (known.size and np.ptp(known) > 0):
        return None
    return SharedNull(criteria, window, float(known[0]) if known.size else None)


def _verdict(past: Past, first: int, criteria: Criteria, shared: SharedNull | None) -> Verdict:
    if not math.isfinite(past.alpha):
        return without_alpha(GONE, criteria)
    null = None if shared is None else shared.at_step(first)
    evidence = Evidence(criteria=criteria, alpha=past.alpha, low=past.low, high=past.high)
    if null is not None:
        evidence = replace(evidence, null=compare(past.alpha, null.alphas), simulation=null.simulation)
    return weighed(evidence)


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
