"""Trainers with logs of their own: transformers, accelerate, Stable-Baselines3, Ignite, skorch, Sacred, Hydra."""

from __future__ import annotations

import contextlib
import io
import json
import os
import warnings
from pathlib import Path

import numpy as np

from .cases import GRADIENT, Log, Series, case, counted, gradients, losses, norms, usual
from .tables import by_pandas
from .tensorboard import by_events
from .trackers import trackio_folder

TRAINER = ("transformers", "accelerate", "torch")
STEPS = 160


def trained(folder: Path, every: int = 1, report: str = "none", callbacks=(), steps: int = STEPS, **options):
    """Train a line with the Trainer of transformers; returns it."""
    import torch
    import transformers

    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": self.layer(x).square().mean()}

    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        logging_steps=every,
        report_to=report,
        per_device_train_batch_size=2,
        use_cpu=True,
        disable_tqdm=True,
        save_strategy="no",
        **options,
    )
    trainer = transformers.Trainer(
        Line(), arguments, train_dataset=[{"x": row} for row in torch.randn(64, 3)], callbacks=list(callbacks)
    )
    for each in callbacks:
        if hasattr(each, "add_to"):
            trainer.remove_callback(each)
            each.add_to(trainer)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(action="ignore"):
        trainer.train()
    return trainer


def by_state(path: Path, name: str = "grad_norm", quantity: str = GRADIENT, thinned: int = 1) -> Series:
    """What transformers reads."""
    import transformers

    found = [(row["step"], row[name]) for row in transformers.TrainerState.load_from_json(str(path)).log_history if name in row]
    steps, values = zip(*found, strict=True)
    return Series(np.array(values), np.array(steps), quantity, thinned)


@case("transformers", "trainer_state.json, logging_steps=1", *TRAINER)
def state(folder: Path) -> Log:
    trained(folder).save_state()
    return Log(folder / "trainer_state.json", [by_state(folder / "trainer_state.json")], "gradient norm")


@case("transformers", "the output folder", *TRAINER)
def output(folder: Path) -> Log:
    trained(folder).save_state()
    return Log(folder, [by_state(folder / "trainer_state.json")])


@case("transformers", "logging_steps=10", *TRAINER)
def thinned(folder: Path) -> Log:
    trained(folder, 10, steps=1000).save_state()
    return Log(folder / "trainer_state.json", [by_state(folder / "trainer_state.json", thinned=10)], "logging_steps=1")


@case("transformers", "trainer_state.json under another name", *TRAINER)
def renamed(folder: Path) -> Log:
    trained(folder).save_state()
    path = (folder / "trainer_state.json").rename(folder / "seed0.json")
    return Log(path, [by_state(path)])


@case("transformers", "report_to tensorboard", "tensorboard", *TRAINER)
def tensorboard(folder: Path) -> Log:
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "runs")
    trained(folder, report="tensorboard")
    return Log(folder / "runs", [by_events(folder / "runs", "train/grad_norm", GRADIENT)])


@case("transformers", "trainer_state.json and runs/", "tensorboard", *TRAINER)
def both(folder: Path) -> Log:
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "runs")
    trained(folder, report="tensorboard").save_state()
    return Log(folder, [by_state(folder / "trainer_state.json")], "one run")


@case("transformers", "report_to wandb", "wandb", *TRAINER)
def wandb(folder: Path) -> Log:
    import wandb

    folder.mkdir()
    run = wandb.init(project="p", dir=folder, settings=wandb.Settings(silent=True, console="off", x_disable_stats=True))
    trainer = trained(folder, report="wandb")
    run.finish()
    trainer.save_state()
    return Log(folder / "wandb", [by_state(folder / "trainer_state.json")])


@case("transformers", "report_to mlflow", "mlflow", "sqlalchemy", *TRAINER)
def mlflow(folder: Path) -> Log:
    import mlflow

    folder.mkdir()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    trainer = trained(folder, report="mlflow")
    mlflow.end_run()
    trainer.save_state()
    return Log(folder / "mlflow.db", [by_state(folder / "trainer_state.json")])


@case("transformers", "report_to trackio", "trackio", *TRAINER)
def trackio(folder: Path) -> Log:
    place = trackio_folder(folder.parents[1] / "trackio")
    trainer = trained(folder, report="trackio", project="trainer")
    trainer.save_state()
    return Log(place / "trainer.db", [by_state(folder / "trainer_state.json")])


@case("transformers", "wcdfa's own callback and report_to tensorboard", "tensorboard", *TRAINER)
def ours(folder: Path) -> Log:
    from wcdfa.backends.transformers import WeightChangeCallback

    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "runs")
    trained(folder, report="tensorboard", callbacks=[WeightChangeCallback()])
    return Log(folder / "runs", [by_events(folder / "runs", "train/wcdfa/update_norm")])


@case("accelerate", "log_with='tensorboard'", "accelerate", "torch", "tensorboard")
def accelerate_events(folder: Path) -> Log:
    from accelerate import Accelerator

    folder.mkdir()
    accelerator = Accelerator(cpu=True, log_with="tensorboard", project_dir=folder)
    accelerator.init_trackers("run", config={"lr": 1e-3})
    for i in range(600):
        accelerator.log({"loss": losses()[i], "update_norm": norms()[i]}, step=i)
    accelerator.end_training()
    return Log(folder, [by_events(folder / "run", "update_norm")])


@case("accelerate", "log_with='wandb'", "accelerate", "torch", "wandb")
def accelerate_wandb(folder: Path) -> Log:
    from accelerate import Accelerator

    folder.mkdir()
    accelerator = Accelerator(cpu=True, log_with="wandb")
    accelerator.init_trackers("p", init_kwargs={"wandb": {"dir": str(folder)}})
    for i in range(600):
        accelerator.log({"loss": losses()[i], "update_norm": norms()[i]}, step=i)
    accelerator.end_training()
    return Log(folder / "wandb", [usual()])


def sb3_logger(folder: Path, *kinds: str):
    from stable_baselines3.common.logger import configure

    with contextlib.redirect_stdout(io.StringIO()):
        return configure(str(folder), list(kinds))


@case("Stable-Baselines3", "progress.csv, norms recorded", "stable_baselines3", "pandas")
def sb3_csv(folder: Path) -> Log:
    logger = sb3_logger(folder, "csv")
    for i in range(600):
        logger.record("train/loss", losses()[i])
        logger.record("train/update_norm", norms()[i])
        logger.record("time/total_timesteps", 2048 * (i + 1))
        logger.record("train/n_updates", i + 1)
        logger.dump(2048 * (i + 1))
    logger.close()
    right = by_pandas(folder / "progress.csv", "train/update_norm", "train/n_updates")
    return Log(folder / "progress.csv", [right])


@case("Stable-Baselines3", "progress.json, norms recorded", "stable_baselines3")
def sb3_json(folder: Path) -> Log:
    logger = sb3_logger(folder, "json")
    for i in range(600):
        logger.record("train/update_norm", float(norms()[i]))
        logger.record("train/n_updates", i + 1)
        logger.dump(i + 1)
    logger.close()
    rows = [json.loads(line) for line in (folder / "progress.json").read_text().splitlines()]
    values = np.array([row["train/update_norm"] for row in rows])
    return Log(folder / "progress.json", [Series(values, counted(first=1))])


@case("Stable-Baselines3", "csv and tensorboard of one run", "stable_baselines3", "torch", "tensorboard", "pandas")
def sb3_both(folder: Path) -> Log:
    logger = sb3_logger(folder, "csv", "tensorboard")
    for i in range(600):
        logger.record("train/update_norm", norms()[i])
        logger.record("train/n_updates", i + 1)
        logger.dump(i + 1)
    logger.close()
    return Log(folder, [by_pandas(folder / "progress.csv", "train/update_norm", "train/n_updates")], "one run")


@case("Stable-Baselines3", "monitor.csv: rewards", "stable_baselines3", "gymnasium")
def sb3_monitor(folder: Path) -> Log:
    import gymnasium
    from stable_baselines3.common.monitor import Monitor

    class Still(gymnasium.Env):
        observation_space = action_space = gymnasium.spaces.Box(-1, 1, (1,))
        left = 0

        def reset(self, *, seed: int | None = None, options: object = None) -> tuple[np.ndarray, dict]:
            self.left = 5
            return np.zeros(1, "f4"), {}

        def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
            self.left -= 1
            return np.zeros(1, "f4"), float(losses()[self.left]), self.left == 0, False, {}

    world = Monitor(Still(), str(folder / "monitor.csv"))
    for _ in range(200):
        world.reset()
        for _ in range(5):
            world.step(np.zeros(1, "f4"))
    world.close()
    return Log(folder / "monitor.csv", says="norm")


@case("Ignite", "TensorboardLogger", "ignite", "torch", "tensorboard")
def ignite(folder: Path) -> Log:
    from ignite.engine import Engine, Events
    from ignite.handlers.tensorboard_logger import OutputHandler, TensorboardLogger

    trainer = Engine(lambda engine, batch: {"update_norm": float(norms()[batch]), "loss": float(losses()[batch])})
    with TensorboardLogger(log_dir=str(folder)) as logger:
        handler = OutputHandler(tag="training", output_transform=lambda output: output)
        logger.attach(trainer, log_handler=handler, event_name=Events.ITERATION_COMPLETED)
        trainer.run(range(600), max_epochs=1)
    return Log(folder, [by_events(folder, "training/update_norm")])


def skorch_history(epochs: int, batches: int):
    from skorch.history import History

    history = History()
    for epoch in range(epochs):
        history.new_epoch()
        history.record("epoch", epoch + 1)
        for batch in range(batches):
            history.new_batch()
            history.record_batch("train_loss", float(losses()[epoch * batches + batch]))
            history.record_batch("update_norm", float(norms()[epoch * batches + batch]))
        history.record("train_loss", float(losses()[epoch]))
        history.record("update_norm", float(norms(1)[epoch]))
    return history


@case("skorch", "history.json, a norm an epoch", "skorch", "torch")
def skorch_epochs(folder: Path) -> Log:
    folder.mkdir()
    skorch_history(150, 0).to_file(str(folder / "history.json"))
    return Log(folder / "history.json", [Series(norms(1)[:150], None)], "epoch")


@case("skorch", "history.json, batches within epochs", "skorch", "torch")
def skorch_batches(folder: Path) -> Log:
    folder.mkdir()
    skorch_history(150, 4).to_file(str(folder / "history.json"))
    return Log(folder / "history.json", [Series(norms(1)[:150], None)], "epoch")


@case("skorch", "history.json, norms of batches only", "skorch", "torch")
def skorch_only_batches(folder: Path) -> Log:
    folder.mkdir()
    history = skorch_history(150, 4)
    for epoch in history:
        del epoch["update_norm"]
    history.to_file(str(folder / "history.json"))
    return Log(folder / "history.json", [Series(norms(), None)])


@case("skorch", "history[:, ('epoch', …)] of losses", "skorch", "torch")
def skorch_losses(folder: Path) -> Log:
    from skorch.history import History

    folder.mkdir()
    history = History()
    for epoch in range(150):
        history.new_epoch()
        history.record("epoch", epoch + 1)
        history.record("train_loss", float(losses()[epoch]))
    history.to_file(str(folder / "history.json"))
    return Log(folder / "history.json", says="norm")


@case("Sacred", "FileStorageObserver's metrics.json", "sacred")
def sacred(folder: Path) -> Log:
    from sacred import SETTINGS, Experiment
    from sacred.observers import FileStorageObserver

    SETTINGS.CAPTURE_MODE = "no"
    experiment = Experiment("run", save_git_info=False)
    experiment.observers.append(FileStorageObserver(folder))

    @experiment.main
    def main(_run) -> None:
        for i in range(600):
            _run.log_scalar("update_norm", float(norms()[i]), i)
            _run.log_scalar("loss", float(losses()[i]), i)

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        experiment.run()
    return Log(folder / "1" / "metrics.json", [usual()])


@case("Sacred", "the run's folder", "sacred")
def sacred_folder(folder: Path) -> Log:
    sacred(folder)
    return Log(folder / "1", [usual()])


@case("Hydra", "the job's log beside .hydra/config.yaml", "hydra")
def hydra(folder: Path) -> Log:
    import logging

    from hydra.core.utils import configure_log
    from omegaconf import OmegaConf

    place = folder / "outputs" / "2026-01-01" / "10-00-00"
    (place / ".hydra").mkdir(parents=True)
    (place / ".hydra" / "config.yaml").write_text("lr: 0.1\n")
    configure_log(
        OmegaConf.create(
            {
                "version": 1,
                "root": {"level": "WARNING"},
                "formatters": {"simple": {"format": "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"}},
                "handlers": {"file": {"class": "logging.FileHandler", "formatter": "simple", "filename": str(place / "train.log")}},
                "loggers": {"hydra_job": {"level": "INFO", "handlers": ["file"], "propagate": False}},
                "disable_existing_loggers": False,
            }
        )
    )
    job = logging.getLogger("hydra_job")
    for i in range(600):
        job.info("step %d: loss %.4f, grad_norm %.4f", i, losses()[i], gradients()[i])
    for handler in job.handlers:
        handler.close()
    right = np.array([float(f"{value:.4f}") for value in gradients()])
    return Log(folder / "outputs", [Series(right, counted(), GRADIENT)])
