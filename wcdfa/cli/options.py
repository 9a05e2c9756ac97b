"""Options that several commands take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, make_dataclass
from typing import Annotated, Any, Literal, get_type_hints

from cyclopts import Group, Parameter, validators

from wcdfa.analysis.series import Settings
from wcdfa.cli.door import door
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.update_rules import OPTIMIZERS
from wcdfa.readers.formats.own_patterns import chosen_by, compiled
from wcdfa.support.quantity import QUANTITIES
from wcdfa.support.shortest import LEAST

AtLeastOne = Annotated[int, Parameter(validator=validators.Number(gte=1))]
AtLeastTwo = Annotated[int, Parameter(validator=validators.Number(gte=2))]
Window = Annotated[int, Parameter(validator=validators.Number(gte=LEAST))]
Order = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=4))]
Dimension = Annotated[tuple[AtLeastOne, AtLeastOne], Parameter(negative_iterable=())]
Method = Literal["robust", "gls", "ols"]
Kind = Literal["update-norm", "gradient-norm", "displacement", "loss", "unknown"]
GROUP = Group("Hyperparameters of the optimizer", sort_key=1)


def optimizer_type(table: Mapping[str, type[Optimizer]]) -> Any:
    """The type of ``--optimizer``: a choice among the names in the table."""
    return Literal[tuple(table)]


def hyperparameters_type(table: Mapping[str, type[Optimizer]]) -> type:
    """Make a dataclass with an option for each hyperparameter; its help names the optimizers that have it."""
    users: dict[str, list[type[Optimizer]]] = {}
    for rule in table.values():
        for each in fields(rule):
            users.setdefault(each.name, []).append(rule)
    options = [_option(name, rules, everywhere=len(rules) == len(table)) for name, rules in users.items()]
    made = make_dataclass("Hyperparameters", options, frozen=True, kw_only=True)
    made.__module__ = __name__
    return Parameter(name="*", group=GROUP)(made)


def _option(name: str, rules: list[type[Optimizer]], *, everywhere: bool) -> tuple[str, object, None]:
    """The option for one hyperparameter; all optimizers that have it use the same description and type."""
    text = next(each.metadata["help"] for each in fields(rules[0]) if each.name == name)
    owners = "" if everywhere else f" For {', '.join(rule.name for rule in rules)}."
    kind = get_type_hints(rules[0])[name] | None
    return name, Annotated[kind, Parameter(help=text + owners, group=GROUP, negative_iterable=())], None


Hyperparameters = hyperparameters_type(OPTIMIZERS)
Choice = optimizer_type(OPTIMIZERS)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Judging:
    r"""Options that choose a series and say how it is judged.

    Parameters
    ----------
    column
        Name of the series, or a pattern such as "update_norm/*"; repeat it for several. Default: the column with a usual name for norms ‖ΔW‖.
    pattern
        Regular expression that finds the numbers in the lines of a text log, such as `grad_norm[:=] *(?P<value>\S+)`. Named groups are
        columns: value (called as the name before it), step, lr, loss, or others. Default: numbers after names, as known programs print.
    steps
        The first and last training step to use.
    spacing
        Optimizer steps from one value of the log to the next. Default: as the steps of the log say, or 1. Give it where a log counts
        something else: 1 if its steps are micro-batches and each value is one optimizer step, 10 if it counts rows and holds every 10th step.
    quantity
        What the column holds. Default: what its name tells. Only a norm ‖ΔW‖ ("update-norm") is compared with an optimizer.
    window
        Samples (optimizer steps, if every one was logged) in a window, at least 28, or 50 in watch.
    stride
        Samples from one window to the next. Default: the window, so that windows do not overlap; watch takes a fifth of it.
    order
        Degree of the detrending polynomial, 1 to 4. A smooth trend reads as α near 2 at order 1: compare with 2.
    method
        How α is found: "robust" (to short memory), "gls" (narrower, if there is no short memory), "ols" (the textbook slope).
    optimizer
        The optimizer of the run. It is replayed on gradients without memory, and α is compared with the α that it gives alone.
    dimension
        Rows and columns of the matrices that muon or adafactor changes, because α of these optimizers alone depends on them. Default: 8 8,
        which may explain α, but never shows that it is beyond the optimizer.
    lr
        Learning rate. Default: the column lr or learning_rate of the log, which is used in any case if it varies; the effect of the schedule is
        then removed.
    epoch_length
        Optimizer steps in an epoch: a pattern that repeats every epoch is removed.
    log
        Take the logarithm of the series first. Default: yes, unless a value is negative.
    diagnosis
        Look for faults: what the optimizer does not give, and what changed. A log that holds wcdfa/cosine at each step shows most.
    baseline
        Steps at the start of the series that show what is usual, for the diagnosis. Default: half of them; in watch, 1,000 steps.
    """

    column: list[str] | None = None
    pattern: str | None = None
    steps: tuple[int, int] | None = None
    spacing: AtLeastOne | None = None
    quantity: Kind | None = None
    window: Window = 500
    stride: AtLeastOne | None = None
    order: Order = 1
    method: Method = "robust"
    optimizer: Choice | None = None  # type: ignore[valid-type]  # made from the table
    dimension: Dimension | None = None
    lr: float | None = None
    epoch_length: AtLeastTwo | None = None
    log: bool | None = None
    diagnosis: bool = True
    baseline: AtLeastOne | None = None
    hyperparameters: Hyperparameters = Hyperparameters()  # type: ignore[valid-type]  # noqa: RUF009 - frozen

    def settings(self) -> Settings:
        """Make the settings for the analysis.

        Raises
        ------
        WrongCall
            If an option has no such value, or does not go with the others.
        """
        given = vars(self.hyperparameters) | {"dimension": self.dimension}
        hyperparameters = {name: value for name, value in given.items() if value is not None}
        with door(*given, "lr"):
            if hyperparameters and self.optimizer is None:
                verb = "belongs" if len(hyperparameters) == 1 else "belong"
                msg = f"{' and '.join(hyperparameters)} {verb} to an optimizer: name it with --optimizer"
                raise ValueError(msg)
            if self.lr is not None and not 0 < self.lr < math.inf:
                msg = f"lr must be positive and finite, got {self.lr}"
                raise ValueError(msg)
            if self.steps is not None and self.steps[0] > self.steps[1]:
                msg = f"--steps takes the first step and then the last, got {self.steps[0]} and {self.steps[1]}"
                raise ValueError(msg)
            if self.pattern is not None:
                compiled(self.pattern)
            settings = self._settings(hyperparameters)
            settings.criteria(log=True)
        return settings

    def _settings(self, hyperparameters: Mapping[str, object]) -> Settings:
        quantities = {each.replace(" ", "-"): each for each in QUANTITIES}
        return Settings(
            columns=tuple(self.column or chosen_by(self.pattern)),
            pattern=self.pattern,
            quantity=None if self.quantity is None else quantities[self.quantity],
            spacing=self.spacing,
            steps=self.steps,
            window=self.window,
            stride=self.stride,
            order=self.order,
            method=self.method,
            optimizer=self.optimizer,
            hyperparameters=hyperparameters,
            lr=self.lr,
            epoch_length=self.epoch_length,
            log=self.log,
            diagnosis=self.diagnosis,
            baseline=self.baseline,
        )
