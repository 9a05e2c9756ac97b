"""Draws analyzed runs: one in full, or several in one plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from wcdfa.analysis.comparison import Comparison
from wcdfa.analysis.series import Analysis
from wcdfa.plotting.style import FAINT, THIN, bands, ink
from wcdfa.plotting.trajectory import plot_run
from wcdfa.support.colors import NULL, SERIES
from wcdfa.support.text import shown
from wcdfa.verdicts.regime import THRESHOLDS
from wcdfa.verdicts.windows import Judged

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = ("-", "--", "-.", ":")  # in addition to colours, for people who cannot see them


def plot_analysis(analysis: Analysis, *, title: str = "") -> Figure:
    """Draw an analyzed series with `wcdfa.plotting.plot_run`, with the learning rate and loss logged with it and the drifts found."""
    series = analysis.series
    return plot_run(
        series.values,
        analysis.judged,
        title=title,
        alarms=analysis.alarms,
        steps=series.steps,
        lr=series.lr,
        loss=series.loss,
        quantity=series.quantity,
    )


def plot_runs(runs: Mapping[str, Judged], *, ax: Axes, thresholds: tuple[float, float] = THRESHOLDS) -> Axes:
    """Draw α of each run over its windows, its interval as a shaded area, and the bands of the regimes; returns the axes.

    >>> import wcdfa
    >>> from matplotlib.figure import Figure
    >>> runs = {name: wcdfa.verdicts.windows.judge(wcdfa.synthetic.arfima(1000, d=d, seed=0), log=False) for name, d in (("a", 0.1), ("b", 0.6))}
    >>> ax = plot_runs(runs, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['a', 'b']

    Parameters
    ----------
    runs : {name: Judged}
    ax : matplotlib axes
    thresholds : (float, float)
    """
    for number, (name, judged) in enumerate(runs.items()):
        color, style = SERIES[number % len(SERIES)], STYLES[number // len(SERIES) % len(STYLES)]
        alpha, low, high = (judged.numbers(each) for each in ("alpha", "low", "high"))
        ax.fill_between(judged.stops, low, high, color=color, alpha=FAINT, linewidth=0)
        ax.plot(judged.stops, alpha, style, color=color, marker="o", markersize=3, linewidth=THIN, label=shown(name, 40))
    bottom, top = ax.get_ylim()
    ax.set_ylim(min(bottom, 0.4), max(top, 1.6))
    bands(ax, thresholds)
    ax.set(xlabel="optimizer step", ylabel="α")
    for text in ax.legend(frameon=False, fontsize="small").get_texts():
        text.set_parse_math(False)
    return ax


def plot_difference(comparison: Comparison, *, ax: Axes) -> Axes:
    """Draw the difference of α in each window with its interval, and the mean difference as a band; returns the axes."""
    known = comparison.windows
    places = [(each.first_step + each.last_step) / 2 for each in known]
    middle = [each.difference for each in known]
    reach = [[each.difference - each.low for each in known], [each.high - each.difference for each in known]]
    ax.axhline(0, color=ink(), linewidth=THIN)
    ax.axhspan(comparison.mean.low, comparison.mean.high, color=NULL, alpha=2 * FAINT, linewidth=0, label="all windows, 95 %")
    ax.errorbar(places, middle, yerr=reach, fmt="o", color=SERIES[0], markersize=3, linewidth=THIN, label="one window, 95 %")
    ax.set(xlabel="optimizer step", ylabel="difference of α")
    ax.legend(frameon=False, fontsize="small")
    return ax
