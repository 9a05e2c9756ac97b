"""Tells whether norms move together with another series of the run, such as the loss: prepared as for α, compared by `wcdfa.coupling`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.cross.coupling import Coupling, check_null
from wcdfa.inference.exponent import SATURATION
from wcdfa.kernel.checks import check_order
from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import Prepared
from wcdfa.preprocess.resolution import FEWEST, VALUES, no_fluctuation
from wcdfa.support.text import ordinal, several, shown
from wcdfa.verdicts.run_alpha import LEAST
from wcdfa.verdicts.shared_trend import Beyond, Pair, beyond_trends

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
    """What it was compared with."""
    beyond: int | None = None
    """The higher detrending order that decided, because the two look coupled at the order asked for as two trends do; else None."""

    @property
    def p_value(self) -> float:
        """p-value over all box sizes: small if the two move together at any of them. NaN if they were not compared."""
        return math.nan if self.coupling is None else float(self.coupling.p_value)

    @property
    def clearest(self) -> tuple[int, float, float, float]:
        """The box size in samples at which ρ is farthest from 0 in standard deviations, and ρ there with its interval."""
        if self.coupling is None:
            return 0, math.nan, math.nan, math.nan
        found = self.coupling.clearest
        return found.size, found.rho, found.low, found.high

    def __str__(self) -> str:
        """One line: whether the two move together, or why they were not compared."""
        if self.coupling is None:
            return f"{shown(self.name)}: not compared with {self.what}: {self.reason}"
        thinned = f", at every {ordinal(self.spacing)} step" if self.spacing > 1 else ""
        return f"{shown(self.name)} and {self.what}{thinned}: {self.coupling}{self._beyond()}"

    def _beyond(self) -> str:
        if self.beyond is None:
            return ""
        return f", at order={self.beyond}, which removes more of the trends; two trends look coupled at a lower one"


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
        As in `wcdfa.coupling`. A coupling that is found at this order is looked for at a higher one too, since two series that follow
        a trend each, such as two decays, look coupled. If both do, what is left at the higher order is reported, or why they cannot be
        compared: see `NormCoupling.beyond`.
    what : str, optional
        What the norms are called. Default: "log ‖ΔW‖", or "‖ΔW‖" if no logarithm is taken.

    Returns
    -------
    NormCoupling
        Up to 1,024 samples, a length whose calibration does not come with the package is compared without its last sample, which saves
        the seconds that a calibration takes.

    Raises
    ------
    TypeError, ValueError
        If the order, the number of replicates or the length of an input is wrong. Two series that cannot be compared are no error.
    """
    check_order(order)
    check_null("memory", replicates)
    x, y = _checked(norms, other, lr, steps)
    called = what or (LOG_NORMS if preparation.log else NORMS)
    try:
        with np.errstate(all="ignore"):
            return _compared(x, y, name, preparation, lr, steps, order, replicates, called)
    except (ValueError, ArithmeticError) as error:
        return NormCoupling(name, reason=str(error), what=called)


def _checked(
    norms: npt.ArrayLike, other: npt.ArrayLike, lr: npt.ArrayLike | None, steps: npt.ArrayLike | None
) -> tuple[Values, Values]:
    """The two series as numbers; raises if an input has another length than the norms."""
    x, y = (np.asarray(each, dtype=np.float64) for each in (norms, other))
    if x.ndim != 1:
        msg = f"norms must be one series, of shape (n,), got shape {x.shape}"
        raise ValueError(msg)
    for name, each in (("other", y), ("steps", steps), ("lr", lr)):
        shape = np.shape(each)  # type: ignore[arg-type]  # np.shape(None) is ()
        if shape != x.shape and not (shape == () and name != "other"):
            msg = f"{name} must have a number for each of the {len(x):,} norms, got shape {shape}"
            raise ValueError(msg)
    return x, y


def _compared(
    x: Values,
    y: Values,
    name: str,
    preparation: Preparation,
    lr: npt.ArrayLike | None,
    steps: npt.ArrayLike | None,
    order: int,
    replicates: int,
    what: str,
) -> NormCoupling:
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
    pair = Pair(prepared.values, theirs.values, tuple(sorted({*prepared.breaks, *theirs.breaks})))
    found = pair.coupling(order, replicates)
    if (reason := _undefined(found, what) or _trend(found, order, what)) is not None:
        return NormCoupling(name, reason=reason, what=what)
    left = beyond_trends(pair, found, order, replicates)
    if left.coupling is None:
        return NormCoupling(name, reason=_both_trends(left), what=what)
    return NormCoupling(
        name, left.coupling, None, len(beside), prepared.spacing, what, left.order if left.coupling is not found else None
    )


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
        return no_fluctuation(other / np.max(np.abs(other)), of_other.values, of_other.breaks, log=False, names=VALUES)
    return None


def _same(one: Values, other: Values) -> bool:
    if not np.isfinite(other).all():
        return False
    a, b = (each - each.mean() for each in (one / np.max(np.abs(one)), other / np.max(np.abs(other))))
    return bool(abs(a @ b) > (1 - SAME) * math.sqrt((a @ a) * (b @ b)))


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


def _both_trends(left: Beyond) -> str:
    return f"both follow a trend that order={left.order} does not remove, and two trends always move together"
