"""Line widths, shades and labels that all pictures share. Grey is the text colour, made transparent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
import numpy as np

from wcdfa.support.colors import BANDS

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

FARTHEST = 1e75  # of what is drawn: the ticks of a low axis reach three times as far
THIN, FAINT = 0.8, 0.12  # width of lines, and opacity of the areas behind them


def ink() -> str:
    """The text colour of the current style."""
    return str(matplotlib.rcParams["text.color"])


def drawable(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The values, NaN where they are so large or so small that the margin of an axis would leave the range of numbers.

    >>> drawable([1.0, 1e300, 1e-300, 0.0])
    array([ 1., nan, nan,  0.])
    """
    given = np.asarray(values, dtype=np.float64)
    size = np.abs(given)
    return np.where((size > 1 / FARTHEST) & (size < FARTHEST) | (size == 0), given, np.nan)


def at_the_right(ax: Axes, y: float, text: str) -> None:
    """Write a word to the right of the axes, at height `y` in data units."""
    ax.annotate(text, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize="small", color=ink(), alpha=0.6)


def bands(ax: Axes, thresholds: tuple[float, float]) -> None:
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
