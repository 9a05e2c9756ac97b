"""Draws the fluctuation plot: log F(s) against log s, the line with slope α, and the range of F(s) for series with this α."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.inference.exponent import DFAResult
from wcdfa.nulls.comparison import NullCurve
from wcdfa.plotting.style import FAINT, drawable
from wcdfa.support.colors import ALPHA, NULL, SERIES, SPREAD
from wcdfa.support.normal import SIGMAS

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes


def plot_fluctuations(
    result: DFAResult,
    *,
    ax: Axes,
    expected: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    alone: NullCurve | None = None,
    alone_label: str = "the optimizer alone",
    label: str = "F(s)",
    color: str | None = None,
) -> Axes:
    """Draw F(s) of one series on logarithmic axes, with the line whose slope is α; returns the axes.

    >>> import wcdfa
    >>> from matplotlib.figure import Figure
    >>> norms = wcdfa.nulls.optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1)[0]
    >>> found = wcdfa.verdict(norms, optimizer="sgd", momentum=0.9)
    >>> ax = plot_fluctuations(found.result, ax=Figure().subplots(), alone=found.null_curve)
    >>> ax.get_legend().get_texts()[-1].get_text()
    'the optimizer alone'

    Parameters
    ----------
    result : DFAResult
        The result of one series.
    ax : matplotlib axes
    expected : (numbers, numbers) of shape (sizes,), optional
        Mean and standard deviation of log F(s) of series with this α, from `wcdfa.inference.spread`: drawn as a band of ± 1.96
        standard deviations, which bends at small boxes.
    alone : NullCurve, optional
        What the optimizer alone gives, as in `Verdict.null_curve`: drawn as a second band. It explains points outside the first one.
    alone_label : str
        Label of that band.
    label, color : str, optional
        Label and colour of the points. The line takes the colour too; by default it has its own.
    """
    sizes, f = np.asarray(result.scales), drawable(result.fluctuations)
    alpha, drawn = float(result.alpha), f > 0
    ax.plot(sizes, f, "o", color=color or ALPHA, markersize=4, label=label)
    if drawn.any():  # a constant has F(s) = 0 throughout, which no logarithmic axis can show
        ax.set(xscale="log", yscale="log")
    if np.isfinite(alpha) and drawn.any():
        level = np.exp(np.mean(np.log(f[drawn]) - alpha * np.log(sizes[drawn])))
        ax.plot(sizes, level * sizes**alpha, color=color or NULL, linewidth=1, label=f"slope α = {alpha:.2f}")
        if expected is not None:
            mean, deviation = (np.asarray(each) for each in expected)
            low, high = (np.exp(mean + sign * SIGMAS * deviation) for sign in (-1, 1))
            ax.fill_between(sizes, low, high, color=SPREAD, alpha=2 * FAINT, linewidth=0, label="95 % of such series")
    if alone is not None:
        ax.fill_between(alone.sizes, alone.low, alone.high, color=NULL, alpha=2 * FAINT, linewidth=0, label=alone_label)
    ax.set_xlabel("box size s (steps)")
    ax.set_ylabel("F(s)")
    ax.legend(frameon=False)
    return ax


def plot_orders(results: Sequence[DFAResult], *, ax: Axes) -> Axes:
    """Draw F(s) of one series at detrending orders 1, 2, …; lines that separate show a trend. Returns the axes.

    >>> import wcdfa
    >>> from matplotlib.figure import Figure
    >>> x = wcdfa.synthetic.random_walk(1000, seed=0)
    >>> ax = plot_orders([wcdfa.dfa(x, order=order) for order in (1, 2, 3)], ax=Figure().subplots())
    >>> len(ax.get_legend().get_texts())
    6
    """
    for order, (result, color) in enumerate(zip(results, SERIES, strict=False), start=1):
        plot_fluctuations(result, ax=ax, label=f"order {order}", color=color)
    return ax
