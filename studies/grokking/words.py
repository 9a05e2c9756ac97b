"""Figures as text, also where there are few or none."""

from __future__ import annotations

import math

import pandas as pd

from studies.common.statistics import Interval, interval_of_median, interval_of_share, spread_text


def percent(share: float) -> str:
    """A share in percent.

    >>> percent(0.934)
    '93 %'
    """
    return f"{100 * share:.0f} %" if math.isfinite(share) else "–"


def interval_text(found: Interval, digits: int = 2) -> str:
    """An estimate with its interval; a dash without an estimate."""
    return spread_text(*found, digits=digits) if math.isfinite(found[0]) else "–"


def median_text(values: pd.Series, digits: int = 0) -> str:
    """Median with its interval; a dash without numbers."""
    return interval_text(interval_of_median(values), digits)


def share_text(hits: int, trials: int) -> str:
    """A share with its interval; a dash without trials."""
    return interval_text(interval_of_share(hits, trials))
