"""Tells whether norms move together with another series of the run, such as the loss: prepared as for α, compared by `wcdfa.coupling`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.cross.coupling import Coupling, coupling
from wcdfa.inference.exponent import SATURATION
from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import Prepared
from wcdfa.preprocess.resolution import FEWEST
from wcdfa.scales import LARGEST_EXACT, SHIPPED
from wcdfa.support.text import ordinal, several, shown
from wcdfa.verdicts.run_alpha import LEAST

Values = npt.NDArray[np.float64]

SAME = 1e-9  # 1 less the correlation: two series nearer to each other are one, up to rounding
NORMS, LOG_NORMS = "‖ΔW‖", "log ‖ΔW‖"


class NormCoupling(NamedTuple):
    """What `norm_coupling` returns; printing it gives one line."""

    name: str
    """What the other series is called."""
    coupling: Coupling | None = None
    """ρ(s) at each box size with its interval and p-values; None if the two were not compared. Sizes count samples, not steps."""
    reason: str | None = None
    """Why the two were not compared; None if they were."""
    n: int = 0
    """Samples that were compared."""
    spacing: int = 1
    """Optimizer steps from one sample to the next."""
    what: str = LOG_NORMS
    """What the other series was compared with."""

    @property
    def p_value(self) -> float:
        """p-value over all box sizes: small if the two move together at any of them. NaN if they were not compared."""
        return math.nan if self.coupling is None else float(self.coupling.p_value)

    @property
    def clearest(self) -> tuple[int, float, float, float]:
        """The box size in samples at which ρ is farthest from 0 in standard deviations, and ρ there with its interval."""
        if self.coupling is None:
            return 0, math.nan, math.nan, math.nan
        with np.errstate(divide="ignore"):
            place = int(np.argmax(np.abs(np.arctanh(self.coupling.rho)) / self.coupling.deviation))
        found = self.coupling
        return int(found.scales[place]), float(found.rho[place]), float(found.low[place]), float(found.high[place])

    def __str__(self) -> str:
        """One line: whether the two move together, or why they were not compared."""
        if self.coupling is None:
            return f"{shown(self.name)}: not compared with {self.what}: {self.reason}"
        thinned = f", at every {ordinal(self.spacing)} step" if self.spacing > 1 else ""
        return f"{shown(self.name)} and {self.what}{thinned}: {self.coupling}"


def norm_coupling(
    norms: npt.ArrayLike,
    other: npt.ArrayLike,
    name: str,
    preparation: Preparation,
    *,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
    order: int = 1,
    replicates: int = 999,
    what: str | None = None,
) -> NormCoupling:
    """Compare norms with another series that has a number, or none, for each of them.

    >>> import wcdfa
    >>> x, noise = wcdfa.synthetic.arfima(1000, d=0.3, batch=(2,), seed=0)
    >>> print(norm_coupling(np.exp(0.1 * x), 2 + x + 2 * noise, "loss", Preparation()))
    loss and log ‖ΔW‖: coupled (p = 0.001): ρ = 0.44 (0.38 to 0.50) at boxes of 3 samples

    Parameters
    ----------
    norms : numbers of shape (n,)
    other : numbers of shape (n,)
        NaN where there is none. The two are compared where both are known, if these are at least 128 steps, evenly spaced.
    name : str
        What the other series is called.
    preparation : Preparation
        What is done to the norms first. Spikes of the other series are replaced alike; its logarithm is not taken.
    lr, steps : numbers of shape (n,), optional
        Learning rate and training step of each norm.
    order, replicates
        As in `wcdfa.coupling`.
    what : str, optional
        What the norms are called. Default: "log ‖ΔW‖", or "‖ΔW‖" if no logarithm is taken.

    Returns
    -------
    NormCoupling
        Its ``str`` is one line. Series that cannot be compared raise no error: its `reason` says why.
    """
    called = what or (LOG_NORMS if preparation.log else NORMS)
    try:
        with np.errstate(all="ignore"):
            return _compared(norms, other, name, preparation, lr, steps, order, replicates, called)
    except (ValueError, ArithmeticError) as error:
        return NormCoupling(name, reason=str(error), what=called)


def _compared(
    norms: npt.ArrayLike,
    other: npt.ArrayLike,
    name: str,
    preparation: Preparation,
    lr: npt.ArrayLike | None,
    steps: npt.ArrayLike | None,
    order: int,
    replicates: int,
    what: str,
) -> NormCoupling:
    x, y = (np.asarray(each, dtype=np.float64) for each in (norms, other))
    known = np.isfinite(y)
    both = int(np.sum(known & np.isfinite(x) & ((x != 0) | (preparation.zeros == "keep"))))
    if both < LEAST:
        return NormCoupling(name, reason=_too_few(both, len(x)), what=what)
    if np.ptp(y[known]) == 0:
        return NormCoupling(name, reason="it is constant", what=what)
    at = np.arange(1, len(x) + 1) if steps is None else np.asarray(steps)
    rate = None if lr is None else np.broadcast_to(np.asarray(lr, dtype=np.float64), x.shape)[known]
    try:
        prepared = preparation.of(x[known], lr=rate, steps=at[known])
    except ValueError as error:
        return NormCoupling(name, reason=str(error) if known.all() else _where_known(known, error), what=what)
    beside = y[known][prepared.kept]
    theirs = Preparation(log=False, spikes=preparation.spikes, zeros="keep").of(beside / np.max(np.abs(beside)))
    if (reason := _reason(x[known][prepared.kept], beside, prepared, theirs)) is not None:
        return NormCoupling(name, reason=reason, what=what)
    found = coupling(prepared.values, theirs.values, breaks=_breaks(prepared, theirs), order=order, replicates=replicates)
    if (reason := _undefined(found, what) or _trend(found, order, what)) is not None:
        return NormCoupling(name, reason=reason, what=what)
    return NormCoupling(name, found, None, len(beside), prepared.spacing, what)


def _too_few(both: int, steps: int) -> str:
    return f"{several(both, 'step', 'steps')} of {steps:,} {'has' if both == 1 else 'have'} both, and at least {LEAST} are needed"


def _where_known(known: npt.NDArray[np.bool_], error: ValueError) -> str:
    there = f"it has a value at {int(known.sum()):,} of {len(known):,} steps"
    return f"{there}, unevenly spaced" if str(error).startswith("steps are irregular") else f"{there}, and there {error}"


def _reason(norms: Values, other: Values, of_norms: Prepared, of_other: Prepared) -> str | None:
    """Why two series would tell nothing that one of them does not."""
    if np.ptp(other) == 0:
        return "it is constant"
    if np.ptp(norms) == 0:
        return "the norms are constant"
    if of_norms.reason is not None:
        return of_norms.reason
    if any(_same(other, each) for each in (norms, np.log(norms))):
        return "it is the same series, up to a factor and a level"
    if of_other.reason is not None and len(np.unique(other)) >= FEWEST:  # a few values, as of a reward, can be compared
        return of_other.reason.replace("the norms", "its values").replace("norm", "value")
    return None


def _same(one: Values, other: Values) -> bool:
    if not np.isfinite(other).all():
        return False
    a, b = (each - each.mean() for each in (one / np.max(np.abs(one)), other / np.max(np.abs(other))))
    return bool(abs(a @ b) > (1 - SAME) * math.sqrt((a @ a) * (b @ b)))


def _breaks(one: Prepared, other: Prepared) -> tuple[int, ...]:
    """The breaks of both. Without any, a length that has no calibration of its own gets one before its last sample."""
    breaks = tuple(sorted({*one.breaks, *other.breaks}))
    n = len(one.values)
    return breaks or (() if n in SHIPPED or n > LARGEST_EXACT else (n - 1,))


def _undefined(found: Coupling, what: str) -> str | None:
    """Why there is no ρ, with the names of the two series."""
    if found.reason is None:
        return None
    which, _, why = found.reason.partition(" ")
    return f"{'it' if which == 'y' else what} {why}"


def _trend(found: Coupling, order: int, what: str) -> str | None:
    """A series that is a trend moves with every other trend, which is no coupling."""
    for alpha, which in ((found.alpha_y, "it is"), (found.alpha_x, f"{what} is")):
        if alpha > order + 1 - SATURATION:
            return f"{which} a trend, with the largest α that order={order} can show; two trends always move together"
    return None
