"""All options for judging windows, in one object: it is made once, from the options that a user gives, and passed on."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from wcdfa.inference.measurement import Measurement
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.replay import shape_of
from wcdfa.nulls.simulation import Simulation
from wcdfa.nulls.suggestions import closest
from wcdfa.nulls.update_rules import OPTIMIZERS, resolved, with_hyperparameters
from wcdfa.preprocess.options import Preparation
from wcdfa.support.quantity import QUANTITIES, Quantity
from wcdfa.verdicts.regime import THRESHOLDS, checked

Part = TypeVar("Part", Preparation, Measurement, Simulation)
REPLAYED = ("start", "dimension")  # options of a `Simulation` that only the replay of an optimizer takes
OPTIONS = (
    *(each.name for part in (Preparation, Measurement, Simulation) for each in fields(part)),
    *("thresholds", "optimizer", "quantity", "thinned", "lr", "steps", "gradient_norm", "null", "window", "stride"),
)
"""All that `wcdfa.verdict` and `wcdfa.verdicts.judge` take besides hyperparameters."""


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """How norms are prepared, how α is measured and named, and what it is compared with.

    >>> criteria = Criteria.given(order=2, optimizer="sgd", momentum=0.9)
    >>> criteria.measurement.order, str(criteria.optimizer)
    (2, 'SGD(momentum 0.9)')
    >>> criteria.changed(momentum=0.5).optimizer.momentum
    0.5
    """

    preparation: Preparation = field(default_factory=Preparation)
    measurement: Measurement = field(default_factory=Measurement)
    thresholds: tuple[float, float] = THRESHOLDS
    optimizer: Optimizer | None = None
    simulation: Simulation = field(default_factory=Simulation)
    quantity: Quantity = "update norm"
    """What the norms are; only update norms and gradient norms are compared with anything."""
    thinned: int | None = None
    """Optimizer steps from one norm to the next; None takes what the steps say."""
    unknown: str | None = None
    """Why the optimizer is not known, if a recorder can tell."""
    incomparable: str | None = None
    """Why the norms are compared with nothing, although norms of their quantity are; None if they are compared."""

    def __post_init__(self) -> None:
        checked(self.thresholds)
        if self.quantity not in QUANTITIES:
            msg = f"quantity must be one of {', '.join(map(repr, QUANTITIES))}, got {self.quantity!r}"
            raise ValueError(msg)
        if self.thinned is not None and self.thinned < 1:
            msg = f"thinned must be at least 1, got {self.thinned}: it is how many optimizer steps there are from one norm to the next"
            raise ValueError(msg)
        if self.optimizer is not None:
            shape_of(self.optimizer, self.simulation.dimension)

    @classmethod
    def given(cls, **options: object) -> Criteria:
        """Make the criteria from options of `wcdfa.verdict`, except those that are data: lr, steps, gradient_norm and null.

        Raises
        ------
        ValueError, TypeError
            If a value or a name is unknown; the message lists those that are known.
        """
        if "unknown" in options:
            raise TypeError(_unknown("unknown"))
        return cls().changed(**options)

    def changed(self, **options: object) -> Criteria:
        """The same but for these options, named as in `wcdfa.verdict`; another optimizer begins with its own defaults."""
        _check_replayed(options, self.optimizer)
        preparation, measurement = _changed(self.preparation, options), _changed(self.measurement, options)
        simulation = _changed(self.simulation, options)
        own = {
            name: options.pop(name, getattr(self, name))
            for name in ("thresholds", "quantity", "thinned", "unknown", "incomparable")
        }
        optimizer = _optimizer(options.pop("optimizer", self.optimizer), self.optimizer, options)
        return Criteria(
            preparation=preparation,
            measurement=measurement,
            simulation=simulation,
            optimizer=optimizer,
            **own,  # type: ignore[arg-type]  # checked when it is made
        )


def _changed(part: Part, options: dict[str, object]) -> Part:
    """The part with its own options changed; they are taken out of `options`."""
    own = {name: options.pop(name) for name in [*vars(part)] if name in options}
    return replace(part, **own) if own else part  # type: ignore[arg-type]  # each part checks its own


def _check_replayed(options: dict[str, object], before: Optimizer | None) -> None:
    """Raise a TypeError where options of the replay are given, and no optimizer that could be replayed."""
    alone = [name for name in REPLAYED if options.get(name) is not None]
    if alone and options.get("optimizer", before) is None:
        msg = f"{', '.join(alone)} belongs to an optimizer; name the optimizer with optimizer="
        raise TypeError(msg)


def _optimizer(given: object, before: Optimizer | None, hyperparameters: dict[str, object]) -> Optimizer | None:
    """The optimizer with these hyperparameters. If it is the same as before, it keeps the others that it had."""
    if given is None:
        for name in hyperparameters:
            raise TypeError(_unknown(name))
        return None
    kept = before if before is not None and before.name == given else given
    own = resolved(kept, {})  # type: ignore[arg-type]  # it checks what was given
    return with_hyperparameters(own, hyperparameters, OPTIONS)


def _unknown(name: str) -> str:
    """The message for a name that is no option, if no optimizer is given."""
    owners = [rule.name for rule in OPTIMIZERS.values() if any(each.name == name for each in fields(rule))]
    if owners:
        return f"{name} belongs to an optimizer, or is misspelled; give optimizer= as well: {', '.join(owners)}"
    hyperparameters = {each.name for rule in OPTIMIZERS.values() for each in fields(rule)}
    hint = closest(name, [*OPTIONS, *sorted(hyperparameters)])
    return f"{name} belongs to an optimizer, or is misspelled; {hint or 'the options are ' + ', '.join(OPTIONS)}"
