"""What the users of each logging tool can do: log every step, and log ‖ΔW‖."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Tool(NamedTuple):
    """A program that writes logs."""

    name: str
    """What it is called in a sentence."""
    every_step: str
    """What makes it log each optimizer step, after "log each with"; empty if it logs whatever it is given."""
    lines: tuple[str, str]
    """Two lines of Python that log ‖ΔW‖ with it; what to import is in a comment."""


UPDATE = "monitor.update(model)  # after each optimizer.step(), with the model or its parameters"


def _with_sink(sink: str, module: str) -> tuple[str, str]:
    called = sink.partition("(")[0]
    return f"monitor = wcdfa.WeightChangeDFA(logger={sink}, log_every=1)  # from wcdfa.sinks.{module} import {called}", UPDATE


LINES = _with_sink('JSONLinesSink("wcdfa.jsonl")', "jsonl")
LIGHTNING = (
    "callback = WeightChangeCallback(every=1)  # from wcdfa.backends.lightning import WeightChangeCallback",
    "trainer = lightning.Trainer(callbacks=[callback], log_every_n_steps=1)",
)
TRAINER = (
    "callback = WeightChangeCallback()  # from wcdfa.backends.transformers import WeightChangeCallback",
    "callback.add_to(trainer)  # and TrainingArguments(logging_steps=1)",
)
KERAS = (
    "model.compile(monitored(optimizer), loss=loss)  # from wcdfa.backends.keras import WeightChangeCallback, monitored",
    "model.fit(x, y, callbacks=[WeightChangeCallback(every=1, logger=sink, log_every=1)])  # sink = wcdfa.sinks.jsonl.JSONLinesSink(file)",
)
TOOLS: Mapping[str, Tool] = {
    "tensorboard": Tool("TensorBoard", "", _with_sink("TensorBoardSink(writer)", "tensorboard")),
    "wandb": Tool("Weights & Biases", "", _with_sink("WandbSink()", "wandb")),
    "trackio": Tool("trackio", "", _with_sink("TrackioSink()", "trackio")),
    "mlflow": Tool("MLflow", "", _with_sink("MLflowSink()", "mlflow")),
    "trainer": Tool("the Trainer of transformers", "logging_steps=1", TRAINER),
    "lightning": Tool("Lightning", "log_every_n_steps=1", LIGHTNING),
    "keras": Tool("Keras", "a callback that writes at on_train_batch_end", KERAS),
    "sb3": Tool("Stable-Baselines3", "", LINES),
    "detectron2": Tool("detectron2", "PeriodicWriter(writers, period=1)", LINES),
    "mmengine": Tool("MMEngine", "LoggerHook(interval=1)", LINES),
    "nanogpt": Tool("nanoGPT", "--log_interval=1", LINES),
    "modded-nanogpt": Tool("modded-nanogpt", "", LINES),
    "torchtitan": Tool("torchtitan", "--metrics.log_freq=1", LINES),
    "megatron": Tool("Megatron-LM", "--log-interval 1", LINES),
    "nnunet": Tool("nnU-Net", "", LINES),
}
"""By the names that readers give in `wcdfa.readers.columns.Run.tool`."""

SHORT: Mapping[str, frozenset[str]] = {"sb3": frozenset({"r", "l", "t"})}  # the reward, the length and the time of an episode


def known_names(tool: str) -> frozenset[str]:
    """The short names that a tool gives to its own columns, none of which is a norm.

    >>> sorted(known_names("sb3"))
    ['l', 'r', 't']
    """
    return SHORT.get(tool, frozenset())


def has_option(tool: str) -> bool:
    """Whether a tool logs each step only if it is told to.

    >>> has_option("trainer"), has_option("tensorboard"), has_option("")
    (True, False, False)
    """
    return tool in TOOLS and bool(TOOLS[tool].every_step)


def log_each(tool: str) -> str:
    """What to do so that each step is logged, for the end of a sentence.

    >>> log_each("trainer"), log_each("")
    ('log each with logging_steps=1', 'log each')
    """
    return f"log each with {TOOLS[tool].every_step}" if has_option(tool) else "log each"


def how_to_log(tool: str) -> str:
    """Say how ‖ΔW‖ is logged with a tool: its name, and two lines of Python.

    >>> print(how_to_log("trainer"))
    To log ‖ΔW‖ with the Trainer of transformers:
        callback = WeightChangeCallback()  # from wcdfa.backends.transformers import WeightChangeCallback
        callback.add_to(trainer)  # and TrainingArguments(logging_steps=1)
    """
    known = TOOLS.get(tool)
    with_it, lines = ("", LINES) if known is None else (f" with {known.name}", known.lines)
    return "\n    ".join([f"To log ‖ΔW‖{with_it}:", *lines])
