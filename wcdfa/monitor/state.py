"""Turns a monitor into a state of numbers, strings and lists, and restores a monitor from it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import cast

import numpy as np
import numpy.typing as npt

from wcdfa.inference.exponent import CONSTANT, NO_CAUSE, REASONS, DFAResult
from wcdfa.inference.prepared import Outcome
from wcdfa.kernel.arrays import Array
from wcdfa.monitor.computing import Computation
from wcdfa.monitor.state_direction import direction_fields, restore_direction
from wcdfa.monitor.state_fields import Fields, State, WrongField, with_gaps
from wcdfa.recording.groups import ALL, described
from wcdfa.recording.history import Curve, History, Past
from wcdfa.recording.reading import numbered, rates
from wcdfa.recording.recorder import Recorder, Source
from wcdfa.recording.ring import Ring, init
from wcdfa.recording.side_series import SKETCH, given_series, is_side_series
from wcdfa.recording.whole_run import WholeRun

VERSION = 2
COUNTERS = ("calls", "passed", "step", "drained", "drained_skipped")
NUMBERS = tuple(name for name in DFAResult._fields if name not in ("scales", "fluctuations"))
BEFORE_CAUSE = NUMBERS[:-1]  # the numbers in states that were saved before a result held its cause
CAUSES = {reason: cause for cause, reason in REASONS.items()}


def state_of(run: Computation) -> State:
    """Everything that a monitor has recorded and computed, and how α was measured, without its reference parameters."""
    recorder, outcomes = run.recorder, run.outcomes
    reading = recorder.reading()
    state: State = {"version": VERSION, "window": recorder.window, "count": reading.count, "skipped": reading.skipped}
    state |= {"grouping": described(recorder.groups), "settings": _settings(run)}
    state["source"] = json.dumps(recorder.source, default=lambda value: np.asarray(value).tolist())
    state |= {name: getattr(recorder, name) for name in COUNTERS} | {"drained": recorder.drained_and_recorded}
    state |= {"groups": list(reading.groups), "steps": numbered(reading).tolist()}
    state |= with_gaps("lr", rates(reading)) | with_gaps("norms", np.concatenate([reading.norms, *reading.groups.values()]))
    state |= _side_series(recorder) | _whole_run(recorder)
    state |= _history_fields(run.history)
    state |= {} if run.beside_alpha is None else {"beside_alpha": json.dumps(run.beside_alpha)}
    state |= {"results": len(outcomes), "reasons": [outcome.reason or "" for outcome in outcomes.values()]}
    for i, (result, _) in enumerate(outcomes.values()):
        state |= with_gaps(f"result_{i}", [float(getattr(result, name)) for name in NUMBERS])
        state |= {f"scales_{i}": [int(size) for size in result.scales]} | with_gaps(f"fluctuations_{i}", result.fluctuations)
    return state


def _side_series(recorder: Recorder) -> State:
    """What was recorded beside the norms: nothing in states of earlier releases, nor if nothing is known."""
    n, norms = len(recorder.reading().norms), recorder.ring.wcdfa_norms
    names = [name for name in norms if is_side_series(name) and name != SKETCH]
    place = (recorder.count - n + np.arange(n)) % recorder.window
    state: State = {} if recorder.before is None else {"before": recorder.before}
    state |= {"varied": list(recorder.varied)} if recorder.varied else {}
    if names:
        state |= {"side_series": names} | with_gaps(
            "side_values", np.concatenate([np.asarray(norms[name])[place] for name in names])
        )
    return state | direction_fields(recorder, place)


def _whole_run(recorder: Recorder) -> State:
    """The norms of the run with what was given beside them; nothing if nothing was."""
    if recorder.whole is None:
        return {}
    kept = recorder.whole.reading()
    state: State = {"whole_series": list(kept.beside), "whole_steps": numbered(kept).tolist()}
    return state | with_gaps("whole_values", np.concatenate([kept.norms, rates(kept), *kept.beside.values()]))


def _restored_whole(state: Fields) -> WholeRun | None:
    if "whole_series" not in state:
        return None
    names, steps = state.texts("whole_series"), state.integers("whole_steps")
    norms, lr, *beside = state.numbers("whole_values").reshape(2 + len(names), len(steps))
    return WholeRun.of(steps, norms, lr, dict(zip(names, beside, strict=True)))


def _settings(run: Computation) -> str:
    """How α is measured and what is recorded, as JSON."""
    settings = asdict(run.criteria.preparation) | asdict(run.criteria.measurement)
    return json.dumps(settings | {"coordinates": run.recorder.coordinates}, default=lambda value: np.asarray(value).item())


def restore(state: Fields, run: Computation) -> None:
    """Put a state into a new run.

    Raises
    ------
    ValueError
        If the state has another version, window, groups or settings of α than the run, or a part of it is missing or does not fit the
        others.
    """
    _require_match(state, run.recorder)
    _require_settings(state, run)
    try:
        _fill(state, run)
        _require_sound(run)
    except WrongField:
        raise
    except Exception as error:  # a damaged state may break anything
        msg = f"the state is damaged, its parts do not fit each other ({error}): start over without it"
        raise ValueError(msg) from error


def _require_sound(run: Computation) -> None:
    """Raise any exception if parts do not fit each other, which would come up only when the run is saved or judged."""
    from wcdfa.monitor.live_record import record_from  # noqa: PLC0415 - of the judging, which a monitor may never need

    reading = run.recorder.reading()
    record_from(reading, len(reading.norms))
    state_of(run)


def _fill(state: Fields, run: Computation) -> None:
    recorder = run.recorder
    groups = state.texts("groups")
    names = [ALL, *groups]
    recorder.ring = _ring(state, recorder.window, groups)
    restore_direction(state, recorder)
    recorder.whole = _restored_whole(state)
    recorder.given = frozenset(given_series(recorder.ring.wcdfa_norms)) | (
        frozenset() if recorder.whole is None else frozenset(recorder.whole.reading().beside)
    )
    for name in COUNTERS:
        setattr(recorder, name, state.integer(name))
    recorder.source = cast(Source, state.mapping("source"))
    recorder.before = state.integer("before") if "before" in state else None
    recorder.varied = tuple(state.texts("varied")) if "varied" in state else ()
    reasons = state.texts("reasons")
    run.outcomes = {names[i]: _outcome(state, i, reasons[i] or None) for i in range(state.integer("results"))}
    run.beside_alpha = json.loads(state.text("beside_alpha")) if "beside_alpha" in state else None
    run.history = _history(state, names)


def _require_match(state: Fields, recorder: Recorder) -> None:
    version, window = state.integer("version", 0), state.integer("window", 0)
    if version != VERSION:
        msg = f"the state is of version {version}, and this release reads {VERSION}; it is not a state_dict, or is from another release"
        raise ValueError(msg)
    if window != recorder.window:
        msg = (
            f"the state was saved with window={window}, and this monitor has window={recorder.window}: make it with "
            f"window={window} to go on, or leave the state out to start over"
        )
        raise ValueError(msg)
    saved, own = state.text("grouping"), described(recorder.groups)
    if saved != own:
        msg = f"the state was saved with groups={saved or None}, and this monitor has groups={own or None}; make it with the same groups"
        raise ValueError(msg)


def _require_settings(state: Fields, run: Computation) -> None:
    """Raise a ValueError if α was measured differently. States of earlier releases do not say how it was measured."""
    saved = state.mapping("settings") if "settings" in state else {}
    for name, value in json.loads(_settings(run)).items():
        if name in saved and saved[name] != value:
            msg = (
                f"the state was saved with {name}={saved[name]!r}, and this monitor has {name}={value!r}: make it with "
                f"{name}={saved[name]!r} to go on, or leave the state out to start over"
            )
            raise ValueError(msg)


def _outcome(state: Fields, i: int, reason: str | None) -> Outcome:
    """One outcome. States of earlier releases have no `DFAResult.cause`; it is derived from the reason.

    Any other reason means that the norms could not be prepared; `wcdfa.inference.prepared.measured` gives those the result of zeros.
    """
    numbers = state.numbers(f"result_{i}")
    known = dict(zip(NUMBERS if len(numbers) == len(NUMBERS) else BEFORE_CAUSE, numbers, strict=True))
    cause = known.pop("cause", NO_CAUSE if reason is None else CAUSES.get(reason, CONSTANT))
    saturated = np.bool_(known.pop("saturated"))
    scales, fluctuations = tuple(state.integers(f"scales_{i}")), state.numbers(f"fluctuations_{i}")
    return Outcome(DFAResult(**known, scales=scales, fluctuations=fluctuations, saturated=saturated, cause=np.int8(cause)), reason)


def _history_fields(history: History) -> State:
    sizes = list(dict.fromkeys(curve.scales for curve in history.curves))
    state: State = {"histories": len(history.groups)}  # groups known before the first α
    for i, name in enumerate(history.groups):
        state |= with_gaps(f"history_{i}", history.numbers(name).ravel())
    state["history_steps"] = [step for curve in history.curves for step in curve[:2]]
    state["history_layout"] = [sizes.index(curve.scales) for curve in history.curves]
    state |= {"history_layouts": len(sizes), **{f"history_sizes_{i}": list(each) for i, each in enumerate(sizes)}}
    return state | with_gaps("history_fluctuations", [each for curve in history.curves for each in curve.fluctuations])


def _history(state: Fields, names: list[str]) -> History:
    history = History()
    for i, name in enumerate(names[: state.integer("histories")]):
        columns = state.numbers(f"history_{i}").reshape(len(Past._fields), -1)
        history.groups[name] = [Past(*row) for row in columns.T.tolist()]
    steps = state.integers("history_steps")
    sizes = [tuple(state.integers(f"history_sizes_{i}")) for i in range(state.integer("history_layouts"))]
    f, at = state.numbers("history_fluctuations").tolist(), 0
    for first, last, layout in zip(steps[::2], steps[1::2], state.integers("history_layout"), strict=True):
        end = at + len(sizes[layout])
        history.curves.append(Curve(first, last, sizes[layout], tuple(f[at:end])))
        at = end
    return history


def _ring(state: Fields, window: int, groups: list[str]) -> Ring:
    empty, count, steps = init(window, groups), state.integer("count"), state.integers("steps")
    place = (count - len(steps) + np.arange(len(steps))) % window

    def put(old: Array, values: npt.ArrayLike) -> Array:
        new = np.array(old)
        new[place] = values
        return new

    if not len(steps) <= min(count, window):
        msg = f"{len(steps)} norms cannot be the last of {count} in a window of {window}"
        raise ValueError(msg)
    rows = state.numbers("norms").reshape(1 + len(groups), len(steps))
    named = dict(zip((ALL, *groups), rows, strict=True))
    if "side_series" in state:
        beside = state.texts("side_series")
        named |= dict(zip(beside, state.numbers("side_values").reshape(len(beside), len(steps)), strict=True))
    return Ring(
        wcdfa_norms={name: put(empty.wcdfa_norms[ALL], row) for name, row in named.items()},
        wcdfa_lr=put(empty.wcdfa_lr, state.numbers("lr")),
        wcdfa_step=put(empty.wcdfa_step, steps),
        wcdfa_count=np.asarray(count, dtype=np.int32),
        wcdfa_skipped=np.asarray(state.integer("skipped"), dtype=np.int32),
    )
