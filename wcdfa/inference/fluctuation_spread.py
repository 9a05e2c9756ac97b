"""How much log F(s) varies between series with the same α."""

from __future__ import annotations

import numpy as np

from wcdfa.inference.calibration_tables import expected, method_sizes
from wcdfa.inference.exponent import DFAResult
from wcdfa.kernel.polynomials import Matrix


def spread(result: DFAResult, n: int, order: int = 1) -> tuple[Matrix, Matrix]:
    """Mean and standard deviation of log F(s) over series with the α of a result. The mean is shifted to the level of its own log F(s).

    >>> import numpy as np
    >>> import wcdfa
    >>> result = wcdfa.dfa(wcdfa.synthetic.white_noise(500, seed=0))
    >>> mean, deviation = spread(result, 500)
    >>> print(np.all(np.abs(np.log(result.fluctuations) - mean) < 1.96 * deviation))
    True

    Parameters
    ----------
    result : DFAResult
        The result of one series, without breaks, that has an α.
    n, order : int
        The number of samples of that series, and the order that it was measured with.

    Returns
    -------
    (numbers, numbers) of shape (sizes,)
    """
    sizes, f = tuple(int(size) for size in result.scales), np.asarray(result.fluctuations)
    method = "ols" if sizes == method_sizes(n, order, "ols") else "robust"  # "gls" has the same sizes
    mean, deviation = expected(n, sizes, order, method, float(result.alpha))
    drawn = f > 0
    return mean + np.mean(np.log(f[drawn]) - mean[drawn]), deviation
