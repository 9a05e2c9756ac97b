"""How far log F(s) of a window may stray from what series with its α have."""

from __future__ import annotations

from typing import Any

import numpy as np

from wcdfa.core import DFAResult
from wcdfa.findings import Verdict
from wcdfa.tables import expected, method_sizes


def spread(result: DFAResult, n: int, order: int = 1) -> tuple[Any, Any]:
    """Mean and standard deviation of log F(s) over series with the α of a result, the mean at the level of its own log F(s).

    >>> import numpy as np
    >>> import wcdfa
    >>> result = wcdfa.dfa(wcdfa.synthetic.white_noise(500, seed=0))
    >>> mean, deviation = spread(result, 500)
    >>> print(np.all(np.abs(np.log(result.fluctuations) - mean) < 1.96 * deviation))
    True

    Parameters
    ----------
    result : DFAResult
        Of one series without breaks that has an α.
    n, order : int
        Its samples, and the order that it was measured with.

    Returns
    -------
    (numbers, numbers) of shape (sizes,)
    """
    sizes, f = tuple(int(size) for size in result.scales), np.asarray(result.fluctuations)
    method = "ols" if sizes == method_sizes(n, order, "ols") else "robust"  # which shares its sizes with "gls"
    mean, deviation = expected(n, sizes, order, method, float(result.alpha))
    drawn = f > 0
    return mean + np.mean(np.log(f[drawn]) - mean[drawn]), deviation


def spread_of(verdict: Verdict) -> tuple[Any, Any] | None:
    """`spread` of a window that was judged; None where it has no α, or boxes were split in it."""
    if verdict.label is None or verdict.result is None or verdict.prepared is None or verdict.prepared.cuts:
        return None
    return spread(verdict.result, len(verdict.prepared.values), next(iter(verdict.orders)))
