"""The verdict on one window: its regime, the interval of its α, and every ordinary explanation that was found for it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.inference.calibration import Method
from wcdfa.inference.exponent import DFAResult
from wcdfa.inference.fluctuation_spread import spread
from wcdfa.nulls.comparison import NullCurve
from wcdfa.nulls.nulls import NullResult, ShortMemory
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.preprocess.preparation import Prepared, Spikes, Zeros
from wcdfa.support.quantity import Quantity
from wcdfa.synthetic import Seed
from wcdfa.verdicts.alongside import Alongside, check_gradients, parted
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.evidence import Evidence, of_norms
from wcdfa.verdicts.findings import Finding, found
from wcdfa.verdicts.regime import THRESHOLDS, FailureMode, Regime, failure_modes

Values = npt.NDArray[np.float64]


class Verdict(NamedTuple):
    """What `verdict` returns; printing it gives one line."""

    regime: Regime | None
    """"ordered", "critical", "disordered", "undecided", or None if there is no α."""
    alpha: float
    low: float
    high: float
    findings: tuple[Finding, ...]
    null: NullResult | None
    """α among the α of its optimizer on gradients without memory; None if it was not compared."""
    orders: dict[int, float]
    """α at each detrending order."""
    failure_modes: tuple[FailureMode, ...]
    """The failure modes that α does not rule out; each says what else it needs."""
    result: DFAResult | None
    prepared: Prepared | None
    memory: ShortMemory | None = None
    """α compared with the α of short memory; None if the spectrum does not favor short memory."""
    reason: str | None = None
    """Why there is no α; None if there is one."""
    p_value: float = math.nan
    """p of the whole curve log F(s) against everything that the optimizer gives on gradients without memory; NaN if it was not compared."""
    compared: str | None = None
    """What the window was compared with, in words; None if with nothing."""
    null_curve: NullCurve | None = None
    """F(s) that its optimizer gives on gradients without memory; None if it was not compared."""

    @property
    def label(self) -> Regime | None:
        """Earlier name of `regime`."""
        return self.regime

    @property
    def explained_by(self) -> tuple[str, ...]:
        """The kinds of findings that are enough to explain α."""
        return tuple(finding.kind for finding in self.findings if finding.explains)

    def __str__(self) -> str:
        """One line: what explains α, or else its regime, then α with its interval, and what was found beside."""
        if self.regime is None:
            return f"no α: {self.reason}"
        measured = f"α = {self.alpha:.2f} ({self.low:.2f}–{self.high:.2f})"
        if self.explained_by:
            return f"{self.explanation}: {measured}"
        bends = self.regime == "undecided" and any(finding.kind == "misfit" for finding in self.findings)
        why = ", because log F(s) bends" if bends else ""
        return ": ".join(filter(None, [f"{self.regime}, {measured}{why}", self.explanation]))

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the line, its meaning, and what to do."""
        from wcdfa.verdicts.verdict_card import verdict_card  # noqa: PLC0415 - only notebooks need it

        return verdict_card(self)

    @property
    def explanation(self) -> str:
        """What explains α, or contributes without explaining all of it; empty if nothing was found."""
        if self.explained_by:
            return "explained by " + ", ".join(dict.fromkeys(finding.brief for finding in self.findings if finding.explains))
        return ", ".join(finding.brief for finding in self.findings if finding.brief)


def verdict(
    norms: npt.ArrayLike,
    *,
    lr: npt.ArrayLike | None = None,
    steps: npt.ArrayLike | None = None,
    epoch_length: int | None = None,
    log: bool = True,
    spikes: Spikes = "hampel",
    zeros: Zeros = "skip",
    order: int = 1,
    method: Method = "robust",
    confidence: float = 0.95,
    thresholds: tuple[float, float] = THRESHOLDS,
    optimizer: str | Optimizer | None = None,
    null: npt.ArrayLike | None = None,
    quantity: Quantity = "update norm",
    thinned: int | None = None,
    gradient_norm: npt.ArrayLike | None = None,
    replicates: int = 500,
    seed: Seed = 0,
    **hyperparameters: object,
) -> Verdict:
    """Judge one window of norms: prepare it, measure α at several orders, and compare α with what else could explain it.

    >>> import numpy as np
    >>> import wcdfa
    >>> from wcdfa.nulls.replay import optimizer_norms
    >>> norms = optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1, seed=4)[0]
    >>> found = wcdfa.verdict(norms, optimizer="sgd", momentum=0.9)
    >>> print(found.regime, found.explained_by, found.compared)
    undecided ('optimizer', 'short memory') SGD(momentum 0.9) on gradients without memory
    >>> found.p_value > 0.05
    True

    Parameters
    ----------
    norms : numbers of shape (n,)
        ‖ΔW‖ of one window, one per optimizer step.
    lr, steps, epoch_length, log, spikes, zeros
        As in `wcdfa.prepare`. Steps count optimizer steps from 1; without them it is unknown whether the window holds the start of the run.
    order, method, confidence
        As in `wcdfa.dfa`. The two next higher orders are measured too.
    thresholds : (float, float)
        As in `wcdfa.verdicts.label`.
    optimizer : str or Optimizer, optional
        The window is compared with replays of this optimizer on gradients without memory of many kinds: white, with a mean, of batches of
        unequal scale, on a quadratic. Without it, it is not compared.
    null : numbers of shape (replicates,), optional
        α of the optimizer alone, to compare α with instead.
    quantity : str
        What the norms are, one of `wcdfa.support.quantity.QUANTITIES`. A gradient norm is compared with white gradients, others with nothing.
    thinned : int, optional
        Optimizer steps from one norm to the next, if only every so many were logged; replays are thinned too. Default: the distance of the
        steps. Give 1 if the steps count something else, such as micro-batches.
    gradient_norm : numbers of shape (n,), optional
        ‖g‖ at each step. The replays then have gradients of these sizes: what is left is not in the size of the gradients.
    replicates, seed
        Number of simulations for each null, and their seed.
    **hyperparameters
        Hyperparameters of the optimizer, those that vary as an array with a value for each norm; and `start`, the steps that it took before
        the window, and `dimension` as in `wcdfa.nulls.optimizer_null`.

    Returns
    -------
    Verdict
        If the window has no exponent, α is NaN and `reason` says why.

    Raises
    ------
    ValueError, TypeError
        As `wcdfa.prepare`, `wcdfa.dfa` and `wcdfa.nulls.optimizer_null`.
    """
    options, varying = parted(hyperparameters)
    check_gradients(gradient_norm, optimizer)
    criteria = Criteria.given(
        epoch_length=epoch_length,
        log=log,
        spikes=spikes,
        zeros=zeros,
        order=order,
        method=method,
        confidence=confidence,
        thresholds=thresholds,
        optimizer=optimizer,
        quantity=quantity,
        thinned=thinned,
        replicates=replicates,
        seed=seed,
        **options,
    )
    beside = Alongside(lr=lr, steps=steps, gradient_norm=gradient_norm, varying=varying)
    with np.errstate(all="ignore"):  # squares of what is no logarithm may leave what a float holds
        return weighed(of_norms(norms, criteria, beside, null=null))


def weighed(evidence: Evidence) -> Verdict:
    """Turn the evidence into a verdict."""
    comparison = evidence.comparison
    orders = {evidence.criteria.measurement.order: evidence.alpha}
    return Verdict(
        regime=evidence.regime,
        alpha=evidence.alpha,
        low=evidence.low,
        high=evidence.high,
        findings=found(evidence),
        null=evidence.null,
        orders=orders | {order: float(each.alpha) for order, each in evidence.higher.items()},
        failure_modes=failure_modes(evidence.low, evidence.high),
        result=evidence.result,
        prepared=evidence.prepared,
        memory=evidence.memory,
        reason=evidence.reason,
        p_value=evidence.p_value,
        compared=None if comparison is None or math.isnan(comparison.found.null.median) else comparison.against,
        null_curve=None if comparison is None or comparison.unlike is not None else comparison.found.curve,
    )


def without_alpha(reason: str, criteria: Criteria) -> Verdict:
    """The verdict on a window that has no α."""
    return weighed(Evidence(criteria=criteria, reason=reason))


def spread_of(verdict: Verdict) -> tuple[Values, Values] | None:
    """`wcdfa.inference.spread` for a judged window; None if it has no α, or if boxes were split in it."""
    if verdict.regime is None or verdict.result is None or verdict.prepared is None or verdict.prepared.cuts:
        return None
    return spread(verdict.result, len(verdict.prepared.values), next(iter(verdict.orders)))
