"""Finds what this package logged of the direction of the weight change beside ‖ΔW‖: cosines, ‖W‖, and both for groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from wcdfa.readers.beside import Beside
from wcdfa.readers.columns import Floats
from wcdfa.readers.steps import is_ours

NORM = "update_norm"


class LoggedDirection(NamedTuple):
    """One number for each value of the series, NaN in gaps; None and {} where it was not logged at each step."""

    cosine: Floats | None = None
    """Cosine of each weight change with the one before it."""
    weight_norm: Floats | None = None
    """‖W‖ after each step."""
    groups: Mapping[str, Floats] = {}  # nothing changes it
    """‖ΔW‖ of each group of parameters."""
    cosines: Mapping[str, Floats] = {}
    """`cosine` of each group."""


def logged_direction(beside: Beside, series: str, room: Callable[[int], None] = lambda needed: None) -> LoggedDirection:
    """What belongs to a series; nothing if this package did not log it.

    Parameters
    ----------
    beside : Beside
        The other columns of the run.
    series : str
        The name of the series, for example "wcdfa/update_norm".
    room : callable
        Called with the bytes that the groups take in memory, before they are read. It may raise.
    """
    if not is_ours(series) or not series.endswith(f"/{NORM}"):
        return LoggedDirection()
    prefix = series.removesuffix(NORM)
    room(8 * beside.count * sum(1 for each in (f"{series}/", f"{prefix}cosine/") for _ in beside.names.below(each)))
    return LoggedDirection(
        beside.mostly(f"{prefix}cosine"),
        beside.mostly(f"{prefix}weight_norm"),
        dict(_of_groups(beside, f"{series}/")),
        dict(_of_groups(beside, f"{prefix}cosine/")),
    )


def _of_groups(beside: Beside, prefix: str) -> Iterator[tuple[str, Floats]]:
    for name in beside.names.below(prefix):
        if (values := beside.mostly(name)) is not None:
            yield name.removeprefix(prefix), values
