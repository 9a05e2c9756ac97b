"""What a printed `DFAResult` says, in a line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.kernel.arrays import on_host
from wcdfa.support.text import probability, several

if TYPE_CHECKING:
    import numpy.typing as npt

    from wcdfa.inference.exponent import DFAResult

POOR = 0.05  # a p-value of the misfit that is worth a word


def result_sentence(result: DFAResult) -> str:
    """α with its interval, and what speaks against it; of many series, how their α are spread.

    >>> import wcdfa
    >>> print(wcdfa.dfa(wcdfa.synthetic.white_noise(500, seed=0)))
    α = 0.45 (0.32 to 0.60)
    >>> print(wcdfa.dfa(range(500)))
    α = 1.95 (1.91 to 1.95), near the largest that this order can show: a trend gives the same, so try a higher order
    """
    alpha = on_host(result.alpha)
    if alpha is None:
        return "α is not known here: a compiler is tracing, or it is on a device that NumPy does not read"
    return _of_one(result, float(alpha)) if alpha.ndim == 0 else _of_many(result, np.asarray(alpha, dtype=np.float64))


def _of_one(result: DFAResult, alpha: float) -> str:
    if math.isnan(alpha):
        return f"no α: {result.reason}" if result.reason else "no α: it is not a number"
    low, high, adequacy = (float(np.asarray(on_host(part))) for part in (result.low, result.high, result.adequacy))
    said = f"α = {alpha:.2f} ({low:.2f} to {high:.2f})" if math.isfinite(low + high) else f"α = {alpha:.2f}, without an interval"
    if bool(np.asarray(on_host(result.saturated))):
        return f"{said}, near the largest that this order can show: a trend gives the same, so try a higher order"
    return f"{said}, but log F(s) does not look like that of one exponent ({probability(adequacy)})" if adequacy < POOR else said


def _of_many(result: DFAResult, alpha: npt.NDArray[np.float64]) -> str:
    known = alpha[np.isfinite(alpha)]
    said = f"α of {several(alpha.size, 'series', 'series')}"
    if known.size:
        said += f": median {np.median(known):.2f}, from {known.min():.2f} to {known.max():.2f}"
    if known.size == alpha.size:
        return said
    missing = several(alpha.size - known.size, "has no α", "have no α")
    return f"{said}; {missing}, one because {result.reason}" if result.reason else f"{said}; {missing}"
