"""One α for a whole run, with the probability of each band, that noise of each step does not bias."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.multitaper import SHORTEST
from wcdfa.inference.spectral_posterior import Posterior, spectral_posterior, stretches_of
from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import Prepared, Spikes, Zeros
from wcdfa.verdicts.regime import THRESHOLDS, Regime, checked

LEAST = 128  # norms: fewer cannot tell memory from noise
CERTAIN = 0.95  # a regime is named where its band holds so much of the posterior
ROUNDING = 1e-12  # relative to the largest value: smaller differences are rounding
BANDS: tuple[Regime, ...] = ("disordered", "critical", "ordered")


class RunAlpha(NamedTuple):
    """What `run_alpha` returns; printing it gives one line."""

    alpha: float
    """Median of the posterior of α, dimensionless; NaN if there is no α."""
    low: float
    high: float
    """The interval that holds the true α with a probability of `confidence`."""
    probabilities: Mapping[str, float]
    """Probability of each band: "disordered", "critical" and "ordered"; they add up to 1, and are NaN if there is no α."""
    regime: Regime | None
    """The band that holds at least 95 % of the probability, else "undecided"; None if there is no α."""
    prepared: Prepared | None
    reason: str | None = None
    """Why there is no α; None if there is one."""

    def __str__(self) -> str:
        """One line: α of the run with its interval, and the likeliest regime."""
        if self.regime is None:
            return f"no α of the run: {self.reason}"
        likeliest = max(self.probabilities, key=lambda band: self.probabilities[band])
        share = self.probabilities[likeliest]
        how = "above 0.99" if share > 0.99 else f"{share:.2f}"
        undecided = "" if self.regime == likeliest else "undecided, "
        return f"α of the run {self.alpha:.2f} ({self.low:.2f}–{self.high:.2f}): {undecided}{likeliest} with probability {how}"


def run_alpha(
    norms: npt.ArrayLike,
    *,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
    epoch_length: int | None = None,
    log: bool = True,
    spikes: Spikes = "extreme",
    zeros: Zeros = "skip",
    confidence: float = 0.95,
    thresholds: tuple[float, float] = THRESHOLDS,
) -> RunAlpha:
    """Measure one α for a whole run, whose norms may be a signal with noise of each step on top.

    >>> import numpy as np
    >>> import wcdfa
    >>> rng = np.random.default_rng(2)
    >>> signal = wcdfa.synthetic.arfima(4000, d=0.5, seed=rng)
    >>> noisy = np.exp(0.1 * (signal + signal.std() * rng.standard_normal(4000)))
    >>> print(run_alpha(noisy))
    α of the run 0.94 (0.84–1.03): critical with probability above 0.99
    >>> print(wcdfa.verdict(noisy))
    undecided, α = 0.82 (0.78–0.86)

    The posterior of α comes from the spectrum of the prepared norms. It is averaged over short memory (one pole or zero, or any that
    fades within a few steps), over white noise on top, and over both or neither. The harder these are to tell from long memory, the
    wider the interval. A trend or a drift of α passes for long memory: look at the windows too.

    After a gap, or a step of the level or of the learning rate, the norms may have another level; stretches of fewer than 32 norms
    between two such breaks are left out. Only extreme spikes are replaced: the usual filter takes the tail of heavy-tailed norms for
    spikes, which raises α of a run of 10,000 steps.

    Parameters
    ----------
    norms : numbers of shape (n,)
        ‖ΔW‖ of each optimizer step, in training order.
    lr, steps, epoch_length, log, spikes, zeros
        As in `wcdfa.prepare`.
    confidence : float
        Probability that the interval holds the true α.
    thresholds : (float, float)
        α above which a run is ordered, and below which it is disordered.

    Returns
    -------
    RunAlpha
        With fewer than 128 usable norms, or if they do not fluctuate, α is NaN and `reason` says why.

    Raises
    ------
    ValueError, TypeError
        As `wcdfa.prepare`; if confidence is not between 0 and 1; and if thresholds are not two numbers, the upper one first.

    References
    ----------
    P. Whittle, J. R. Stat. Soc. B 15, 125 (1953), doi:10.1111/j.2517-6161.1953.tb00131.x.
    """
    preparation = Preparation(log=log, epoch_length=epoch_length, spikes=spikes, zeros=zeros)
    return alpha_of(preparation.of(norms, lr=lr, steps=steps), confidence=confidence, thresholds=thresholds)


def alpha_of(prepared: Prepared, *, confidence: float = 0.95, thresholds: tuple[float, float] = THRESHOLDS) -> RunAlpha:
    """`run_alpha` of norms that are prepared already."""
    upper, lower = checked(thresholds)
    if not 0 < confidence < 1:
        msg = f"confidence must be between 0 and 1, got {confidence}; 0.95 is usual"
        raise ValueError(msg)
    reason = _reason(prepared)
    if reason is not None:
        return no_alpha(reason, prepared)
    with np.errstate(all="ignore"):  # squares of what is no logarithm may leave what a float holds
        posterior = spectral_posterior(prepared.values, breaks=prepared.breaks)
    low, alpha, high = (float(posterior.quantile(share)) for share in ((1 - confidence) / 2, 0.5, (1 + confidence) / 2))
    probabilities = _probabilities(posterior, lower, upper)
    certain = [band for band in BANDS if probabilities[band] >= CERTAIN]
    return RunAlpha(alpha, low, high, probabilities, certain[0] if certain else "undecided", prepared)


def alpha_of_run(
    norms: npt.ArrayLike,
    preparation: Preparation,
    *,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    thresholds: tuple[float, float] = THRESHOLDS,
) -> RunAlpha:
    """`run_alpha` of norms that are prepared for windows otherwise; without α, and with the reason, if they cannot be prepared as a whole."""
    if preparation.spikes == "hampel":
        preparation = replace(preparation, spikes="extreme")
    try:
        prepared = preparation.of(norms, lr=lr, steps=steps)
    except ValueError as error:
        return no_alpha(str(error))
    return alpha_of(prepared, confidence=confidence, thresholds=thresholds)


def no_alpha(reason: str, prepared: Prepared | None = None) -> RunAlpha:
    """What is returned for a run that has no α, with the reason."""
    return RunAlpha(math.nan, math.nan, math.nan, dict.fromkeys(BANDS, math.nan), None, prepared, reason)


def _reason(prepared: Prepared) -> str | None:
    """Why a run has no α; None if it has one."""
    if prepared.reason is not None:
        return prepared.reason
    stretches = [prepared.values[span] for span in stretches_of(len(prepared.values), prepared.breaks)]
    usable = sum(map(len, stretches)) if prepared.breaks else len(prepared.values)
    if usable < LEAST:
        unbroken = f" in stretches of {SHORTEST} or more" if prepared.breaks else ""
        return f"the α of a run needs at least {LEAST} norms{unbroken}, and there {'is' if usable == 1 else 'are'} {usable}; record more steps"
    if max(float(np.ptp(each)) for each in stretches) <= ROUNDING * float(np.max(np.abs(prepared.values))):
        return "the norms are constant, so they do not fluctuate"
    return None


def _probabilities(posterior: Posterior, lower: float, upper: float) -> dict[str, float]:
    below, above = float(posterior.below(lower)), 1 - float(posterior.below(upper))
    return dict(zip(BANDS, (below, max(0.0, 1 - below - above), above), strict=True))
