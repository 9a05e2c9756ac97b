"""JSON lines and documents, as programs write them with the json module."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from .cases import GRADIENT, Log, Series, case, columns, counted, gradients, lines, losses, norms, rows, usual


def text(given: list) -> str:
    return "".join(json.dumps(row) + "\n" for row in given)


def written(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@case("json module", "a line a step")
def a_line(folder: Path) -> Log:
    return Log(lines(folder / "metrics.jsonl", rows(columns())), [usual()])


@case("json module", "lines, steps as global_step")
def global_step(folder: Path) -> Log:
    return Log(lines(folder / "metrics.jsonl", rows(columns(step="global_step"))), [usual()])


@case("json module", "lines, norm as train/update_norm")
def slashed(folder: Path) -> Log:
    return Log(lines(folder / "metrics.jsonl", rows(columns(name="train/update_norm"))), [usual()])


@case("json module", "lines, norm as delta_w_norm")
def delta(folder: Path) -> Log:
    return Log(lines(folder / "metrics.jsonl", rows(columns(name="delta_w_norm"))), [usual()])


@case("json module", "lines, nested")
def nested(folder: Path) -> Log:
    given = ({"step": row["step"], "train": {"loss": row["loss"], "update_norm": row["update_norm"]}} for row in rows(columns()))
    return Log(lines(folder / "metrics.jsonl", given), [usual()])


@case("json module", "lines in log.txt, as DINO")
def dino(folder: Path) -> Log:
    return Log(lines(folder / "log.txt", rows(columns())), [usual()])


@case("json module", "lines without an ending")
def no_ending(folder: Path) -> Log:
    return Log(lines(folder / "metrics", rows(columns())), [usual()])


@case("json module", "every 10th step")
def every_tenth(folder: Path) -> Log:
    return Log(lines(folder / "metrics.jsonl", rows(columns(every=10))), [usual(every=10)], "10th|10 steps")


@case("json module", "evaluations between")
def evaluations(folder: Path) -> Log:
    given = []
    for row in rows(columns()):
        given.append(row)
        if row["step"] % 50 == 0:
            given.append({"step": row["step"], "eval_loss": 2.0})
    return Log(lines(folder / "metrics.jsonl", given), [usual()])


@case("json module", "killed and restarted: } { in one line")
def joined(folder: Path) -> Log:
    given = list(rows(columns()))
    path = written(folder / "metrics.jsonl", text(given[:350])[:-1] + text(given[330:]))
    return Log(path, [usual()])


@case("json module", "killed in mid-line and restarted")
def torn(folder: Path) -> Log:
    given = list(rows(columns()))
    path = written(folder / "metrics.jsonl", text(given[:350])[:-20] + text(given[330:]))
    return Log(path, [usual()], "line 350")


@case("json module", "NUL bytes after a power cut")
def nul(folder: Path) -> Log:
    given = list(rows(columns()))
    path = written(folder / "metrics.jsonl", text(given[:350]) + "\0" * 512 + text(given[350:]))
    return Log(path, [usual()], "line 351")


@case("json module", "restarted from an older checkpoint")
def restarted(folder: Path) -> Log:
    given = list(rows(columns()))
    old = [{**row, "update_norm": 1.0} for row in given[300:350]]
    return Log(lines(folder / "metrics.jsonl", [*given[:300], *old, *given[300:]]), [usual()], "300")


@case("json module", "NaN where a step overflowed")
def overflowed(folder: Path) -> Log:
    table = columns()
    table["update_norm"] = norms().copy()
    table["update_norm"][[100, 400]] = np.nan
    return Log(lines(folder / "metrics.jsonl", rows(table)), [Series(table["update_norm"], counted())])


@case("json module", "a list of records")
def records(folder: Path) -> Log:
    return Log(written(folder / "history.json", json.dumps(list(rows(columns())))), [usual()])


@case("json module", "a list of records, indented")
def indented(folder: Path) -> Log:
    return Log(written(folder / "history.json", json.dumps(list(rows(columns())), indent=2)), [usual()])


@case("json module", "lists by name")
def lists(folder: Path) -> Log:
    table = {name: values.tolist() for name, values in columns().items()}
    return Log(written(folder / "history.json", json.dumps(table)), [usual()])


@case("json module", "lines, a gradient norm only")
def gradient_only(folder: Path) -> Log:
    given = rows({"step": counted(), "loss": losses(), "gnorm": gradients()})
    return Log(lines(folder / "metrics.jsonl", given), [Series(gradients(), counted(), GRADIENT)], "gradient norm")


@case("json module", "lines, a loss only")
def loss_only(folder: Path) -> Log:
    return Log(lines(folder / "metrics.jsonl", rows({"step": counted(), "loss": losses()})), says="norm")


@case("json module", "a folder of losses only")
def folder_of_losses(folder: Path) -> Log:
    for seed in range(4):
        lines(folder / f"{seed}" / "metrics.jsonl", rows({"step": counted(), "loss": losses(), "acc": losses()}))
    return Log(folder, says="(?s)loss.*norm|norm.*loss")


@case("json module", "a configuration, no log")
def configuration(folder: Path) -> Log:
    return Log(written(folder / "config.json", json.dumps({"lr": 0.1, "layers": [64, 64], "seed": 1})))


@case("json module", "a configuration beside a log")
def configuration_beside(folder: Path) -> Log:
    written(folder / "config.json", json.dumps({"lr": 0.1, "layers": [64, 64], "seed": 1}))
    lines(folder / "metrics.jsonl", rows(columns()))
    return Log(folder, [usual()])


@case("json module", "an empty file")
def empty(folder: Path) -> Log:
    return Log(written(folder / "metrics.jsonl", ""))


@case("json module", "an empty run beside a full one")
def empty_beside(folder: Path) -> Log:
    written(folder / "a" / "metrics.jsonl", "")
    lines(folder / "b" / "metrics.jsonl", rows(columns()))
    return Log(folder, [usual()])
