"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, make_dataclass
from typing import Annotated, Any, Literal, get_type_hints

from cyclopts import Group, Parameter, validators

from wcdfa.analysis.series import Settings
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.nulls.update_rules import OPTIMIZERS
from wcdfa.preprocess.preparation import LEAST

AtLeastOne = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Window = Annotated[int, Parameter(validator=validators.Number(gte=LEAST))]
Order = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=4))]
Method = Literal["robust", "gls", "ols"]
GROUP = Group("Hyperparameters of the optimizer", sort_key=1)


def optimizer_type(table: Mapping[str, type[Optimizer]]) -> Any:
    """The type of ``--optimizer``: a choice of the names in the table."""
    return Literal[tuple(table)]


def hyperparameters_type(table: Mapping[str, type[Optimizer]]) -> type:
    """A dataclass with an option for each hyperparameter of the optimizers in the table, and what each is of whom."""
    users: dict[str, list[type[Optimizer]]] = {}
    for rule in table.values():
        for each in fields(rule):
            users.setdefault(each.name, []).append(rule)
    options = [_option(name, rules, everywhere=len(rules) == len(table)) for name, rules in users.items()]
    made = make_dataclass("Hyperparameters", options, frozen=True, kw_only=True)
    made.__module__ = __name__
    return Parameter(name="*", group=GROUP)(made)


def _option(name: str, rules: list[type[Optimizer]], *, everywhere: bool) -> tuple[str, object, None]:
    """The option of one hyperparameter, which the rules that have it describe in the same words and types."""
    text = next(each.metadata["help"] for each in fields(rules[0]) if each.name == name)
    owners = "" if everywhere else f" Of {', '.join(rule.name for rule in rules)}."
    kind = get_type_hints(rules[0])[name] | None
    return name, Annotated[kind, Parameter(help=text + owners, group=GROUP, negative_iterable=())], None


Hyperparameters = hyperparameters_type(OPTIMIZERS)
Choice = optimizer_type(OPTIMIZERS)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Judging:
    """Which series, and how it is judged.

    Parameters
    ----------
    column
        Name of the series, or a pattern such as "update_norm/*"; repeat it for several. Default: what is named as norms ‖ΔW‖ usually are.
    steps
        The first and last training step to look at.
    spacing
        Steps of the log from one optimizer step to the next. A log in which steps are left out is refused: α of every 10th norm is that
        of another series.
    window
        Samples (optimizer steps) in a window.
    stride
        Samples from one window to the next. Default: the window, so that windows are independent.
    order
        Degree of the detrending polynomial, 1 to 4. A smooth trend reads as α near 2 at order 1: compare with 2.
    method
        How α is found: "robust" to short memory, "gls" (narrower, if there is none), "ols" (the textbook slope).
    optimizer
        The optimizer of the run: it is replayed on gradients without memory, and α compared with what it gives alone.
    lr
        Learning rate. Default: what the log calls lr or learning_rate. If it varies, the schedule is taken out.
    epoch_length
        Optimizer steps in an epoch: the pattern that repeats with it is taken out.
    log
        Take the logarithm of the series first. Default: where nothing in it is negative.
    """

    column: list[str] | None = None
    steps: tuple[int, int] | None = None
    spacing: AtLeastOne = 1
    window: Window = 500
    stride: AtLeastOne | None = None
    order: Order = 1
    method: Method = "robust"
    optimizer: Choice | None = None  # type: ignore[valid-type]  # made of the table
    lr: float | None = None
    epoch_length: int | None = None
    log: bool | None = None
    hyperparameters: Hyperparameters = Hyperparameters()  # type: ignore[valid-type]  # noqa: RUF009 - frozen

    def settings(self) -> Settings:
        """For the analysis.

        Raises
        ------
        ValueError
            If there are hyperparameters without an optimizer.
        """
        hyperparameters = {name: value for name, value in vars(self.hyperparameters).items() if value is not None}
        if hyperparameters and self.optimizer is None:
            msg = f"{', '.join(hyperparameters)} only mean something for an optimizer: name it with --optimizer"
            raise ValueError(msg)
        return Settings(
            columns=tuple(self.column or ()),
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
        )
