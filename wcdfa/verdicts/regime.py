"""Names the regime of an α, and lists the failure modes that have been proposed for it.

The bands are a proposal of the metric's author (doi:10.5281/zenodo.19389821), not results: plain momentum puts a run without any
memory of its own into the band called critical. `wcdfa.verdict` says what else explains an α.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

THRESHOLDS = (1.2, 0.8)
SEALED = 1.5
ACCURACY, LOSS = "accuracy on data that are new to the run", "whether the loss still falls"

Regime = Literal["ordered", "critical", "disordered", "undecided"]


class FailureMode(NamedTuple):
    """A way in which training may go wrong, as proposed for α."""

    name: str
    low: float
    """It is considered only if α is above this …"""
    high: float
    """… and below this."""
    visible: bool
    """Whether it can be seen in α at all."""
    meaning: str
    needs: str
    """What else has to be measured before one may use the name."""


FAILURE_MODES = (
    FailureMode(
        "sealed",
        SEALED,
        math.inf,
        True,
        "updates that only continue what came before: new data no longer change the course",
        f"higher orders (a smooth trend alone gives this at order 1), and {ACCURACY}",
    ),
    FailureMode(
        "dissolved",
        -math.inf,
        THRESHOLDS[1],
        True,
        "updates without a course: each step forgets the last",
        f"the optimizer null (without momentum this is normal), and {LOSS}",
    ),
    FailureMode(
        "captured",
        THRESHOLDS[1],
        THRESHOLDS[0],
        False,
        "healthy dynamics towards the wrong goal, as in reward hacking",
        "the intended goal itself, measured apart from the training loss",
    ),
    FailureMode(
        "against-self",
        THRESHOLDS[1],
        THRESHOLDS[0],
        False,
        "healthy dynamics that work against the network's own aims, as under an adversary",
        "behaviour under adversarial input, compared with clean input",
    ),
)


def label(low: float, high: float, *, thresholds: tuple[float, float] = THRESHOLDS) -> Regime | None:
    """Name the regime of an interval of α: "ordered", "critical" or "disordered" if all of it is inside that band, else "undecided".

    >>> label(0.9, 1.1), label(1.0, 1.3), label(1.3, 1.6), label(float("nan"), 1.0)
    ('critical', 'undecided', 'ordered', None)

    Parameters
    ----------
    low, high : float
        Confidence interval of α, dimensionless.
    thresholds : (float, float)
        α above which a run is ordered, and below which it is disordered.

    Returns
    -------
    str or None
        None if the interval is NaN.

    Raises
    ------
    ValueError
        If thresholds are not two numbers, the upper one first.
    """
    upper, lower = checked(thresholds)
    if math.isnan(low) or math.isnan(high):
        return None
    if low > upper:
        return "ordered"
    if high < lower:
        return "disordered"
    return "critical" if lower <= low and high <= upper else "undecided"


def failure_modes(low: float, high: float) -> tuple[FailureMode, ...]:
    """List the failure modes that an interval of α does not rule out: those whose band holds the interval.

    >>> [mode.name for mode in failure_modes(0.9, 1.1)], [mode.name for mode in failure_modes(1.55, 1.9)]
    (['captured', 'against-self'], ['sealed'])
    """
    return tuple(mode for mode in FAILURE_MODES if mode.low <= low and high <= mode.high)


def checked(thresholds: tuple[float, float]) -> tuple[float, float]:
    """Return the two thresholds; raise a ValueError unless they are two numbers, the upper one first."""
    try:
        upper, lower = thresholds
    except (TypeError, ValueError) as error:
        msg = f"thresholds must be two numbers, the upper one first, got {thresholds!r}; {THRESHOLDS} is usual"
        raise ValueError(msg) from error
    if not upper > lower:
        msg = f"thresholds must be (upper, lower) with upper above lower, got {thresholds}; {THRESHOLDS} is usual"
        raise ValueError(msg)
    return upper, lower
