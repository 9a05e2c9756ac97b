"""The state of a handle: its recorded norms, in tensors of fixed shapes, numbers and strings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypedDict

import numpy as np
import torch

from wcdfa.recording.ring import Ring

VERSION = 1
DIMENSIONS = {"norms": 2, "lr": 1, "steps": 1, "counts": 1}  # how many dimensions the arrays in a state have


class HandleState(TypedDict):
    """The state of a handle, for ``torch.save`` and ``torch.distributed.checkpoint``."""

    version: int
    groups: str  # names of the series, as JSON
    norms: torch.Tensor  # (series, window)
    lr: torch.Tensor  # (window,)
    steps: torch.Tensor  # (window,)
    counts: torch.Tensor  # norms recorded, steps skipped


def state_of(ring: Ring) -> HandleState:
    """Make the state of a handle from its ring."""
    return {
        "version": VERSION,
        "groups": json.dumps(list(ring.wcdfa_norms)),
        "norms": torch.from_numpy(np.stack([np.asarray(norms) for norms in ring.wcdfa_norms.values()])),
        "lr": torch.from_numpy(np.array(ring.wcdfa_lr)),
        "steps": torch.from_numpy(np.array(ring.wcdfa_step)),
        "counts": torch.tensor([int(ring.wcdfa_count), int(ring.wcdfa_skipped)]),
    }


def ring_of(state: Mapping[str, object], own: Ring) -> Ring:
    """Make a ring from a state, which must have the same window and groups as the handle's own ring.

    Raises
    ------
    ValueError
        If the state has another version, window or groups, or is not the state of a handle.
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
    names, window = json.loads(str(state["groups"])), arrays["norms"].shape[1]
    own_names, own_window = list(own.wcdfa_norms), own.wcdfa_lr.shape[0]
    if names != own_names or window != own_window or {len(arrays["lr"]), len(arrays["steps"])} != {window}:
        msg = (
            f"the state holds {', '.join(names)} with window={window}, and this handle {', '.join(own_names)} with window={own_window}: "
            "attach with the same window, groups and mode to go on, or leave the state out to start over"
        )
        raise ValueError(msg)
    return own._replace(
        wcdfa_norms=dict(zip(names, arrays["norms"], strict=True)),
        wcdfa_lr=arrays["lr"],
        wcdfa_step=arrays["steps"],
        wcdfa_count=np.asarray(arrays["counts"][0], dtype=np.int32),
        wcdfa_skipped=np.asarray(arrays["counts"][1], dtype=np.int32),
    )
