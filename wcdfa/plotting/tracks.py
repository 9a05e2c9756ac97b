"""Draws the four tracks of a run on one axis of steps, with what a diagnosis found marked at its step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from wcdfa.analysis.run_tracks import Event, RunTrack, events, run_tracks
from wcdfa.plotting.style import FAINT, THIN, drawable, ink
from wcdfa.plotting.trajectory import plot_loss
from wcdfa.support.colors import ALPHA, CRITICAL, NULL, RATE
from wcdfa.support.text import shown
from wcdfa.verdicts.diagnosis import Diagnosis

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

COLORS = {"direction": ALPHA, "memory": CRITICAL, "ratio": RATE}
LONGEST = 90  # characters of the label of an event
EVENTS = 6  # that are written; more are marked by a line alone
SHOWN = (0.005, 0.995)  # quantiles of the values that the axis of a track covers
DENSE = 60  # values from which on means are drawn over them


def plot_track(track: RunTrack, *, ax: Axes) -> Axes:
    """Draw a track: each step faintly, the mean of every 25 steps above it, and what the named optimizer gives as a band; returns the axes.

    >>> import wcdfa
    >>> from wcdfa.analysis.run_tracks import run_tracks
    >>> norms = wcdfa.nulls.optimizer_norms(600, optimizer="sgd", momentum=0.9, replicates=1)[0]
    >>> plot_track(run_tracks(wcdfa.diagnose(norms))[0], ax=Figure().subplots()).get_ylabel()
    '‖ΔW‖'
    """
    color = COLORS.get(track.name, ink())
    for number, each in enumerate(track.expected):
        ax.fill_between(
            [each.first_step, each.last_step],
            each.low,
            each.high,
            color=NULL,
            alpha=2 * FAINT,
            linewidth=0,
            label="the named optimizer" if number == 0 else None,
        )
    smooth = track.name != "memory" and len(track.values) >= DENSE
    ax.plot(track.steps, drawable(track.values), color=color, linewidth=0.5 * THIN if smooth else THIN, alpha=0.4 if smooth else 1)
    if smooth:
        steps, means = track.means()
        ax.plot(steps, drawable(means), color=color, linewidth=1.5 * THIN)
    values = drawable(track.values)
    known = values[np.isfinite(values)]
    if track.log and known.size and (known > 0).all():
        ax.set_yscale("log")
    elif known.size:
        ax.set_ylim(*_reach(track, known))
    if track.expected:
        ax.legend(frameon=False, loc="lower right", fontsize="small")
    ax.set_ylabel(track.title)
    ax.set_xlabel("optimizer step")
    return ax


def _reach(track: RunTrack, known: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The limits of the axis: nearly all values, and the band."""
    low, high = np.quantile(known, SHOWN)
    low = min([low, *(each.low for each in track.expected)])
    high = max([high, *(each.high for each in track.expected)])
    margin = 0.08 * (high - low) or 0.1
    return float(low - margin), float(high + margin)


def plot_diagnosis(diagnosis: Diagnosis, *, loss: npt.ArrayLike | None = None, title: str = "") -> Figure:
    """Draw the tracks of a run below each other, with a line where something that was found begins.

    The tracks are ‖ΔW‖, the cosine of consecutive weight changes with the band that the named optimizer gives, α of ΔW in rolling
    windows (of ‖ΔW‖, if no coordinates were recorded), and ‖ΔW‖ / ‖W‖. A track that was not recorded is left out.

    >>> import wcdfa
    >>> norms = wcdfa.nulls.optimizer_norms(600, optimizer="sgd", momentum=0.9, replicates=1)[0]
    >>> figure = plot_diagnosis(wcdfa.diagnose(norms, weight_norm=10.0))
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['‖ΔW‖', 'α of ‖ΔW‖, 256 steps', '‖ΔW‖ / ‖W‖']

    Parameters
    ----------
    diagnosis : Diagnosis
        From `wcdfa.diagnose` or `Reading.diagnosis`.
    loss : numbers of shape (n,), optional
        The loss of each recorded step, to be drawn above the tracks.
    title : str

    Raises
    ------
    ValueError
        If there is not one loss for each recorded step.
    """
    record, tracks, found = diagnosis.record, run_tracks(diagnosis), events(diagnosis)
    if loss is not None and np.shape(loss) != (len(record),):
        msg = f"loss must have one number for each of the {len(record)} recorded steps, got shape {np.shape(loss)}"
        raise ValueError(msg)
    rows = len(tracks) + (loss is not None)
    figure = Figure(figsize=(8, 0.8 + 1.35 * rows + 0.2 * min(len(found), EVENTS)), layout="constrained")
    axes = list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])
    if loss is not None:
        plot_loss(loss, ax=axes[0], steps=record.numbered)
    for track, ax in zip(tracks, axes[rows - len(tracks) :], strict=True):
        plot_track(track, ax=ax)
    for ax in axes[:-1]:
        ax.set_xlabel("")
    mark_events(found, axes=axes)
    figure.align_ylabels(axes)
    figure.suptitle(title, parse_math=False)  # names may have dollar signs
    return figure


def mark_events(found: Sequence[Event], *, axes: Sequence[Axes]) -> None:
    """Draw a line through all axes where each event begins, and write what it is above the first."""
    for ax in axes:
        for event in found:
            ax.axvline(event.step, color=ink(), linewidth=THIN, linestyle=":")
    low, high = axes[0].get_xlim()
    for number, event in enumerate(reversed(found[:EVENTS])):
        left = event.step < (low + high) / 2
        axes[0].annotate(
            f"{shown(event.label, LONGEST)}, from step {event.step:,}",
            (event.step, 1),
            xytext=(2 if left else -2, 3 + 11 * number),
            xycoords=axes[0].get_xaxis_transform(),
            textcoords="offset points",
            ha="left" if left else "right",
            fontsize="small",
            parse_math=False,
        )
