"""Describes for the report what a diagnosis found, with the four tracks that show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wcdfa.analysis.run_tracks import Event, Expected, events, run_tracks
from wcdfa.readers.columns import Floats, Integers
from wcdfa.support.thinning import thinned
from wcdfa.verdicts.diagnosis import SHOWN, Diagnosis
from wcdfa.verdicts.explanations import of_diagnosis, of_line


class DirectionTrack(NamedTuple):
    """One of the four tracks, few enough numbers to draw."""

    title: str
    steps: Integers
    values: Floats
    expected: Sequence[Expected]
    """What the named optimizer gives."""


class Direction(NamedTuple):
    """A diagnosis in words and lines."""

    tracks: Sequence[DirectionTrack]
    events: Sequence[Event]
    evidence: Sequence[str]
    keys: Sequence[str]
    """The line of each sentence of the evidence, by its key in `wcdfa.verdicts.explanations`."""
    key: str
    """The line to act on first."""
    found: bool
    """Whether anything was found."""
    clear: bool
    """Whether the first cause is much likelier than the others."""
    causes: Sequence[tuple[str, str]]
    """The likeliest causes, each with what to do first."""
    compared: Sequence[str]
    not_compared: Sequence[str]


def worth_showing(diagnosis: Diagnosis | None) -> Direction | None:
    """Describe a diagnosis; None if there is none, or nothing was found and the direction was not recorded."""
    if diagnosis is None:
        return None
    recorded = any(each is not None for each in (diagnosis.record.cosine, diagnosis.record.weight_norm, diagnosis.record.sketch))
    return direction_of(diagnosis) if recorded or diagnosis.found else None


def direction_of(diagnosis: Diagnosis) -> Direction:
    """Describe a diagnosis.

    >>> import wcdfa
    >>> norms = wcdfa.nulls.optimizer_norms(800, optimizer="sgd", momentum=0.9, replicates=1)[0]
    >>> direction = direction_of(wcdfa.diagnose(norms, optimizer="sgd", momentum=0.9))
    >>> [track.title for track in direction.tracks], direction.evidence
    (['‖ΔW‖', 'α of ‖ΔW‖, 256 steps'], ())
    """
    tracks = []
    for track in run_tracks(diagnosis):
        kept = thinned(track.values)
        tracks.append(DirectionTrack(track.title, track.steps[kept].astype(int), track.values[kept], track.expected))
    key = of_diagnosis(diagnosis).key
    lines = [of_line(each) for each in diagnosis.evidence]
    return Direction(
        tracks=tracks,
        events=events(diagnosis),
        evidence=diagnosis.evidence,
        keys=[key if each is None else each.key for each in lines],
        key=key,
        found=diagnosis.found,
        clear=diagnosis.clear,
        causes=[(cause.text, cause.check) for cause in diagnosis.causes[: 1 if diagnosis.clear else SHOWN]],
        compared=diagnosis.compared,
        not_compared=diagnosis.not_compared,
    )
