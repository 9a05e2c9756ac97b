"""Collects the norms of a run from the arguments of `WeightChangeDFA.update`. It does not compute α."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import TypedDict

import numpy as np

from wcdfa.recording.cadence import Cadence, due
from wcdfa.recording.groups import ALL, Groups, may_follow
from wcdfa.recording.parameters import Displacement, SavedDirection, is_traced, kept, refuse
from wcdfa.recording.pending import Pending, Row, values_of
from wcdfa.recording.reading import Reading
from wcdfa.recording.ring import Ring, extend, init, read, with_series
from wcdfa.recording.sample import COORDINATES
from wcdfa.recording.side_series import (
    COSINE,
    GRADIENTS,
    HYPERPARAMETERS,
    SKETCH,
    WEIGHT_NORM,
    cosine_of,
    given_as,
    given_series,
    is_side_series,
    series_at,
    series_of,
)
from wcdfa.recording.whole_run import WholeRun
from wcdfa.support.numbers import is_number
from wcdfa.support.text import first_few, shown

MOST_GIVEN = 16
"""Series beside the norms that are kept: names that change from step to step would fill the memory."""
Known = tuple[Mapping[str, float | Row], float, int]
"""The numbers of one step by series, its rate and its number."""


class Source(TypedDict, total=False):
    """What a reading says of its optimizer; empty where unknown."""

    optimizer: str | None
    hyperparameters: Mapping[str, object]
    unknown: str | None


class Recorder:
    """The ring of a run, and the norms that wait to be written into it."""

    coordinates = 0
    """How many coordinates of each change are kept; 0 if its direction is not recorded."""
    before: int | None = None
    """Steps that the optimizer had taken before step 1 of this run; None where unknown."""
    varied: tuple[str, ...] = ()
    """The hyperparameters that have changed so far, also if they did so before the norms in the ring."""
    whole: WholeRun | None = None
    """The norms of the run, from the first one on beside which a series was given; None if none was."""
    given: frozenset[str] = frozenset()
    """Names of the series that were given beside norms."""
    _told = False  # that there are too many of them

    def __init__(self, window: int, groups: Groups, record_every: Cadence, coordinates: int = COORDINATES) -> None:
        self.window, self.groups, self.record_every = window, groups, record_every
        self.coordinates = coordinates
        self.ring: Ring = init(window)
        self.pending: deque[Pending] = deque()
        self.calls = self.passed = self.step = 0
        self.drained = self.drained_skipped = 0
        self.begun = 0  # how often it started over with a reading
        self._newest: float | None = None  # the newest norm of the last reading; None where unknown
        self.source: Source = {}
        self._displacement = Displacement(groups, coordinates)
        self._started = False

    @property
    def names(self) -> tuple[str, ...]:
        """The groups; the group of all parameters comes first."""
        return tuple(name for name in self.ring.wcdfa_norms if not is_side_series(name))

    @property
    def count(self) -> int:
        """How many norms have been recorded, without those that are pending."""
        return int(self.ring.wcdfa_count)

    @property
    def drained_and_recorded(self) -> int:
        """`drained` without the norms that are pending: a state does not hold these, so they are read again after it is loaded."""
        return self.drained - sum(1 + each.passed for each in self.pending if each.read)

    def without_pending(self) -> Recorder:
        """A recorder with what is recorded, as a state holds it."""
        other = copy(self)
        other.pending, other.drained = deque(), self.drained_and_recorded
        return other

    def reading(self) -> Reading:
        """The content of the ring, as a reading."""
        reading = read(self.ring)._replace(**self.source)
        if self.before is None or reading.steps is None or not len(reading.steps):
            return reading
        return reading._replace(taken=self.before + int(reading.steps[0]) - 1)

    def saved_direction(self) -> SavedDirection | None:
        """What another process needs to go on with the direction."""
        return self._displacement.saved()

    def restore_direction(self, saved: SavedDirection) -> None:
        """Go on with a saved direction, if the next parameters are those that it led to."""
        self._displacement.restore(saved)

    def varying_now(self, reading: Reading) -> dict[str, float]:
        """Momentum and betas at the last norm of its reading, from the first change on that was seen, by side series."""
        self.varied = tuple(dict.fromkeys([*self.varied, *reading.varying]))
        last = (self.count - 1) % self.window
        names = [series for name in self.varied for series in HYPERPARAMETERS[name]]
        return {name: float(np.asarray(self.ring.wcdfa_norms[name])[last]) for name in names if name in self.ring.wcdfa_norms}

    def take(
        self,
        given: object,
        lr: object,
        gradient_norm: object = None,
        cosine: object = None,
        weight_norm: object = None,
        beside: Mapping[str, object] | None = None,
    ) -> None:
        """Add the arguments of `update` to the pending norms. Raises as `update`; nothing is changed then."""
        if is_traced(given):
            raise refuse(given)
        for name, value in (("lr", lr), ("gradient_norm", gradient_norm), ("cosine", cosine), ("weight_norm", weight_norm)):
            if value is not None:
                _require_number(name, value)
        if beside is not None:
            _require_numbers(beside)
        if is_number(given):
            self._take_norm(given, lr, gradient_norm, cosine, weight_norm, beside)
        elif isinstance(given, Reading):
            if gradient_norm is not None:
                msg = "gradient_norm belongs to a norm or to parameters; a Reading has the gradient norms of its steps in its gradients"
                raise TypeError(msg)
            _require_neither(cosine, weight_norm, "a Reading has those of its steps")
            if beside is not None:
                msg = "beside belongs to a norm or to parameters; a Reading has what was given beside its norms"
                raise TypeError(msg)
            self._drain(given)
        else:
            _require_neither(cosine, weight_norm, "of parameters the monitor computes them itself")
            self._move(given, lr, gradient_norm, beside)

    def continues(self, reading: Reading) -> bool:
        """Whether a reading continues the last one. If not, its recorder was reset or is another one."""
        new, total = int(reading.count) - self.drained, len(reading.norms)
        if new < 0 or not 0 <= new < total or self._newest is None:
            return new >= 0
        there = float(reading.norms[total - new - 1])
        return there == self._newest or (math.isnan(there) and math.isnan(self._newest))

    def flush(self, stop: Callable[[int], bool]) -> Iterator[int]:
        """Record the pending norms, which copies them from their device. Pauses after each norm for whose number `stop` is true.

        What is added meanwhile stays pending.
        """
        known: list[Known] = []
        begun, count = self.begun, self.count
        try:
            for values, rate, passed, step in values_of(list(self.pending)):
                if self.begun != begun:
                    return
                self.pending.popleft()  # not before it is read: if that is interrupted, the norm is still pending
                if values[ALL] == 0:  # no step was taken; the calls before it do not count either, so the others stay evenly spaced
                    self.skip(1)
                    continue
                self.step = self.step + passed + 1 if step is None else max(step, self.step + 1)
                known.append((values, rate, self.step))
                if stop(count + len(known)):
                    self._write(known, begun)
                    known = []
                    yield self.count
                    count = self.count
        finally:  # also if `stop`, which may be a function of the user, raises
            self._write(known, begun)

    def skip(self, more: int) -> None:
        """Count norms of 0."""
        self.ring = self.ring._replace(wcdfa_skipped=self.ring.wcdfa_skipped + np.int32(more))

    def _write(self, known: list[Known], begun: int) -> None:
        if not known or self.begun != begun:
            return
        latest = {name: value for values, _, _ in known for name, value in values.items()}
        beside = [name for name in latest if is_side_series(name)]
        self.ring = with_series(self.ring, beside, coordinates=np.size(latest.get(SKETCH, ())))
        missing = {name: np.full(np.shape(held)[1:], math.nan) for name, held in self.ring.wcdfa_norms.items()}
        norms = {name: np.array([values.get(name, gap) for values, _, _ in known]) for name, gap in missing.items()}
        self.ring = extend(self.ring, norms, np.array([lr for _, lr, _ in known]), np.array([step for *_, step in known]))
        if self.whole is None and given_series(latest):
            self.whole = WholeRun()
        if self.whole is not None:
            self.whole.extend(known)

    def _take_norm(
        self,
        given: object,
        lr: object,
        gradient_norm: object,
        cosine: object,
        weight_norm: object,
        beside: Mapping[str, object] | None,
    ) -> None:
        if self.groups is not None or (len(self.ring.wcdfa_norms) > 1 and len(self.names) > 1):
            msg = "groups need parameters or a Reading, but update was given a number; leave groups out"
            raise TypeError(msg)
        if not due(self.record_every, self.calls + 1):
            self._call(None, lr, gradient_norm)
            return
        norms = {ALL: kept(given)}
        if cosine is not None:
            norms[COSINE] = kept(cosine)
        if weight_norm is not None:
            norms[WEIGHT_NORM] = kept(weight_norm)
        self._call(norms, lr, gradient_norm, beside)

    def _call(
        self,
        norms: Mapping[str, object] | None,
        lr: object,
        gradient_norm: object,
        beside: Mapping[str, object] | None = None,
    ) -> None:
        """Count a call of `update`. Norms are added to the pending ones; None is not."""
        self.calls += 1
        if norms is None:
            self.passed += 1
            return
        if gradient_norm is not None:
            norms = {**norms, GRADIENTS: kept(gradient_norm)}
        if beside:
            norms = {**norms, **self._named(beside)}
        self.pending.append(Pending(norms, math.nan if lr is None else kept(lr), self.passed))
        self.passed = 0

    def _named(self, beside: Mapping[str, object]) -> dict[str, object]:
        """What is given beside a norm, by the names in the ring; a name too many is left out."""
        known = {name: value for name, value in beside.items() if value is not None}
        if not self.given.issuperset(known):
            new = [name for name in known if name not in self.given]
            room = MOST_GIVEN - len(self.given)
            self.given = self.given.union(new[:room])
            if new[room:] and not self._told:
                self._told = True
                logging.getLogger("wcdfa").warning(
                    "beside the norms %d series are kept, so %s will not be",
                    MOST_GIVEN,
                    first_few([shown(each) for each in new[room:]]),
                )
        return {given_as(name): kept(value) for name, value in known.items() if name in self.given}

    def _move(self, given: object, lr: object, gradient_norm: object, beside: Mapping[str, object] | None) -> None:
        """Take the parameters after a step. They are copied only if the next step is recorded; otherwise they cost nothing."""
        parameters = self._displacement.parameters_of(given)
        if self._started:
            self._call(self._displacement.moved(parameters) if self._displacement.seen else None, lr, gradient_norm, beside)
        if due(self.record_every, self.calls + 1):
            self._displacement.remember(parameters)
            self._have_groups(self._displacement.names)
        else:
            self._displacement.forget()
        self._started = True

    def _have_groups(self, names: tuple[str, ...], *, later: bool = False) -> None:
        """Make a ring with these groups, or check that the ring has them; with `later`, some may come later."""
        if set(self.names) == set(names):  # compiled code sorts them
            return
        if (self.count or self.pending) and later and may_follow(names, self.names):
            self.ring = with_series(self.ring, names)
            return
        if self.count or self.pending:
            msg = f"the groups are {', '.join(names)}, but those recorded so far are {', '.join(self.names)}; reset() starts over"
            raise ValueError(msg)
        self.ring = init(self.window, names[1:])

    def _drain(self, reading: Reading) -> None:
        """Add the norms that are new since the last reading to the pending ones; all norms, if it does not continue the last reading."""
        _require_one_series(reading)
        count, skipped = int(reading.count), int(reading.skipped)
        if count:  # a recorder without norms may not know its groups
            self._have_groups((ALL, *reading.groups), later=True)
        if not self.continues(reading):
            self._begin_anew(tuple(reading.groups))
        total, new = len(reading.norms), count - self.drained
        have = min(new, total)
        lost = new - have  # overwritten since the last reading, which leaves a gap
        self.skip(skipped - self.drained_skipped)
        self.drained, self.drained_skipped = count, skipped
        self._newest = float(reading.norms[-1]) if total else None
        self.source = {"optimizer": reading.optimizer, "hyperparameters": reading.hyperparameters, "unknown": reading.unknown}
        self.before = _before(reading)
        for i in range(total - have, total):
            lr = math.nan if reading.lr is None else float(reading.lr[i])
            step = None if reading.steps is None else int(reading.steps[i])
            self.pending.append(Pending(_numbers_at(reading, i, direction=bool(self.coordinates)), lr, lost, step, read=True))
            lost = 0

    def _begin_anew(self, groups: tuple[str, ...]) -> None:
        self.ring = init(self.window, groups)
        self.pending.clear()
        self.drained = self.drained_skipped = self.step = 0
        self.source, self.before, self.varied = {}, None, ()
        self.whole, self.given = None, frozenset()
        self.begun += 1


def _require_number(name: str, value: object) -> None:
    if is_traced(value):
        raise refuse(value)
    if not is_number(value):
        msg = f"{name} must be a number or an array of size 1, got {type(value).__name__}; leave it out if it is not known"
        raise TypeError(msg)


def _require_numbers(beside: object) -> None:
    """Raise a TypeError unless it has a number for each name, or None where there is none at this step."""
    if not isinstance(beside, Mapping):
        msg = f'beside must be numbers by name, such as {{"loss": 0.5}}, got {type(beside).__name__}'
        raise TypeError(msg)
    for name, value in beside.items():
        if not isinstance(name, str) or not name:
            msg = f"the names in beside must be text, got {name!r}"
            raise TypeError(msg)
        if value is not None:
            _require_number(f"beside[{name!r}]", value)


def _require_neither(cosine: object, weight_norm: object, why: str) -> None:
    for name, value in {"cosine": cosine, "weight_norm": weight_norm}.items():
        if value is not None:
            msg = f"{name} belongs to a norm; {why}"
            raise TypeError(msg)


def _numbers_at(reading: Reading, place: int, *, direction: bool) -> dict[str, object]:
    """The norm of each group and the numbers of the side series, at one place of a reading."""
    named = {ALL: reading.norms, **reading.groups, **({} if reading.gradients is None else {GRADIENTS: reading.gradients})}
    constant = series_of(reading.hyperparameters)  # but for those that vary
    numbers = {name: float(values[place]) for name, values in named.items()} | constant | series_at(reading.varying, place)
    given = {given_as(name): float(values[place]) for name, values in reading.beside.items()}
    return numbers | given | (_direction_at(reading, place) if direction else {})


def _direction_at(reading: Reading, place: int) -> dict[str, object]:
    """The numbers of the direction at one place of a reading, and its coordinates."""
    named = {COSINE: reading.cosine, WEIGHT_NORM: reading.weight_norm, SKETCH: reading.sketch}
    named |= {cosine_of(group): values for group, values in reading.cosines.items()}
    return {name: values[place] for name, values in named.items() if values is not None}


def _require_one_series(reading: Reading) -> None:
    """Raise a ValueError if the reading belongs to an ensemble, or its series differ in length."""
    if np.ndim(reading.count):
        msg = "the reading belongs to an ensemble; give each member, reading.member(i), to a monitor of its own"
        raise ValueError(msg)
    names = ("norms", "lr", "steps", "gradients", "cosine", "weight_norm")
    series = {name: getattr(reading, name) for name in names} | {**reading.groups}
    series |= {f"cosine of {group}": values for group, values in reading.cosines.items()}
    series |= {f"beside[{name!r}]": values for name, values in reading.beside.items()}
    series |= {"sketch": None if reading.sketch is None else np.asarray(reading.sketch)[..., 0]}
    for name, values in series.items():
        if values is not None and np.shape(values) != (n := np.size(reading.norms),):
            msg = f"{name} of a reading must be of shape ({n},), one number for each norm, got {np.shape(values)}"
            raise ValueError(msg)


def _before(reading: Reading) -> int | None:
    """Steps that the optimizer had taken before step 1, as the reading counts steps; None where unknown."""
    if reading.taken is None or reading.steps is None or not len(reading.steps):
        return None
    return int(reading.taken) - int(reading.steps[0]) + 1
