"""..."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from wcdfa.inference.exponent import DFAResult, DFAWarning
from wcdfa.nulls.nulls import DECISIVE, NullResult, ShortMemory, short_memory
from wcdfa.nulls.update_rules import OPTIMIZERS, named
from wcdfa.nulls.whittle import SHORTEST, Comparison, memories
from wcdfa.verdicts.regime import label

LEVEL = 0.05  # p-value from which on the optimizer or short memory explains α


MISFIT = 0.01  # p-value of the misfit below which no single exponent describes the window


# α of a higher order is lower by that many of its standard errors in less than 1 % of series without a trend (n = 256 to 1,024)
TREND = {1: 1.7, 2: 2.0}


HIGHEST_ORDER = 4


# replicates of short memory that will do where so large a share of them reaches α: more would not bring it below the level
FIRST, CLEAR = 100, 0.15


class Finding(NamedTuple):
    """One thing that was found, in plain words."""

    kind: str
    """"trend", "saturated", "optimizer", "short memory", "misfit", "preparation" or "undefined"."""
    text: str
    figure: float
    """The number that the text is about: what a trend or a null leaves of α, a p-value, a count."""
    explains: bool
    """Whether it suffices to explain α, so that nothing need be read into it."""


def _of_orders(
    measure: Callable[..., DFAResult],
    order: int,
    result: DFAResult,
    thresholds: tuple[float, float],
    orders: dict[int, float],
) -> list[Finding]:
    """Add the α of higher orders to `orders`: a trend that they see through is not in them.

    A trend suffices where without it the interval is not in the same band any more.
    """
    found = []
    alpha = float(result.alpha)
    name = label(float(result.low), float(result.high), thresholds=thresholds)
    if result.saturated:
        text = f"α is at the ceiling of order {order}, {order + 1}: what it shows is a smooth trend"
        found.append(Finding("saturated", text, alpha, True))
    for more, factor in TREND.items():
        higher = order + more
        if higher > HIGHEST_ORDER:
            break
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DFAWarning)
                other = measure(order=higher)
        except ValueError:  # the window is long enough for this order only
            break
        orders[higher] = float(other.alpha)
        drop = alpha - orders[higher]
        if drop > factor * float(other.stderr) and not any(finding.kind == "trend" for finding in found):
            text = f"order {higher} says {orders[higher]:.2f}: a trend explains {drop:.2f} of α"
            without = label(float(other.low), float(other.high), thresholds=thresholds)
            found.append(Finding("trend", text, drop, without != name or name == "undecided"))
    return found


def describe(optimizer: str | None, hyperparameters: dict[str, Any]) -> str:
    """Name an optimizer as people write it.

    >>> describe("adamw", {"betas": (0.9, 0.99), "weight_decay": 0.1}), describe("sgd", {}), describe("sgd", {"momentum": 0.9})
    ('AdamW(0.9, 0.99)', 'SGD', 'SGD(momentum 0.9)')
    """
    if optimizer is None:
        return "the optimizer"
    return str(named(optimizer, hyperparameters)) if optimizer in OPTIMIZERS else optimizer


def of_optimizer(compared: NullResult, name: str) -> Finding:
    """What is left of α beyond what the optimizer of that name gives."""
    if math.isnan(compared.median):
        text = f"{name} alone has no α: its ‖ΔW‖ is constant, as where every gradient is clipped"
        return Finding("optimizer", text, math.nan, False)
    beyond, below = compared.p_value < LEVEL, compared.alpha < compared.low
    rest = f"nothing is left to explain (p = {compared.p_value:.2f})"
    if beyond:
        rest = f"α is {compared.excess:.2f} above its median (p = {compared.p_value:.3f})"
    elif below:
        rest = f"α is {-compared.excess:.2f} below its median, so the gradients undo some of it"
    text = f"{name} alone gives {compared.low:.2f}–{compared.high:.2f}: {rest}"
    return Finding("optimizer", text, compared.excess, not beyond and not below)


def _short_memory(x: Any, memory: Comparison | None, replicates: int, **simulation: Any) -> ShortMemory | None:
    """α against that of short memory, where the spectrum speaks for it."""
    if len(x) < SHORTEST:
        return None
    fitted = memories(x[None])[0] if memory is None else memory
    if not fitted.nats > DECISIVE:
        return None
    found = short_memory(x, replicates=min(FIRST, replicates), log=False, fitted=fitted, **simulation)
    if found.p_value < CLEAR and replicates > FIRST:
        found = short_memory(x, replicates=replicates, log=False, fitted=fitted, **simulation)
    return None if math.isnan(found.nats) else found


def _of_short_memory(found: ShortMemory) -> Finding:
    """It explains an α that its own simulation reaches."""
    named = "φ = {phi:.2f}" if found.model == "AR(1)" else "φ = {phi:.2f}, θ = {theta:.2f}"
    text = f"short memory explains the spectrum better, by {found.nats:.1f} nats: {found.model} with {named.format(**found.parameters)}"
    if found.p_value < LEVEL:
        text += f", though it gives α of {found.low:.2f}–{found.high:.2f} only"
    return Finding("short memory", text, found.nats, found.p_value >= LEVEL)
