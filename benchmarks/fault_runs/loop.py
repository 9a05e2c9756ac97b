"""One training in progress, with a place for each thing that can go wrong in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .batches import Batches
from .tasks import Task

AVERAGE, AVERAGED = 0.9, 10  # of the moving average of the weights, which takes up every tenth step
RECENT = 500  # gradient norms that a fault may look back at


class Measured(NamedTuple):
    """What a step tells: the training loss and the norm of the gradient before it is clipped."""

    loss: float
    gradient: float


class Loop:
    """Model, optimizers, data and random numbers: ``copy.deepcopy`` of it goes on exactly as it would.

    A fault changes the attributes, or adds a function to `before` (the step), `gradients` (between the backward pass and clipping) or
    `after` (the step), which is called with the loop.
    """

    def __init__(self, task: Task, model: nn.Module, optimizers: list[torch.optim.Optimizer], *, batch: int, seed: int) -> None:
        self.task = task
        self.model = model
        self.optimizers = optimizers
        self.schedulers: list[torch.optim.lr_scheduler.LRScheduler] = []
        self.batches = Batches(len(task.targets), batch, seed)
        self.parameters = dict(model.named_parameters())
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE))
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.steps = 0
        self.zero_every = 1
        self.clip: float | None = None
        self.micro = 1
        self.used: int | None = None  # micro batches; None: all
        self.divisor: int | None = None  # of the loss of a micro batch; None: their number
        self.transform: Callable[[torch.Tensor], torch.Tensor] = lambda inputs: inputs
        self.before: list[Callable[[Loop], None]] = []
        self.gradients: list[Callable[[Loop], None]] = []
        self.after: list[Callable[[Loop], None]] = []
        self._noise = np.random.default_rng([seed, 3])
        self._dropout = torch.get_rng_state()

    def step(self) -> Measured:
        """One step of training."""
        self._call(self.before)
        if self.steps % self.zero_every == 0:
            for optimizer in self.optimizers:
                optimizer.zero_grad()
        loss = self._backward(*self._batch())
        self._call(self.gradients)
        norm = self._clipped()
        for each in [*self.optimizers, *self.schedulers]:
            each.step()
        self.steps += 1
        if self.steps % AVERAGED == 0:
            self.average.update_parameters(self.model)
        self._call(self.after)
        return Measured(loss, norm)

    @property
    def lr(self) -> float:
        return float(self.optimizers[0].param_groups[0]["lr"])

    @property
    def groups(self) -> list[dict[str, object]]:
        """The groups of parameters of all optimizers."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(iter(self.parameters.values())).dtype

    @torch.no_grad()
    def validation(self) -> float:
        """Loss on what is held out. Layers that behave otherwise in training are as they were afterwards."""
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        loss = self._loss(self.task.held_inputs, self.task.held_targets)
        for module, mode in modes:
            module.training = mode
        return float(loss)

    def remember(self) -> None:
        """Keep the state of the random numbers of torch, before the loop is copied."""
        self._dropout = torch.get_rng_state()

    def resume(self) -> None:
        """Go on with the random numbers that were kept."""
        torch.set_rng_state(self._dropout)

    def _call(self, functions: list[Callable[[Loop], None]]) -> None:
        for function in functions:
            function(self)

    def _batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        indices = torch.from_numpy(next(self.batches))
        inputs = self.task.inputs[indices]
        if self.task.noise:
            inputs = inputs + torch.from_numpy(self._noise.standard_normal(inputs.shape, np.float32)).mul_(self.task.noise)
        return self.transform(inputs), self.task.targets[indices]

    def _backward(self, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        """The loss; its gradient is added to the parameters."""
        total = 0.0
        parts = list(zip(inputs.chunk(self.micro), targets.chunk(self.micro), strict=True))[: self.used]
        for part in parts:
            loss = self._loss(*part)
            (loss / (self.divisor or self.micro)).backward()
            total += loss.item()
        return total / len(parts)

    def _loss(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if inputs.is_floating_point():
            inputs = inputs.to(self.dtype)
        return functional.cross_entropy(self.model(inputs).float().flatten(0, -2), targets.flatten())

    def _clipped(self) -> float:
        """Norm of the gradient before it is clipped."""
        norm = float(nn.utils.clip_grad_norm_(self.parameters.values(), float("inf") if self.clip is None else self.clip))
        self.recent.append(norm)
        return norm
