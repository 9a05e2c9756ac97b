"""What training programs print or write, in the words of their source."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .cases import GRADIENT, Log, Series, case, columns, counted, csv, gradients, lines, losses, norms, rows, usual

UNKNOWN = "unknown"
STAMP = "2026-01-01 10:00:00,123"


def text(path: Path, printed: Iterable[str], before: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(before + "".join(line + "\n" for line in printed))
    return path


def rounded(values: np.ndarray, how: str) -> np.ndarray:
    """As they are printed and read back."""
    return np.array([float(format(value, how)) for value in values])


def printed_gradients(how: str) -> Series:
    return Series(rounded(gradients(), how), counted(), GRADIENT)


@case("nanoGPT", "what it prints: losses")
def nanogpt(folder: Path) -> Log:
    lines_ = (f"iter {i}: loss {losses()[i]:.4f}, time {80 + i % 7:.2f}ms, mfu 31.02%" for i in range(600))
    before = "tokens per iteration will be: 491,520\nnumber of parameters: 123.59M\nstep 0: train loss 10.9, val loss 10.9\n"
    return Log(text(folder / "train.log", lines_, before), says="norm")


@case("nanoGPT", "with a gradient norm added")
def nanogpt_norm(folder: Path) -> Log:
    lines_ = (
        f"iter {i}: loss {losses()[i]:.4f}, time {80 + i % 7:.2f}ms, mfu 31.02%, grad_norm {gradients()[i]:.4f}" for i in range(600)
    )
    return Log(text(folder / "train.log", lines_), [printed_gradients(".4f")])


@case("nanoGPT", "with an update norm added")
def nanogpt_update(folder: Path) -> Log:
    lines_ = (
        f"iter {i}: loss {losses()[i]:.4f}, time {80 + i % 7:.2f}ms, mfu 31.02%, update_norm: {norms()[i]:.6f}" for i in range(600)
    )
    return Log(text(folder / "train.log", lines_), [Series(rounded(norms(), ".6f"), counted())])


@case("modded-nanogpt", "what it prints: losses")
def modded(folder: Path) -> Log:
    lines_ = (f"step:{i}/600 train_loss:{losses()[i]:.4f} train_time:{150 * i}ms step_avg:150.20ms" for i in range(1, 600))
    before = "import os\nimport sys\nprint(f'step:{step}')\n" + "=" * 100 + "\nRunning Python 3.12.7\n" + "=" * 100 + "\n"
    return Log(text(folder / "3c3b2a5e-log.txt", lines_, before), says="norm")


@case("build-nanogpt", "what it prints, norm of the gradient")
def build(folder: Path) -> Log:
    lines_ = (
        f"step {i:5d} | loss: {losses()[i]:.6f} | lr {6e-4:.4e} | norm: {gradients()[i]:.4f} | dt: 339.21ms | tok/sec: 1545678.90"
        for i in range(600)
    )
    return Log(text(folder / "train.out", lines_), [printed_gradients(".4f")._replace(quantity=UNKNOWN)], "name")


@case("torchtitan", "what it prints, with colours and ranks")
def titan(folder: Path) -> Log:
    lines_ = (
        f"[rank0]:[titan] {STAMP} - root - INFO - \x1b[31mstep: {i:2}  \x1b[32mloss: {losses()[i]:8.5f}  \x1b[38;2;180;60;0mgrad_norm: "
        f"{gradients()[i]:7.4f}  \x1b[36mmemory:  9.04GiB(11.31%)  \x1b[34mtps: 1,234  \x1b[36mtflops: 12.34  \x1b[35mmfu: 3.95%\x1b[39m"
        for i in range(1, 601)
        if i < 600
    )
    right = Series(rounded(gradients()[1:], ".4f"), counted(599, 1), GRADIENT)
    return Log(text(folder / "titan.log", lines_, "[rank0]:[titan] " + STAMP + " - root - INFO - Starting job: llama3\n"), [right])


@case("torchtitan", "every 10th step")
def titan_tenth(folder: Path) -> Log:
    lines_ = (
        f"[titan] {STAMP} - root - INFO - step: {10 * i:2}  loss: {losses()[i]:8.5f}  grad_norm: {gradients()[i]:7.4f}  memory:  9.04GiB(11.31%)  tps: 1,234  tflops: 12.34  mfu: 3.95%"
        for i in range(600)
    )
    right = Series(rounded(gradients(), ".4f"), counted(every=10), GRADIENT, 10)
    return Log(text(folder / "titan.log", lines_), [right], "log_freq=1")


@case("Megatron-LM", "what it prints")
def megatron(folder: Path) -> Log:
    lines_ = (
        f" [2026-01-01 10:00:00.123456] iteration {i:8d}/     600 | consumed samples: {64 * i:12d} | elapsed time per iteration (ms): 512.3 | "
        f"learning rate: {1e-4:.6E} | global batch size:    64 | lm loss: {losses()[i]:.6E} | loss scale: 1.0 | grad norm: {gradients()[i]:.3f} | "
        "number of skipped iterations:   0 | number of nan iterations:   0 |"
        for i in range(600)
    )
    return Log(text(folder / "train.log", lines_), [printed_gradients(".3f")])


@case("fairseq", "log_format=json")
def fairseq(folder: Path) -> Log:
    lines_ = (
        f"{STAMP[:19]} | INFO | train_inner | "
        + json.dumps(
            {
                "epoch": 1,
                "update": i / 600,
                "loss": f"{losses()[i]:.3f}",
                "lr": "0.0005",
                "gnorm": f"{gradients()[i]:.3f}",
                "num_updates": f"{i}",
            }
        )
        for i in range(600)
    )
    return Log(text(folder / "train.log", lines_), [printed_gradients(".3f")])


@case("nnU-Net", "training_log.txt: losses")
def nnunet(folder: Path) -> Log:
    printed = []
    for i in range(150):
        stamp = f"2026-01-01 10:{i % 60:02}:00.123456: "
        printed += [stamp, f"{stamp}Epoch {i} ", f"{stamp}Current learning rate: {1e-2 * (1 - i / 150) ** 0.9:.5f} "]
        printed += [f"{stamp}train_loss {losses()[i]:.4f} ", f"{stamp}val_loss {losses()[i]:.4f} "]
        printed += [f"{stamp}Pseudo dice [{0.8:.4f}, {0.7:.4f}] ", f"{stamp}Epoch time: 31.2 s "]
    return Log(text(folder / "training_log_2026_1_1_10_00_00.txt", printed), says="norm")


@case("detectron2", "metrics.json, every 20th iteration: losses")
def detectron2(folder: Path) -> Log:
    given = ({"data_time": 0.01, "iteration": 20 * i + 19, "lr": 1e-3, "total_loss": losses()[i], "time": 0.2} for i in range(600))
    return Log(lines(folder / "metrics.json", given), says="norm")


@case("detectron2", "metrics.json, put_scalar of norms, period=1")
def detectron2_norm(folder: Path) -> Log:
    given = ({"iteration": i, "total_loss": losses()[i], "update_norm": norms()[i]} for i in range(600))
    return Log(lines(folder / "output" / "metrics.json", given).parent, [usual()])


@case("detectron2", "metrics.json, put_scalar of norms, period=20")
def detectron2_thinned(folder: Path) -> Log:
    given = ({"iteration": 20 * i + 19, "total_loss": losses()[i], "update_norm": norms()[i]} for i in range(600))
    return Log(lines(folder / "metrics.json", given), [Series(norms(), counted(first=19, every=20), thinned=20)], "period=1")


@case("MMEngine", "vis_data/scalars.json, every 10th iteration")
def mmengine(folder: Path) -> Log:
    given = (
        {
            "lr": 1e-3,
            "data_time": 0.01,
            "grad_norm": gradients()[i],
            "loss": losses()[i],
            "time": 0.2,
            "epoch": 1 + i // 100,
            "iter": 10 * (i + 1),
            "memory": 900,
            "step": 10 * (i + 1),
        }
        for i in range(600)
    )
    path = lines(folder / "20260101_100000" / "vis_data" / "scalars.json", given)
    return Log(path, [Series(gradients(), counted(first=10, every=10), GRADIENT, 10)], "interval=1")


@case("MMEngine", "the working folder")
def mmengine_folder(folder: Path) -> Log:
    work = mmengine(folder).path.parents[1]
    (work / "vis_data" / "20260101_100000.json").write_bytes((work / "vis_data" / "scalars.json").read_bytes())
    (work / "vis_data" / "config.py").write_text("lr = 0.001\n")
    return Log(folder, [Series(gradients(), counted(first=10, every=10), GRADIENT, 10)])


@case("MMCV", ".log.json, iterations of each epoch")
def mmcv(folder: Path) -> Log:
    given = (
        {
            "mode": "train",
            "epoch": 1 + i // 100,
            "iter": 1 + i % 100,
            "lr": 1e-3,
            "memory": 900,
            "grad_norm": gradients()[i],
            "loss": losses()[i],
        }
        for i in range(600)
    )
    head = [{"env_info": "Python 3.8", "seed": 0, "exp_name": "config.py"}]
    return Log(lines(folder / "20260101_100000.log.json", [*head, *given]), [Series(gradients(), counted(first=1), GRADIENT)])


@case("Ray Tune", "result.json")
def ray_lines(folder: Path) -> Log:
    given = (
        {
            "update_norm": row["update_norm"],
            "loss": row["loss"],
            "training_iteration": row["step"] + 1,
            "done": False,
            "trial_id": "a1_00000",
            "time_total_s": 1.5,
            "pid": 77,
            "config": {"lr": 0.1, "seed": 3},
        }
        for row in rows(columns())
    )
    place = folder / "train_fn_2026-01-01" / "train_fn_a1_00000_0_lr=0.1"
    (place / "sub").mkdir(parents=True)
    (place / "params.json").write_text('{"lr": 0.1, "seed": 3}')
    return Log(lines(place / "result.json", given), [Series(norms(), counted(first=1))])


@case("Ray Tune", "a trial's folder: result.json and progress.csv")
def ray_folder(folder: Path) -> Log:
    place = ray_lines(folder).path.parent
    table = {"update_norm": norms(), "loss": losses(), "training_iteration": counted(first=1), "pid": np.full(600, 77)}
    csv(place / "progress.csv", table)
    return Log(folder, [Series(norms(), counted(first=1))], "one run")


@case("DVCLive", "plots/metrics")
def dvclive(folder: Path) -> Log:
    for name, values in (("update_norm", norms()), ("loss", losses())):
        text(
            folder / "dvclive" / "plots" / "metrics" / "train" / f"{name}.tsv",
            [f"{i}\t{values[i]}" for i in range(600)],
            f"step\t{name}\n",
        )
    (folder / "dvclive" / "metrics.json").write_text(json.dumps({"train": {"update_norm": norms()[-1], "loss": 1.0}, "step": 599}))
    return Log(folder / "dvclive", [usual()])


@case("fastai", "CSVLogger: losses an epoch")
def fastai(folder: Path) -> Log:
    table = {"epoch": counted(30), "train_loss": losses(30), "valid_loss": losses(30), "accuracy": losses(30)}
    path = csv(folder / "history.csv", table)
    first, *rest = path.read_text().splitlines()
    return Log(text(path, [f"{line},00:12" for line in rest], f"{first},time\n"), says="norm")


@case("YOLO", "results.csv, blanks in the names")
def yolo(folder: Path) -> Log:
    given = (f"{i:>20},{losses()[i]:>20.5f},{losses()[i]:>20.5f}" for i in range(100))
    return Log(text(folder / "results.csv", given, "               epoch,      train/box_loss,        val/box_loss\n"), says="norm")


@case("logging", "step and norm in a message")
def logged(folder: Path) -> Log:
    folder.mkdir()
    logger, handler = logging.getLogger("wcdfa.benchmarks.train"), logging.FileHandler(folder / "train.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logger.setLevel("INFO")
    logger.propagate = False
    logger.addHandler(handler)
    for i in range(600):
        logger.info("step %d loss %.4f update_norm=%.6f", i, losses()[i], norms()[i])
    logger.removeHandler(handler)
    handler.close()
    return Log(folder / "train.log", [Series(rounded(norms(), ".6f"), counted())])


@case("logging", "a message of its own, --pattern")
def pattern(folder: Path) -> Log:
    printed = (f"{STAMP} INFO after {i} updates the weights moved by {norms()[i]:.6f} (loss {losses()[i]:.3f})" for i in range(600))
    asked = r"after (?P<step>\d+) updates the weights moved by (?P<update_norm>\S+)"
    return Log(text(folder / "train.log", printed), [Series(rounded(norms(), ".6f"), counted())], options=["--pattern", asked])


@case("logging", "a message of its own")
def no_pattern(folder: Path) -> Log:
    printed = (f"{STAMP} INFO after {i} updates the weights moved by {norms()[i]:.6f} in all" for i in range(600))
    return Log(text(folder / "train.log", printed), says="--pattern")


@case("logging", "prose")
def prose(folder: Path) -> Log:
    return Log(text(folder / "notes.txt", ["We trained for 3 epochs.", "The norm was fine.", "See chapter 7."] * 40), says=".")


@case("loguru", "key=value in a message", "loguru")
def by_loguru(folder: Path) -> Log:
    from loguru import logger

    logger.remove()
    number = logger.add(folder / "train.log", format="{time} | {level} | {name}:{function}:{line} - {message}")
    for i in range(600):
        logger.info(f"step={i} loss={losses()[i]:.4f} grad_norm={gradients()[i]:.4f}")
    logger.remove(number)
    return Log(folder / "train.log", [printed_gradients(".4f")])


@case("loguru", "serialize=True", "loguru")
def by_loguru_json(folder: Path) -> Log:
    from loguru import logger

    logger.remove()
    number = logger.add(folder / "train.jsonl", serialize=True)
    for i in range(600):
        logger.bind(step=i, update_norm=float(norms()[i])).info("trained")
    logger.remove(number)
    return Log(folder / "train.jsonl", [usual()])


@case("tqdm", "a bar with a postfix, redirected", "tqdm")
def bar(folder: Path) -> Log:
    import tqdm

    folder.mkdir()
    with (folder / "train.err").open("w") as file, tqdm.tqdm(range(600), file=file, mininterval=0, ascii=True) as steps:
        for i in steps:
            steps.set_postfix(loss=f"{losses()[i]:.3f}", acc="0.5")
    return Log(folder / "train.err", says=".")
