"""Finds where the α of a recorded series left its baseline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wcdfa.inference.rolling import rolling_dfa
from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import Prepared
from wcdfa.verdicts.drift import Alarm, drift_alarms

Values = npt.NDArray[np.float64]

PER_WINDOW = 25  # so many overlapping windows begin within one window's length
FEWEST = 4  # a run shorter than so many windows has no baseline to drift from


def drifts(
    norms: npt.ArrayLike,
    *,
    window: int = 500,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
    **options: object,
) -> tuple[Alarm, ...]:
    """Find where the α of a recorded series left its baseline: prepares densely overlapping windows and calls `wcdfa.drift_alarms`.

    >>> import wcdfa
    >>> drifts(wcdfa.synthetic.white_noise(5000, seed=0), log=False)
    ()

    Parameters
    ----------
    norms : numbers of shape (n,)
        ‖ΔW‖, one per optimizer step. A series shorter than four windows has no drifts.
    window : int
        Samples in a window.
    lr, steps, **options
        As in `wcdfa.prepare`.

    Returns
    -------
    tuple of Alarm
        Steps count from the start of the series.
    """
    preparation = Preparation(**options)  # type: ignore[arg-type]  # it checks them
    return drifts_of(norms, preparation, window=window, lr=lr, steps=steps)


def drifts_of(
    norms: npt.ArrayLike,
    preparation: Preparation,
    *,
    window: int = 500,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
) -> tuple[Alarm, ...]:
    """`drifts` with a given preparation."""
    if np.size(norms) < FEWEST * window:
        return ()
    prepared = preparation.of(norms, lr=lr, steps=steps)
    rolling = rolling_dfa(_level(prepared), window=window, stride=max(1, window // PER_WINDOW), method="gls")
    # leave out a window with a break, which would show the break and not a drift
    gaps = sorted({*prepared.breaks} - {at for at, _ in prepared.level_steps})
    split = np.searchsorted(gaps, rolling.starts, "right") < np.searchsorted(gaps, rolling.stops, "left")
    alpha = np.where(split | (prepared.reason is not None), np.nan, rolling.result.alpha)
    stops = prepared.kept[rolling.stops - 1] + 1
    return drift_alarms(alpha, rolling.result.stderr, stops, window=window)


def _level(prepared: Prepared) -> Values:
    """The values without the steps of their level: windows across a step stay comparable, and a change of α there is seen at once."""
    level = np.zeros(len(prepared.values))
    for at, height in prepared.level_steps:
        level[at:] += height
    without: Values = prepared.values - level
    return without
