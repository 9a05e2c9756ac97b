"""Lightning: CSVLogger and TensorBoardLogger, with a training of their own."""

from __future__ import annotations

import warnings
from pathlib import Path

from .cases import GRADIENT, Log, Series, case, norms
from .tables import by_pandas
from .tensorboard import by_events

NEEDS = ("lightning", "torch", "pandas")
BATCHES = 240


def fit(
    loggers, every: int = 1, seed: int = 0, log=lambda module, step: module.log("update_norm", float(norms()[step])), **options
):
    """Train a line with Lightning."""
    import logging

    import lightning
    import torch

    class Line(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
            loss = self.layer(batch[0]).square().mean()
            self.log("train_loss", loss, **options)
            log(self, self.global_step)
            return loss

        def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
            if log is gradient_norms:
                from lightning.pytorch.utilities import grad_norm

                self.log_dict(grad_norm(self.layer, norm_type=2))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.01)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.manual_seed(seed)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(BATCHES * 2, 2)), batch_size=2)
    with warnings.catch_warnings(action="ignore"):
        trainer = lightning.Trainer(
            max_epochs=1,
            logger=loggers,
            log_every_n_steps=every,
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        trainer.fit(Line(), data)


def gradient_norms(module: object, step: int) -> None:
    """Stands for Lightning's own `grad_norm`, logged before each step."""


def nothing(module: object, step: int) -> None:
    """Log the loss only."""


def csv_logger(folder: Path, **options):
    from lightning.pytorch.loggers import CSVLogger

    return CSVLogger(folder, **options)


def board(folder: Path, **options):
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, **options)


def by_table(path: Path, column: str = "update_norm", quantity: str = "update norm", thinned: int = 1) -> Series:
    """What pandas reads in ``metrics.csv``, without the rows that hold other metrics."""
    series = by_pandas(path, column, quantity=quantity)
    kept = series.values == series.values
    assert series.steps is not None
    return Series(series.values[kept], series.steps[kept], quantity, thinned)


@case("Lightning", "CSVLogger, log_every_n_steps=1", *NEEDS)
def each_step(folder: Path) -> Log:
    fit(csv_logger(folder))
    path = folder / "lightning_logs" / "version_0" / "metrics.csv"
    return Log(path, [by_table(path)])


@case("Lightning", "CSVLogger, the folder lightning_logs", *NEEDS)
def the_folder(folder: Path) -> Log:
    fit(csv_logger(folder))
    return Log(folder / "lightning_logs", [by_table(folder / "lightning_logs" / "version_0" / "metrics.csv")])


@case("Lightning", "CSVLogger, log_every_n_steps=2", *NEEDS)
def thinned(folder: Path) -> Log:
    fit(csv_logger(folder), every=2)
    path = folder / "lightning_logs" / "version_0" / "metrics.csv"
    return Log(path, [by_table(path, thinned=2)], "log_every_n_steps")


@case("Lightning", "CSVLogger, on_step and on_epoch", *NEEDS)
def step_and_epoch(folder: Path) -> Log:
    log = lambda module, step: module.log("update_norm", float(norms()[step]), on_step=True, on_epoch=True)
    fit(csv_logger(folder), log=log)
    path = folder / "lightning_logs" / "version_0" / "metrics.csv"
    return Log(path, [by_table(path, "update_norm_step")])


@case("Lightning", "grad_norm of its utilities", *NEEDS)
def gradients(folder: Path) -> Log:
    fit(csv_logger(folder), log=gradient_norms)
    path = folder / "lightning_logs" / "version_0" / "metrics.csv"
    return Log(path, [by_table(path, "grad_2.0_norm_total", GRADIENT)], "gradient norm")


@case("Lightning", "CSVLogger, a loss only", *NEEDS)
def loss_only(folder: Path) -> Log:
    fit(csv_logger(folder), log=nothing)
    return Log(folder / "lightning_logs", says="norm")


@case("Lightning", "TensorBoardLogger", "tensorboard", *NEEDS)
def events(folder: Path) -> Log:
    fit(board(folder))
    return Log(folder / "lightning_logs", [by_events(folder / "lightning_logs" / "version_0", "update_norm")])


@case("Lightning", "TensorBoardLogger with hyperparameters", "tensorboard", *NEEDS)
def events_hparams(folder: Path) -> Log:
    logger = board(folder)
    logger.log_hyperparams({"lr": 0.01}, {"hp_metric": 1.0})
    fit(logger)
    return Log(folder, [by_events(folder / "lightning_logs" / "version_0", "update_norm")])


@case("Lightning", "CSVLogger and TensorBoardLogger, three seeds", "tensorboard", *NEEDS)
def two_loggers(folder: Path) -> Log:
    right = []
    for seed in range(3):
        place = folder / f"seed={seed}"
        log = lambda module, step, seed=seed: module.log("update_norm", float(norms(seed)[step]))
        fit([csv_logger(place, name="csv", version=""), board(place, name="tb", version="")], log=log, seed=seed)
        right.append(by_table(place / "csv" / "metrics.csv"))
    return Log(folder, right, "one run")


@case("Lightning", "wcdfa's own callback", *NEEDS)
def ours(folder: Path) -> Log:
    import lightning
    import torch

    from wcdfa.backends.lightning import WeightChangeCallback

    class Line(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 1)

        def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
            return self.layer(batch[0]).square().mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.01)

    torch.manual_seed(0)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(BATCHES * 2, 2)), batch_size=2)
    with warnings.catch_warnings(action="ignore"):
        trainer = lightning.Trainer(
            max_epochs=1,
            logger=csv_logger(folder),
            log_every_n_steps=1,
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            callbacks=[WeightChangeCallback(every=1)],
        )
        trainer.fit(Line(), data)
    path = folder / "lightning_logs" / "version_0" / "metrics.csv"
    return Log(path, [by_table(path, "wcdfa/update_norm")])
