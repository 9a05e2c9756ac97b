"""Measures α of many prepared series, similar ones in one call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import DFAResult
from wcdfa.inference.measurement import Measurement
from wcdfa.preprocess.preparation import Prepared

K = TypeVar("K")
Values = npt.NDArray[np.float64]


class Outcome(NamedTuple):
    """The result of a window; if it has no α, also the reason."""

    result: DFAResult
    reason: str | None


def measured(prepared: Mapping[K, Prepared | str], n: int, measurement: Measurement) -> dict[K, Outcome]:
    """Measure α of prepared series. It is NaN where a string in place of a series, or `Prepared.reason`, says why there is none.

    >>> import wcdfa
    >>> window = wcdfa.prepare(wcdfa.synthetic.white_noise(500, seed=0), log=False)
    >>> found = measured({"a": window, "b": "too many gaps"}, 500, Measurement())
    >>> print(f"{found['a'].result.alpha:.2f}", found["b"].reason)  # two spikes were replaced
    0.48 too many gaps
    """
    alike: dict[tuple[int, tuple[int, ...]], dict[K, Values]] = defaultdict(dict)
    reasons: dict[K, str] = {}
    for name, part in prepared.items():
        if not isinstance(part, Prepared):
            reasons[name] = part
        elif part.reason is not None:
            reasons[name] = part.reason
        else:
            alike[len(part.values), part.cuts][name] = part.values
    found: dict[K, Outcome] = {}
    for (_, cuts), series in alike.items():
        try:
            with np.errstate(all="ignore"):
                own = _each(list(series.values()), cuts, measurement)
        except (ValueError, ArithmeticError) as error:  # too short for these boxes
            reasons |= dict.fromkeys(series, str(error))
        else:
            found |= {name: Outcome(result, result.reason) for name, result in zip(series, own, strict=True)}
    if reasons:
        nothing = measurement.of(np.zeros(n))
        found |= {name: Outcome(nothing, reason) for name, reason in reasons.items()}
    return {name: found[name] for name in prepared}


def _each(series: list[Values], cuts: tuple[int, ...], measurement: Measurement) -> list[DFAResult]:
    """Measure several series of one length in one call, and a single one alone, which is faster."""
    if len(series) == 1:
        return [measurement.of(series[0], breaks=cuts)]
    together = measurement.of(np.stack(series), breaks=cuts)
    return [together.at(i) for i in range(len(series))]
