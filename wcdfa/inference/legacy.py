"""`compute_dfa`, as in wcdfa 0.1.0."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wcdfa.kernel.fluctuation import fluctuations
from wcdfa.support.text import several
from wcdfa.synthetic import Series

Sizes = npt.NDArray[np.int64]


def compute_dfa(
    signal: npt.ArrayLike,
    min_box: int = 4,
    max_box: int | None = None,
    num_scales: int = 20,
    return_r_squared: bool = False,
) -> tuple[float, Sizes, Series] | tuple[float, Sizes, Series, float]:
    """Give the same numbers as ``compute_dfa`` of wcdfa 0.1.0, for code that relies on them. It averages RMS, which DFA does not.

    >>> import wcdfa
    >>> alpha, scales, fluctuations = compute_dfa(wcdfa.synthetic.white_noise(500, seed=0))
    >>> print(f"{alpha:.2f}", len(scales))
    0.52 19

    F(s) here is the mean of the root mean square of each box, over forward and backward boxes. There are up to `num_scales` sizes from
    `min_box` to `max_box` (a quarter of the series by default and at most), spaced logarithmically and truncated. Prefer `dfa`: it
    averages mean squares, as the literature does, and heavy tails bias it less.

    Parameters
    ----------
    signal : numbers of shape (n,), n at least 50
    min_box, max_box, num_scales : int
        Box sizes in samples.
    return_r_squared : bool
        Append R² of the line.

    Returns
    -------
    alpha, scales, fluctuations[, r_squared]
        A float, two NumPy arrays (sizes with F(s) = 0 left out), and a float.

    Raises
    ------
    ValueError
        If the signal is not 1-D, shorter than 50, not finite or constant, or fewer than two sizes remain.
    """
    x = _checked(np.asarray(signal, dtype=np.float64))
    n = len(x)
    largest_box = n // 4 if max_box is None else min(max_box, n // 4)
    if largest_box < min_box:
        largest_box = min_box + 1
    sizes = np.unique(np.logspace(np.log10(min_box), np.log10(largest_box), num=num_scales).astype(int))
    sizes = sizes[sizes >= max(min_box, 3)]  # two points leave nothing after a line, and 0.1.0 drops them
    if len(sizes) < 2:
        msg = (
            f"not enough valid scales: only {len(sizes)} box size(s) between min_box={min_box} and {largest_box}; "
            "lower min_box or give more samples"
        )
        raise ValueError(msg)
    _, fluctuation = fluctuations(x, scales=sizes, backward=True, moment=1)
    rounding = 2.0**-52 * np.max(np.abs(x)) * np.sqrt(sizes)
    kept = fluctuation > rounding
    if np.count_nonzero(kept) < 2:
        msg = "the signal is constant up to rounding: it does not fluctuate at two sizes, so it has no exponent"
        raise ValueError(msg)
    sizes, fluctuation = sizes[kept], fluctuation[kept]
    log_s, log_f = np.log10(sizes), np.log10(fluctuation)
    slope, intercept = np.polyfit(log_s, log_f, 1)
    if not return_r_squared:
        return float(slope), sizes, fluctuation
    residual = np.sum((log_f - slope * log_s - intercept) ** 2)
    total = np.sum((log_f - np.mean(log_f)) ** 2)
    return float(slope), sizes, fluctuation, float(1 - residual / total if total > 0 else 0.0)


def _checked(x: Series) -> Series:
    """Return the signal; raise a ValueError unless it is 1-D, long enough and finite. Programs match the words that 0.1.0 used."""
    if x.ndim != 1:
        msg = f"signal must be 1-D, got shape {x.shape}: compute_dfa takes one 1D signal, dfa() takes many series at once"
        raise ValueError(msg)
    if len(x) < 50:
        has = several(len(x), "sample", "samples")
        msg = f"signal has {has}, and at least 50 are needed: it is too short for reliable DFA; dfa() with scales= takes shorter series"
        raise ValueError(msg)
    missing = np.flatnonzero(~np.isfinite(x))
    if len(missing):
        count = several(len(missing), "value is", "values are")
        msg = (
            f"signal holds NaN or Inf: {count} not finite, the first is {x[missing[0]]} at index {missing[0]}; "
            "drop them or split the signal there"
        )
        raise ValueError(msg)
    return x
