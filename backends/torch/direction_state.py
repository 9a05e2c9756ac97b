"""The direction in the state of a handle: its series, and the change of the last step, as text."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from wcdfa.recording.ring import Ring
from wcdfa.recording.side_series import COSINE, SKETCH, WEIGHT_NORM

Floats = npt.NDArray[np.float32]


class DirectionNotes(TypedDict):
    """The direction in a state. Texts are the bytes of little-endian float32 numbers in base 64."""

    series: dict[str, str]
    coordinates: int
    last: str  # ΔW of the sample at the last recorded step


def direction_notes(series: Mapping[str, npt.NDArray[np.floating]], last: Floats) -> DirectionNotes:
    """Write the series of a ring, and ΔW of the sample at the last step."""
    return {
        "series": {name: _text(values) for name, values in series.items()},
        "coordinates": series[SKETCH].shape[1],
        "last": _text(last),
    }


def direction_series_of(notes: DirectionNotes | None, own: Ring) -> dict[str, Floats]:
    """The series of the direction that the ring has a place for: NaN without notes.

    Raises
    ------
    ValueError
        If another number of coordinates was kept.
    """
    places = {name: np.full_like(own.wcdfa_norms[name], np.nan, dtype=np.float32) for name in series_of_direction(own)}
    if notes is None or not places:
        return places
    found, kept = notes["coordinates"], places[SKETCH].shape[1]
    if found != kept:
        msg = (
            f"the state holds {found} coordinates of each weight change, and this handle keeps {kept}: attach with coordinates={found} "
            "to go on, or with direction=False"
        )
        raise ValueError(msg)
    held = notes["series"]  # without those of groups that came later
    return {name: _floats(held[name]).reshape(place.shape) if name in held else place for name, place in places.items()}


def last_change(notes: DirectionNotes | None) -> Floats:
    """ΔW of the sample at the last recorded step; empty without notes."""
    return _floats("" if notes is None else notes["last"])


def series_of_direction(ring: Ring) -> list[str]:
    """The names of the series of the direction in a ring."""
    return [name for name in ring.wcdfa_norms if name in (WEIGHT_NORM, SKETCH) or name.partition("/")[0] == COSINE]


def _text(values: npt.NDArray[np.floating]) -> str:
    """The numbers as text.

    >>> _text(np.array([1.0, np.nan])), _floats("AACAPwAAwH8=")
    ('AACAPwAAwH8=', array([ 1., nan], dtype=float32))
    """
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


def _floats(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)
