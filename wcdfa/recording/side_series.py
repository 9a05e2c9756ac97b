"""Names the series that a ring holds beside the norms: gradient norm, direction, hyperparameters that may vary, and what a user gives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from wcdfa.support.series_names import BETA1, BETA2, COSINE, GIVEN, GRADIENTS, MOMENTUM, SKETCH, WEIGHT_NORM

__all__ = [
    "BETA1",
    "BETA2",
    "COSINE",
    "GIVEN",
    "GRADIENTS",
    "HYPERPARAMETERS",
    "MOMENTUM",
    "SIDE_SERIES",
    "SKETCH",
    "WEIGHT_NORM",
    "changes",
    "cosine_of",
    "direction_series",
    "given_as",
    "given_series",
    "is_side_series",
    "series_at",
    "series_of",
    "varying",
]
Numbers = npt.NDArray[np.floating]

HYPERPARAMETERS = {"momentum": (MOMENTUM,), "betas": (BETA1, BETA2)}
"""The hyperparameters whose value is recorded at each step, and the series of each."""
SIDE_SERIES = (GRADIENTS, COSINE, WEIGHT_NORM, SKETCH, *(series for each in HYPERPARAMETERS.values() for series in each))
"""All names but those of `cosine_of` and `given_as`. A ring holds them among its groups, so no group of parameters may have one of them."""


def cosine_of(group: str) -> str:
    """The name of the series of a group's cosines.

    >>> cosine_of("head")
    'wcdfa_cosine/head'
    """
    return f"{COSINE}/{group}"


def given_as(name: str) -> str:
    """The name in a ring of a series that a user calls so.

    >>> given_as("loss")
    'wcdfa_beside/loss'
    """
    return f"{GIVEN}/{name}"


def given_series(held: Iterable[str]) -> dict[str, str]:
    """The series of a ring that a user gave: their names there, by what the user calls them.

    >>> given_series(["all", "wcdfa_cosine", "wcdfa_beside/loss"])
    {'loss': 'wcdfa_beside/loss'}
    """
    return {name.removeprefix(f"{GIVEN}/"): name for name in held if name.startswith(f"{GIVEN}/")}


def is_side_series(name: str) -> bool:
    """Whether a series of a ring is no group of parameters.

    >>> is_side_series("wcdfa_lr"), is_side_series("wcdfa_cosine/head"), is_side_series("head")
    (False, True, False)
    """
    return name in SIDE_SERIES or name.startswith((f"{COSINE}/", f"{GIVEN}/"))


def direction_series(groups: Iterable[str]) -> tuple[str, ...]:
    """The names of the series of the direction with one number for each step: all but the sketch.

    >>> direction_series(["head"])
    ('wcdfa_cosine', 'wcdfa_weight_norm', 'wcdfa_cosine/head')
    """
    return (COSINE, WEIGHT_NORM, *map(cosine_of, groups))


def series_of(hyperparameters: Mapping[str, object]) -> dict[str, object]:
    """The value for each side series, of the hyperparameters that are given; what is no number, or no pair of numbers, is left out.

    >>> series_of({"betas": (0.9, 0.99), "eps": 1e-8})
    {'wcdfa_beta1': 0.9, 'wcdfa_beta2': 0.99}
    """
    found: dict[str, object] = {}
    for name, series in HYPERPARAMETERS.items():
        value = hyperparameters.get(name)
        values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
        if len(values) == len(series) and all(part is not None for part in values):
            found |= dict(zip(series, values, strict=True))
    return found


def varying(rows: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """The hyperparameters that changed within their series, each of shape (…, n), or (…, n, 2) for betas.

    >>> varying({MOMENTUM: np.array([0.95, 0.9]), BETA1: np.array([0.9, 0.9]), BETA2: np.array([0.99, 0.99])})
    {'momentum': array([0.95, 0.9 ])}
    """
    found: dict[str, Numbers] = {}
    for name, series in HYPERPARAMETERS.items():
        if all(row in rows for row in series) and any(changes(rows[row]) for row in series):
            values = [_as_written(rows[row]) for row in series]
            found[name] = values[0] if len(values) == 1 else np.stack(values, axis=-1)
    return found


def series_at(values: Mapping[str, Numbers], place: int) -> dict[str, float]:
    """The value of each side series at one place of what `varying` gives.

    >>> series_at({"betas": np.array([[0.9, 0.99], [0.8, 0.99]])}, 1)
    {'wcdfa_beta1': 0.8, 'wcdfa_beta2': 0.99}
    """
    found: dict[str, float] = {}
    for name, each in values.items():
        found |= dict(zip(HYPERPARAMETERS[name], np.ravel(each[place]).tolist(), strict=True))
    return found


def changes(values: Numbers) -> bool:
    """Whether any series along the last axis has two different finite values.

    >>> changes(np.array([0.9, math.nan, 0.9])), changes(np.array([[0.9, 0.9], [0.9, 0.8]]))
    (False, True)
    """
    known = np.isfinite(values)
    low, high = np.where(known, values, math.inf), np.where(known, values, -math.inf)
    return bool((low.min(axis=-1, initial=math.inf) < high.max(axis=-1, initial=-math.inf)).any())


def _as_written(values: Numbers) -> Numbers:
    """In float64, with the digits of float32: 0.9 and not 0.8999999762."""
    x = np.asarray(values, dtype=np.float64)
    with np.errstate(all="ignore"):
        power = 10.0 ** (6 - np.floor(np.log10(np.abs(x))))
        rounded = np.round(x * power) / power
    return np.where(np.isfinite(rounded), rounded, x)  # 0 has no logarithm
