"""Checks of the weight change itself: its cosine, its exponents as a vector, and the memory of its size."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from wcdfa.inference.exponent import dfa
from wcdfa.inference.sketch_exponents import vector_exponents
from wcdfa.nulls.expectation import SAME, expectation
from wcdfa.verdicts.checked_window import ALIKE, FEWEST, SAME_GRADIENTS, Check, Window, beyond

SLACK = 0.35  # of 1 − cosine
SMALL_BOXES, LARGE_BOXES = (0.1, 0.1), (math.inf, 0.15)  # below and above the exponents
LONG = 0.95  # momentum from which on a run that swings shows in the small boxes too
LAG1 = (0.3, 0.8)  # below the autocorrelation of log ‖ΔW‖ at lag 1 and, as a share of what is left to 1, above
ALPHA = (0.3, 0.35)  # below and above its α
CALIBRATED = (128, 256, 500, 512, 1000)  # steps for which the package has a calibration, so that none need be made


def cosine(window: Window) -> Iterator[Check]:
    """The cosine of consecutive changes, given the share of a mean gradient that far lags show."""
    record = window.settled
    if record.cosine is None or record.filter is None or not record.consecutive:
        return
    known = record.cosine[np.isfinite(record.cosine)]
    share = window.mean_share
    if len(known) < FEWEST or share >= SAME_GRADIENTS:
        return
    low, high = record.filter.cosine(), record.filter.cosine(share)
    band = low - SLACK * (1 - low) - window.swing / 2, high + SLACK * (1 - high)  # what swings turns sooner
    yield Check(
        "cosine", float(known.mean()), *band, beyond(float(known.mean()), float(known.std()) / math.sqrt(len(known) / 10), *band)
    )


def vector_alpha(window: Window) -> Iterator[Check]:
    """The exponents of ΔW as a vector, for small and for large boxes, given the share of a mean gradient."""
    record = window.settled
    if record.sketch is None or record.filter is None or not record.consecutive or window.mean_share >= ALIKE:
        return
    n = max((length for length in CALIBRATED if length <= len(record)), default=0)
    found = vector_exponents((record.sketch / record.rates[:, np.newaxis])[len(record) - n :])
    if found.reason is not None:
        return
    white, mean = record.filter.exponents(n), record.filter.exponents(n, window.mean_share)
    swings = window.momentum >= LONG or window.swing > 0
    small = (SMALL_BOXES[0] + window.swing / 2, (3 if swings else 1) * SMALL_BOXES[1])
    names, reaches = ("vector α, small boxes", "vector α, large boxes"), (small, LARGE_BOXES)
    for name, exponent, stderr, ends, reach in zip(
        names, found.exponents, found.stderr, zip(white, mean, strict=True), reaches, strict=True
    ):
        low, high = min(ends) - reach[0], max(ends) + reach[1]
        if math.isfinite(exponent) and math.isfinite(stderr):
            yield Check(name, exponent, low, high, beyond(exponent, stderr, low, high))


def memory_of_norms(window: Window) -> Iterator[Check]:
    """Autocorrelation of log ‖ΔW‖ at lag 1, and its α, given the share of a mean gradient."""
    record = window.settled
    n = max((length for length in CALIBRATED if length <= len(record)), default=0)
    logs = record.sizes[len(record) - n :]
    if record.filter is None or record.optimizer is None or not record.consecutive or not n or not np.isfinite(logs).all():
        return
    if window.mean_share >= ALIKE:
        return
    ends = [expectation(record.optimizer, n, mean_share=share) for share in (0.0, round(window.mean_share, 1))]
    centred = logs - logs.mean()
    if not all(math.isfinite(end.alpha.mean) for end in ends) or centred.std() < SAME:
        return
    lag1 = float(centred[1:] @ centred[:-1] / (centred @ centred))
    alpha = float(dfa(logs, method="gls").alpha)
    for name, found, reach, each in (
        ("lag-1", lag1, LAG1, [end.lag1 for end in ends]),
        ("α", alpha, ALPHA, [end.alpha for end in ends]),
    ):
        least, most = min(end.mean for end in each), max(end.mean for end in each)
        low, high = least - reach[0], most + reach[1] * (1 - most if name == "lag-1" else 1.0)
        if math.isfinite(found):
            yield Check(name, found, low, high, beyond(found, max(end.spread for end in each), low, high))
