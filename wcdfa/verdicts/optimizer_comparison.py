"""Compares a window with what its optimizer gives on gradients without memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import DFAResult, measure
from wcdfa.nulls.comparison import Compared, NullTable, closest
from wcdfa.nulls.families import Setting
from wcdfa.nulls.measured_gradients import driven_by
from wcdfa.nulls.null_tables import Treatment, null_table
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.schedule_shape import shape_of_schedule
from wcdfa.nulls.update_rules import SGD
from wcdfa.preprocess.preparation import Prepared
from wcdfa.scales import SHIPPED, half_sizes
from wcdfa.support.text import factor
from wcdfa.verdicts.alongside import Alongside
from wcdfa.verdicts.criteria import Criteria

Values = npt.NDArray[np.float64]

NEARLY = 1.05  # a null may be longer than the window by this factor
UNEXPLAINED = 0.05  # below this p-value, replays do not explain a window
LONG, CAUTION = 2048, 100.0  # measured by benchmarks/verdicts.py: without it, half of some mundane windows of 4,000 norms differ
FEWEST = 20  # replicates that show how the sizes of log F(s) vary together
PLACES = 16  # breaks are rounded to so many places in a window, for windows to share replays


class Comparison(NamedTuple):
    """A window against its optimizer."""

    found: Compared
    against: str
    """What it was compared with."""
    measured: bool = False
    """Whether the replay was driven by the gradient norms that were recorded."""
    unlike: str | None = None
    """What happens in this window and in no replay, so that the two cannot be compared."""
    assumed: str = ""
    """What the replay took for granted, to be put behind `against`; often empty."""


def compared_rule(criteria: Criteria) -> Optimizer | None:
    """What is replayed for a quantity; None if nothing is, because it has no null, no optimizer was named, or the norms are incomparable."""
    if criteria.incomparable is not None:
        return None
    if criteria.quantity == "gradient norm":
        return SGD()
    return criteria.optimizer if criteria.quantity == "update norm" else None


def against_optimizer(prepared: Prepared, result: DFAResult, criteria: Criteria, beside: Alongside) -> Comparison | None:
    """Compare a window that has an α; `beside` is what belongs to its norms before preparation. None if there is nothing to compare."""
    rule = compared_rule(criteria)
    if rule is None or rule.no_alpha is not None:
        return None
    beside = beside.part(prepared.kept)
    fluctuations, sizes = half_overlapping(prepared, result, criteria)
    alpha, method = float(result.alpha), criteria.measurement.method
    every, nulls = every_of(criteria, prepared), list(tables(rule, prepared, criteria, beside))
    found = cautious(
        closest([table.compare(prepared.values, fluctuations, sizes, alpha, method) for table in nulls]), len(prepared.values)
    )
    unlike = unlike_replays(found, prepared, criteria, beside) if any(table.moves for table in nulls) else None
    assumed = criteria.simulation.assumed(rule, _first(every, prepared.spacing, beside))
    measured = _is_measured(criteria, beside, every)
    return Comparison(found, described(rule, criteria, beside, every), measured, unlike, assumed)


def unlike_replays(found: Compared, prepared: Prepared, criteria: Criteria, beside: Alongside) -> str | None:
    """What may happen in the first steps of a run, but in no replay."""
    if not math.isnan(found.rise):
        verb = "rise" if found.rise > 0 else "fall"
        return f"the norms {verb} by {factor(abs(found.rise), 2)} in the first steps of the run"
    if prepared.level_steps:
        return "the level of the norms steps in the first steps of the run"
    unknown = beside.lr is None and beside.steps is not None and criteria.quantity == "update norm"
    if unknown and found.p_value < UNEXPLAINED:
        return "it holds the first steps of the run, where the learning rate may have been warmed up, and the rates were not logged"
    return None


def cautious(found: Compared, n: int) -> Compared:
    """The p-values of a long window are multiplied, because it shows small differences between ordinary gradients that no null holds."""
    if n <= LONG:
        return found
    return found._replace(**{name: min(1.0, CAUTION * getattr(found, name)) for name in ("p_value", "p_shape", "p_more")})


def every_of(criteria: Criteria, prepared: Prepared | None) -> int:
    """Optimizer steps from one norm to the next."""
    return criteria.thinned or (1 if prepared is None else prepared.spacing)


class GradientSizes(NamedTuple):
    """The recorded gradient norms of a window, against white gradients."""

    alpha: float
    low: float
    high: float
    p_value: float
    among: int = 1
    """How many windows were tested together, if a small p is no more than chance among them."""


def gradient_sizes(criteria: Criteria, beside: Alongside) -> GradientSizes | None:
    """α of the gradient norms that were recorded with a window, and p against white gradients; None if they were not, or have no α."""
    if not _is_measured(criteria, beside, 1):
        return None
    own = replace(criteria, quantity="gradient norm", optimizer=None)
    try:
        prepared = criteria.preparation.of(np.asarray(beside.gradient_norm, dtype=np.float64))
    except ValueError:
        return None
    result = criteria.measurement.of(prepared.values, prepared.cuts)
    if prepared.reason is not None or math.isnan(float(result.alpha)):
        return None
    found = against_optimizer(prepared, result, own, Alongside(steps=beside.steps))
    alpha, low, high = (float(each) for each in (result.alpha, result.low, result.high))
    return None if found is None else GradientSizes(alpha, low, high, found.found.p_value)


def against_optimizer_by_curve(
    fluctuations: npt.ArrayLike,
    sizes: Sequence[int],
    alpha: float,
    n: int,
    criteria: Criteria,
    lr: float | None,
    steps: tuple[int, int],
) -> Comparison | None:
    """Compare a past window of n norms, of which only α, F(s), and the first and last step are known; None if nothing can be compared."""
    rule = compared_rule(criteria)
    if rule is None or rule.no_alpha is not None or tuple(sizes) != half_sizes(n, criteria.measurement.order):
        return None
    beside = Alongside(lr=lr, steps=[steps[0]])
    every = criteria.thinned or max(1, round((steps[1] - steps[0]) / (n - 1)))
    settings = settings_of(rule, n, every, criteria, beside)
    method = criteria.measurement.method
    found = [null_table(setting, treatment_of(criteria)).compare(None, fluctuations, sizes, alpha, method) for setting in settings]
    return Comparison(
        cautious(closest(found), n), described(rule, criteria, beside, every), assumed=criteria.simulation.assumed(rule, steps[0])
    )


def half_overlapping(prepared: Prepared, result: DFAResult, criteria: Criteria) -> tuple[Values, list[int]]:
    """F(s) from boxes that overlap by half, which is less noisy than that of "ols", and the sizes."""
    if criteria.measurement.method == "ols":
        result = measure(prepared.values, order=criteria.measurement.order, method="gls", breaks=prepared.cuts)
    return np.asarray(result.fluctuations), [int(size) for size in result.scales]


def treatment_of(criteria: Criteria, breaks: tuple[int, ...] = (), lr: npt.ArrayLike | None = None) -> Treatment:
    """How replays are prepared and measured for a window."""
    measurement, preparation = criteria.measurement, criteria.preparation
    return Treatment(
        order=measurement.order,
        method=measurement.method,
        log=preparation.log,
        spikes=preparation.spikes,
        breaks=breaks,
        schedule=shape_of_schedule(lr, log=preparation.log),
    )


def tables(rule: Optimizer, prepared: Prepared, criteria: Criteria, beside: Alongside) -> Iterator[NullTable]:
    """The nulls of a window: two if it is unknown whether it holds the start of the run."""
    n, order, every = len(prepared.values), criteria.measurement.order, every_of(criteria, prepared)
    breaks, cuts = (tuple(int(each) for each in places) for places in (prepared.breaks, prepared.cuts))
    exact = treatment_of(criteria, cuts, beside.lr)
    settings = list(settings_of(rule, n, every, criteria, beside, prepared.spacing))
    if _is_measured(criteria, beside, every):
        # the sizes may have been recorded before gradients were clipped: gradients of any size stay in the null
        yield driven_by(np.asarray(beside.gradient_norm, dtype=np.float64), settings[0], exact)
    for setting in settings:
        near = treatment_of(criteria, rounded(breaks, setting.n, order), beside.lr)
        shared = near.schedule is None or len(near.schedule) != n or setting.n == n
        same_sizes = _sizes(near.breaks, setting.n, order) == _sizes(cuts, n, order)
        yield null_table(setting, near) if shared and same_sizes else null_table(replace(setting, n=n), exact)


def settings_of(rule: Optimizer, n: int, every: int, criteria: Criteria, beside: Alongside, spacing: int = 1) -> Iterator[Setting]:
    """What a window of n norms shares with its replays, for each start that it may have had."""
    simulation = criteria.simulation
    if simulation.replicates < FEWEST:
        msg = f"replicates must be at least {FEWEST} to compare with an optimizer, got {simulation.replicates}; 500 is usual"
        raise ValueError(msg)
    lr = None if beside.lr is None else float(np.exp(np.mean(np.log(np.asarray(beside.lr, dtype=np.float64)))))
    varying = _varying(rule, beside)
    setting = Setting(
        rule=rule,
        n=n if varying else nominal(n, criteria.measurement.order),
        every=every,
        lr=lr,
        dimension=simulation.dimension if rule is criteria.optimizer else None,
        replicates=simulation.replicates,
        seed=int(simulation.seed),  # type: ignore[arg-type]  # it is a whole number by now
        rules=tuple(_rules(rule, varying, n)),
    )
    for start in simulation.starts(rule, _first(every, spacing, beside)):
        yield replace(setting, start=start)


def _first(every: int, spacing: int, beside: Alongside) -> int | None:
    """The number of the optimizer's first step in a window, if it is known."""
    return first_step(beside.steps if beside.counted else None, 1 if every > 1 else spacing)


def _varying(rule: Optimizer, beside: Alongside) -> dict[str, Values]:
    """The hyperparameters of this optimizer that vary and are known at every norm."""
    given = {name: np.asarray(values, dtype=np.float64) for name, values in beside.varying.items() if hasattr(rule, name)}
    return {name: values for name, values in given.items() if np.all(np.isfinite(values)) and np.ptp(values, axis=0).any()}


def _rules(rule: Optimizer, varying: Mapping[str, Values], n: int) -> Iterator[Optimizer]:
    """The optimizer at each norm, if its hyperparameters vary."""
    if not varying:
        return
    for place in range(n):
        now: dict[str, object] = {name: values[place].tolist() for name, values in varying.items()}
        yield replace(rule, **now)  # type: ignore[arg-type]  # the optimizer checks them


def _is_measured(criteria: Criteria, beside: Alongside, every: int) -> bool:
    """Whether the gradient norm of every norm is known, and belongs to an update."""
    if beside.gradient_norm is None or criteria.quantity != "update norm" or every > 1:
        return False
    known = np.asarray(beside.gradient_norm, dtype=np.float64)
    return bool(np.all(np.isfinite(known) & (known > 0)))


def nominal(n: int, order: int) -> int:
    """The length of a null for a window of n norms: a shipped one if it is nearly as long and has the same box sizes."""
    if n in SHIPPED:
        return n
    fits = [m for m in SHIPPED if n < m <= NEARLY * n and half_sizes(m, order) == half_sizes(n, order)]
    return min(fits, default=n)


def rounded(breaks: tuple[int, ...], n: int, order: int = 1) -> tuple[int, ...]:
    """Breaks at a few places only, if the boxes they leave are about the same.

    >>> rounded((35, 240, 251), 500)
    (31, 250)
    """
    places = {min(max(1, round(each * PLACES / n)), PLACES - 1) for each in breaks}
    near = tuple(sorted(int(place * n / PLACES) for place in places))
    return near if _sizes(near, n, order) == _sizes(breaks, n, order) else breaks


def _sizes(breaks: tuple[int, ...], n: int, order: int) -> tuple[int, ...]:
    """The box sizes of a window with these breaks."""
    return half_sizes(_longest(breaks, n), order)


def _longest(breaks: tuple[int, ...], n: int) -> int:
    """The longest stretch between breaks."""
    return max(stop - start for start, stop in pairwise((0, *breaks, n)))


def described(rule: Optimizer, criteria: Criteria, beside: Alongside, every: int) -> str:
    """What the window was compared with, in words."""
    varying = _varying(rule, beside)
    name = "gradients without memory"
    if criteria.quantity != "gradient norm":
        name = f"{rule.title if varying else rule} on {name}"
    facts = []
    if _is_measured(criteria, beside, every):
        facts.append("of the sizes that were recorded")
    if varying:
        facts.append(f"with the {' and '.join(varying)} of each step")
    if every > 1:
        facts.append(f"recorded every {every:,} steps")
    return " ".join([name, *facts])


def first_step(steps: npt.ArrayLike | None, spacing: int) -> int | None:
    """The number of the first optimizer step, where a log counts `spacing` from one to the next; None where steps are unknown.

    >>> first_step([501, 502], 1), first_step([20, 30], 10), first_step(None, 1)
    (501, 2, None)
    """
    return None if steps is None else (int(np.asarray(steps)[0]) - 1) // spacing + 1
