"""Runs a program with and without the lines that record it, and computes its norms anew from the parameters after each step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pattern_programs.step_end import LISTENER, Listener

PROGRAMS = {  # program: the style it is written in, and what it needs
    "nano_gpt": ("nanoGPT", "torch"),
    "min_gpt": ("minGPT", "torch"),
    "clean_rl": ("cleanrl", "torch"),
    "timm_like": ("timm", "torch"),
    "lightning_gan": ("Lightning, GAN", "lightning"),
    "lora": ("LoRA fine-tuning", "torch"),
    "equinox_rnn": ("equinox with optax", "equinox"),
    "keras_io": ("keras.io", "tensorflow"),
}
MARK = "# wcdfa"
ANSWER = re.compile(rf"^print\((.*)\.verdict\(\)\)  {MARK}$", re.MULTILINE)
Names = dict[str, Any]


def source(name: str) -> str:
    """The whole program."""
    return Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")


def added(name: str) -> list[str]:
    """The lines that record it."""
    return [line.strip() for line in source(name).splitlines() if line.endswith(MARK)]


def without(name: str) -> str:
    """The program before those lines were added; raises a ValueError if something of them is left."""
    bare = "\n".join(line for line in source(name).splitlines() if not line.endswith(MARK))
    if "wcdfa" in bare:
        msg = f"{name}: a line needs wcdfa and has no mark"
        raise ValueError(msg)
    return bare


def recorded(name: str, *, answer: bool = False) -> tuple[str, str]:
    """The program with its lines, and the expression that has the norms. Its last line is left out unless an answer is wanted."""
    text = source(name)
    (reader,) = ANSWER.findall(text)
    return text if answer else ANSWER.sub("", text), reader


def executed(text: str, listener: Listener) -> Names:
    """Run a program; the listener is called with its parameters before its first step and after each. Returns its variables."""
    names: Names = {"__name__": "__main__"}
    token = LISTENER.set(listener)
    try:
        exec(compile(text, "a program", "exec"), names)  # noqa: S102 - a program of this folder
    except Enough:
        pass
    finally:
        LISTENER.reset(token)
    return names


class Enough(BaseException):
    """Ends a program early. No framework takes it for an error of its own."""


class Saved:
    """The parameters after each step, in float64; a program ends after `steps` steps."""

    def __init__(self, steps: int | None = None) -> None:
        self.steps = steps
        self.last: np.ndarray | None = None
        self.squares: list[float] = []

    def __call__(self, parameters: list[Any]) -> None:
        parts = [part.detach() if hasattr(part, "detach") else part for part in parameters]
        flat = np.concatenate([np.asarray(part, dtype=np.float64).ravel() for part in parts])
        if self.last is not None:
            self.squares.append(float(np.sum((flat - self.last) ** 2)))
        self.last = flat
        if len(self.squares) == self.steps:
            raise Enough

    @property
    def norms(self) -> np.ndarray:
        """‖ΔW‖ of each step in which something moved."""
        found = np.sqrt(self.squares)
        return found[found > 0]


def read(names: Names, reader: str) -> np.ndarray:
    """The norms that were recorded: of a reading, or of a monitor."""
    found = eval(reader, names)  # an expression of a program of this folder
    return np.asarray((found.reading() if hasattr(found, "reading") else found).norms, dtype=np.float64)
