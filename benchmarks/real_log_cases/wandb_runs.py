"""Offline runs of Weights & Biases, and the tables that its page and its API give."""

from __future__ import annotations

import struct
import time
from pathlib import Path

from .cases import GRADIENT, Log, Series, case, columns, counted, csv, gradients, lines, losses, norms, rows, usual


def begun(folder: Path, **options):
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    settings = wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True)
    return wandb.init(project="project", mode="offline", dir=folder, settings=settings, **options)


@case("wandb", "run.log at each step", "wandb")
def plain(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"loss": losses()[i], "update_norm": norms()[i]})
    return Log(folder / "wandb", [usual()])


@case("wandb", "the .wandb file itself", "wandb")
def the_file(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"update_norm": norms()[i]})
    return Log(next(folder.glob("wandb/offline-run-*/*.wandb")), [usual()])


@case("wandb", "define_metric with a step of its own", "wandb")
def own_step(folder: Path) -> Log:
    with begun(folder) as run:
        run.define_metric("batch")
        run.define_metric("train/*", step_metric="batch")
        for i in range(600):
            run.log({"batch": i, "train/update_norm": norms()[i]})
    return Log(folder / "wandb", [usual()])


@case("wandb", "define_metric, every 10th step", "wandb")
def own_step_tenth(folder: Path) -> Log:
    with begun(folder) as run:
        run.define_metric("batch")
        run.define_metric("train/*", step_metric="batch")
        for i in range(600):
            run.log({"batch": 10 * i, "train/update_norm": norms()[i]})
    return Log(folder / "wandb", [usual(every=10)], "10th|10 steps")


@case("wandb", "every 10th step, without a step", "wandb")
def rows_counted(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"train/update_norm": norms()[i], "loss": losses()[i]})
    return Log(folder / "wandb", [usual()], "count|row|calls")


@case("wandb", "step= of log", "wandb")
def step_argument(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"update_norm": norms()[i]}, step=10 * i)
    return Log(folder / "wandb", [usual(every=10)])


@case("wandb", "global_step beside it", "wandb")
def global_step(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"trainer/global_step": i, "update_norm": norms()[i], "epoch": i // 100})
    return Log(folder / "wandb", [usual()])


@case("wandb", "two calls a step", "wandb")
def two_calls(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"loss": losses()[i]})
            run.log({"update_norm": norms()[i]})
    return Log(folder / "wandb", [Series(norms(), None)], "count|row|calls")


@case("wandb", "commit=False", "wandb")
def uncommitted(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"loss": losses()[i]}, commit=False)
            run.log({"update_norm": norms()[i]})
    return Log(folder / "wandb", [usual()])


@case("wandb", "nested, histograms and text beside it", "wandb")
def nested(folder: Path) -> Log:
    import wandb

    with begun(folder, config={"lr": 1e-3}) as run:
        for i in range(600):
            run.log({"train": {"update_norm": norms()[i], "loss": losses()[i]}, "hist": wandb.Histogram(norms()[:10]), "text": "x"})
    return Log(folder / "wandb", [usual()])


def log_twice(folder: Path) -> None:
    """A run and what follows it under the same id, begun a second later: wandb names folders by the second."""
    for part in (range(350), range(300, 600)):
        with begun(folder, id="abc123", resume="allow") as run:
            for i in part:
                run.log({"train/global_step": i, "train/update_norm": norms()[i]})
        time.sleep(1.1)


@case("wandb", "resumed with its id", "wandb")
def resumed(folder: Path) -> Log:
    log_twice(folder)
    return Log(folder / "wandb", [usual()], "resume|one run|abc123|again|twice")


@case("wandb", "resumed with its id in the same second", "wandb")
def resumed_at_once(folder: Path) -> Log:
    """The second folder is then called like the first, with -1."""
    log_twice(folder)
    first, second = sorted((folder / "wandb").glob("offline-run-*"))
    (folder / "wandb" / "latest-run").unlink()
    second.rename(f"{first}-1")
    return Log(folder / "wandb", [usual()], "resume|one run|abc123|again|twice")


@case("wandb", "two runs of a group", "wandb")
def grouped(folder: Path) -> Log:
    for seed in (0, 1):
        with begun(folder, group="g", id=f"seed{seed}") as run:
            for i in range(600):
                run.log({"global_step": i, "update_norm": norms(seed)[i]})
    return Log(folder / "wandb", [usual(0), usual(1)])


@case("wandb", "killed: no end of the file", "wandb")
def killed(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"update_norm": norms()[i], "loss": losses()[i]})
    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    path.write_bytes(path.read_bytes()[:-3000])
    n = whole_rows(path)
    return Log(path, [Series(norms()[:n], counted(n))], "cut|complete|end")


def whole_rows(path: Path) -> int:
    """How many rows are whole: wandb has no reader of its files, which hold records in blocks of 32 KiB."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, record, count = path.read_bytes(), 7, b"", 0
    while place + 7 <= len(data):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        record += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4) and place <= len(data):  # a record, or the last part of one
            count += Record.FromString(record).WhichOneof("record_type") == "history"
            record = b""
    return count


@case("wandb", "a gradient norm only", "wandb")
def gradient_only(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"loss": losses()[i], "grad_norm": gradients()[i]})
    return Log(folder / "wandb", [Series(gradients(), counted(), GRADIENT)], "gradient norm")


@case("wandb", "a loss only", "wandb")
def loss_only(folder: Path) -> Log:
    with begun(folder) as run:
        for i in range(600):
            run.log({"loss": losses()[i], "acc": 1 / losses()[i]})
    return Log(folder / "wandb", says="norm")


@case("wandb", "watch(log='gradients')", "wandb", "torch")
def watched(folder: Path) -> Log:
    import torch

    model = torch.nn.Linear(4, 1)
    with begun(folder) as run:
        run.watch(model, log="all", log_freq=1)
        for i in range(120):
            model(torch.ones(8, 4)).square().mean().backward()
            run.log({"loss": losses()[i]})
    return Log(folder / "wandb", says="norm")


@case("wandb", "started and finished", "wandb")
def nothing(folder: Path) -> Log:
    begun(folder, config={"lr": 1e-3}).finish()
    return Log(folder / "wandb")


@case("wandb", "an empty run beside a full one", "wandb")
def empty_beside(folder: Path) -> Log:
    begun(folder).finish()
    plain(folder)
    return Log(folder / "wandb", [usual()])


@case("wandb's page", "export of a panel")
def panel(folder: Path) -> Log:
    table = {"Step": counted(), "happy-run-1 - update_norm": norms()}
    table |= {f"happy-run-1 - update_norm__{each}": norms() for each in ("MIN", "MAX")}
    return Log(csv(folder / "wandb_export_2026-01-01T00_00_00.000+00_00.csv", table), [usual()])


@case("wandb's page", "export of a panel, two runs")
def panel_of_two(folder: Path) -> Log:
    table = {"Step": counted()}
    for seed in (0, 1):
        table |= {f"run-{seed} - train/update_norm{each}": norms(seed) for each in ("", "__MIN", "__MAX")}
    return Log(csv(folder / "wandb_export.csv", table), [usual(0), usual(1)])


@case("wandb's page", "export of a panel of losses")
def panel_of_losses(folder: Path) -> Log:
    table = {
        "Step": counted(),
        "happy-run-1 - loss": losses(),
        "happy-run-1 - loss__MIN": losses(),
        "happy-run-1 - loss__MAX": losses(),
    }
    return Log(csv(folder / "wandb_export.csv", table), says="norm")


@case("wandb's API", "run.history() to csv", "pandas")
def history(folder: Path) -> Log:
    import pandas

    folder.mkdir()
    made = columns()
    table = {"_step": made["step"], "_runtime": counted() / 10, "_timestamp": 1.7e9 + counted() / 10, **made}
    pandas.DataFrame({name: values for name, values in table.items() if name != "step"}).to_csv(folder / "history.csv")
    return Log(folder / "history.csv", [usual()])


@case("wandb's API", "wandb-history.jsonl")
def history_lines(folder: Path) -> Log:
    given = ({"_step": row.pop("step"), "_runtime": 1.5, "_timestamp": 1.7e9, **row} for row in rows(columns()))
    return Log(lines(folder / "wandb-history.jsonl", given), [usual()])


@case("wandb's API", "wandb-summary.json beside a config")
def summary(folder: Path) -> Log:
    lines(folder / "wandb-summary.json", [{"_step": 599, "loss": 1.0, "update_norm": 0.02}])
    return Log(lines(folder / "config.json", [{"lr": {"value": 1e-3}}]).parent)
