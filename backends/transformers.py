"""The callback for transformers: puts α into the logs and checkpoints of a Trainer, with messages when the regime changes or α drifts."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import zlib
from pathlib import Path
from typing import Self, TypedDict, cast

from wcdfa.support.extras import needed

with needed("wcdfa.backends.transformers", "wcdfa[transformers]"):
    import torch
    from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from wcdfa.backends.torch.settings import Settings
from wcdfa.backends.torch.training import Recording, RecordingState
from wcdfa.monitor.messages import Action
from wcdfa.monitor.monitor import WeightChangeDFA
from wcdfa.monitor.watch import Watch
from wcdfa.recording.groups import Groups
from wcdfa.recording.sample import COORDINATES

FILE = "wcdfa.pt"  # in the folder of a checkpoint


class WeightChangeCallback(TrainerCallback):
    """Records every step of the optimizer of a Trainer, reports α, and sends messages about changes.

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

    It uses hooks on the torch optimizer inside the one of accelerate, so it sees real steps only, and no batches that just accumulate.
    Whenever the Trainer logs, new metrics go into the logs and into ``state.log_history``; trackers show them as "train/wcdfa/alpha"
    and so on. A Trainer passes its logs from one callback to the next, and callbacks that report come first: `add_to` puts this one
    before them. "wcdfa/alpha" is missing until the window is full and when α is undefined.

    A checkpoint holds the norms, the monitor and the baseline in a file of their own, wcdfa.pt, and
    ``train(resume_from_checkpoint=True)`` goes on from it. Every other ``train`` starts over.

    If parameters are sharded, all processes measure together. Each has its own monitor; only the first one sends messages. DeepSpeed's
    ZeRO, FSDP of version 1 and others that hide their parameters raise an error when training begins: use FSDP of version 2.

    Parameters
    ----------
    monitor : WeightChangeDFA, optional
        Default: when training begins, a new one is made with this window; it is then the attribute ``monitor``. For a
        `RollingWeightChangeDFA`, the callback calls `end_epoch`.
    window, mode, sample, groups, snapshot
        As in `wcdfa.backends.torch.hooks.attach`. Groups use the names that the model gives its parameters.
    every : int, optional
        If nothing was logged meanwhile, the norms are copied to the host and messages sent after this many steps. Default: a fifth of
        the window.
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
        If an option is unknown; when training begins, as `attach` does.
    """

    # Not an ExportableState: a Trainer would make a new callback from JSON, without the monitor and callable that it was given, and could
    # not save a resumed run that began without it.

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
        self._recording = Recording(monitor, settings, alarms, monitor_options)
        self.raised = self._recording.alarms.raised
        self._in_front = False

    @property
    def monitor(self) -> WeightChangeDFA | None:
        """The monitor; None before the first training, unless one was given."""
        return self._recording.monitor

    @property
    def watch(self) -> Watch:
        """The watch, with the baseline and the regime that messages are based on."""
        return self._recording.watch

    def add_to(self, trainer: Trainer) -> Self:
        """Put the callback in front of all others of a Trainer, so that the others report its metrics.

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
        """Let the next training go on from a checkpoint that is not in the output folder of the Trainer.

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
        self._recording.end()  # an earlier training may have been interrupted
        if optimizer is None:
            logging.getLogger("wcdfa").warning("the Trainer gives its callbacks no optimizer, so nothing is recorded")
            return
        if args.report_to and not self._in_front:
            logging.getLogger("wcdfa").warning(
                "α is in the log of the Trainer but not in %s, which comes before this callback: call add_to(trainer) of the callback "
                "before train",
                " and ".join(args.report_to),
            )
        if state.global_step and not self._recording.restored:
            self._resume(_folder(args, state), state)
        self._recording.begin([optimizer], model, step=state.global_step, aloud=state.is_world_process_zero)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Read the norms, if they are due and nothing was logged."""
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
            state.log_history[-1].update(news)  # the Trainer has put a copy of the logs there already
        control.should_training_stop |= self._recording.stop

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """End the epoch of the monitor."""
        self._recording.read(state.global_step)
        self._recording.end_epoch(state.epoch or 0.0)
        control.should_training_stop |= self._recording.stop

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Write wcdfa.pt into the checkpoint. It is called on all processes, and one writes."""
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
                msg = f"{folder / FILE} belongs to another run"
                raise ValueError(msg)
            self._recording.load_state_dict(content["recording"])
        except Exception as error:  # noqa: BLE001 - no checkpoint may end the training run
            logging.getLogger("wcdfa").warning(
                "training resumes at step %d, but the norms before it are not known, so α starts over (%s); for a checkpoint in "
                "another folder, call load(folder) of the callback before train",
                state.global_step,
                error,
            )


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(str(args.output_dir), f"checkpoint-{state.global_step}")


def _fingerprint(state: TrainerState) -> int:
    """A checksum of everything logged before a checkpoint, to tell one run from another."""
    return zlib.crc32(json.dumps(state.log_history, sort_keys=True).encode())


class Content(TypedDict):
    """The content of wcdfa.pt."""

    recording: RecordingState
    history: int


def _read(folder: Path) -> Content:
    return cast(Content, torch.load(folder / FILE, map_location="cpu", weights_only=True))


def _write(folder: Path, content: Content) -> None:
    """Write the file completely or not at all, even if the process is killed meanwhile."""
    temporary = folder / f".{FILE}.tmp"
    try:
        torch.save(content, temporary)
        temporary.replace(folder / FILE)
    except Exception as error:  # noqa: BLE001 - no error here may end the training run
        logging.getLogger("wcdfa").warning("the norms could not be written into the checkpoint in %s: %s", folder, error)
        with contextlib.suppress(OSError):
            temporary.unlink()
