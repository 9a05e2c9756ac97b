"""Compares one window of a run with the named optimizer."""

from __future__ import annotations

import math

from wcdfa.verdicts.checked_window import Check, Window
from wcdfa.verdicts.checks import CHECKS
from wcdfa.verdicts.diagnosis import SHORTEST
from wcdfa.verdicts.record import Record


def checks_of(record: Record) -> list[Check]:
    """Compare a window with its optimizer. Empty if none is named, its memory changed, or the window is too short.

    >>> import numpy as np
    >>> from wcdfa.nulls.update_rules import named
    >>> from wcdfa.verdicts.record import record_of
    >>> cosine = 0.9 + 0.02 * np.random.default_rng(0).standard_normal(500)
    >>> check = checks_of(record_of(np.ones(500), cosine=cosine, optimizer=named("sgd", {"momentum": 0.9})))[0]
    >>> check.statistic, check.direction
    ('cosine', 0)
    """
    if record.filter is None or len(record) < SHORTEST:
        return []
    window, since = Window(record), int(record.numbered[0])
    found = (each for check in CHECKS for each in check(window) if math.isfinite(each.p))
    return [check if check.since is not None else check._replace(since=since) for check in found]
