"""Analyzes a recorded series: judges each window, looks for drifts, and diagnoses the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wcdfa.analysis.diagnosing import diagnosis_of
from wcdfa.inference.calibration import Method
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.preprocess.preparation import with_usable_rates
from wcdfa.readers.columns import Floats, Integers, Run
from wcdfa.readers.series import RecordedSeries, series_of
from wcdfa.readers.spacing import ONE_AN_EPOCH
from wcdfa.readers.tools import has_option, log_each
from wcdfa.support.quantity import Quantity
from wcdfa.support.shortest import LEAST
from wcdfa.support.text import shown
from wcdfa.verdicts.alongside import Alongside
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.diagnosis import Diagnosis
from wcdfa.verdicts.drift import Alarm
from wcdfa.verdicts.ending import Ending, ending_of
from wcdfa.verdicts.run_alpha import RunAlpha, alpha_of_run
from wcdfa.verdicts.run_drifts import drifts_of
from wcdfa.verdicts.windows import Judged, judged_windows

if TYPE_CHECKING:
    from wcdfa.verdicts.norm_coupling import NormCoupling

OF_EPOCHS = "its values are one an epoch, and a replay gives those of steps"
NORMS = ("update norm", "gradient norm", "displacement")
ROUNDING = 1e-6  # log rates that differ by less are those of a constant rate


@dataclass(frozen=True)
class Settings:
    """The options that say which series of a log are judged, and how.

    >>> settings = Settings(window=256, optimizer="sgd", hyperparameters={"momentum": 0.9})
    >>> str(settings.criteria(log=True).optimizer)
    'SGD(momentum 0.9)'
    """

    columns: tuple[str, ...] = ()
    """Names or patterns; by default the column with a usual name for update norms."""
    pattern: str | None = None
    """Regular expression that finds the numbers in the lines of a text log, with named groups; None finds those of known programs."""
    quantity: Quantity | None = None
    """What the series is; None takes what the name of its column tells."""
    spacing: int | None = None
    """Optimizer steps from one value to the next; None takes the steps of the log."""
    steps: tuple[int, int] | None = None
    """The first and the last training step to judge; None for all."""
    window: int = 500
    """Samples (optimizer steps) in a window."""
    stride: int | None = None
    """Samples from one window to the next; None for the length of a window."""
    order: int = 1
    method: Method = "robust"
    optimizer: str | None = None
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    lr: float | None = None
    """Learning rate, unless the log holds one that varies; None takes that of the log in any case."""
    epoch_length: int | None = None
    log: bool | None = None
    """Whether to take the logarithm; None takes it unless a value is negative."""
    diagnosis: bool = True
    """Whether to look for faults: what is not as the optimizer gives, and what changed."""
    baseline: int | None = None
    """Steps at the start of the series that show what is usual, for the diagnosis; None takes half of them."""
    beside: tuple[str, ...] = ()
    """Names or patterns of other columns, such as "loss", that the series is compared with."""

    def criteria(self, *, log: bool, series: RecordedSeries | None = None) -> Criteria:
        """Make the criteria for judging the windows of a series; `log` decides about the logarithm if the settings do not."""
        return Criteria.given(
            order=self.order,
            method=self.method,
            log=log if self.log is None else self.log,
            epoch_length=self.epoch_length,
            **self.compared(series),
        )

    def compared(self, series: RecordedSeries | None = None) -> dict[str, object]:
        """The options of `wcdfa.verdict` that say what a series is, and which optimizer it is compared with."""
        options = {"optimizer": self.optimizer, **self.hyperparameters}
        if series is not None:
            options |= {"quantity": series.quantity, "thinned": series.thinned}
            if (why := self.incomparable(series)) is not None:
                options["incomparable"] = why
        return options

    def with_optimizer_of(self, series: RecordedSeries) -> Settings:
        """The settings with the optimizer that the log holds, unless they name one, or the log names one that is not known here."""
        if self.optimizer is not None or self.hyperparameters or series.optimizer is None:
            return self
        named = replace(self, optimizer=series.optimizer, hyperparameters=dict(series.hyperparameters))
        try:
            named.criteria(log=True)
        except (ValueError, TypeError):
            return self
        return named

    def incomparable(self, series: RecordedSeries) -> str | None:
        """Why a replay of consecutive steps says nothing of a series; None if it does, or if the steps between its values are known."""
        return OF_EPOCHS if ONE_AN_EPOCH in series.notes and series.thinned == 1 and self.spacing is None else None

    def series(self, run: Run) -> Iterator[RecordedSeries]:
        """Read the series of a run that should be judged. Raises as `series_of`."""
        first, last = self.steps or (None, None)
        for series in series_of(
            run, self.columns, quantity=self.quantity, spacing=self.spacing, first=first, last=last, beside=self.beside
        ):
            yield series._replace(notes=(*series.notes, *_rate_unused(series, self.lr)))


class Analysis(NamedTuple):
    """The verdicts on a series, the drifts in it and its α; `judged` and `alarms` count in samples."""

    series: RecordedSeries
    settings: Settings
    criteria: Criteria
    judged: Judged
    alarms: tuple[Alarm, ...]
    run: RunAlpha
    """One α for the whole series."""
    diagnosis: Diagnosis | None = None
    """What may be wrong with the run; None if the series is not ‖ΔW‖, or it was not asked for."""
    couplings: tuple[NormCoupling, ...] = ()
    """Whether the series moves together with the other columns that were asked for."""

    def step(self, sample: int) -> int:
        """The training step of the sample with this index; if the log has no steps, they count from 1."""
        steps = self.series.steps
        return sample + 1 if steps is None else int(steps[min(sample, len(steps) - 1)])

    def in_steps(self, alarm: Alarm) -> Alarm:
        """Convert an alarm from numbers of samples to training steps."""
        onset, start = (self.step(max(0, count - 1)) for count in (alarm.onset, alarm.start))
        return alarm._replace(onset=onset, start=start, end=None if alarm.end is None else self.step(max(0, alarm.end - 1)))

    @property
    def log(self) -> bool:
        """Whether the logarithm was taken."""
        return self.criteria.preparation.log

    @property
    def ending(self) -> Ending | None:
        """The values at the end that are not finite, or norms that are 0; None if the series ends in others."""
        return _ending(self.series)

    @property
    def left(self) -> int:
        """How many samples at the end are in no window."""
        return len(self.series.values) - int(self.judged.stops[-1])

    @property
    def negative(self) -> int:
        """How many values are below 0."""
        return int(np.sum(self.series.values < 0))


def analyze(series: RecordedSeries, settings: Settings, each: Callable[[int, int], None] = lambda done, total: None) -> Analysis:
    """Judge the windows of a series, look for drifts, measure α of the whole series, and diagnose the run.

    >>> from pathlib import Path
    >>> import wcdfa
    >>> norms = np.exp(wcdfa.synthetic.white_noise(1000, seed=0))
    >>> analysis = analyze(RecordedSeries(Path("run"), "", "norms", norms, None, None, None, 0, ()), Settings())
    >>> print(analysis.judged.verdicts[-1])
    disordered, α = 0.49 (0.36–0.63)

    Parameters
    ----------
    series : RecordedSeries
    settings : Settings
    each : callable
        Called after each window with the number judged and the number in all.

    Raises
    ------
    ValueError
        If no window can be judged.
    """
    try:
        return _analyzed(series, settings.with_optimizer_of(series), each)
    except ValueError as error:
        if (ending := _ending(series)) is not None:
            msg = f"{ending}; {error}"
            raise ValueError(msg) from error
        if series.thinned > 1 and len(series.values) < LEAST and has_option(series.tool):
            msg = f"{error}: {log_each(series.tool)}"
            raise ValueError(msg) from error
        raise


def _ending(series: RecordedSeries) -> Ending | None:
    norms = series.quantity in NORMS
    return ending_of(series.values, series.steps, what="norms" if norms else "values", zeros=norms)


def _analyzed(series: RecordedSeries, settings: Settings, each: Callable[[int, int], None]) -> Analysis:
    with np.errstate(all="ignore"):  # a log may hold numbers near the largest and smallest that there are
        criteria = settings.criteria(log=not np.any(np.isfinite(series.values) & (series.values < 0)), series=series)
        ready = judgeable(series, settings)
        beside = Alongside(lr=ready.lr, steps=ready.steps, gradient_norm=ready.gradients, varying=ready.varying)
        judged = judged_windows(ready.values, criteria, beside, window=settings.window, stride=settings.stride, each=each)
        alarms = drifts_of(ready.values, criteria.preparation, window=settings.window, lr=ready.lr, steps=ready.steps)
        run = alpha_of_run(ready.values, criteria.preparation, lr=ready.lr, steps=ready.steps, thresholds=criteria.thresholds)
        couplings = tuple(_coupling(series, ready, criteria, name) for name in series.beside)
        return Analysis(series, settings, criteria, judged, alarms, run, diagnosis_of(series, ready, settings), couplings)


def _coupling(series: RecordedSeries, ready: Judgeable, criteria: Criteria, name: str) -> NormCoupling:
    """Compare a series with another column of its log."""
    from wcdfa.verdicts.norm_coupling import NormCoupling, norm_coupling  # noqa: PLC0415 - only who asks for it needs it

    log, order = "log " if criteria.preparation.log else "", criteria.measurement.order
    what = f"{log}{'‖ΔW‖' if series.quantity == 'update norm' else shown(series.column)}"
    other = series.beside[name]
    if name == series.column:
        return NormCoupling(name, reason="it is the same column", what=what)
    if isinstance(other, str):
        return NormCoupling(name, reason=other, what=what)
    return norm_coupling(ready.values, other, name, criteria.preparation, lr=ready.lr, steps=ready.steps, order=order, what=what)


class Judgeable(NamedTuple):
    """Norms ready to be judged, and what belongs to them: NaN where the learning rate is unusable."""

    values: Floats
    lr: float | Floats | None
    steps: Integers | None
    gradients: Floats | None
    varying: Mapping[str, Floats]


def judgeable(series: RecordedSeries, settings: Settings) -> Judgeable:
    """The norms of a series with their learning rates: those of the log if they vary or none was given, or else the one that was given."""
    varying = _varying(series.varying, settings.criteria(log=True).optimizer)
    if series.lr is not None and (settings.lr is None or varies(series.lr)):
        return Judgeable(*with_usable_rates(series.values, series.lr), series.steps, series.gradients, varying)
    return Judgeable(series.values, settings.lr, series.steps, series.gradients, varying)


def _varying(logged: Mapping[str, Floats], optimizer: Optimizer | None) -> dict[str, Floats]:
    """The hyperparameters of the optimizer that were logged; before they were logged first, those that were given."""
    own = {each.name: getattr(optimizer, each.name) for each in fields(optimizer)} if optimizer is not None else {}
    return {name: np.where(np.isnan(values), own[name], values) for name, values in logged.items() if name in own}


def varies(lr: Floats | None) -> bool:
    """Whether learning rates were logged and are not all the same.

    >>> varies(np.array([0.1, np.nan, 0.1])), varies(np.array([0.1, 0.01]))
    (False, True)
    """
    usable = _usable(lr)
    return bool(usable.size and np.ptp(np.log(usable)) > ROUNDING)


def _rate_unused(series: RecordedSeries, given: float | None) -> Iterator[str]:
    if given is not None and varies(series.lr):
        low, high = np.min(_usable(series.lr)), np.max(_usable(series.lr))
        yield f"the learning rate of the log is used, not the {given:g} that was given, because it varies from {low:.3g} to {high:.3g}"


def _usable(lr: Floats | None) -> Floats:
    return np.zeros(0) if lr is None else lr[np.isfinite(lr) & (lr > 0)]
