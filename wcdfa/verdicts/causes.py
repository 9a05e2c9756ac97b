"""Ranks causes: which faults do to the statistics what was found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wcdfa.nulls.optimizer import Optimizer
from wcdfa.verdicts.signatures import CAUSES, Signature

ROUGH = 0.4
"""By how much a signature may be off in another training, beside its spread and `SHARE` of itself."""
SHARE = 0.15
MOST = 1.0
"""Largest spread of a signature that counts: one that fits everything says nothing."""
TAIL = 4.0
"""Degrees of freedom of Student's t, by which an effect that does not fit is weighed."""
EVENTS = ("learning rate", "frozen", "steps without momentum", "smallest steps in a change")
"""Effects without chance in them."""
FACTS = ("frozen",)
"""Effects that a cause must have: no other statistic can make up for groups that do not move."""
EXACT = 2.0
"""How many times as much as another an effect without chance counts."""
DEFINING = {
    "half precision": "smallest steps in a change",
    "frozen": "frozen",
    "state reset": "steps without momentum",
    "learning rate": "learning rate",
}
"""The effect that defines a cause."""
ABSENT = 0.25
"""Effect up to which it is not there."""
FITS = 0.8
"""Misfit for each statistic up to which a cause fits."""
CLEAR = 30.0
"""How many times as likely as the next cause the first one must be to be clear: then it was right in 93 % of runs of a training that the
catalogue did not hold (benchmarks/faults.py)."""


class Cause(NamedTuple):
    """A likely cause."""

    name: str
    """A key of `wcdfa.verdicts.signatures.CAUSES`."""
    weight: float
    """How likely it is among all causes of the catalogue, from 0 to 1, if it is one of them."""
    misfit: float = 0.0
    """How badly its best signature fits: about 0.5 for each statistic by chance, more if none of the catalogue is the cause."""

    @property
    def text(self) -> str:
        """The cause as a sentence without its full stop."""
        return CAUSES[self.name].text

    @property
    def check(self) -> str:
        """What to do first, as a sentence without its full stop."""
        return CAUSES[self.name].check


def ranked(
    effects: Mapping[str, float], catalogue: Iterable[Signature], question: str, optimizer: Optimizer | None = None
) -> list[Cause]:
    """The causes in the order of their likelihood.

    >>> from wcdfa.verdicts.signatures import signatures
    >>> lost = {"steps without momentum": 1.6, "neighbours": 0.0, "near gradients": 0.0, "smallest steps in a change": 0.0}
    >>> ranked(lost, signatures(), "named")[0].name
    'state reset'

    Parameters
    ----------
    effects : dict of numbers
        What was found: `wcdfa.verdicts.effects`.
    catalogue : list of Signature
    question : str
        "change" or "named".
    optimizer : Optimizer, optional
        Signatures of its family are used; of all families if it is unknown.
    """
    family = None if optimizer is None else family_of(optimizer.name)
    best: dict[str, tuple[float, float]] = {}
    for signature in catalogue:
        if signature.question == question and family in (None, family_of(signature.optimizer)) and possible(effects, signature):
            best[signature.cause] = max(best.get(signature.cause, (-math.inf, math.inf)), likelihood(effects, signature))
    if not best:
        return []
    top = max(best.values())[0]
    shares = {name: math.exp(max(value - top, -300.0)) for name, (value, _) in best.items()}
    total = sum(shares.values())
    causes = (Cause(name, share / total, best[name][1] / max(1, len(effects))) for name, share in shares.items())
    return sorted(causes, key=lambda cause: -cause.weight)


def possible(effects: Mapping[str, float], signature: Signature) -> bool:
    """Whether the effect is there without which a cause is none: no weights are rounded, say, if changes are not."""
    name = DEFINING.get(signature.cause)
    if name is None:
        return True
    return abs(signature.effects.get(name, (0.0, 0.0))[0]) > ABSENT and abs(effects.get(name, 1.0)) > ABSENT


def likelihood(effects: Mapping[str, float], signature: Signature) -> tuple[float, float]:
    """Logarithm of how likely the effects are under a signature, and how badly they fit; what the signature lacks may be anything."""
    total = misfits = 0.0
    for name, effect in effects.items():
        mean, spread = signature.effects.get(name, (0.0, MOST))
        scale = math.sqrt(min(spread, MOST) ** 2 + ROUGH**2 + (SHARE * mean) ** 2)
        z = (effect - mean) / scale
        misfit = z * z / 2 if name in FACTS else (TAIL + 1) / 2 * math.log1p(z * z / TAIL)
        misfits += misfit
        total -= (EXACT if name in EVENTS else 1.0) * misfit + math.log(scale)
    return total, misfits


def clear(causes: list[Cause]) -> bool:
    """Whether the first cause is much likelier than the next, and fits."""
    return fits(causes) and (len(causes) == 1 or causes[0].weight > CLEAR * causes[1].weight)


def fits(causes: list[Cause]) -> bool:
    """Whether what was found is what the first cause does elsewhere."""
    return bool(causes) and causes[0].misfit < FITS


def family_of(name: str) -> str:
    """The family of an optimizer: its changes grow with the gradients, or they do not.

    >>> family_of("sgd"), family_of("adamw_99"), family_of("muon")
    ('sgd', 'adaptive', 'adaptive')
    """
    return "sgd" if name.startswith("sgd") else "adaptive"
