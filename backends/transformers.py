"""α while a Trainer of transformers trains: in its reports and checkpoints, with alarms when the regime changes or α drifts."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import zlib
from pathlib import Path
from typing import Self, TypedDict, cast

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from wcdfa.backends.torch.settings import Settings
from wcdfa.backends.torch.training import Recording, RecordingState
from wcdfa.monitor.messages import Action
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.recording.groups import Groups

FILE = "wcdfa.pt"  # in the folder of a checkpoint


class WeightChangeCallback(TrainerCallback):
    """Records every step of the optimizer of a Trainer, reports α, and raises alarms.

    >>> import tempfile
    >>> from transformers import PrinterCallback, Trainer, TrainingArguments
    >>> class Line(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = torch.nn.Linear(3, 1)
    ...     def forward(self, x):
    ...         return {"loss": (self.layer(x) - x[:, :1]).square().mean()}
    >>> data = [{"x": x} for x in torch.randn(600, 3, generator=torch.Generator().manual_seed(0))]
    >>> quiet = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "logging_steps": 100, "use_cpu": True}
    >>> callback = WeightChangeCallback()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     arguments = TrainingArguments(folder, num_train_epochs=1, per_device_train_batch_size=1, dataloader_pin_memory=False, **quiet)
    ...     trainer = Trainer(Line(), arguments, train_dataset=data)
    ...     _ = callback.add_to(trainer)
    ...     trainer.remove_callback(PrinterCallback)
    ...     _ = trainer.train()
    >>> callback.monitor.ready, [int(row["wcdfa/step"]) for row in trainer.state.log_history[:-1]]
    (True, [100, 200, 300, 400, 500, 600])

    It sees the steps themselves, through hooks on the optimizer of torch inside the one of accelerate, and not the batches that are
    only accumulated. Whenever the Trainer logs, the new metrics go into the logs and into ``state.log_history``; trackers show them as
    "train/wcdfa/alpha" and so on. A Trainer hands its logs from one callback to the next, those that report first: `add_to` puts
    this one before them. There is no "wcdfa/alpha" until the window is full, and none where α is not defined.

    A checkpoint holds the norms, the monitor and the baseline of the alarms in a file of their own, wcdfa.pt, and
    ``train(resume_from_checkpoint=True)`` goes on from it. Every other ``train`` begins anew.

    Where parameters are sharded, all processes measure together; each has its monitor, and the first one raises the alarms. What hides
    its parameters, such as DeepSpeed's ZeRO or FSDP of version 1, is refused when training begins: use FSDP of version 2.

    Parameters
    ----------
    monitor : WeightChangeDFA, optional
        Default: a new one of this window, when training begins; it is the attribute ``monitor`` from then on. A `RollingWeightChangeDFA` is
        told when an epoch ends.
    window, mode, sample, groups, snapshot
        As in `wcdfa.backends.torch.hooks.attach`; the groups by the names that the model gives its parameters.
    every : int, optional
        Steps after which the norms are copied to the host and alarms are raised, if nothing was logged meanwhile. Default: a fifth of
        the window.
    alarms : "log", "warn", "stop", callable or None
        What to do when the regime changes or α leaves its baseline: see `wcdfa.monitor.messages.Alarms`. All messages are kept in ``raised``,
        and what they rest on in ``watch``.
    **monitor_options
        Options of the `WeightChangeDFA` that is made if no monitor is given.

    Raises
    ------
    TypeError, ValueError
        If an option is unknown; when training begins, as `attach` does.
    """

    # Not an ExportableState: a Trainer would make such a callback anew from JSON, without the monitor and the callable that it was given,
    # and would fail to save a resumed run that began without it.

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
        settings = Settings(window=window, mode=mode, sample=sample, groups=groups, snapshot=snapshot, every=every)
        self._recording = Recording(monitor, settings, alarms, monitor_options)
        self.raised = self._recording.alarms.raised
        self._in_front = False

    @property
    def monitor(self) -> WeightChangeDFA | None:
        """The monitor; None before there was any training, unless one was given."""
        return self._recording.monitor

    @property
    def watch(self) -> Watch:
        """What the alarms rest on."""
        return self._recording.watch

    def add_to(self, trainer: Trainer) -> Self:
        """Put the callback in front of all others of a Trainer, so that its metrics are in the logs that those report.

        Other callbacks keep their order. It may be among them already. Returns the callback itself.
        """
        others: list[TrainerCallback] = []
        while (first := trainer.pop_callback(TrainerCallback)) is not None:
            others.append(first)
        order: list[TrainerCallback] = [self, *(other for other in others if other is not self)]
        for each in order:
            trainer.add_callback(each)
        self._in_front = True
        return self

    def load(self, folder: str | os.PathLike[str]) -> None:
        """Have the next training go on from a checkpoint that is not in the output folder of the Trainer.

        Raises
        ------
        FileNotFoundError
            If there is no wcdfa.pt in this folder.
        """
        content = _read(Path(folder))
        self._recording.end()
        self._recording.load_state_dict(content["recording"])

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: torch.nn.Module | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        **_: object,
    ) -> None:
        """Attach to the optimizer, and go on from a checkpoint if the Trainer does."""
        self._recording.end()  # if a training before was interrupted
        if optimizer is None:
            logging.getLogger("wcdfa").warning("the Trainer gives its callbacks no optimizer, and nothing is recorded")
            return
        if args.report_to and not self._in_front:
            logging.getLogger("wcdfa").warning(
                "α is in the log of the Trainer, and not in %s, which the Trainer reports to first: call add_to(trainer) of the callback "
                "before train",
                " and ".join(args.report_to),
            )
        if state.global_step and not self._recording.restored:
            self._resume(_folder(args, state), state)
        self._recording.begin([optimizer], model, step=state.global_step, aloud=state.is_world_process_zero)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Read the norms, where it is time and nothing was logged."""
        if self._recording.due(state.global_step):
            self._recording.read(state.global_step)
            control.should_training_stop |= self._recording.stop

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """Put the new metrics into the logs."""
        news = self._recording.news(state.global_step)
        if logs is not None:
            logs.update(news)
        if news and state.log_history and state.log_history[-1].get("step") == state.global_step:
            state.log_history[-1].update(news)  # by now a copy of the logs is there
        control.should_training_stop |= self._recording.stop

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Tell the monitor."""
        self._recording.read(state.global_step)
        self._recording.end_epoch(state.epoch or 0.0)
        control.should_training_stop |= self._recording.stop

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Write wcdfa.pt into the checkpoint; called on all processes, of which one writes."""
        recorded = self._recording.state_dict()
        if recorded and args.should_save:
            _write(_folder(args, state), {"recording": recorded, "history": _fingerprint(state)})

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Detach."""
        self._recording.end()

    def _resume(self, folder: Path, state: TrainerState) -> None:
        try:
            content = _read(folder)
            if content["history"] != _fingerprint(state):
                msg = f"{folder / FILE} is of another run"
                raise ValueError(msg)
            self._recording.load_state_dict(content["recording"])
        except Exception as error:  # noqa: BLE001 - whatever a checkpoint holds, it must not end the training run
            logging.getLogger("wcdfa").warning(
                "training resumes at step %d, and the norms before it are not known, so that α begins anew (%s); for a checkpoint in "
                "another folder, call load(folder) of the callback before train",
                state.global_step,
                error,
            )


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(str(args.output_dir), f"checkpoint-{state.global_step}")


def _fingerprint(state: TrainerState) -> int:
    """A checksum of what was logged before a checkpoint, which tells one run from another."""
    return zlib.crc32(json.dumps(state.log_history, sort_keys=True).encode())


class Content(TypedDict):
    """What is in the file."""

    recording: RecordingState
    history: int


def _read(folder: Path) -> Content:
    return cast(Content, torch.load(folder / FILE, map_location="cpu", weights_only=True))


def _write(folder: Path, content: Content) -> None:
    """Write the file completely or not at all, also if the process is killed meanwhile."""
    temporary = folder / f".{FILE}.tmp"
    try:
        torch.save(content, temporary)
        temporary.replace(folder / FILE)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the training run
        logging.getLogger("wcdfa").warning("the norms could not be written into the checkpoint in %s: %s", folder, error)
        with contextlib.suppress(OSError):
            temporary.unlink()
