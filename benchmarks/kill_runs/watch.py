"""A watch on a log that another process writes; both are killed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wcdfa import synthetic
from wcdfa.analysis.series import Settings
from wcdfa.cli import app
from wcdfa.monitor.follower import Follower

from .checking import Found, left_over
from .killing import Program, Tell, killed, silent

NORMS = np.exp(0.1 * synthetic.white_noise(1000, seed=0)).tolist()
LINES = [f"{step},{norm!r}" for step, norm in enumerate(NORMS)]
HEADER = "step,update_norm"
BEGINNING = 200  # lines that are there before


def trials(folder: Path, moment: random.Random) -> Iterator[Found]:
    """``watch``: the log is as it was written, and a watch that is started again reads every norm of it."""
    path = folder / "run.csv"
    while True:
        path.write_text("\n".join([HEADER, *LINES[:BEGINNING]]) + "\n")
        killed(watching(path), writing(path), after=moment.uniform(0, 0.5))
        header, *whole = path.read_text().split("\n")[:-1]  # what follows the last newline may be cut off
        follower = Follower(path, Settings(window=64))
        follower.look()
        kept = follower.monitor.get_signal().tolist()
        damaged = header != HEADER or whole != LINES[: len(whole)] or kept != NORMS[len(whole) - len(kept) : len(whole)]
        lost = len(whole) - 1 - int(follower.monitor.reading().steps[-1])
        yield Found(lost, damaged, left_over(folder) + len(list(folder.iterdir())) - 1)


def watching(path: Path) -> Program:
    """Watch the log, and report each look at it."""

    def program(tell: Tell) -> None:
        silent()
        look = Follower.look

        def looked(self: Follower) -> object:
            news = look(self)
            tell(news.fresh, 0.0)
            return news

        Follower.look = looked
        app.app(["watch", str(path), "--window", "64", "--every", "0.01"], result_action="return_value")

    return program


def writing(path: Path) -> Program:
    """Write the lines after the beginning, one each millisecond."""

    def program(_: Tell) -> None:
        with path.open("a", buffering=1) as file:
            for line in LINES[BEGINNING:]:
                file.write(f"{line}\n")
                time.sleep(0.001)

    return program
