"""The Lightning callback: gives α to loggers, metrics and checkpoints of a trainer, with messages when the regime changes or α drifts."""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from wcdfa.support.extras import needed

with needed("wcdfa.backends.lightning", "wcdfa[lightning]"):
    import torch

from wcdfa.backends.torch.settings import Settings
from wcdfa.backends.torch.spawned import Return
from wcdfa.backends.torch.training import Recording, RecordingState
from wcdfa.monitor.messages import Action
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.recording.groups import Groups
from wcdfa.recording.sample import COORDINATES

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.loggers import Logger, MLFlowLogger
ROOTS = ("lightning.pytorch", "pytorch_lightning")


def _callbacks() -> tuple[type, ...]:
    """The class Callback of each Lightning package that is imported: a trainer knows only the callbacks of its own package."""
    used = [root for root in ROOTS if root in sys.modules]
    if not used:
        try:
            used = [importlib.import_module(ROOTS[0]).__name__]
        except ImportError:
            with needed("wcdfa.backends.lightning", "wcdfa[lightning]"):
                used = [importlib.import_module(ROOTS[1]).__name__]
    return tuple(sys.modules[root].Callback for root in used)


Callback: type = type("Callback", _callbacks(), {})


def log_rows(logger: Logger, rows: Sequence[tuple[int, dict[str, float]]]) -> None:
    """Give a logger the numbers of each step. MLflow gets them together, because one call for each step would take milliseconds."""
    if type(logger).__name__ == "MLFlowLogger" and len(rows) > 1:
        from wcdfa.sinks.mlflow import log_rows as together  # noqa: PLC0415 - only its own logger needs MLflow

        mlflow = cast("MLFlowLogger", logger)
        together(mlflow.experiment, str(mlflow.run_id), rows, _prefix(mlflow), **getattr(mlflow, "_log_batch_kwargs", {}))
        return
    for step, row in rows:
        logger.log_metrics(row, step=step)


def _prefix(logger: MLFlowLogger) -> str:
    """What an MLflow logger puts before each key; like the logger, without the characters that MLflow refuses."""
    prefix = getattr(logger, "_prefix", "")
    return re.sub("[^a-zA-Z0-9_/. -]+", "", f"{prefix}{logger.LOGGER_JOIN_CHAR}") if prefix else ""


class WeightChangeCallback(Callback):  # type: ignore[misc]
    """Records every step of the optimizers of a trainer, logs α, and sends messages about changes.

    >>> import warnings
    >>> import lightning
    >>> class Line(lightning.LightningModule):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = torch.nn.Linear(3, 1)
    ...     def training_step(self, batch):
    ...         return (self.layer(batch) - batch[:, :1]).square().mean()
    ...     def configure_optimizers(self):
    ...         return torch.optim.Adam(self.parameters())
    >>> x = torch.randn(600, 3, generator=torch.Generator().manual_seed(0))
    >>> callback = WeightChangeCallback()
    >>> trainer = lightning.Trainer(callbacks=[callback], max_epochs=1, accelerator="cpu", barebones=True)
    >>> with warnings.catch_warnings(action="ignore"):
    ...     trainer.fit(Line(), torch.utils.data.DataLoader(x))
    >>> callback.monitor.ready, int(trainer.callback_metrics["wcdfa/step"])
    (True, 600)

    It uses torch's hooks on ``trainer.optimizers``, so it sees real steps only: no batches that just accumulate, and no steps that the
    precision plugin skips. Manual optimization works too, with one norm for each round of several optimizers.
    Every `every` steps, at the end of an epoch and before validation, new metrics go to all loggers of the trainer at
    ``trainer.global_step``, and into ``trainer.callback_metrics`` for EarlyStopping and ModelCheckpoint. "wcdfa/alpha" is missing until
    the window is full and when α is undefined, so use ``EarlyStopping("wcdfa/alpha", strict=False)``.

    Checkpoints of the trainer hold the norms, the monitor and the baseline, and ``fit(ckpt_path=…)`` goes on from them.
    Every other ``fit`` has new optimizers, and starts over. With ``strategy="ddp_spawn"`` and its like, training runs in other processes:
    what the first of them has recorded is there after ``fit``, in the attributes of the callback. A monitor that was given holds it as
    soon as ``callback.monitor`` is asked for.

    If parameters are sharded, all processes measure together. Each has its own monitor; only the first one logs and sends messages.
    FSDPStrategy, DeepSpeed's ZeRO and others that hide their parameters raise an error when ``fit`` begins: use ModelParallelStrategy.

    Parameters
    ----------
    monitor : WeightChangeDFA, optional
        Default: when ``fit`` begins, a new one is made with this window; it is then the attribute ``monitor``. For a
        `RollingWeightChangeDFA`, the callback calls `end_epoch`.
    window, mode, sample, groups, snapshot
        As in `wcdfa.backends.torch.hooks.attach`. Groups use the names that the LightningModule gives its parameters.
    every : int, optional
        The norms are copied to the host and α is logged after this many steps, with the norm of that step. Default: a fifth of the
        window, and the norm of each step is logged then, so that α can be computed again from the log.
    alarms : "log", "warn", "stop", callable or None
        What to do when the regime changes, α leaves its baseline, or the diagnosis finds something: see `wcdfa.monitor.MessageAction`.
        All messages are kept in ``raised``; ``watch`` holds the baseline and the regime that they are based on. With "stop", only
        messages about α stop the training; those of the diagnosis are logged.
    gradients, direction, coordinates
        As in `wcdfa.backends.torch.hooks.attach`.
    **monitor_options
        Options of the `WeightChangeDFA` that is made if no monitor is given.

    Raises
    ------
    TypeError, ValueError
        If an option is unknown; when ``fit`` begins, as `attach` does.
    """

    def __init__(
        self,
        monitor: WeightChangeDFA | None = None,
        *,
        window: int = 500,
        mode: str = "exact",
        sample: float = 1 / 64,
        groups: Groups = None,
        snapshot: str = "device",
        every: int | None = None,
        alarms: Action = "log",
        gradients: bool = False,
        direction: bool = True,
        coordinates: int = COORDINATES,
        **monitor_options: object,
    ) -> None:
        super().__init__()
        settings = Settings(
            window=window,
            mode=mode,
            sample=sample,
            groups=groups,
            snapshot=snapshot,
            every=every,
            gradients=gradients,
            direction=direction,
            coordinates=coordinates,
        )
        self._each = every is None  # whether the norm of each step is logged
        self._recorded = Recording(monitor, settings, alarms, monitor_options, each=self._each)
        self._return = Return()

    @property
    def monitor(self) -> WeightChangeDFA | None:
        """The monitor; None before the first training, unless one was given."""
        return self._recording.monitor

    @property
    def watch(self) -> Watch:
        """The watch, with the baseline and the regime that messages are based on."""
        return self._recording.watch

    @property
    def raised(self) -> list[str]:
        """All messages so far, oldest first."""
        return self._recording.alarms.messages

    @property
    def _recording(self) -> Recording:
        """The recording, with what spawned processes have brought back."""
        brought = self._return.taken()
        if brought is not None:
            self._recorded.adopt(brought["recording"], brought["messages"])
        return self._recorded

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Detach from the optimizers of an earlier fit that was interrupted."""
        if stage == "fit":
            self._recording.end()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Attach to the optimizers."""
        self._recording.begin(trainer.optimizers, pl_module, step=trainer.global_step, aloud=trainer.is_global_zero)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure from the current weights, because some strategies load them late."""
        self._recording.measure(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Log, if a step was taken and α is due."""
        if self._recording.due(trainer.global_step):
            self._log(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log, because some callbacks decide by these metrics at the end of validation."""
        self._log(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log, and end the epoch of the monitor."""
        self._log(trainer)
        self._recording.end_epoch(trainer.current_epoch)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Detach. A spawned process gives what it has recorded back to the one that called ``fit``."""
        self._recording.end()
        if stage == "fit" and self._return.spawned and trainer.local_rank == 0:
            self._return.put({"recording": self._recording.state_dict(), "messages": [*map(str, self.raised)]})

    def state_dict(self) -> RecordingState:
        """The state, for checkpoints of the trainer."""
        return self._recording.state_dict()

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        """Restore the state from a checkpoint of the trainer."""
        self._recording.load_state_dict(state_dict)

    def _log(self, trainer: Trainer) -> None:
        """Give new metrics to the loggers, and stop training, on all processes at once, if a message asks for it."""
        news = self._recording.news(trainer.global_step)
        trainer.callback_metrics.update({name: torch.tensor(number) for name, number in news.items()})
        rows = self._recording.rows() if self._each else []
        for logger in trainer.loggers if news and trainer.is_global_zero else ():
            try:
                log_rows(logger, [*((step, row) for step, row in rows if step < trainer.global_step), (trainer.global_step, news)])
            except Exception:  # no error here may end the training run
                logging.getLogger("wcdfa").exception("a logger of the trainer failed; training goes on")
        if self._recording.alarms.action == "stop" and trainer.strategy.reduce_boolean_decision(self._recording.stop, all=False):
            trainer.should_stop = True
