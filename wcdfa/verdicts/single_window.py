"""What a window's α is worth: its regime, its interval, and every mundane explanation that was found for it."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from wcdfa.inference.exponent import DFAResult, DFAWarning, dfa
from wcdfa.inference.spread import spread
from wcdfa.nulls.nulls import NullResult, ShortMemory, compare, optimizer_alphas
from wcdfa.nulls.whittle import Comparison
from wcdfa.preprocess.preparation import Prepared, prepare
from wcdfa.verdicts.findings import LEVEL, MISFIT, Finding, _of_orders, _of_short_memory, _short_memory, describe, of_optimizer
from wcdfa.verdicts.regime import THRESHOLDS, FailureMode, failure_modes, label

EXPLANATIONS = {"saturated": "trend"}


class Verdict(NamedTuple):
    """What `verdict` returns; printing it gives one line."""

    label: str | None
    """"ordered", "critical", "disordered", "undecided", or None where α is undefined."""
    alpha: float
    low: float
    high: float
    findings: tuple[Finding, ...]
    null: NullResult | None
    """α against the optimizer's own; None where no optimizer was named."""
    orders: dict[int, float]
    """α by detrending order."""
    failure_modes: tuple[FailureMode, ...]
    """The failure modes that α does not rule out, and what else each of them needs."""
    result: DFAResult | None
    prepared: Prepared | None
    memory: ShortMemory | None = None
    """α against that of short memory; None where the spectrum does not speak for it."""

    @property
    def explained_by(self) -> tuple[str, ...]:
        """The kinds of findings that suffice to explain α."""
        return tuple(finding.kind for finding in self.findings if finding.explains)

    def __str__(self) -> str:
        """One line: label, α with its interval, and what explains it."""
        if self.label is None:
            return f"no α: {self.findings[-1].text}"
        return f"{self.label}, α = {self.alpha:.2f} ({self.low:.2f}–{self.high:.2f}){': ' if self.explanation else ''}{self.explanation}"

    @property
    def explanation(self) -> str:
        """What explains α, or that the optimizer does not; empty where nothing was found."""
        if self.explained_by:
            return "explained by " + ", ".join(dict.fromkeys(EXPLANATIONS.get(kind, kind) for kind in self.explained_by))
        parts = [f"a trend is {finding.figure:.2f} of it" for finding in self.findings if finding.kind == "trend"]
        if self.null is not None and self.null.p_value < LEVEL:
            parts.append(f"beyond the optimizer (p = {self.null.p_value:.3f})")
        elif self.null is not None and self.alpha < self.null.low:
            parts.append("less than the optimizer alone")
        return ", ".join(parts)


def verdict(
    norms: Any,
    *,
    lr: Any = None,
    steps: Any = None,
    epoch_length: int | None = None,
    log: bool = True,
    spikes: str | None = "hampel",
    zeros: str = "skip",
    order: int = 1,
    method: str = "robust",
    confidence: float = 0.95,
    thresholds: tuple[float, float] = THRESHOLDS,
    optimizer: str | None = None,
    null: Any = None,
    replicates: int = 500,
    seed: int = 0,
    **hyperparameters: Any,
) -> Verdict:
    """Judge one window of norms: prepare it, measure α at several orders, and set it against what else could explain it.

    >>> import numpy as np
    >>> import wcdfa
    >>> from wcdfa.nulls.replay import optimizer_norms
    >>> norms = optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1, seed=4)[0]
    >>> found = wcdfa.verdict(norms, optimizer="sgd", momentum=0.9)
    >>> print(found.label, found.explained_by)
    undecided ('optimizer', 'short memory')
    >>> for finding in found.findings:
    ...     print(finding.text)
    SGD(momentum 0.9) alone gives 0.83–1.12: nothing is left to explain (p = 0.10)
    short memory explains the spectrum better, by 6.2 nats: AR(1) with φ = 0.86

    Parameters
    ----------
    norms : numbers of shape (n,)
        ‖ΔW‖ of one window, one per optimizer step.
    lr, steps, epoch_length, log, spikes, zeros
        As in `wcdfa.preprocess.preparation.prepare`.
    order, method, confidence
        As in `dfa`; the two next higher orders are looked at too.
    thresholds : (float, float)
        As in `wcdfa.verdicts.regime.label`.
    optimizer : str, optional
        As in `wcdfa.nulls.nulls.optimizer_null`, with its hyperparameters. Without it α is not compared with what the optimizer alone gives.
    null : numbers of shape (replicates,), optional
        α of the optimizer alone, from `wcdfa.nulls.nulls.optimizer_alphas`, so that many windows of one length share one replay.
    replicates, seed
        Of the nulls.

    Returns
    -------
    Verdict
        With NaN and a finding that says why where the window has no exponent.

    Raises
    ------
    ValueError, TypeError
        As `prepare`, `dfa` and `optimizer_null`.
    """
    prepared = prepare(norms, lr=lr, log=log, epoch_length=epoch_length, spikes=spikes, zeros=zeros, steps=steps)
    settings: dict[str, Any] = {"order": order, "method": method, "confidence": confidence, "thresholds": thresholds, "seed": seed}
    return of_prepared(
        prepared, lr=lr, log=log, optimizer=optimizer, null=null, replicates=replicates, **settings, **hyperparameters
    )


def of_prepared(
    prepared: Prepared,
    *,
    lr: Any = None,
    log: bool = True,
    order: int = 1,
    method: str = "robust",
    confidence: float = 0.95,
    thresholds: tuple[float, float] = THRESHOLDS,
    optimizer: str | None = None,
    null: Any = None,
    memory: Comparison | None = None,
    replicates: int = 500,
    seed: int = 0,
    **hyperparameters: Any,
) -> Verdict:
    """`verdict` on norms that have been prepared; `memory` is what `wcdfa.nulls.whittle.compare` says of them, where it is known."""
    if hyperparameters and optimizer is None:
        msg = f"{', '.join(hyperparameters)} belongs to an optimizer; name it with optimizer="
        raise TypeError(msg)
    x, breaks = prepared.values, prepared.cuts
    measure = partial(dfa, x, method=method, confidence=confidence, breaks=breaks)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DFAWarning)
        result = measure(order=order)
    findings = [Finding("preparation", text, math.nan, False) for text in prepared.findings]
    alpha, low, high = float(result.alpha), float(result.low), float(result.high)
    if math.isnan(alpha):
        reason = str(caught[-1].message).partition(": ")[2] if caught else "the norms do not fluctuate"
        findings.append(Finding("undefined", reason, math.nan, False))
        return Verdict(None, alpha, low, high, tuple(findings), None, {order: alpha}, (), result, prepared)
    orders = {order: alpha}
    name = label(low, high, thresholds=thresholds)
    findings += _of_orders(measure, order, result, thresholds, orders)
    if result.adequacy < MISFIT:
        text = f"log F(s) bends: no single exponent describes this window (p = {result.adequacy:.2g})"
        findings.append(Finding("misfit", text, float(result.adequacy), False))
    compared = None
    if optimizer is not None or null is not None:
        alphas = null
        if alphas is None:
            assert optimizer is not None
            rates = lr if lr is None or np.ndim(lr) == 0 else np.asarray(lr)[prepared.kept]
            settings: dict[str, Any] = {"order": order, "method": method, "log": log, "breaks": breaks, "lr": rates}
            alphas = optimizer_alphas(len(x), optimizer=optimizer, replicates=replicates, seed=seed, **settings, **hyperparameters)
        compared = compare(alpha, alphas)
        findings.append(of_optimizer(compared, describe(optimizer, hyperparameters)))
    simulation: dict[str, Any] = {"breaks": breaks, "order": order, "method": method, "seed": seed}
    short = _short_memory(x, memory, replicates, **simulation)
    if short is not None:
        findings.append(_of_short_memory(short))
    return Verdict(name, alpha, low, high, tuple(findings), compared, orders, failure_modes(low, high), result, prepared, short)


def undefined(reason: str, order: int) -> Verdict:
    """The verdict on a window that cannot be judged."""
    finding = Finding("undefined", reason, math.nan, False)
    return Verdict(None, math.nan, math.nan, math.nan, (finding,), None, {order: math.nan}, (), None, None)


def spread_of(verdict: Verdict) -> tuple[Any, Any] | None:
    """`spread` of a window that was judged; None where it has no α, or boxes were split in it."""
    if verdict.label is None or verdict.result is None or verdict.prepared is None or verdict.prepared.cuts:
        return None
    return spread(verdict.result, len(verdict.prepared.values), next(iter(verdict.orders)))
