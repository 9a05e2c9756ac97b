"""Logs whose right answer needs options: what is said of them besides the series that is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .cases import GRADIENT, Log, Series, case, counted, csv, lines, rows

LONG = 1500


def vectors(n: int, momentum: float = 0.0, dimension: int = 20, seed: int = 0) -> np.ndarray:
    """Norms of what SGD makes of gradients without memory."""
    gradients = np.random.default_rng(seed).standard_normal((n, dimension))
    change = np.zeros(dimension)
    norms = np.empty(n)
    for i, gradient in enumerate(gradients):
        change = momentum * change + gradient
        norms[i] = np.linalg.norm(change)
    return norms


def rates(n: int) -> np.ndarray:
    """A cosine schedule."""
    return 0.01 + 0.5 * (1 + np.cos(np.pi * np.arange(n) / n))


@case("transformers' names", "gradients without memory, --optimizer adamw")
def memoryless(folder: Path) -> Log:
    values = vectors(LONG)
    history = [{"step": i + 1, "loss": 1.0, "grad_norm": value, "learning_rate": 1e-4} for i, value in enumerate(values.tolist())]
    folder.mkdir()
    (folder / "trainer_state.json").write_text(json.dumps({"log_history": history}))
    right = Series(values, counted(LONG, 1), GRADIENT)
    return Log(folder / "trainer_state.json", [right], "(?i)without memory", ["--optimizer", "adamw"], never="undo some|beyond")


@case("json module", "every 10th norm of SGD, --optimizer sgd")
def every_tenth(folder: Path) -> Log:
    values = vectors(10 * LONG, momentum=0.9)[::10]
    path = lines(folder / "log.jsonl", rows({"step": counted(LONG, every=10), "update_norm": values}))
    right = Series(values, counted(LONG, every=10), thinned=10)
    return Log(path, [right], "explained by optimizer", ["--optimizer", "sgd", "--momentum", "0.9"], never="undo some|beyond")


@case("json module", "a cosine schedule, --optimizer sgd")
def cosine(folder: Path) -> Log:
    values = rates(600) * vectors(600)
    path = lines(folder / "log.jsonl", rows({"step": counted(), "lr": rates(600), "update_norm": values}))
    return Log(path, [Series(values, counted(), alpha=(0.3, 0.7))], "", ["--optimizer", "sgd"], never="trend")


@case("json module", "a cosine schedule, --lr 1")
def cosine_given(folder: Path) -> Log:
    values = rates(600) * vectors(600)
    path = lines(folder / "log.jsonl", rows({"step": counted(), "lr": rates(600), "update_norm": values}))
    return Log(path, [Series(values, counted(), alpha=(0.3, 0.7))], "learning rate of the log is used", ["--lr", "1"])


@case("csv module", "an unknown name, --quantity")
def told(folder: Path) -> Log:
    values = vectors(600)
    path = csv(folder / "log.csv", {"step": counted(), "movement": values})
    return Log(path, [Series(values, counted())], "", ["--column", "movement", "--quantity", "update-norm"])


@case("csv module", "rows of every 10th step, --spacing 10")
def spacing(folder: Path) -> Log:
    values = vectors(600)
    path = csv(folder / "log.csv", {"update_norm": values})
    return Log(path, [Series(values, None, thinned=10)], "10", ["--spacing", "10"])


@case("csv module", "a loss, asked for with --column")
def asked(folder: Path) -> Log:
    values = 2 + vectors(600)
    path = csv(folder / "log.csv", {"step": counted(), "loss": values})
    return Log(path, [Series(values, counted(), "loss")], "(?i)loss", ["--column", "loss"])
