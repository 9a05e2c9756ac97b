"""The state of a monitor as plain numbers, strings and lists: for JSON, for npz without pickle, and for a file that is never half."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from wcdfa.inference.exponent import DFAResult
from wcdfa.inference.prepared import Outcome
from wcdfa.recording.groups import ALL, described
from wcdfa.recording.history import Curve, History, Past
from wcdfa.recording.reading import rates
from wcdfa.recording.recorder import Recorder
from wcdfa.recording.ring import Ring, init
from wcdfa.support.files import replacing

VERSION = 2
Plain = dict[str, Any]
COUNTERS = ("calls", "passed", "step", "drained", "drained_skipped")
NUMBERS = tuple(name for name in DFAResult._fields if name not in ("scales", "fluctuations"))


def packed(recorder: Recorder, found: Mapping[str, Outcome], history: History) -> Plain:
    """All of a monitor but its settings and the parameters it measures from."""
    reading = recorder.reading()
    state: Plain = {"version": VERSION, "window": recorder.window, "count": reading.count, "skipped": reading.skipped}
    state["grouping"] = described(recorder.groups)
    state["source"] = json.dumps(recorder.source, default=lambda value: np.asarray(value).tolist())
    state |= {name: getattr(recorder, name) for name in COUNTERS}
    state |= {"groups": list(reading.groups), "steps": reading.steps.tolist()}
    state |= with_nan("lr", rates(reading)) | with_nan("norms", np.concatenate([reading.norms, *reading.groups.values()]))
    state |= _history(history)
    state |= {"results": len(found), "reasons": [outcome.reason or "" for outcome in found.values()]}
    for i, (result, _) in enumerate(found.values()):
        state |= with_nan(f"result_{i}", [float(getattr(result, name)) for name in NUMBERS])
        state |= {f"scales_{i}": [int(size) for size in result.scales]} | with_nan(f"fluctuations_{i}", result.fluctuations)
    return state


def unpacked(state: Mapping[str, Any], recorder: Recorder) -> tuple[dict[str, Outcome], History]:
    """Results and history of a state; its norms go into the recorder, which is new. Raises as `load_state_dict`."""
    version, window = int(state.get("version", 0)), int(state.get("window", 0))
    if version != VERSION:
        msg = f"the state is of version {version}, and this release reads {VERSION}; it is no state_dict, or from another release"
        raise ValueError(msg)
    if window != recorder.window:
        msg = (
            f"the state was saved with window={window}, and this monitor has window={recorder.window}: make it with "
            f"window={window} to go on, or leave the state out to begin anew"
        )
        raise ValueError(msg)
    groups = [str(name) for name in state["groups"]]
    saved, own = str(state["grouping"]), described(recorder.groups)
    if saved != own:
        msg = f"the state was saved with groups={saved or None}, and this monitor has groups={own or None}; make it with the same"
        raise ValueError(msg)
    names = [ALL, *groups]
    recorder.ring = _ring(state, window, groups)
    for name in COUNTERS:
        setattr(recorder, name, int(state[name]))
    recorder.source = json.loads(str(state["source"]))
    found = {}
    for i in range(int(state["results"])):
        parts: Plain = {name: np.float64(value) for name, value in zip(NUMBERS, numbers(state, f"result_{i}"), strict=True)}
        parts |= {"scales": tuple(int(size) for size in state[f"scales_{i}"]), "fluctuations": numbers(state, f"fluctuations_{i}")}
        result = DFAResult(**parts)._replace(saturated=np.bool_(parts["saturated"]))
        found[names[i]] = Outcome(result, str(state["reasons"][i]) or None)
    return found, _history_of(state, names)


def _history(history: History) -> Plain:
    sizes = list(dict.fromkeys(curve.scales for curve in history.curves))
    state: Plain = {"histories": len(history.groups)}  # of the groups, which there are before the first α
    for i, name in enumerate(history.groups):
        state |= with_nan(f"history_{i}", history.numbers(name).ravel())
    state["history_steps"] = [step for curve in history.curves for step in curve[:2]]
    state["history_layout"] = [sizes.index(curve.scales) for curve in history.curves]
    state |= {"history_layouts": len(sizes), **{f"history_sizes_{i}": list(each) for i, each in enumerate(sizes)}}
    return state | with_nan("history_fluctuations", [each for curve in history.curves for each in curve.fluctuations])


def _history_of(state: Mapping[str, Any], names: list[str]) -> History:
    history = History()
    for i, name in enumerate(names[: int(state["histories"])]):
        columns = numbers(state, f"history_{i}").reshape(len(Past._fields), -1)
        history.groups[name] = [Past(*row) for row in columns.T.tolist()]
    steps = np.asarray(state["history_steps"]).reshape(-1, 2).tolist()
    sizes = [tuple(int(size) for size in state[f"history_sizes_{i}"]) for i in range(int(state["history_layouts"]))]
    f, at = numbers(state, "history_fluctuations").tolist(), 0
    for (first, last), layout in zip(steps, np.asarray(state["history_layout"], dtype=np.intp).tolist(), strict=True):
        end = at + len(sizes[layout])
        history.curves.append(Curve(first, last, sizes[layout], tuple(f[at:end])))
        at = end
    return history


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """Where a part of the state is missing, say so in a ValueError."""
    try:
        yield
    except KeyError as missing:
        msg = f"the state lacks {missing}; it is no state_dict, or not the whole of one"
        raise ValueError(msg) from missing


def _ring(state: Mapping[str, Any], window: int, groups: list[str]) -> Ring:
    empty, count, n = init(window, groups), int(state["count"]), len(state["steps"])
    place = (count - n + np.arange(n)) % window

    def put(old: Any, values: Any) -> Any:
        new = old.copy()
        new[place] = values
        return new

    rows = numbers(state, "norms").reshape(1 + len(groups), n)
    return Ring(
        wcdfa_norms={name: put(empty.wcdfa_norms[name], row) for name, row in zip((ALL, *groups), rows, strict=True)},
        wcdfa_lr=put(empty.wcdfa_lr, numbers(state, "lr")),
        wcdfa_step=put(empty.wcdfa_step, np.asarray(state["steps"])),
        wcdfa_count=np.asarray(count, dtype=np.int32),
        wcdfa_skipped=np.asarray(int(state["skipped"]), dtype=np.int32),
    )


def write(path: str | os.PathLike[str], state: Plain) -> None:
    """Write the state to an npz file, `replacing` what was there."""
    with replacing(path) as file:
        np.savez(file, **state)


def load(path: str | os.PathLike[str]) -> Plain:
    """The state that `write` wrote."""
    import zipfile  # noqa: PLC0415 - 5 ms that importing wcdfa would cost

    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:  # np.load leaves a damaged file open
            return dict(file)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        msg = f"{os.fspath(path)} is no file that save() wrote, or a damaged one ({error}); begin anew without it"
        raise ValueError(msg) from error


def with_nan(name: str, values: Any) -> Plain:
    """Numbers as a list under their name, and beside it where they are missing: NaN is not JSON."""
    values = np.asarray(values, dtype=np.float64)
    missing = ~np.isfinite(values)
    plain: Plain = {name: np.where(missing, 0.0, values).tolist(), f"{name}_missing": np.flatnonzero(missing).tolist()}
    return plain


def numbers(state: Mapping[str, Any], name: str) -> Any:
    """The numbers that `with_nan` put into a state."""
    values = np.array(state[name], dtype=np.float64)
    values[np.asarray(state[f"{name}_missing"], dtype=np.intp)] = math.nan
    return values
