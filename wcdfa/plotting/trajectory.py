"""Draws α over time with its interval, the α of the optimizer alone, bands and alarms; below it norms, learning rate and loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from wcdfa.inference.exponent import DFAResult
from wcdfa.plotting.fluctuations import plot_fluctuations
from wcdfa.plotting.style import FAINT, THIN, bands, drawable, ink
from wcdfa.support.colors import ALPHA, LOSS, NULL, RATE
from wcdfa.support.quantity import Quantity, symbol
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.regime import THRESHOLDS
from wcdfa.verdicts.single_window import spread_of
from wcdfa.verdicts.windows import Judged

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

HEIGHT = (0.4, 1.6)  # the axis of α covers at least this range


def plot_alpha(
    judged: Judged,
    *,
    ax: Axes,
    steps: npt.ArrayLike | None = None,
    alarms: Iterable[Alarm] = (),
    thresholds: tuple[float, float] = THRESHOLDS,
    quantity: Quantity = "update norm",
) -> Axes:
    """Draw α and its interval for each window, at the end of the window, over the null and the bands; returns the axes.

    Parameters
    ----------
    judged : Judged
    ax : matplotlib axes
    steps : numbers of shape (n,), optional
        The training step of each sample; by default they count from 1.
    alarms : Alarms of `wcdfa.verdicts.windows.drifts`
        Shaded from the step where α began to leave its baseline, with a line at the alarm.
    thresholds : (float, float)
    quantity : str
        What the series is, which says what α is compared with.
    """
    alpha, low, high = (judged.numbers(name) for name in ("alpha", "low", "high"))
    stops = _steps(steps, judged.stops)
    nulls = [(stop, v.null) for stop, v in zip(stops, judged.verdicts, strict=True) if v.null is not None]
    if nulls:
        places, band = [stop for stop, _ in nulls], [null for _, null in nulls]
        edges = [null.low for null in band], [null.high for null in band]
        ax.fill_between(places, *edges, color=NULL, alpha=2 * FAINT, linewidth=0, step="mid", label=_alone(quantity))
    ax.errorbar(
        stops, alpha, yerr=[alpha - low, high - alpha], label="α, 95 %", color=ALPHA, marker="o", markersize=3, linewidth=THIN
    )
    for number, alarm in enumerate(alarms):
        onset, start = _steps(steps, np.array([alarm.onset, alarm.start]))
        ax.axvspan(onset, start, color=ink(), alpha=FAINT, linewidth=0, label="drift" if number == 0 else None)
        ax.axvline(start, color=ink(), linewidth=THIN, linestyle=":")
    known = np.concatenate([low, high])[np.isfinite(np.concatenate([low, high]))]
    ax.set_ylim(min([HEIGHT[0], *(known - 0.1)]), max([HEIGHT[1], *(known + 0.1)]))
    bands(ax, thresholds)
    ax.set_ylabel(f"α of {_length(judged, steps):,} steps")
    if nulls or alarms:
        ax.legend(frameon=False, loc="upper right", fontsize="small", ncols=3)
    return ax


def _alone(quantity: Quantity) -> str:
    """What a window is compared with."""
    return "gradients without memory" if quantity == "gradient norm" else "the optimizer alone"


def _length(judged: Judged, steps: npt.ArrayLike | None) -> int:
    """The length of a window in training steps, of which not every one need be recorded."""
    apart = 1 if steps is None or np.size(steps) < 2 else int(np.median(np.diff(np.asarray(steps))))
    return apart * int(judged.stops[0] - judged.starts[0])


def plot_history(places: npt.ArrayLike, alphas: npt.ArrayLike, thresholds: tuple[float, float], *, ax: Axes) -> Axes:
    """Draw α with its interval at each place (an epoch or step), over the bands; `alphas` has α, low and high, shape (3, places)."""
    alpha, low, high = np.asarray(alphas, dtype=np.float64)
    upper, lower = thresholds
    ax.vlines(places, low, high, color=ALPHA, linewidth=THIN)
    ax.plot(places, alpha, color=ALPHA, marker="o", markersize=3, linewidth=THIN)
    drawn = np.concatenate([alpha, low, high])
    drawn = drawn[np.isfinite(drawn)]
    ax.set_ylim(min([lower - 0.4, *(drawn - 0.1)]), max([upper + 0.4, *(drawn + 0.1)]))
    bands(ax, thresholds)
    ax.set_ylabel("α of ‖ΔW‖")
    return ax


def plot_norms(norms: npt.ArrayLike, *, ax: Axes, steps: npt.ArrayLike | None = None, quantity: Quantity = "update norm") -> Axes:
    """Draw the norms ‖ΔW‖, or another quantity, on a logarithmic axis if all are positive; returns the axes."""
    return _line(norms, symbol(quantity), ink(), steps, ax)


def plot_rate(lr: npt.ArrayLike, *, ax: Axes, steps: npt.ArrayLike | None = None) -> Axes:
    """Draw the learning rate of each step; returns the axes."""
    return _line(lr, "lr", RATE, steps, ax)


def plot_loss(loss: npt.ArrayLike, *, ax: Axes, steps: npt.ArrayLike | None = None) -> Axes:
    """Draw the loss of each step, on a logarithmic axis if it is always positive; returns the axes."""
    return _line(loss, "loss", LOSS, steps, ax)


def plot_run(
    norms: npt.ArrayLike,
    judged: Judged,
    *,
    title: str = "",
    steps: npt.ArrayLike | None = None,
    lr: npt.ArrayLike | None = None,
    loss: npt.ArrayLike | None = None,
    alarms: Iterable[Alarm] = (),
    thresholds: tuple[float, float] = THRESHOLDS,
    quantity: Quantity = "update norm",
) -> Figure:
    """Draw a run in one figure: α above norms, learning rate and loss, over the steps; on the right, F(s) of the last window with an α.

    >>> import wcdfa
    >>> x = wcdfa.synthetic.arfima(1000, d=0.5, seed=0)
    >>> [ax.get_ylabel() for ax in plot_run(x, wcdfa.verdicts.windows.judge(x, log=False)).axes]
    ['α of 500 steps', 'F(s)', '‖ΔW‖']
    """
    rates = None if lr is None or not np.ndim(lr) else lr
    rows = {"norms": norms, "rate": rates, "loss": loss}
    below = {name: values for name, values in rows.items() if values is not None}
    figure = Figure(figsize=(10, 3 + 1.5 * len(below)), layout="constrained")
    layout = [["alpha", "fluctuations"], *([name, "fluctuations"] for name in below)]
    axes = figure.subplot_mosaic(layout, width_ratios=[2, 1], height_ratios=[2.5, *[1.0 for _ in below]])  # type: ignore[arg-type]
    plot_alpha(judged, ax=axes["alpha"], steps=steps, alarms=alarms, thresholds=thresholds, quantity=quantity)
    plots: dict[str, Callable[..., Axes]] = {"norms": partial(plot_norms, quantity=quantity), "rate": plot_rate, "loss": plot_loss}
    for name, values in below.items():
        plots[name](values, ax=axes[name], steps=steps)
    first, last = _steps(steps, np.array([1, np.size(norms)]))
    for name in ["alpha", *below]:
        axes[name].set_xlim(first - 0.01 * (last - first), last + 0.01 * (last - first))
        if name != list(below)[-1]:
            axes[name].tick_params(labelbottom=False)
            axes[name].set_xlabel("")
    figure.align_ylabels([axes[name] for name in ("alpha", *below)])
    known = [i for i, verdict in enumerate(judged.verdicts) if verdict.regime is not None]
    if known and (result := judged.verdicts[known[-1]].result) is not None:
        _last_window(judged, known[-1], result, steps, quantity, axes["fluctuations"])
    figure.suptitle(title, parse_math=False)  # names may have dollar signs
    return figure


def _last_window(judged: Judged, i: int, result: DFAResult, steps: npt.ArrayLike | None, quantity: Quantity, ax: Axes) -> None:
    found = judged.verdicts[i]
    plot_fluctuations(result, ax=ax, expected=spread_of(found), alone=found.null_curve, alone_label=_alone(quantity))
    start, stop = _steps(steps, np.array([judged.starts[i] + 1, judged.stops[i]]))
    compared = "" if found.null_curve is not None else "\nnot compared with an optimizer"
    ax.set_title(f"steps {int(start):,}–{int(stop):,}{compared}")


def _steps(steps: npt.ArrayLike | None, counts: npt.NDArray[np.intp]) -> npt.NDArray[np.generic]:
    """The training steps at which these numbers of samples had been seen."""
    return counts if steps is None else np.asarray(steps)[np.maximum(np.asarray(counts, dtype=np.intp) - 1, 0)]


def _line(values: npt.ArrayLike, name: str, color: str, steps: npt.ArrayLike | None, ax: Axes) -> Axes:
    values = drawable(values)
    ax.plot(np.arange(1, len(values) + 1) if steps is None else steps, values, color=color, linewidth=0.75 * THIN)
    known = values[np.isfinite(values)]
    if known.size and np.all(known > 0):
        ax.set_yscale("log")
    ax.set_ylabel(name)
    ax.set_xlabel("optimizer step")
    return ax
