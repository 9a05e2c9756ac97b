"""Checks of the momentum: whether changes are made of the recorded gradients by it, and whether it was lost at some steps."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from wcdfa.verdicts.checked_window import FEWEST, Check, Window
from wcdfa.verdicts.record import Record, newest_part

IDENTITY = 0.03  # relative difference of two sizes that are the same up to rounding
LOST = -0.8  # cosine of a gradient's part with the change before it, where the momentum was lost
KEPT = 0.2  # share of the last change in this one, up to which nothing of it was kept
AGAIN = -0.5  # the same cosine in the step after an adaptive optimizer began anew, with a step of full size
DOUBLED = math.log(2)
FAR_OFF, SCATTERED = 0.6, 0.1  # that cosine, and the share of steps beyond it, where it is far from 0 by chance alone
OFTEN = 3  # steps without momentum in a window that are no chance


def identity(window: Window) -> Iterator[Check]:
    """SGD: the change less the momentum's share of the last change is the gradient, whose norm was recorded."""
    record = window.settled
    added, norms = record.added, record.gradient_norm
    if added is None or norms is None or record.filter is None or record.filter.innovation is not None or not record.rates_known:
        return
    if not record.consecutive:
        return
    decayed = 0.0
    if record.optimizer is not None and record.weight_norm is not None:
        with np.errstate(all="ignore"):
            shares = record.optimizer.weight_decay * record.weight_norm / norms
        decayed = float(np.median(shares[np.isfinite(shares)])) if np.isfinite(shares).any() else 0.0
    with np.errstate(all="ignore"):
        ratio = np.log(added / norms)
    ratio = ratio[np.isfinite(ratio)]
    if len(ratio) < FEWEST or (record.optimizer is not None and record.optimizer.clip_norm is not None):
        return
    reach = IDENTITY / 3 + decayed
    # a change that is smaller than ‖g‖ makes it may be clipped, and ‖g‖ may be that of a sum or of a scaled loss
    middle = float(np.median(ratio))
    explained = max(float(((np.abs(ratio - at) < reach / 2) | (ratio < -reach)).mean()) for at in (0.0, middle))
    spread = float(np.median(np.abs(ratio - middle)))
    p = 1.0 if explained > 0.5 else 0.0
    yield Check("spread of the gradient norm", spread, 0.0, reach / 2, p, amount=_momentum(record) if p == 0 else math.nan)


def lost_memory(window: Window) -> Iterator[Check]:
    """Steps at which the change had nothing of the one before it."""
    record = window.settled
    left = record.left_over
    if left is None or record.filter is None or not len(record.filter.weights) or not record.consecutive:
        return
    known = np.isfinite(left)
    if not known.any():
        return
    if (np.abs(left[known]) > FAR_OFF).mean() > SCATTERED:  # another momentum at every step, or too few parameters
        return
    places = np.flatnonzero(without_momentum(record))
    since = int(record.numbered[places[0]]) if len(places) else None
    every = float(np.median(np.diff(places))) if len(places) > 2 else math.nan
    share = len(places) / max(1, int(known.sum()))
    yield Check(
        "steps without momentum", share, 0.0, 0.5 / len(record), 0.0 if len(places) >= OFTEN else 1.0, since=since, amount=every
    )


def without_momentum(record: Record) -> npt.NDArray[np.bool_]:
    """The steps whose change has nothing of the one before it: the state of the optimizer was lost.

    The next gradient may oppose the last change as well. Where SGD lost its state, nothing of the last change is left; an adaptive
    optimizer that begins anew takes one step of full size, and the next gradient has nothing of it.
    """
    left = record.left_over
    if left is None or record.filter is None or record.cosine is None or not len(record.filter.weights):
        return np.zeros(len(record), dtype=bool)
    sizes = record.norms / record.rates
    with np.errstate(all="ignore"):
        if record.filter.innovation is None:
            kept = np.concatenate([[math.nan], record.cosine[1:] * sizes[1:] / sizes[:-1]])
            return np.asarray((left < LOST) & (np.abs(kept) < KEPT))
        grown = np.concatenate([[math.nan] * 2, np.log(sizes[1:-1] / sizes[:-2])])[: len(record)]
        return np.asarray((left < AGAIN) & (grown > DOUBLED))


def _momentum(record: Record) -> float:
    """The momentum with which the changes are made of gradients of the norms that were recorded; NaN if none fits."""
    cosine, norms, sizes = record.cosine, record.gradient_norm, record.norms / record.rates
    assert cosine is not None
    assert norms is not None

    def spread(decay: float) -> float:
        with np.errstate(all="ignore"):
            ratio = np.log(newest_part(sizes, cosine, decay) / norms)
        ratio = ratio[np.isfinite(ratio)]
        return float(np.median(np.abs(ratio))) if len(ratio) else math.inf

    grid = np.linspace(0, 0.999, 200)
    best = min(grid, key=spread)
    fine = min(np.linspace(max(0, best - 0.005), min(0.9999, best + 0.005), 101), key=spread)
    return float(fine) if spread(float(fine)) < IDENTITY / 2 else math.nan
