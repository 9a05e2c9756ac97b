"""Lines, shades and words of the pictures; what is grey is the text's own colour, thinned."""

from __future__ import annotations

from typing import Any

import matplotlib

from wcdfa.support.colors import BANDS

THIN, FAINT = 0.8, 0.12  # width of lines; opacity of what lies behind them


def ink() -> Any:
    """The colour of text, whatever the style."""
    return matplotlib.rcParams["text.color"]


def at_the_right(ax: Any, y: float, text: str) -> None:
    """A word beside the axes, at a height in data."""
    ax.annotate(text, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize="small", color=ink(), alpha=0.6)


def bands(ax: Any, thresholds: tuple[float, float]) -> None:
    """Shade the regimes that have been proposed, up to the limits of the axes."""
    upper, lower = thresholds
    bottom, top = ax.get_ylim()
    edges = {"ordered": (upper, top), "critical": (lower, upper), "disordered": (bottom, lower)}
    for name, (start, stop) in edges.items():
        start, stop = max(start, bottom), min(stop, top)
        if start < stop:
            ax.axhspan(start, stop, color=BANDS[name], alpha=0.6 * FAINT, linewidth=0, zorder=0)
            at_the_right(ax, (start + stop) / 2, name)
    ax.set_ylim(bottom, top)
