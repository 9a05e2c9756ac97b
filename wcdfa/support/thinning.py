"""Thins long series, so that they can be drawn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MOST = 4000  # points in a line; no screen shows more


def thinned(values: npt.ArrayLike, most: int = MOST) -> npt.NDArray[np.intp]:
    """Indices of the values to draw, in order: the smallest and the largest of each stretch, so that no spike is lost.

    >>> x = np.zeros(10_000)
    >>> x[1234] = 1.0
    >>> kept = thinned(x, 100)
    >>> print(len(kept) <= 100, 1234 in kept)
    True True

    Parameters
    ----------
    values : numbers of shape (n,)
        A stretch of NaN keeps one NaN, so it is drawn as a gap.
    most : int
        The largest number of indices, at least 4; a shorter series is kept completely.

    Returns
    -------
    whole numbers of shape (m,), m at most `most`
        The first and the last index are always among them.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n <= most:
        return np.arange(n)
    edges = np.linspace(0, n, most // 2).astype(np.intp)  # one stretch fewer leaves room for the first and the last value
    known = np.isfinite(values)
    kept = {0, n - 1}
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part, there = values[start:stop], known[start:stop]
        if not there.any():
            kept.add(start)
            continue
        kept.add(start + int(np.argmin(np.where(there, part, np.inf))))
        kept.add(start + int(np.argmax(np.where(there, part, -np.inf))))
    return np.array(sorted(kept))
