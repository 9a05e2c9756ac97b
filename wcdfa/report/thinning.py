"""Long series made short enough to be drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

MOST = 4000  # points of a line; no screen shows more


def thinned(values: Any, most: int = MOST) -> Any:
    """Which values to draw, in order: the least and the greatest of each stretch, so that no spike is lost; all, where they are few.

    >>> x = np.zeros(10_000)
    >>> x[1234] = 1.0
    >>> kept = thinned(x, 100)
    >>> print(len(kept) <= 100, 1234 in kept)
    True True

    Parameters
    ----------
    values : numbers of shape (n,)
        NaN where there is none; a stretch of them is one NaN, and so a gap.
    most : int
        At least 4.

    Returns
    -------
    whole numbers of shape (m,), m at most `most`
        The first and the last value are among them.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n <= most:
        return np.arange(n)
    edges = np.linspace(0, n, most // 2).astype(np.intp)  # one stretch fewer, which leaves room for the first and the last
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
