"""The picture: what statistics do around a spike, and when they alarm as the rate grows."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from studies.common.pictures import save
from studies.instability.divergence import alarms
from studies.instability.judging import AFTER, DRAWN
from studies.instability.ramp import WATCHED
from studies.instability.scores import NAMES, RMS_FIRST
from studies.instability.spikes import AHEAD
from studies.instability.summary import steady
from studies.instability.training import STEPS


def picture(runs: pd.DataFrame, path: Path) -> None:
    """Write a picture of three panels: statistics around spikes in full batches and in minibatches, and alarms as the rate grows."""
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(10, 3.2), dpi=110, layout="constrained")
        full, mini, ramps = figure.subplots(1, 3)
        table = steady(runs)
        table = table[table["bits"] == 0]
        _around(full, table[table["task"] == "curve"], "Around spikes, full batch, float32")
        _around(mini, table[table["task"] != "curve"], "Around spikes, minibatch, float32")
        _leads(ramps, alarms(runs))
        save(figure, path, colours=256)


def _around(axes: Axes, runs: pd.DataFrame, title: str) -> None:
    steps = np.arange(-AHEAD, AFTER + 1)
    for name in DRAWN:
        column = f"{name}_around"
        rows = [np.asarray(each, dtype=float) for each in runs[column] if np.size(each) == len(steps)] if column in runs else []
        if rows:
            axes.plot(steps, np.median(rows, axis=0), label=NAMES[name] + (" (as it is)" if name == RMS_FIRST else ""), lw=1)
    axes.axvline(0, color="0.6", lw=0.6)
    axes.set(title=title, xlabel="steps from the start of the spike", ylabel="running standard deviations")
    axes.set_yscale("symlog", linthresh=1)
    if axes.lines[:-1]:
        axes.legend(frameon=False, fontsize=7, loc="upper left")


def _leads(axes: Axes, found: pd.DataFrame) -> None:
    for place, name in enumerate(WATCHED):
        leads = found[name].clip(lower=-STEPS // 2).to_numpy(dtype=float)
        axes.plot(leads, place + np.linspace(-0.25, 0.25, len(leads)), ".", ms=3, color=f"C{place}")
    axes.axvline(0, color="0.6", lw=0.6)
    axes.set_yticks(range(len(WATCHED)), list(WATCHED.values()))
    axes.invert_yaxis()
    axes.set(title="Alarms as the rate grows", xlabel="steps before the failure (left end: never)")
