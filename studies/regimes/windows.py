"""What is measured in the windows of a run: α in several ways, cosine, regime, and whether the optimizer explains it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

import wcdfa
from studies.common.measures import old_alpha, vector_alphas
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.recording.reading import Reading

Floats = npt.NDArray[np.float64]
Found = dict[str, float | str]
MEASURES = ("alpha", "low", "high", "alpha_2", "alpha_old", "vector_short", "vector_long", "cosine", "null", "p", "explained")


def measured(
    reading: Reading,
    *,
    window: int = 500,
    skipped: int = 500,
    rule: Optimizer | None = None,
    dimension: tuple[int, int] | None = None,
) -> dict[str, list[float] | list[str]]:
    """Each measure as a list over the windows after the first steps. Without a rule, nothing is compared with the optimizer."""
    rows = [_window(reading, start, window, rule, dimension) for start in _starts(len(reading.norms), window, skipped)]
    return {name: [row[name] for row in rows] for name in (*MEASURES, "regime")}  # type: ignore[misc]


def _starts(steps: int, window: int, skipped: int) -> Iterator[int]:
    yield from range(skipped, steps - window + 1, window)


def _window(reading: Reading, start: int, window: int, rule: Optimizer | None, dimension: tuple[int, int] | None) -> Found:
    assert reading.cosine is not None
    assert reading.sketch is not None
    part = slice(start, start + window)
    norms, rate = np.asarray(reading.norms[part], float), np.asarray(reading.lr, float)[part]
    if not np.isfinite(norms).all() or not (norms > 0).all():  # it diverged, or nothing moves any more
        return dict.fromkeys(MEASURES, math.nan) | {"regime": "none"}
    found = _verdict(norms, rate, np.asarray(reading.steps)[part], rule, dimension)
    short, long = vector_alphas(np.asarray(reading.sketch, float)[part] / rate[:, np.newaxis])
    return found | {
        "alpha_old": old_alpha(norms),
        "vector_short": short,
        "vector_long": long,
        "cosine": float(np.nanmean(reading.cosine[part])),
    }


def _verdict(
    norms: Floats, rate: Floats, steps: npt.NDArray[np.int_], rule: Optimizer | None, dimension: tuple[int, int] | None
) -> Found:
    options: dict[str, object] = {} if rule is None else {"optimizer": rule}
    if dimension is not None and rule is not None and rule.only_matrices:
        options["dimension"] = dimension
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = wcdfa.verdict(norms, lr=rate, steps=steps, **options)  # type: ignore[arg-type]
    return {
        "alpha": verdict.alpha,
        "low": verdict.low,
        "high": verdict.high,
        "alpha_2": verdict.orders.get(2, math.nan),
        "null": math.nan if verdict.null is None else verdict.null.median,
        "p": verdict.p_value,
        "explained": float("optimizer" in verdict.explained_by) if rule is not None else math.nan,
        "regime": verdict.regime or "none",
    }
