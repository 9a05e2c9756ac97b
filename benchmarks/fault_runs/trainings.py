"""The trainings: data, model, batch, learning rate of each optimizer, and how long each runs before and after a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from . import models, tasks
from .loop import Loop
from .optimizers import OPTIMIZERS

DECAY = 0.9995  # of the learning rate at each step, where there is a schedule


@dataclass(frozen=True, kw_only=True)
class Training:
    """A kind of training; `start` is the step at which a fault sets in, `baseline` the step from which on the run is compared with itself."""

    task: Callable[[int], tasks.Task]
    model: Callable[[], nn.Module]
    batch: int
    lr: dict[str, float]
    baseline: int
    start: int
    after: int
    frozen: str  # the layer that a fault freezes
    decay: float = 1.0

    def begin(self, optimizer: str, seed: int) -> Loop:
        """The training before its first step."""
        torch.manual_seed(seed)
        model = self.model()
        loop = Loop(self.task(seed), model, OPTIMIZERS[optimizer](model, self.lr[optimizer]), batch=self.batch, seed=seed)
        if self.decay != 1:
            loop.schedulers = [torch.optim.lr_scheduler.ExponentialLR(each, self.decay) for each in loop.optimizers]
        return loop


def _mlp(model: Callable[[], nn.Module], frozen: str, decay: float = 1.0) -> Training:
    return Training(
        task=tasks.digits,
        model=model,
        batch=32,
        lr={"sgd": 0.02, "adamw_99": 1e-3, "adamw_95": 1e-3, "muon": 1e-3},
        baseline=1000,
        start=2500,
        after=1500,
        frozen=frozen,
        decay=decay,
    )


TRAININGS = {
    "mlp": _mlp(models.mlp, "2"),
    "mlp with norms": _mlp(models.mlp_with_norms, "3"),
    "mlp with dropout": _mlp(models.mlp_with_dropout, "3"),
    "mlp with schedule": _mlp(models.mlp, "2", DECAY),
    "conv": Training(
        task=tasks.images,
        model=models.convolutional,
        batch=32,
        lr={"sgd": 0.01, "adamw_99": 1e-3, "adamw_95": 1e-3, "muon": 1e-3},
        baseline=500,
        start=1500,
        after=1000,
        frozen="3",
    ),
    "transformer": Training(
        task=tasks.text,
        model=models.Transformer,
        batch=16,
        lr={"sgd": 0.1, "adamw_99": 1e-3, "adamw_95": 1e-3, "muon": 1e-3},
        baseline=500,
        start=1500,
        after=1000,
        frozen="blocks.1.layers.0",
    ),
}
