"""Runs to report, with what is found of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import wcdfa
from wcdfa.analysis.series import Analysis, Settings, analyze
from wcdfa.readers.series import RecordedSeries

SETTINGS = Settings(window=256, optimizer="sgd", hyperparameters={"momentum": 0.9})


def series(name: str, *, d: float = 0.4, n: int = 2048, seed: int = 0, more: bool = True) -> RecordedSeries:
    """Norms with long memory that begins half-way, with a rate and a loss."""
    white, long = (wcdfa.synthetic.arfima(n // 2, d=each, seed=seed) for each in (0.0, d))
    values = np.exp(0.1 * np.concatenate([white, long]))
    rate, loss = (np.full(n, 0.1), 1 / np.sqrt(np.arange(1, n + 1))) if more else (None, None)
    return RecordedSeries(Path(name), "", "update_norm", values, np.arange(10, 10 + n), rate, loss, 0, ())


def analysis(name: str = "run", *, settings: Settings = SETTINGS, **options: float) -> Analysis:
    """Judged."""
    return analyze(series(name, **options), settings)  # type: ignore[arg-type]
