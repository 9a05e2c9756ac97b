"""The first answer on a run of one's own: an ordinary program writes a log, and one command, ``wcdfa analyze``, is right about it.

The gradients are white noise that does not depend on the weights, and plain SGD makes them the weight change: α is 0.5.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from importlib.util import find_spec

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.commands import run
from tests.helpers.processes import printed, start

STEPS, SIZE, RATE = 600, 32, 0.01
NOISE = np.random.default_rng(0).standard_normal((STEPS, SIZE)).astype(np.float32)
NORMS = RATE * np.linalg.norm(NOISE.astype(np.float64), axis=1)


def answers(path, where):
    """What ``wcdfa analyze PATH`` finds, for each series; it ends well, and α is near 0.5."""
    done = run("analyze", path, "--json", cwd=where)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}{done.stdout[:3000]}"
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found
    for each in found:
        assert 0.35 < each["alpha"] < 0.65
    return found


def answer(path, where, column="wcdfa/update_norm", quantity="update norm", n=STEPS):
    (found,) = answers(path, where)
    assert (found["series"], found["quantity"], found["n"], found["thinned"]) == (column, quantity, n, 1)
    return found


def model_of(torch):
    """A vector of weights whose gradient is the batch."""

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(SIZE))

        def forward(self, x):
            return {"loss": (self.w * x).sum()}

    return Model()


def trained(monitor):
    """A plain loop of torch, with one line of ours."""
    torch = require("torch")
    from wcdfa.backends.torch.hooks import attach

    model = model_of(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    handle = attach(optimizer, monitor=monitor)
    for x in torch.from_numpy(NOISE):
        optimizer.zero_grad()
        model(x)["loss"].backward()
        optimizer.step()
    handle.read()
    return handle


def tensorboard(folder):
    require("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    from wcdfa.sinks.tensorboard import TensorBoardSink

    with SummaryWriter(folder / "runs" / "1") as writer:
        yield TensorBoardSink(writer)


def weights_and_biases(folder):
    with warnings.catch_warnings(action="ignore"):
        wandb = require("wandb")
    from wcdfa.sinks.wandb import WandbSink

    settings = wandb.Settings(silent=True, console="off")
    with wandb.init(project="first", dir=folder, mode="offline", settings=settings) as active:
        yield WandbSink(active)


def lines(folder):
    from wcdfa.sinks.jsonl import JSONLinesSink

    with JSONLinesSink(folder / "run.jsonl") as sink:
        yield sink


def tables(folder):
    require("pyarrow")
    from wcdfa.sinks.parquet import ParquetSink

    with ParquetSink(folder / "run") as sink:
        yield sink


@pytest.mark.parametrize("tool", [tensorboard, weights_and_biases, lines, tables], ids=lambda tool: tool.__name__)
def test_a_plain_loop_with_a_sink(tool, tmp_path):
    require("torch")
    with contextlib.contextmanager(tool)(tmp_path) as sink:
        handle = trained(wcdfa.WeightChangeDFA(logger=sink))
    np.testing.assert_allclose(handle.read().norms, NORMS[-500:], rtol=1e-5)
    assert answer(".", tmp_path)["windows"][0]["last_step"] == 500


def test_mlflow(mlflow, tmp_path):
    from wcdfa.sinks.mlflow import MLflowSink

    with mlflow.start_run(), MLflowSink() as sink:
        trained(wcdfa.WeightChangeDFA(logger=sink))
    answer("mlflow.db", tmp_path)


def test_a_handle_that_is_saved(tmp_path):
    torch = require("torch")
    torch.save({"step": STEPS, "wcdfa": trained(None).state_dict()}, tmp_path / "last.pt")
    found = answer("last.pt", tmp_path, n=500)
    assert found["windows"][-1]["last_step"] == STEPS


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    """A Trainer of transformers that has trained, with and without our callback."""
    require("accelerate")
    transformers, torch = require("transformers"), require("torch")

    def fitted(ours, **options):
        given = {"per_device_train_batch_size": 1, "optim": "sgd", "lr_scheduler_type": "constant", "learning_rate": RATE}
        given |= {"use_cpu": True, "disable_tqdm": True, "dataloader_pin_memory": False, "max_grad_norm": 1e6, "report_to": "none"}
        arguments = transformers.TrainingArguments(str(tmp_path / "out"), num_train_epochs=1, **(given | options))
        trainer = transformers.Trainer(model_of(torch), arguments, train_dataset=[{"x": x} for x in torch.from_numpy(NOISE)])
        trainer.remove_callback(transformers.PrinterCallback)
        if ours:
            from wcdfa.backends.transformers import WeightChangeCallback

            WeightChangeCallback().add_to(trainer)
        trainer.train()

    return fitted


def test_a_trainer_that_logs_every_500th_step(fitted, tmp_path):
    """As it does by default: the norms are those of its last checkpoint, which also names the optimizer."""
    fitted(ours=True)
    found = answer("out", tmp_path, n=500)
    assert found["null"] is not None
    assert found["windows"][-1]["last_step"] == STEPS


def test_a_trainer_without_us(fitted, tmp_path):
    """Its own log of each step has the norm of the gradient, which is not that of the weight change."""
    fitted(ours=False, logging_steps=1)
    found = answer("out", tmp_path, column="grad_norm", quantity="gradient norm")
    assert found["null"] is not None  # white gradients


def test_a_trainer_that_reports_every_step_to_trackio(fitted, tmp_path, monkeypatch):
    """trackio counts rows; the steps are those of the Trainer."""
    require("trackio")
    from trackio import sqlite_storage, utils

    for module in (sqlite_storage, utils):  # which read TRACKIO_DIR once, when they are imported
        monkeypatch.setattr(module, "TRACKIO_DIR", tmp_path / "trackio")
    with contextlib.redirect_stdout(None):
        fitted(ours=True, logging_steps=10, report_to="trackio", save_strategy="no")
    (store,) = (tmp_path / "trackio").glob("*.db")
    (found,) = answers(store, tmp_path)
    assert (found["series"], found["thinned"], found["n"]) == ("train/wcdfa/update_norm", 10, 60)


@pytest.mark.parametrize("part", ["csv", "checkpoint"])
def test_lightning(part, tmp_path):
    torch = require("torch")
    require("lightning")
    import lightning
    from lightning.pytorch.loggers import CSVLogger

    from tests.helpers.lightning_runs import fitted
    from wcdfa.backends.lightning import WeightChangeCallback

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = model_of(torch)

        def training_step(self, batch):
            return self.model(batch)["loss"]

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=RATE)

    data = torch.utils.data.DataLoader(torch.from_numpy(NOISE), batch_size=None)
    trainer = fitted(lightning, Module(), data, WeightChangeCallback(), logger=CSVLogger(tmp_path), log_every_n_steps=50)
    if part == "csv":
        found = answer("lightning_logs", tmp_path)
        np.testing.assert_allclose(found["alpha"], wcdfa.dfa(wcdfa.prepare(NORMS[:500]).values).alpha, atol=0.15)
    else:
        trainer.save_checkpoint(tmp_path / "last.ckpt")
        assert answer("last.ckpt", tmp_path, n=500)["null"] is not None


def test_keras(tmp_path):
    """A model that is saved as usual keeps the norms of its last steps."""
    require("keras")
    backend = "torch" if find_spec("torch") else "tensorflow"
    np.save(tmp_path / "noise.npy", NOISE)
    norms = printed(start("first_answer_keras.py", tmp_path, RATE, KERAS_BACKEND=backend, OMP_NUM_THREADS="1"))
    np.testing.assert_allclose(norms, NORMS[-500:], rtol=1e-5)
    assert answer("model.keras", tmp_path, n=500)["windows"][-1]["last_step"] == STEPS
    assert answer("model.weights.h5", tmp_path, n=500)["windows"][-1]["last_step"] == STEPS
