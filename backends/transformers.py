"""α while a Trainer of transformers trains: in what it reports, in its checkpoints, and an alarm when the regime changes or α drifts."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import zlib
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback
from transformers.trainer_callback import DefaultFlowCallback

from wcdfa.backends.torch.training import Recording
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
    ...     trainer = Trainer(Line(), arguments, train_dataset=data, callbacks=[callback])
    ...     trainer.remove_callback(PrinterCallback)
    ...     _ = trainer.train()
    >>> callback.monitor.ready, [int(row["wcdfa/step"]) for row in trainer.state.log_history[:-1]]
    (True, [100, 200, 300, 400, 500, 600])

    It sees the steps themselves, by hooks of torch on the optimizer inside that of accelerate: not the batches that are only
    accumulated. Whenever the Trainer logs, what is new goes with it to all that it reports to, and into ``state.log_history``; trackers
    have it as "train/wcdfa/alpha" and so on. For that the callback moves to the front of the callbacks of the Trainer, whose order is
    that of reporting. There is no "wcdfa/alpha" until the window is full, and none where α is not defined.

    Checkpoints hold the norms, the monitor and the baseline of the alarms in a file of their own, wcdfa.pt, and
    ``train(resume_from_checkpoint=True)`` goes on from it. Each other ``train`` begins anew.

    Where parameters are sharded, all processes measure together; each has its monitor, and the first one says what is to be said.
    What hides its parameters, such as DeepSpeed's ZeRO or FSDP of version 1, is refused when training begins: use FSDP of version 2.

    Parameters
    ----------
    monitor : WeightChangeDFA, optional
        Default: one of the window, when training begins; it is the attribute ``monitor`` from then on. A `RollingWeightChangeDFA` is
        told of each epoch.
    window, mode, sample, groups, snapshot
        As in `wcdfa.backends.torch.hooks.attach`; the groups by the names that the model gives its parameters.
    every : int, optional
        Steps after which the norms are copied to the host and alarms are raised, if nothing was logged meanwhile; a fifth of the window
        by default.
    alarms : "log", "warn", "stop", callable or None
        What to do when the regime changes or α leaves its baseline, as `wcdfa.verdicts.drift.drift_alarms` tells: log it as a warning of the
        logger "wcdfa", give a `DriftWarning`, log it and stop training, call this with what is to be said, or nothing. All are kept in
        ``raised``, and what they go by in ``watch``.

    Raises
    ------
    TypeError, ValueError
        If an option is none; when training begins, as `attach` does.
    """

    # It is no ExportableState: a Trainer would make such a callback anew from JSON, without the monitor and the callable that it was
    # given, and would fail to save where a run is resumed that began without it.

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
    ) -> None:
        self._recording = Recording(
            monitor, window=window, mode=mode, sample=sample, groups=groups, snapshot=snapshot, every=every, alarms=alarms
        )
        self.raised = self._recording.alarms.raised

    @property
    def monitor(self) -> WeightChangeDFA | None:
        """The monitor; None before there was any training, unless it was given."""
        return self._recording.monitor

    @property
    def watch(self) -> Watch:
        """What the alarms go by."""
        return self._recording.watch

    def load(self, folder: str | os.PathLike[str]) -> None:
        """Go on, when training begins, from a checkpoint that is not in the output folder of the Trainer.

        Raises
        ------
        FileNotFoundError
            If there is no wcdfa.pt in this folder.
        """
        content = _read(Path(folder))
        self._recording.end()
        self._recording.load_state_dict(content["recording"])

    def on_init_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Come before those that report."""
        _to_the_front(self)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None, **_: Any) -> None:
        """Attach to the optimizer, and go on from a checkpoint if the Trainer does."""
        _to_the_front(self)
        self._recording.end()  # if a training before was interrupted
        if optimizer is None:
            logging.getLogger("wcdfa").warning("the Trainer gives its callbacks no optimizer, and nothing is recorded")
            return
        if state.global_step and not self._recording.restored:
            self._resume(_folder(args, state), state)
        self._recording.begin([optimizer], model, step=state.global_step, aloud=state.is_world_process_zero)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Read the norms, where it is time and nothing was logged."""
        if self._recording.due(state.global_step):
            self._recording.read(state.global_step)
            control.should_training_stop |= self._recording.stop

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Put what is new into what is reported."""
        news = self._recording.news(state.global_step)
        if logs is not None:
            logs.update(news)
        if news and state.log_history and state.log_history[-1].get("step") == state.global_step:
            state.log_history[-1].update(news)  # where a copy of the logs is by now
        control.should_training_stop |= self._recording.stop

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell the monitor."""
        self._recording.read(state.global_step)
        self._recording.end_epoch(state.epoch)
        control.should_training_stop |= self._recording.stop

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the file beside the others of the checkpoint; on all processes, of which one writes."""
        recorded = self._recording.state_dict()
        if recorded and args.should_save:
            _write(_folder(args, state), {"recording": recorded, "history": _fingerprint(state)})

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Detach."""
        self._recording.end()

    def _resume(self, folder: Path, state: Any) -> None:
        try:
            content = _read(folder)
            if content["history"] != _fingerprint(state):
                msg = f"{folder / FILE} is of another run"
                raise ValueError(msg)
            self._recording.load_state_dict(content["recording"])
        except Exception as error:  # noqa: BLE001 - whatever a checkpoint holds, it must not end the training run
            logging.getLogger("wcdfa").warning(
                "training resumes at step %d, and the norms before it are not known, so that α begins anew (%s); of a checkpoint in "
                "another folder, call load(folder) of the callback before train",
                state.global_step,
                error,
            )


def _to_the_front(callback: WeightChangeCallback) -> None:
    """Move a callback before those that report in the list of its Trainer, which hands the logs from one to the next.

    A Trainer puts its own first, and does not tell a callback of itself; the list is what refers to both.
    """
    for each in gc.get_referrers(callback):
        if isinstance(each, list) and any(isinstance(other, DefaultFlowCallback) for other in each):
            each.insert(0, each.pop(next(i for i, other in enumerate(each) if other is callback)))


def _folder(args: Any, state: Any) -> Path:
    return Path(args.output_dir, f"checkpoint-{state.global_step}")


def _fingerprint(state: Any) -> int:
    """Of what was logged before a checkpoint, which tells one run from another."""
    return zlib.crc32(json.dumps(state.log_history, sort_keys=True).encode())


def _read(folder: Path) -> Any:
    return torch.load(folder / FILE, map_location="cpu", weights_only=True)


def _write(folder: Path, content: Any) -> None:
    """Whole or not at all, also if the process is killed meanwhile."""
    temporary = folder / f".{FILE}.tmp"
    try:
        torch.save(content, temporary)
        temporary.replace(folder / FILE)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the training run
        logging.getLogger("wcdfa").warning("the norms could not be written into the checkpoint in %s: %s", folder, error)
        with contextlib.suppress(OSError):
            temporary.unlink()
