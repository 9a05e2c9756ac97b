"""Event files by torch's SummaryWriter, tensorboardX and tf.summary, and the tables that people make of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from .cases import GRADIENT, LOSS, Log, Series, case, counted, csv, gradients, losses, norms

TORCH = ("torch", "tensorboard")


def by_events(folder: Path, tag: str, quantity: str = "update norm", thinned: int = 1) -> Series:
    """What TensorBoard reads: the scalars of a tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    if tag in events.Tags()["scalars"]:
        found = [(each.step, each.value) for each in events.Scalars(tag)]
    else:
        found = [(each.step, make_ndarray(each.tensor_proto).item()) for each in events.Tensors(tag)]
    steps, values = zip(*found, strict=True)
    return Series(np.array(values, float), np.array(steps), quantity, thinned)


def logged(folder: Path, tags: dict[str, np.ndarray], steps: np.ndarray | None = None, **options) -> Path:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder, **options) as writer:
        for i in range(len(next(iter(tags.values())))):
            for tag, values in tags.items():
                writer.add_scalar(tag, values[i], i if steps is None else steps[i])
    return folder


USUAL = {"train/loss": losses(), "train/update_norm": norms(), "train/lr": np.full(600, 1e-3)}


@case("SummaryWriter", "add_scalar at each step", *TORCH)
def each_step(folder: Path) -> Log:
    return Log(logged(folder, USUAL), [by_events(folder, "train/update_norm")])


@case("SummaryWriter", "the event file itself", *TORCH)
def the_file(folder: Path) -> Log:
    (path,) = logged(folder, USUAL).iterdir()
    return Log(path, [by_events(folder, "train/update_norm")])


@case("SummaryWriter", "new_style, double_precision", *TORCH)
def double(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for step, norm in enumerate(norms()):
            writer.add_scalar("update_norm", norm, step, new_style=True, double_precision=True)
    return Log(folder, [by_events(folder, "update_norm")])


@case("SummaryWriter", "every 10th step", *TORCH)
def every_tenth(folder: Path) -> Log:
    logged(folder, USUAL, counted(every=10))
    return Log(folder, [by_events(folder, "train/update_norm", thinned=10)], "10th|10 steps")


@case("SummaryWriter", "no step given", *TORCH)
def no_step(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for norm in norms():
            writer.add_scalar("update_norm", norm)
    return Log(folder, [by_events(folder, "update_norm")._replace(steps=None)], "step")


@case("SummaryWriter", "add_scalars", *TORCH)
def add_scalars(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for i in range(600):
            writer.add_scalars("update_norm", {"encoder": norms(1)[i], "decoder": norms(2)[i], "all": norms()[i]}, i)
    parts = [folder / f"update_norm_{part}" for part in ("all", "decoder", "encoder")]
    return Log(folder, [by_events(part, "update_norm") for part in parts])


@case("SummaryWriter", "restarted with purge_step", *TORCH)
def purged(folder: Path) -> Log:
    logged(folder, {name: values[:400] for name, values in USUAL.items()})
    logged(folder, {"train/update_norm": norms(1)[300:]}, counted(300, 300), purge_step=300)
    return Log(folder, [joined()])


@case("SummaryWriter", "restarted from a checkpoint, no purge_step", *TORCH)
def resumed(folder: Path) -> Log:
    logged(folder, {"update_norm": norms()[:400]}, filename_suffix=".a")
    logged(folder, {"update_norm": norms(1)[300:]}, counted(300, 300), filename_suffix=".b")
    return Log(folder, [joined()])


def joined() -> Series:
    """A run up to step 300, and what was logged after the restart."""
    return Series(np.concatenate([norms()[:300], norms(1)[300:]]).astype(np.float32).astype(float), counted())


@case("SummaryWriter", "killed in a record", *TORCH)
def killed(folder: Path) -> Log:
    (path,) = logged(folder, {"update_norm": norms()}).iterdir()
    os.truncate(path, path.stat().st_size - 11)
    return Log(folder, [by_events(folder, "update_norm")])


@case("SummaryWriter", "three seeds in a folder", *TORCH)
def seeds(folder: Path) -> Log:
    for seed in range(3):
        logged(folder / f"seed{seed}", {"update_norm": norms(seed), "loss": losses()})
    return Log(folder, [by_events(folder / f"seed{seed}", "update_norm") for seed in range(3)])


@case("SummaryWriter", "add_hparams beside the run", *TORCH)
def hparams(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    logged(folder, USUAL)
    with SummaryWriter(folder) as writer:
        writer.add_hparams({"lr": 1e-3, "layers": 2}, {"hparam/accuracy": 0.9})
    return Log(folder, [by_events(folder, "train/update_norm")])


@case("SummaryWriter", "add_hparams only", *TORCH)
def only_hparams(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    for rate in (0.1, 0.2, 0.3):
        with SummaryWriter(folder) as writer:
            writer.add_hparams({"lr": rate}, {"hparam/accuracy": 0.9, "hparam/loss": 1.0})
    return Log(folder, says="no scalars")


@case("SummaryWriter", "a gradient norm only", *TORCH)
def gradient_only(folder: Path) -> Log:
    logged(folder, {"train/loss": losses(), "train/grad_norm": gradients()})
    return Log(folder, [by_events(folder, "train/grad_norm", GRADIENT)], "gradient norm")


@case("SummaryWriter", "a loss only", *TORCH)
def loss_only(folder: Path) -> Log:
    return Log(logged(folder, {"Loss/train": losses(), "Loss/test": losses()}), says="norm")


@case("SummaryWriter", "weight norms and a loss", *TORCH)
def weight_norm(folder: Path) -> Log:
    return Log(logged(folder, {"loss": losses(), "weight_norm": 10 + losses()}), says="norm")


@case("SummaryWriter", "histograms and text only", *TORCH)
def histograms(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for step in range(5):
            writer.add_histogram("weights", norms(), step)
            writer.add_text("notes", "text", step)
    return Log(folder)


@case("SummaryWriter", "opened and closed", *TORCH)
def opened(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    SummaryWriter(folder).close()
    return Log(folder)


@case("SummaryWriter", "an empty run beside a full one", *TORCH)
def empty_beside(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    SummaryWriter(folder / "a").close()
    logged(folder / "b", USUAL)
    return Log(folder, [by_events(folder / "b", "train/update_norm")])


@case("tensorboardX", "add_scalar at each step", "tensorboardX", "tensorboard")
def by_x(folder: Path) -> Log:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for step in range(600):
            writer.add_scalar("train/loss", losses()[step], step)
            writer.add_scalar("train/update_norm", norms()[step], step)
    return Log(folder, [by_events(folder, "train/update_norm")])


@case("tensorboardX", "export_scalars_to_json", "tensorboardX", "tensorboard")
def x_json(folder: Path) -> Log:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder / "run")) as writer:
        for step in range(600):
            writer.add_scalars("train", {"loss": losses()[step], "update_norm": norms()[step]}, step)
        writer.export_scalars_to_json(str(folder / "all_scalars.json"))
    (name,) = [each for each in json.loads((folder / "all_scalars.json").read_text()) if each.endswith("update_norm")]
    values = [row[2] for row in json.loads((folder / "all_scalars.json").read_text())[name]]
    return Log(folder / "all_scalars.json", [Series(np.array(values, float), counted())])


@case("tf.summary", "scalar at each step", "tensorflow", "tensorboard")
def by_tf(folder: Path) -> Log:
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step in range(600):
            tf.summary.scalar("loss", losses()[step], step=step)
            tf.summary.scalar("update_norm", norms()[step], step=step)
    writer.close()
    return Log(folder, [by_events(folder, "update_norm")])


@case("tf.summary", "train and validation folders", "tensorflow", "tensorboard")
def by_tf_two(folder: Path) -> Log:
    import tensorflow as tf

    for part in ("train", "validation"):
        writer = tf.summary.create_file_writer(str(folder / part))
        with writer.as_default():
            for step in range(600 if part == "train" else 6):
                tf.summary.scalar("loss", losses()[step], step=step)
                if part == "train":
                    tf.summary.scalar("update_norm", norms()[step], step=step)
        writer.close()
    return Log(folder, [by_events(folder / "train", "update_norm")])


@case("TensorBoard's page", "download of a loss")
def export_loss(folder: Path) -> Log:
    return Log(exported(folder / "run-.-tag-train_loss.csv", losses()), says="loss")


@case("TensorBoard's page", "download of an accuracy")
def export_accuracy(folder: Path) -> Log:
    return Log(exported(folder / "run-runs_a-tag-accuracy_train.csv", 1 / losses()), says="norm")


@case("TensorBoard's page", "download of update norms")
def export_norms(folder: Path) -> Log:
    path = exported(folder / "run-runs_a-tag-train_update_norm.csv", norms())
    return Log(path, [Series(norms(), counted())])


@case("TensorBoard's page", "download of gradient norms")
def export_gradients(folder: Path) -> Log:
    path = exported(folder / "run-.-tag-train_grad_norm.csv", gradients())
    return Log(path, [Series(gradients(), counted(), GRADIENT)])


@case("TensorBoard's page", "download as JSON")
def export_json(folder: Path) -> Log:
    folder.mkdir()
    path = folder / "run-runs_a-tag-train_update_norm.json"
    path.write_text(json.dumps([[1.7e9 + i, i, norm] for i, norm in enumerate(norms())]))
    return Log(path, [Series(norms(), counted())])


def exported(path: Path, values: np.ndarray) -> Path:
    return csv(path, {"Wall time": 1.7e9 + 0.7 * counted(), "Step": counted(), "Value": values})


@case("tbparse", "scalars.to_csv", "tbparse", *TORCH)
def tbparse_long(folder: Path) -> Log:
    from tbparse import SummaryReader

    right = by_events(logged(folder / "run", USUAL), "train/update_norm")
    SummaryReader(str(folder / "run")).scalars.to_csv(folder / "scalars.csv", index=False)
    return Log(folder / "scalars.csv", [right])


@case("tbparse", "scalars.to_csv, pivoted", "tbparse", *TORCH)
def tbparse_wide(folder: Path) -> Log:
    from tbparse import SummaryReader

    right = by_events(logged(folder / "run", USUAL), "train/update_norm")
    SummaryReader(str(folder / "run"), pivot=True).scalars.to_csv(folder / "scalars.csv")
    return Log(folder / "scalars.csv", [right])


@case("tbparse", "scalars.to_parquet of two runs", "tbparse", "pyarrow", *TORCH)
def tbparse_runs(folder: Path) -> Log:
    from tbparse import SummaryReader

    right = [
        by_events(logged(folder / "runs" / f"s{seed}", {"loss": losses(), "update_norm": norms(seed)}), "update_norm")
        for seed in (0, 1)
    ]
    SummaryReader(str(folder / "runs"), extra_columns={"dir_name"}).scalars.to_parquet(folder / "scalars.parquet")
    return Log(folder / "scalars.parquet", right)


@case("tbparse", "scalars.to_csv of losses", "tbparse", *TORCH)
def tbparse_losses(folder: Path) -> Log:
    from tbparse import SummaryReader

    logged(folder / "run", {"loss": losses(), "lr": losses()})
    SummaryReader(str(folder / "run")).scalars.to_csv(folder / "scalars.csv", index=False)
    return Log(folder / "scalars.csv", says=f"norm|{LOSS}")
