"""Pictures of a run: α over time above the norms, and the fluctuation plot. What draws takes `ax` and returns it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from wcdfa.core import DFAResult
from wcdfa.names import shown
from wcdfa.saved import replacing
from wcdfa.windows import Judged

ALPHA, NORM, LINE = "#0072b2", "#555555", "#d55e00"  # told apart by colour-blind eyes
BANDS = {"ordered": LINE, "critical": "#009e73", "disordered": ALPHA}
REFERENCES = {0.5: "white noise", 1.0: "1/f noise", 1.5: "random walk"}
FILES_ONLY = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}  # backends of matplotlib that cannot show a figure


def plot_alpha(judged: Judged, *, ax: Any) -> Any:
    """α of each window with its interval, drawn where the window ends, over what the optimizer alone would give."""
    alpha, low, high = (judged.numbers(name) for name in ("alpha", "low", "high"))
    for value, name in REFERENCES.items():
        ax.axhline(value, color="0.8", linewidth=0.8, zorder=0)
        ax.annotate(name, (1.01, value), xycoords=("axes fraction", "data"), va="center", fontsize="small", color="0.5")
    nulls = [(stop, v.null) for stop, v in zip(judged.stops, judged.verdicts, strict=True) if v.null is not None]
    if nulls:
        stops, band = [stop for stop, _ in nulls], [null for _, null in nulls]
        edges = [null.low for null in band], [null.high for null in band]
        ax.fill_between(stops, *edges, color=LINE, alpha=0.2, linewidth=0, step="mid", label="the optimizer alone")
        ax.legend(frameon=False, loc="upper right", fontsize="small")
    ax.errorbar(judged.stops, alpha, yerr=[alpha - low, high - alpha], color=ALPHA, marker="o", markersize=3, linewidth=0.8)
    bottom, top = (np.nanmin(low), np.nanmax(high)) if np.isfinite(low).any() else (0.5, 1.5)
    ax.set_ylim(min(0.4, bottom - 0.1), max(1.6, top + 0.1))
    ax.set_ylabel(f"α of the last {int(judged.stops[0] - judged.starts[0])} steps")
    return ax


def plot_history(places: Any, alphas: Any, thresholds: tuple[float, float], *, ax: Any) -> Any:
    """α with its interval at each place (an epoch, a step) over the bands of the regimes; alphas are α, low and high, (3, places)."""
    alpha, low, high = np.asarray(alphas, dtype=np.float64)
    upper, lower = thresholds
    ax.vlines(places, low, high, color=ALPHA, linewidth=0.8)
    ax.plot(places, alpha, color=ALPHA, marker="o", markersize=3, linewidth=0.8)
    drawn = np.concatenate([alpha, low, high])
    drawn = drawn[np.isfinite(drawn)]
    bottom, top = min([lower - 0.4, *(drawn - 0.1)]), max([upper + 0.4, *(drawn + 0.1)])
    edges = {"ordered": (upper, top), "critical": (lower, upper), "disordered": (bottom, lower)}
    for name, (start, stop) in edges.items():
        ax.axhspan(start, stop, color=BANDS[name], alpha=0.08, linewidth=0)
        middle = 1.01, (start + stop) / 2
        ax.annotate(name, middle, xycoords=("axes fraction", "data"), va="center", fontsize="small", color="0.4")
    ax.set_ylim(bottom, top)
    ax.set_ylabel("α of ‖ΔW‖")
    return ax


def plot_norms(norms: Any, *, ax: Any) -> Any:
    """The norms ‖ΔW‖, on a logarithmic axis where they are all positive."""
    norms = np.asarray(norms)
    ax.plot(np.arange(1, len(norms) + 1), norms, color=NORM, linewidth=0.6)
    if np.all(norms[np.isfinite(norms)] > 0):
        ax.set_yscale("log")
    ax.set_ylabel("‖ΔW‖")
    ax.set_xlabel("optimizer step")
    return ax


def plot_fluctuations(result: DFAResult, *, ax: Any) -> Any:
    """F(s) of one series on logarithmic axes, with the line whose slope is α."""
    sizes, f = np.asarray(result.scales), np.asarray(result.fluctuations)
    alpha, drawn = float(result.alpha), f > 0
    ax.plot(sizes, f, "o", color=ALPHA, markersize=4, label="F(s)")
    if drawn.any():  # a constant has F(s) = 0 throughout, which no logarithmic axis can show
        ax.set(xscale="log", yscale="log")
    if np.isfinite(alpha):
        level = np.exp(np.mean(np.log(f[drawn]) - alpha * np.log(sizes[drawn])))
        ax.plot(sizes, level * sizes**alpha, color=LINE, linewidth=1, label=f"slope α = {alpha:.2f}")
    ax.set_xlabel("box size s (steps)")
    ax.set_ylabel("F(s)")
    ax.legend(frameon=False)
    return ax


def plot_run(norms: Any, judged: Judged, *, title: str = "") -> Figure:
    """One figure: α over the norms at the left, the fluctuation plot of the last window with an exponent at the right."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    axes = figure.subplot_mosaic([["alpha", "fluctuations"], ["norms", "fluctuations"]], width_ratios=[2, 1])
    plot_alpha(judged, ax=axes["alpha"])
    plot_norms(norms, ax=axes["norms"])
    axes["alpha"].sharex(axes["norms"])
    axes["alpha"].tick_params(labelbottom=False)
    known = [i for i, verdict in enumerate(judged.verdicts) if verdict.label is not None]
    if known and (result := judged.verdicts[known[-1]].result) is not None:
        plot_fluctuations(result, ax=axes["fluctuations"])
        axes["fluctuations"].set_title(f"steps {int(judged.starts[known[-1]]) + 1}–{int(judged.stops[known[-1]])}")
    figure.suptitle(title, parse_math=False)  # a dollar in it is one
    return figure


def blank(*, shown: bool) -> Figure:
    """An empty figure: one of pyplot's, which keeps it open, only where it is to be shown and can be."""
    size: dict[str, Any] = {"figsize": (10, 4), "layout": "constrained"}
    if not (shown and _can_show()):
        return Figure(**size)
    from matplotlib import pyplot  # noqa: PLC0415 - looks for a screen

    figure: Figure = pyplot.figure(**size)
    return figure


def show() -> None:
    """Show the figures of pyplot, where the backend can."""
    if _can_show():
        from matplotlib import pyplot  # noqa: PLC0415

        pyplot.show()


def _can_show() -> bool:
    return str(matplotlib.get_backend()).lower() not in FILES_ONLY


def place(path: str | os.PathLike[str]) -> Path:
    """The absolute path to a picture that can be written.

    Raises
    ------
    ValueError
        If it is a folder, or matplotlib knows no format by its ending.
    """
    path = Path(path).resolve()
    known = Figure().canvas.get_supported_filetypes()
    if path.is_dir() or (path.suffix and path.suffix[1:].lower() not in known):
        what = "is a folder" if path.is_dir() else f"ends in {path.suffix!r}, and known are {', '.join(known)}"
        msg = f"the picture cannot be written: {shown(path)} {what}"
        raise ValueError(msg)
    return path


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write the figure and return the absolute path to it; raises as `place`."""
    path = place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.suffix[1:].lower() or str(matplotlib.rcParams["savefig.format"])
    with warnings.catch_warnings(), replacing(path) as file:
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # names may be in letters that the font lacks
        figure.savefig(file, dpi=150, format=kind)
    return path
