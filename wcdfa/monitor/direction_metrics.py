"""The numbers of the direction that trackers receive: of the last step, and with each α."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from wcdfa.monitor.live_checks import checks_of
from wcdfa.monitor.live_record import record_from
from wcdfa.recording.groups import ALL
from wcdfa.recording.reading import Reading
from wcdfa.recording.side_series import COSINE, WEIGHT_NORM, cosine_of

RANGES = ("wcdfa/vector_alpha_4_16", "wcdfa/vector_alpha_16")
"""The keys of the exponents over box sizes 4 to 16, and from 16 on."""


def of_last_step(now: Mapping[str, float], groups: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The cosine with the last change, ‖W‖ and ‖ΔW‖ / ‖W‖, as far as they are among the numbers that a ring holds of a step."""
    if COSINE in now:
        yield "wcdfa/cosine", now[COSINE]
    yield from ((f"wcdfa/cosine/{name}", now[cosine_of(name)]) for name in groups if cosine_of(name) in now)
    if WEIGHT_NORM in now:
        size = now[WEIGHT_NORM]
        yield "wcdfa/weight_norm", size
        yield "wcdfa/update_ratio", now[ALL] / size if size > 0 else math.nan


def of_window(reading: Reading) -> dict[str, float]:
    """α of the vector, the cosine that the optimizer gives, and the smallest p of what is compared with it; NaN where unknown.

    >>> reading = Reading(np.ones(100), 100, 0, cosine=np.full(100, 0.9))
    >>> list(of_window(reading)), list(of_window(reading._replace(cosine=None)))
    (['wcdfa/cosine_low', 'wcdfa/cosine_high', 'wcdfa/diagnosis_p'], [])
    """
    numbers: dict[str, float] = {}
    with np.errstate(all="ignore"):
        if reading.sketch is not None:
            found = reading.vector_alpha()
            numbers |= {"wcdfa/vector_alpha": found.alpha} | dict(zip(RANGES, found.exponents, strict=True))
        if reading.cosine is not None:
            checks = checks_of(record_from(reading, len(reading.norms)))
            low, high = next(((each.low, each.high) for each in checks if each.statistic == "cosine"), (math.nan, math.nan))
            p = min((min(1.0, each.p * len(checks)) for each in checks), default=math.nan)
            numbers |= {"wcdfa/cosine_low": low, "wcdfa/cosine_high": high, "wcdfa/diagnosis_p": p}
    return {key: float(value) for key, value in numbers.items()}
