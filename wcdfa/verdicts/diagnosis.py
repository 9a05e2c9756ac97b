"""The diagnosis of a run: is it what it is said to be, did something change, since when, and what is the likely cause."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.update_rules import resolved
from wcdfa.support.numbers import whole
from wcdfa.support.text import several
from wcdfa.verdicts.alongside import parted, varying_memory
from wcdfa.verdicts.causes import Cause, clear, fits, ranked
from wcdfa.verdicts.change_search import ChangeSearch
from wcdfa.verdicts.changes import Change
from wcdfa.verdicts.checked_window import Check, Window
from wcdfa.verdicts.checks import CHECKS
from wcdfa.verdicts.diagnosis_input import check_series
from wcdfa.verdicts.diagnosis_sentences import first_of_groups, sentence_of_change, sentence_of_check
from wcdfa.verdicts.effects import effects_of_checks
from wcdfa.verdicts.ending import Ending, ending_of
from wcdfa.verdicts.record import Record, record_of
from wcdfa.verdicts.signatures import Signature, signatures

WINDOW = 500
"""Steps in a window that is compared with the named optimizer."""
SHORTEST = 250
"""Steps that such a window needs."""
UNNAMED = "no optimizer is named"
SHOWN = 3
"""Causes that are listed."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What `diagnose` returns; printing it gives a few lines."""

    deviations: tuple[Check, ...]
    """Statistics that the named optimizer does not give, the surest first."""
    checks: tuple[Check, ...]
    """Everything that was compared with the named optimizer, in each window."""
    changes: tuple[Change, ...]
    """What is not as in the baseline, in the order in which it was seen."""
    causes: tuple[Cause, ...]
    """Causes of the catalogue, the likeliest first; empty if nothing was found."""
    compared: tuple[str, ...]
    """What was compared with what, in words."""
    not_compared: tuple[str, ...]
    """What was not compared, and why."""
    alarms: float
    """Probability of any deviation or change in a run that is what it is said to be, for each of the two questions."""
    record: Record = field(repr=False, compare=False)
    """The series that it was made from."""
    ending: Ending | None = None
    """The norms at the end that are not finite, or 0; None if the run ends in others."""

    @property
    def clear(self) -> bool:
        """Whether one cause is much likelier than all others."""
        return clear(list(self.causes))

    @property
    def since(self) -> int | None:
        """The first step from which on something was found; None if nothing was."""
        shown = [change.since for change in first_of_groups(self.changes)] + ([self.ending.since] if self.ending else [])
        return min([*shown, *(check.since for check in self.deviations if check.since is not None)], default=None)

    @property
    def found(self) -> bool:
        """Whether there is any deviation or change, or the norms end in NaN, infinity or zeros."""
        return bool(self.deviations or self.changes or self.ending)

    @property
    def evidence(self) -> tuple[str, ...]:
        """A sentence for the end of the norms if it is not finite or 0, and for each deviation and each change."""
        end = [] if self.ending is None else [str(self.ending)]
        return (*end, *map(sentence_of_check, self.deviations), *map(sentence_of_change, first_of_groups(self.changes)))

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the lines, and what to do."""
        from wcdfa.verdicts.diagnosis_card import diagnosis_card  # noqa: PLC0415 - only notebooks need it

        return diagnosis_card(self)

    def _lines(self) -> Iterator[str]:
        if not self.found:
            yield f"nothing found. Compared: {'; '.join(self.compared)}" if self.compared else "nothing compared"
        else:
            yield f"found from step {self.since:,} on:"
            yield from (f"- {sentence}" for sentence in self.evidence)
            yield from self._of_causes()
        yield from (f"not compared: {reason}" for reason in self.not_compared)

    def _of_causes(self) -> Iterator[str]:
        if not self.causes:
            return
        if self.clear:
            yield f"likely cause: {self.causes[0].text}. {self.causes[0].check}."
            return
        yield (
            "several causes fit; the likeliest first:"
            if fits(list(self.causes))
            else "no known cause fits well; the nearest first:"
        )
        for number, cause in enumerate(self.causes[:SHOWN], start=1):
            yield f"{number}. {cause.text}. {cause.check}."


def diagnose(
    norms: npt.ArrayLike,
    *,
    cosine: npt.ArrayLike | None = None,
    weight_norm: npt.ArrayLike | None = None,
    sketch: npt.ArrayLike | None = None,
    groups: Mapping[str, npt.ArrayLike] | None = None,
    cosines: Mapping[str, npt.ArrayLike] | None = None,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
    gradient_norm: npt.ArrayLike | None = None,
    optimizer: str | Optimizer | None = None,
    unknown: str | None = None,
    start: int | None = None,
    baseline: int | None = None,
    alarms: float = 0.05,
    **hyperparameters: object,
) -> Diagnosis:
    """Ask whether a run is what it is said to be, and whether something changed in it.

    >>> import numpy as np
    >>> import wcdfa
    >>> rng = np.random.default_rng(0)
    >>> gradients = np.repeat(rng.standard_normal((400, 64)), 2, axis=0) + rng.standard_normal((800, 64))  # each batch is used twice
    >>> change, changes = np.zeros(64), []
    >>> for gradient in gradients:
    ...     change = 0.9 * change - 0.1 * gradient
    ...     changes.append(change)
    >>> sketch = np.array(changes)
    >>> norms = np.linalg.norm(sketch, axis=1)
    >>> found = wcdfa.diagnose(norms, sketch=sketch, lr=0.1, optimizer="sgd", momentum=0.9, start=0)
    >>> print(found.causes[0].text)
    each batch is used more than once in a row

    Parameters
    ----------
    norms : numbers of shape (n,)
        ‖ΔW‖ of each step. Everything else is optional; what is missing is not compared, and the diagnosis says so.
    cosine : numbers of shape (n,)
        Cosine of each weight change with the one before it.
    weight_norm : numbers of shape (n,)
        ‖W‖ after each step.
    sketch : numbers of shape (n, K)
        Some coordinates of each weight change.
    groups, cosines : dict of numbers of shape (n,)
        The same as norms and cosine, of groups of parameters.
    lr : number, or numbers of shape (n,)
        Learning rate of each step.
    steps : numbers of shape (n,)
        Number of each step, from 1 on. Default: 1, 2, 3, …
    gradient_norm : numbers of shape (n,)
        ‖g‖ of each step, before clipping.
    optimizer, **hyperparameters
        The optimizer that the run is said to have, as in `wcdfa.verdict`. Without it, only changes are judged.
    unknown : str, optional
        Why the optimizer is not known, to be said.
    start : int, optional
        Steps that the optimizer took before the first of these.
    baseline : int, optional
        How many of the norms, from the first on, show what is usual. Default: half of them. The first `BEGUN` steps of a run are left out.
    alarms : float
        Probability of any false alarm, for each of the two questions, over all statistics, groups and steps together.

    Raises
    ------
    ValueError, TypeError
        If a series has another length than the norms or values that no run can have (a negative size or learning rate, steps that do not
        increase), `baseline` is more than there are norms, `start` is negative, or as `wcdfa.verdict`.
    """
    if not 0 < alarms < 1:
        msg = f"alarms must lie between 0 and 1, got {alarms}; 0.05 is usual"
        raise ValueError(msg)
    if baseline is not None:
        baseline = whole("baseline", baseline, "a whole number of steps", 0)
    if start is not None:
        start = whole("start", start, "a whole number of steps", 0)
    check_series(
        lr=lr, steps=steps, groups=groups, cosines=cosines, norms=norms, weight_norm=weight_norm, gradient_norm=gradient_norm
    )
    constant, varying = parted({name: _plain(value) for name, value in hyperparameters.items()})
    for name, values in varying.items():
        if len(values) != np.size(norms):  # type: ignore[arg-type]  # it is an array
            msg = f"{name} must hold one value for each of the {several(np.size(norms), 'norm', 'norms')}, got shape {np.shape(values)}"
            raise ValueError(msg)
    rule = None if optimizer is None else resolved(optimizer, constant)
    record = record_of(
        norms,
        cosine=cosine,
        weight_norm=weight_norm,
        sketch=sketch,
        groups=groups,
        cosines=cosines,
        lr=lr,
        steps=steps,
        gradient_norm=gradient_norm,
        optimizer=rule,
        unknown=unknown,
        varying=varying_memory(varying),
        taken=start,
    )
    if baseline is not None and not 0 <= baseline <= len(record):
        msg = f"baseline must be from 0 to the {len(record)} norms, got {baseline}; leave it out for half of them"
        raise ValueError(msg)
    return replace(of_record(record, baseline=baseline, alarms=alarms), ending=ending_of(norms, record.steps))


def _plain(value: object) -> object:
    """A number in an array without axes, as a number."""
    return value.item() if isinstance(value, np.ndarray) and not value.ndim else value


def of_record(
    record: Record, *, baseline: int | None = None, alarms: float = 0.05, catalogue: Sequence[Signature] | None = None
) -> Diagnosis:
    """The diagnosis of what was recorded, as `diagnose`; with the causes of another catalogue if one is given."""
    known = signatures() if catalogue is None else catalogue
    with np.errstate(all="ignore"):  # squares of norms may leave what a float holds
        checks = list(_checked(record))
        deviations = deviating(checks, alarms)
        changed = ChangeSearch(record, baseline, alarms)
        causes = tuple(_causes(record, deviations, changed, known))
    return Diagnosis(
        deviations=tuple(deviations),
        checks=tuple(checks),
        changes=tuple(changed.shown),
        causes=causes,
        compared=(*compared(record, checks), *changed.compared),
        not_compared=(*not_compared(record, checks), *changed.not_compared),
        alarms=alarms,
        record=record,
    )


def _checked(record: Record) -> Iterator[Check]:
    """All checks of all windows."""
    if record.filter is None:
        return
    count = max(1, round(len(record) / WINDOW))
    if len(record) < SHORTEST:
        return
    edges = np.linspace(0, len(record), count + 1).astype(int)
    for first, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = record.part(slice(first, stop))
        since = int(record.numbered[first])
        for check in CHECKS:
            yield from (each if each.since is not None else each._replace(since=since) for each in check(Window(part)))


def deviating(checks: list[Check], alarms: float) -> list[Check]:
    """Of each statistic the check of the first window that deviates; the surest statistic first."""
    judged = [check for check in checks if math.isfinite(check.p)]
    sure = [check._replace(p=min(1.0, check.p * len(judged))) for check in judged if check.p * len(judged) < alarms]
    found: dict[str, Check] = {}
    for check in sorted(sure, key=lambda each: each.since or 0):
        found.setdefault(check.statistic, check)
    return sorted(found.values(), key=lambda each: each.p)


def _causes(record: Record, deviations: list[Check], changed: ChangeSearch, catalogue: Sequence[Signature]) -> list[Cause]:
    """Causes of a deviation that is there from the start, else of what changed, else of the deviation."""
    if not (deviations or changed.found) or not record.rates_known:
        return []
    ended = int(record.numbered[min(len(record) - 1, changed.skip + max(0, changed.baseline))])
    early = [check for check in deviations if check.since is not None and check.since < ended]
    if changed.found and not early:
        return changed.causes(catalogue)
    if deviations:
        return ranked(effects_of_checks(_all_checks_since(record, deviations)), catalogue, "named", record.optimizer)
    return []


def _all_checks_since(record: Record, deviations: list[Check]) -> list[Check]:
    """The checks of the first window that deviates."""
    since = min(check.since for check in deviations if check.since is not None)
    first = max(0, min(int(np.searchsorted(record.numbered, since)), len(record) - SHORTEST))
    window = Window(record.part(slice(first, first + WINDOW)))
    return [each for check in CHECKS for each in check(window)]


def compared(record: Record, checks: list[Check]) -> Iterator[str]:
    """What was compared with the named optimizer."""
    if checks:
        count = len({check.statistic for check in checks})
        yield f"{several(count, 'statistic', 'statistics')} of {len(record):,} steps with what {record.optimizer} gives"


def not_compared(record: Record, checks: list[Check]) -> Iterator[str]:
    """What could not be compared, and why."""
    if record.optimizer is None:
        yield f"whether the run is what it is said to be, because {record.unknown or UNNAMED}: only changes are judged"
    elif record.varying:
        yield f"whether the run is {record.optimizer}, because its {' and '.join(record.varying)} {'varies' if len(record.varying) == 1 and record.varying != ('betas',) else 'vary'}"
    elif record.changing:
        yield f"whether the run is {record.optimizer}, because its momentum changes by itself for {record.optimizer.changes_until():,.0f} steps"
    elif len(record) < SHORTEST:
        yield f"whether the run is {record.optimizer}, because {SHORTEST} steps are needed, got {len(record)}"
    if not record.rates_known:
        unknown = len(record) if record.lr is None else int((~(np.isfinite(record.lr) & (record.lr > 0))).sum())
        why = "was not logged" if unknown == len(record) else f"is not known at {unknown:,} of {len(record):,} steps"
        yield f"what the learning rate explains, because it {why}: no cause is named"
    if not record.consecutive:
        named = "" if record.optimizer is None else f"whether the run is {record.optimizer}, and "
        yield f"{named}the direction, because not every step was recorded"
        return
    missing = [name for name, values in {"the cosine": record.cosine, "the sketch": record.sketch}.items() if values is None]
    if missing:
        yield f"what needs {' and '.join(missing)} of the weight change, which was not recorded"
