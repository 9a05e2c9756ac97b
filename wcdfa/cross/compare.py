"""Compares the coefficients of pairs of series with those of their nulls."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from wcdfa.cross.exponent import Measured, exponent_of
from wcdfa.cross.fluctuation import z_of
from wcdfa.cross.frame import Frame
from wcdfa.cross.null import LEVEL, Memory, Null, Spectrum, null_of_pair
from wcdfa.cross.result import ALIKE, OF_Y, UNCOUPLED, Coupling
from wcdfa.cross.series import Side
from wcdfa.inference.exponent import ROUNDING
from wcdfa.kernel.fluctuation import scales_of
from wcdfa.support.aliases import Series

NullName = Literal["memory", "phase"]
Parts = dict[str, npt.NDArray[Any]]
NullMaker = Callable[[Side, Side], Null]


def null_maker(frame: Frame, null: NullName, replicates: int, seed: int) -> NullMaker:
    """A function that gives the null of a pair."""
    return lambda x, y: null_of_pair(frame, memory_of(x, null), memory_of(y, null), replicates, seed)


def memory_of(side: Side, null: NullName) -> Memory:
    """What series without coupling share with one series: its α, or its spectrum."""
    return Spectrum(side.values, float(side.alpha)) if null == "phase" or math.isnan(side.memory) else float(side.memory)


def compared(frame: Frame, x: Side, y: Side, make_null: NullMaker, confidence: float) -> Coupling:
    """The result for lists of series, with an axis of lags."""
    found = list(frame.squares(x.values, y.values))
    rho = np.stack([np.asarray(each.coefficients()) for each in found], axis=-2)
    squares = tuple(
        np.stack([np.asarray(of_lag) for of_lag in each], axis=-2) for each in zip(*(f.comparable() for f in found), strict=True)
    )
    cause = np.where(x.cause, x.cause, np.where(y.cause, y.cause + OF_Y, 0))
    cause = np.where((cause == 0) & np.isnan(rho).any(axis=(1, 2)), ROUNDING, cause).astype(np.int8)
    rho[cause > 0] = math.nan
    parts = [_undefined(rho.shape[1:], int(why)) for why in cause]
    for place in np.flatnonzero(cause == 0).tolist():
        null = make_null(x.at(place), y.at(place))
        if null.alike:
            cause[place], rho[place], parts[place] = ALIKE, math.nan, _undefined(rho.shape[1:], ALIKE)
            continue
        parts[place] = _tested(rho[place], null, confidence)
        if parts[place]["p_value"] <= LEVEL:
            alphas = float(x.alpha[place]), float(y.alpha[place])
            parts[place] |= _exponents(tuple(each[place] for each in squares), alphas, null, frame, confidence)
    trend = np.where(cause == 0, x.trend + 2 * y.trend, 0).astype(np.int8)
    empty = _undefined(rho.shape[1:], 0)
    joined = {name: np.array([part[name] for part in parts]).reshape(len(parts), *each.shape) for name, each in empty.items()}
    return Coupling(
        rho=rho,
        alpha_x=x.alpha,
        alpha_y=y.alpha,
        cause=cause,
        scales=scales_of(frame.sizes),
        lags=np.array(frame.lags),
        trend=trend,
        **joined,
    )


def _undefined(shape: tuple[int, ...], cause: int) -> Parts:
    """NaN for everything that the null decides."""
    by_size = dict.fromkeys(("low", "high", "p_by_size", "deviation"), np.full(shape, math.nan))
    by_lag = dict.fromkeys(("exponent", "exponent_low", "exponent_high"), np.full(shape[:-1], math.nan))
    return {**by_size, **by_lag, "p_value": np.array(math.nan), "exponent_cause": np.full(shape[:-1], cause, np.int8)}


def _tested(rho: Series, null: Null, confidence: float) -> Parts:
    """Intervals and p-values of one pair, (lags, sizes); no λ yet.

    z = artanh ρ varies as much around that of a coupling as around 0.
    """
    z = z_of(rho)
    reach = null.reach(confidence)
    return _undefined(rho.shape, UNCOUPLED) | {
        "low": np.minimum(np.tanh(z - reach), rho),
        "high": np.maximum(np.tanh(z + reach), rho),
        "p_by_size": null.p_by_size(z),
        "p_value": np.array(null.p_value(z)),
        "deviation": null.deviation,
    }


def _exponents(squares: tuple[Series, ...], alphas: tuple[float, float], null: Null, frame: Frame, confidence: float) -> Parts:
    """λ of one pair at each lag, from F²xy, F²x and F²y, (lags, sizes)."""
    replicates = len(null.magnitudes)
    found = [
        exponent_of(Measured(cross, x, y, alphas, covariance, replicates), frame.sizes, frame.order, confidence)
        for cross, x, y, covariance in zip(*squares, null.covariance, strict=True)
    ]
    names = ("exponent", "exponent_low", "exponent_high", "exponent_cause")
    return {name: np.array(part) for name, part in zip(names, zip(*found, strict=True), strict=True)}
