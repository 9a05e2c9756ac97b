"""The state of a handle: its recorded norms, in tensors of fixed shapes, numbers and strings."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypedDict

import numpy as np
import numpy.typing as npt
import torch

from wcdfa.backends.torch.direction_state import (
    DirectionNotes,
    direction_notes,
    direction_series_of,
    last_change,
    series_of_direction,
)
from wcdfa.recording.groups import may_follow
from wcdfa.recording.ring import Ring, with_series
from wcdfa.recording.side_series import COSINE, GRADIENTS, cosine_of, is_side_series

VERSION = 1
VARIANCE = "variance of the sample"  # an extra series in the host's ring, beside the groups
DIMENSIONS = {"norms": 2, "lr": 1, "steps": 1, "counts": 1}  # how many dimensions the arrays in a state have


class HandleState(TypedDict):
    """The state of a handle, for ``torch.save`` and ``torch.distributed.checkpoint``.

    Its keys and shapes are those of earlier releases unless gradients are recorded, because ``torch.distributed.checkpoint`` loads into
    a state that has the same. What came later is therefore in the text.
    """

    version: int
    groups: str  # the `Notes` as JSON; of earlier releases only the names
    norms: torch.Tensor  # (series, window)
    lr: torch.Tensor  # (window,)
    steps: torch.Tensor  # (window,)
    counts: torch.Tensor  # norms recorded, steps skipped
    gradients: NotRequired[torch.Tensor]  # (window,)


class Notes(TypedDict):
    """What a state says of its series."""

    names: list[str]
    before: int | None  # steps that the optimizers had taken before the first norm
    beside: dict[
        str, list[tuple[float | None, int]]
    ]  # momentum and betas: each value, and for how many places of the ring it stands
    direction: NotRequired[DirectionNotes]


def state_of(ring: Ring, before: int | None = None, last: torch.Tensor | None = None) -> HandleState:
    """Make the state of a handle from its ring, and from ΔW of the sample at the last step if the direction is recorded."""
    norms = {name: np.asarray(values) for name, values in ring.wcdfa_norms.items()}
    beside = {name: norms.pop(name) for name in ring.wcdfa_norms if is_side_series(name)}
    gradients, direction = beside.pop(GRADIENTS, None), {name: beside.pop(name) for name in series_of_direction(ring)}
    notes: Notes = {"names": list(norms), "before": before, "beside": {name: _runs(values) for name, values in beside.items()}}
    if last is not None:
        notes["direction"] = direction_notes(direction, last.numpy())
    state: HandleState = {
        "version": VERSION,
        "groups": json.dumps(notes),
        "norms": torch.from_numpy(np.stack(list(norms.values()))),
        "lr": torch.from_numpy(np.array(ring.wcdfa_lr)),
        "steps": torch.from_numpy(np.array(ring.wcdfa_step)),
        "counts": torch.tensor([int(ring.wcdfa_count), int(ring.wcdfa_skipped)]),
    }
    if gradients is not None:
        state["gradients"] = torch.from_numpy(np.array(gradients))
    return state


def last_of(state: Mapping[str, object]) -> torch.Tensor:
    """ΔW of the sample at the last recorded step; empty where unknown."""
    return torch.from_numpy(last_change(_notes(state).get("direction")))


def before_of(state: Mapping[str, object]) -> int | None:
    """Steps that the optimizers had taken before the first norm; None where unknown."""
    return _notes(state)["before"]


def ring_of(state: Mapping[str, object], own: Ring, *, grows: bool = False) -> Ring:
    """Make a ring from a state, which must have the same window and groups as the handle's own ring.

    Gradients and the direction are NaN if the state lacks them, and left out if the ring has no place for them. With `grows`, groups
    that only the state or only the ring has came later or have not come yet: the ring has all of them then.

    Raises
    ------
    ValueError
        If the state has another version, window, groups or number of coordinates, or is not the state of a handle.
    """
    missing = {"version", "groups", *DIMENSIONS} - state.keys()
    if missing:
        msg = f"the state lacks {', '.join(sorted(missing))}; it is not the state_dict of a handle, or only a part of one"
        raise ValueError(msg)
    if state["version"] != VERSION:
        msg = f"the state is of version {state['version']}, and this release reads {VERSION}"
        raise ValueError(msg)
    arrays = {name: torch.as_tensor(state[name]).cpu().numpy().copy() for name in DIMENSIONS}
    if any(arrays[name].ndim != dimensions for name, dimensions in DIMENSIONS.items()) or arrays["counts"].shape != (2,):
        msg = (
            f"the state holds arrays of shapes {[part.shape for part in arrays.values()]}, so it is not the state_dict of a handle"
        )
        raise ValueError(msg)
    notes, window = _notes(state), arrays["norms"].shape[1]
    names, own_window = notes["names"], own.wcdfa_lr.shape[0]
    own_names = [name for name in own.wcdfa_norms if not is_side_series(name)]
    if (
        not (names == own_names or (grows and _may_follow(names, own_names)))
        or window != own_window
        or {len(arrays["lr"]), len(arrays["steps"])} != {window}
    ):
        msg = (
            f"the state holds {', '.join(names)} with window={window}, and this handle {', '.join(own_names)} with window={own_window}: "
            "attach with the same window, groups and mode to go on, or leave the state out to start over"
        )
        raise ValueError(msg)
    own = with_groups(own, names)
    direction = direction_series_of(notes.get("direction"), own)
    own_beside = [name for name in own.wcdfa_norms if is_side_series(name) and name not in direction]
    beside = {name: _from_runs(notes["beside"].get(name, [(None, window)])) for name in own_beside} | direction
    if GRADIENTS in beside and "gradients" in state:
        beside[GRADIENTS] = torch.as_tensor(state["gradients"]).cpu().numpy().copy()
    return own._replace(
        wcdfa_norms={**own.wcdfa_norms, **dict(zip(names, arrays["norms"], strict=True)), **beside},
        wcdfa_lr=arrays["lr"],
        wcdfa_step=arrays["steps"],
        wcdfa_count=np.asarray(arrays["counts"][0], dtype=np.int32),
        wcdfa_skipped=np.asarray(arrays["counts"][1], dtype=np.int32),
    )


def _may_follow(names: Sequence[str], own: Sequence[str]) -> bool:
    """Whether some groups of the state or of the handle have come later, and both measure all numbers or both a sample."""
    groups, own_groups = (set(each) - {VARIANCE} for each in (names, own))
    return (VARIANCE in names) == (VARIANCE in own) and may_follow(groups, own_groups)


def with_groups(ring: Ring, names: Iterable[str]) -> Ring:
    """The ring with these groups too, NaN so far, and with their cosines if it has a direction."""
    new = [name for name in names if name not in ring.wcdfa_norms]
    return with_series(ring, new + ([cosine_of(name) for name in new] if COSINE in ring.wcdfa_norms else []))


def _notes(state: Mapping[str, object]) -> Notes:
    held = json.loads(str(state["groups"]))
    return {"names": held, "before": None, "beside": {}} if isinstance(held, list) else held


def _runs(values: npt.NDArray[np.floating]) -> list[tuple[float | None, int]]:
    """Each value with the number of places in a row that hold it; None for NaN, because JSON has none.

    >>> _runs(np.array([0.9, 0.9, math.nan])), _from_runs([(0.9, 2), (None, 1)])
    ([(0.9, 2), (None, 1)], array([0.9, 0.9, nan], dtype=float32))
    """
    known = (None if math.isnan(value) else value for value in values.tolist())
    return [(value, len(list(same))) for value, same in itertools.groupby(known)]


def _from_runs(runs: Sequence[tuple[float | None, int]]) -> npt.NDArray[np.float32]:
    values, times = zip(*runs, strict=True)
    return np.repeat(np.array([math.nan if value is None else value for value in values], dtype=np.float32), times)
