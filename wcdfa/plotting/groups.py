"""Draws α of each group of parameters over time, as a heat map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.plotting.style import ink
from wcdfa.support.colors import HEAT
from wcdfa.support.text import shown

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

LONGEST = 32  # most characters of a name


def plot_groups(alphas: Mapping[str, npt.ArrayLike], *, ax: Axes, steps: npt.ArrayLike | None = None) -> Axes:
    """Draw a row for each group and a column for each window, coloured by α and blank without one; returns the axes.

    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> ax = plot_groups({"encoder": np.array([0.5, 1.0]), "decoder": np.array([1.5, np.nan])}, ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['encoder', 'decoder']

    Parameters
    ----------
    alphas : {name: numbers of shape (windows,)}
        As in ``WeightChangeDFA.histories``.
    ax : matplotlib axes
    steps : numbers of shape (windows,), optional
        The training step at which each window ends; by default windows are counted from 1.

    Raises
    ------
    ValueError
        If there is no group, or they differ in their windows.
    """
    rows = [np.asarray(values, dtype=np.float64) for values in alphas.values()]
    lengths = {row.shape for row in rows}
    if len(lengths) != 1 or rows[0].ndim != 1 or not rows[0].size:
        msg = f"each group needs α of the same windows, got shapes {sorted(map(str, lengths))}; take the last ones that all have"
        raise ValueError(msg)
    table = np.ma.masked_invalid(np.stack(rows))
    places = np.arange(1, table.shape[1] + 1) if steps is None else np.asarray(steps, dtype=np.float64)
    half = np.diff(places) / 2 if len(places) > 1 else np.array([0.5])
    edges = np.concatenate([[places[0] - half[0]], places[:-1] + half[: len(places) - 1], [places[-1] + half[-1]]])
    # a map without red against green; its lightness differs from a light or dark page everywhere but in the middle
    colors, low, high = HEAT
    image = ax.pcolormesh(edges, np.arange(len(rows) + 1), table, cmap=colors, vmin=low, vmax=high, rasterized=True)
    ax.set_yticks(np.arange(len(rows)) + 0.5, [shown(name, LONGEST) for name in alphas], parse_math=False)
    ax.invert_yaxis()
    ax.set_xlabel("window" if steps is None else "optimizer step")
    bar = ax.figure.colorbar(image, ax=ax, extend="both", label="α")
    bar.outline.set_edgecolor(ink())
    return ax
