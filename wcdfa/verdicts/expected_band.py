"""What the optimizer alone gives for α of a window, from nulls that are known already: fast enough for every α of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from wcdfa.inference.exponent import DFAResult
from wcdfa.nulls.comparison import NullTable, closest
from wcdfa.nulls.families import Setting
from wcdfa.nulls.null_tables import Treatment, known_table
from wcdfa.preprocess.preparation import Prepared
from wcdfa.verdicts.alongside import Alongside
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.optimizer_comparison import (
    cautious,
    compared_rule,
    every_of,
    half_overlapping,
    settings_of,
    treatment_of,
    unlike_replays,
)


class ExpectedBand(NamedTuple):
    """What the optimizer alone gives."""

    low: float
    """Lower end of the band that holds 95 % of α on each kind of gradients without memory."""
    high: float
    """Its upper end."""
    p_value: float
    """p of the window against these replays, by its curve log F(s)."""


def expected_band(prepared: Prepared, result: DFAResult, criteria: Criteria, beside: Alongside) -> ExpectedBand | None:
    """The band of a window, without replaying anything; None if the optimizer is not known, cannot be compared, or was never replayed.

    >>> import numpy as np
    >>> from wcdfa.nulls.replay import optimizer_norms
    >>> criteria = Criteria.given(optimizer="sgd", momentum=0.9)
    >>> prepared = criteria.preparation.of(optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1)[0])
    >>> beside = Alongside(lr=np.full(500, 0.1), steps=np.arange(501, 1001))
    >>> band = expected_band(prepared, criteria.measurement.of(prepared.values), criteria, beside)
    >>> print(f"{band.low:.1f} {band.high:.1f} {band.p_value > 0.05}")
    0.5 1.3 True

    The shape of a schedule is left out of the replays, which moves the ends by 0.02 or so; the verdict on a window replays it.

    Parameters
    ----------
    prepared, result : Prepared, DFAResult
        The window, and its α.
    criteria : Criteria
    beside : Alongside
        What belongs to its norms before preparation.
    """
    rule = compared_rule(criteria)
    if rule is None or rule.no_alpha is not None or prepared.reason is not None:
        return None
    beside, n = beside.part(prepared.kept), len(prepared.values)
    settings = settings_of(rule, n, every_of(criteria, prepared), criteria, beside, prepared.spacing)
    cuts = tuple(int(each) for each in prepared.cuts)
    tables = [_known(setting, treatment_of(criteria, cuts, beside.lr)) for setting in settings]
    known = [table for table in tables if table is not None]
    if len(known) < len(tables):
        return None
    fluctuations, sizes = half_overlapping(prepared, result, criteria)
    alpha, method = float(result.alpha), criteria.measurement.method
    found = cautious(closest([each.compare(prepared.values, fluctuations, sizes, alpha, method) for each in known]), n)
    if any(each.moves for each in known) and unlike_replays(found, prepared, criteria, beside) is not None:
        return None
    return ExpectedBand(found.null.low, found.null.high, found.p_value)


def _known(setting: Setting, exact: Treatment) -> NullTable | None:
    """The null of a window as the verdict takes it, or else without the shape of the schedule."""
    return next((table for each in _treatments(exact) if (table := known_table(setting, each)) is not None), None)


def _treatments(exact: Treatment) -> Iterator[Treatment]:
    yield exact
    if exact.schedule is not None:
        yield replace(exact, schedule=None)
