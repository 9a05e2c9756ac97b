"""α while a Lightning trainer fits: in its loggers, metrics and checkpoints, with alarms when the regime changes or α drifts."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import TYPE_CHECKING

import torch

from wcdfa.backends.torch.settings import Settings
from wcdfa.backends.torch.training import Recording, RecordingState
from wcdfa.monitor.messages import Action
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.recording.groups import Groups

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

ROOTS = ("lightning.pytorch", "pytorch_lightning")


def _callbacks() -> tuple[type, ...]:
    """The class Callback of each package of Lightning that is in use: a trainer knows only the callbacks of its own package."""
    used = [root for root in ROOTS if root in sys.modules]
    if not used:
        try:
            used = [importlib.import_module(ROOTS[0]).__name__]
        except ImportError:
            used = [importlib.import_module(ROOTS[1]).__name__]
    return tuple(sys.modules[root].Callback for root in used)


Callback: type = type("Callback", _callbacks(), {})


class WeightChangeCallback(Callback):  # type: ignore[misc]
    """Records every step of the optimizers of a trainer, logs α, and raises alarms.

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

    It sees the steps themselves, through torch's hooks on ``trainer.optimizers``: not the batches that are only accumulated, nor the
    steps that the precision plugin leaves out. Manual optimization works too, with one norm for each round of several optimizers.
    After every so many steps, at the end of an epoch and before validation, the new metrics go to all loggers of the trainer at
    ``trainer.global_step``, and into ``trainer.callback_metrics`` for EarlyStopping and ModelCheckpoint. There is no "wcdfa/alpha"
    until the window is full, and none where α is not defined: ``EarlyStopping("wcdfa/alpha", strict=False)``.

    Checkpoints of the trainer hold the norms, the monitor and the baseline of the alarms, and ``fit(ckpt_path=…)`` goes on from them.
    Every other ``fit`` has new optimizers, and begins anew.

    Where parameters are sharded, all processes measure together; each has its monitor, and the first one logs and raises the alarms.
    What hides its parameters, such as FSDPStrategy or DeepSpeed's ZeRO, is refused when ``fit`` begins: use ModelParallelStrategy.

    Parameters
    ----------
    monitor : WeightChangeDFA, optional
        Default: a new one of this window, when ``fit`` begins; it is the attribute ``monitor`` from then on. A `RollingWeightChangeDFA` is
        told when an epoch ends.
    window, mode, sample, groups, snapshot
        As in `wcdfa.backends.torch.hooks.attach`; the groups by the names that the LightningModule gives its parameters.
    every : int, optional
        Steps after which the norms are copied to the host and α is logged. Default: a fifth of the window.
    alarms : "log", "warn", "stop", callable or None
        What to do when the regime changes or α leaves its baseline: see `wcdfa.monitor.messages.Alarms`. All messages are kept in ``raised``,
        and what they rest on in ``watch``.
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
        **monitor_options: object,
    ) -> None:
        super().__init__()
        settings = Settings(window=window, mode=mode, sample=sample, groups=groups, snapshot=snapshot, every=every)
        self._recording = Recording(monitor, settings, alarms, monitor_options)
        self.raised = self._recording.alarms.raised

    @property
    def monitor(self) -> WeightChangeDFA | None:
        """The monitor; None before there was any training, unless one was given."""
        return self._recording.monitor

    @property
    def watch(self) -> Watch:
        """What the alarms rest on."""
        return self._recording.watch

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Detach from the optimizers of an earlier fit that was interrupted."""
        if stage == "fit":
            self._recording.end()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Attach to the optimizers."""
        self._recording.begin(trainer.optimizers, pl_module, step=trainer.global_step, aloud=trainer.is_global_zero)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure from the weights as they are now: some strategies load them late."""
        self._recording.measure(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Log, if a step was taken and it is time."""
        if self._recording.due(trainer.global_step):
            self._log(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log, for callbacks that decide by the metrics when validation ends."""
        self._log(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log, and tell the monitor."""
        self._log(trainer)
        self._recording.end_epoch(trainer.current_epoch)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Detach."""
        self._recording.end()

    def state_dict(self) -> RecordingState:
        """For checkpoints of the trainer."""
        return self._recording.state_dict()

    def load_state_dict(self, state_dict: dict[str, object]) -> None:
        """From checkpoints of the trainer."""
        self._recording.load_state_dict(state_dict)

    def _log(self, trainer: Trainer) -> None:
        """Give the new metrics to the loggers, and stop training if an alarm asked for it; on all processes at once."""
        news = self._recording.news(trainer.global_step)
        trainer.callback_metrics.update({name: torch.tensor(number) for name, number in news.items()})
        for logger in trainer.loggers if news and trainer.is_global_zero else ():
            try:
                logger.log_metrics(news, step=trainer.global_step)
            except Exception:  # whatever it is, it must not end the training run
                logging.getLogger("wcdfa").exception("a logger of the trainer failed; training goes on")
        if self._recording.alarms.action == "stop" and trainer.strategy.reduce_boolean_decision(self._recording.stop, all=False):
            trainer.should_stop = True
