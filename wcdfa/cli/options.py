"""Options that several commands take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Parameter, validators

from wcdfa.analysis.series import Settings
from wcdfa.preprocess.preparation import LEAST

AtLeastOne = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Window = Annotated[int, Parameter(validator=validators.Number(gte=LEAST))]
Order = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=4))]
Method = Literal["robust", "gls", "ols"]
Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]


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
    betas
        Of adam and adamw.
    momentum
        Of sgd and rmsprop.
    nesterov
        Of sgd.
    weight_decay
        Of the optimizer.
    clip_norm
        Norm that gradients are clipped to, in units of their typical norm.
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
    optimizer: Optimizer | None = None
    betas: tuple[float, float] | None = None
    momentum: float | None = None
    nesterov: bool | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    lr: float | None = None
    epoch_length: int | None = None
    log: bool | None = None

    def settings(self) -> Settings:
        """For the analysis.

        Raises
        ------
        ValueError
            If there are hyperparameters without an optimizer.
        """
        given = {name: getattr(self, name) for name in ("betas", "momentum", "nesterov", "weight_decay", "clip_norm")}
        hyperparameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
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
