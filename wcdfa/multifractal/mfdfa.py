"""`mfdfa`: the multifractal spectrum of a series, with intervals, and with its width compared with that of nulls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.inference.exponent import SATURATION, check_confidence
from wcdfa.kernel.arrays import Array, as_series
from wcdfa.kernel.checks import check_order, check_sizes, listed
from wcdfa.multifractal.measured import Measured, Options, measured
from wcdfa.multifractal.result import Multifractal
from wcdfa.multifractal.spectrum import Spectrum
from wcdfa.multifractal.widths import NULLS, Null
from wcdfa.scales import FEWEST_SIZES, dyadic
from wcdfa.support.aliases import Series
from wcdfa.support.numbers import on_host, whole

if TYPE_CHECKING:
    import numpy.typing as npt

MOMENTS = tuple(-3 + 0.5 * step for step in range(17))
SMALLEST = 8  # times order + 1: smaller boxes hold too few samples for negative moments
LARGEST_MOMENT = 20


def mfdfa(
    x: Array | npt.ArrayLike,
    /,
    *,
    q: Iterable[float] = MOMENTS,
    scales: Iterable[int] | None = None,
    order: int = 1,
    axis: int = -1,
    confidence: float = 0.95,
    nulls: Iterable[Null] = NULLS,
    replicates: int = 199,
    seed: int = 0,
) -> Multifractal:
    """Measure h(q), τ(q) and the spectrum f(α) of a series, with intervals, and say whether the spectrum is wide.

    >>> import wcdfa
    >>> print(wcdfa.mfdfa(wcdfa.synthetic.white_noise(1024, seed=1), nulls="memory"))  # doctest: +NORMALIZE_WHITESPACE
    h(2) = 0.52 (0.39–0.64). Width of the spectrum: 0.00 (0.00–0.26), no wider than that of Gaussian noise with the same memory
    (p = 0.47): nothing shows more than one exponent.

    >>> cascade = wcdfa.synthetic.binomial_cascade(1024, weight=0.7, seed=0)
    >>> result = wcdfa.mfdfa(cascade, q=(-2, -1, 0, 1, 2, 3, 4))
    >>> print(result.h.round(2))
    [1.33 1.21 1.1  1.   0.91 0.81 0.72]

    h(q) is the slope of log F_q(s) on log s, less the bias that such slopes have in series of known h(q): Gaussian ones (`arfima`),
    `multifractal_noise` and `binomial_cascade` with the same h(2), about the same spread of h(q), and values as asymmetric. They are
    simulated at the first call for a length, and kept. The intervals come from the same series, and are calibrated for series like them.

    The spectrum of a finite series has a width above 0 even if one exponent holds for all q. So it is compared with that of three nulls.

    Parameters
    ----------
    x : array of shape (..., n), or anything with ``__array__``, ``__dlpack__`` or a length
        One or many series, in any unit. It is computed in NumPy, whatever the library of `x`.
    q : numbers, optional
        Moments, at least three, increasing, from -20 to 20. Default: -3 to 5 in steps of 0.5. Below -3 and above 5, one or two boxes
        decide.
    scales : integers, optional
        Box sizes in samples. Default: 4, 5, 6, 7 and their doublings from ``8 (order + 1)`` to ``n // 4``.
    order : 1, 2, 3 or 4
        Degree of the polynomial removed from the profile in each box. A smooth trend has h(q) = ``order + 1`` at q > 0: see `saturated`.
    axis : int
        The axis of `x` along which time runs.
    confidence : float
        Level of each interval, between 0 and 1.
    nulls : of "shuffled", "phase" and "memory"
        What the width is compared with: the same values in random order; noise with the same power spectrum and random phases; Gaussian
        ARFIMA with the same h(2). ``()`` compares with nothing, which saves most of the time of later calls.
    replicates : int
        How many series of each of the first two nulls are simulated; p-values are multiples of ``1 / (replicates + 1)``.
    seed : int
        Seed of these series.

    Returns
    -------
    Multifractal
        NumPy arrays; NaN, with a `reason`, for a series that is constant, too short or not finite. Boxes that do not fluctuate are left
        out of q ≤ 0; if they are more than a tenth, there are no numbers for q ≤ 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of its range.

    References
    ----------
    J. W. Kantelhardt et al., Physica A 316, 87 (2002), doi:10.1016/S0378-4371(02)01383-3.
    """
    series, moments = _series(x, axis), _checked_moments(q)
    sizes = _sizes(scales, series.shape[-1], check_order(order))
    check_confidence(confidence)
    options = Options(moments, confidence, _checked_nulls(nulls), whole("replicates", replicates), whole("seed", seed, least=0))
    parts = [measured(each, sizes, order, options) for each in series.reshape(-1, series.shape[-1])]
    return _together(parts, series.shape[:-1], sizes, moments, check_order(order) + 1 - SATURATION)


def _together(
    parts: list[Measured], batch: tuple[int, ...], sizes: tuple[int, ...], q: tuple[float, ...], most: float
) -> Multifractal:
    def stacked(rows: list[Series], *shape: int) -> Series:
        return np.array(rows, dtype=np.float64).reshape((*batch, *shape))

    fields: dict[str, Series] = {}
    for name in Spectrum._fields:
        shape = () if name in ("width", "delta_h") else (len(q),)
        for end, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
            fields[name + suffix] = stacked([getattr(getattr(part, end), name) for part in parts], *shape)
    for i, null in enumerate(NULLS):
        fields[f"p_{null}"] = stacked([np.array(part.p[i]) for part in parts])
    counts = np.array([(*part.flat, part.cause) for part in parts], dtype=np.int64).reshape((*batch, 4))
    return Multifractal(
        q=np.array(q),
        **fields,
        slopes=stacked([part.slopes for part in parts], len(q)),
        scales=np.array(sizes, dtype=np.int64),
        fluctuations=stacked([part.fluctuations for part in parts], len(q), len(sizes)),
        saturated=np.any(fields["h"] > most, axis=-1),
        flat_count=counts[..., 0],
        flat_start=counts[..., 1],
        flat_length=counts[..., 2],
        cause=counts[..., 3],
    )


def _series(x: Array | npt.ArrayLike, axis: int) -> Series:
    numbers = np.asarray(on_host(as_series(x, axis)[0]), dtype=np.float64)
    if numbers.shape[-1] == 0:
        msg = f"the series is empty (shape {numbers.shape}, time along the last axis)"
        raise ValueError(msg)
    return numbers


def _checked_moments(q: Iterable[float]) -> tuple[float, ...]:
    moments = tuple(float(each) for each in listed(q, "q"))
    good = len(moments) >= 3 and all(abs(each) <= LARGEST_MOMENT for each in moments) and list(moments) == sorted(set(moments))
    if not good:
        msg = f"q must hold at least three numbers that increase, from -{LARGEST_MOMENT} to {LARGEST_MOMENT}, got {moments}"
        raise ValueError(msg)
    return moments


def _checked_nulls(nulls: Iterable[Null]) -> tuple[Null, ...]:
    names: tuple[Null, ...] = (nulls,) if isinstance(nulls, str) else tuple(nulls)  # type: ignore[assignment]  # one name, not letters
    for name in names:
        if name not in NULLS:
            msg = f"nulls must be of {', '.join(map(repr, NULLS))}, got {name!r}; nulls=() compares with nothing"
            raise ValueError(msg)
    return names


def _sizes(scales: Iterable[int] | None, n: int, order: int) -> tuple[int, ...]:
    """The sizes of the boxes; none if the series is too short for those that are chosen by default."""
    if scales is None:
        found = dyadic(SMALLEST * (order + 1), n // 4)
        return found if len(found) >= FEWEST_SIZES else ()
    sizes = check_sizes(scales, n, order)
    if len(sizes) < 2:
        msg = f"a line needs at least two box sizes, got scales={sizes}"
        raise ValueError(msg)
    return sizes
