"""Figures as the page has them: what is unknown is never written as a number."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from studies.common.statistics import Interval, interval_of_mean, spread_text

UNKNOWN = "–"


def spread(found: Interval, digits: int = 2) -> str:
    """An estimate with its interval, as far as they are known.

    >>> spread((0.5, 0.4, 0.6)), spread((0.5, math.nan, math.nan)), spread((math.nan,) * 3)
    ('0.50 (0.40 to 0.60)', '0.50', '–')
    """
    if not math.isfinite(found[0]):
        return UNKNOWN
    return spread_text(*found, digits=digits) if np.isfinite(found).all() else f"{found[0]:,.{digits}f}"


def mean_spread(values: npt.ArrayLike) -> str:
    """The mean of the known values, with its interval where there are three or more."""
    return spread(interval_of_mean(values))


def percent(found: Interval) -> str:
    """A share with its interval, in percent.

    >>> percent((0.331, 0.23, 0.44)), percent((1.0, math.nan, math.nan))
    ('33 % (23 to 44)', '100 %')
    """
    value, *ends = found
    return f"{100 * value:.0f} %" + (f" ({100 * ends[0]:.0f} to {100 * ends[1]:.0f})" if np.isfinite(ends).all() else "")


def not_in(arms: Iterable[str]) -> str:
    """A sentence on arms without a run, or nothing.

    >>> not_in(["cosine", "rate / 10"]), not_in(["cosine"]), not_in([])
    ('No run of the arms cosine, rate / 10 is in.', 'No run of the arm cosine is in.', '')
    """
    names = list(arms)
    return f"No run of the arm{'s' if len(names) > 1 else ''} {', '.join(names)} is in." if names else ""
