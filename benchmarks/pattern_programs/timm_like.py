"""In the style of timm's train.py: arguments, a loss scaler that steps the optimizer, an average of the weights, warm-up, validation."""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Iterable, Iterator

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.pattern_programs.step_end import step_end
from wcdfa.backends.torch import attach  # wcdfa

parser = argparse.ArgumentParser()
for name, default in (("epochs", 4), ("batches", 32), ("batch-size", 16), ("warmup-epochs", 1), ("seed", 42), ("classes", 5)):
    parser.add_argument(f"--{name}", type=int, default=default)
for name, default in (
    ("lr", 0.05),
    ("momentum", 0.9),
    ("weight-decay", 1e-4),
    ("clip-grad", 2.0),
    ("smoothing", 0.1),
    ("decay", 0.98),
):
    parser.add_argument(f"--{name}", type=float, default=default)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


def create_model(classes: int, width: int = 16) -> nn.Module:
    stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
    blocks = nn.Sequential(ResidualBlock(width), nn.AvgPool2d(2), ResidualBlock(width))
    return nn.Sequential(stem, blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


def param_groups_weight_decay(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    parts = list(model.parameters())
    vectors, matrices = [part for part in parts if part.ndim <= 1], [part for part in parts if part.ndim > 1]
    return [{"params": vectors, "weight_decay": 0.0}, {"params": matrices, "weight_decay": weight_decay}]


class NativeScaler:
    """Scales the loss, and takes the step unless a gradient overflows."""

    def __init__(self) -> None:
        self._scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)  # so large that the first steps are left out

    def __call__(
        self, loss: torch.Tensor, optimizer: torch.optim.Optimizer, clip_grad: float, parameters: Iterable[nn.Parameter]
    ) -> None:
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(parameters, clip_grad)
        self._scaler.step(optimizer)
        self._scaler.update()


class ModelEma:
    """A moving average of the weights."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.module, self.decay = copy.deepcopy(model).eval(), decay

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        for average, value in zip(self.module.state_dict().values(), model.state_dict().values(), strict=True):
            average.copy_(self.decay * average + (1 - self.decay) * value)


def create_loader(args: argparse.Namespace) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Stripes in five directions, in noise."""
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    for _ in range(args.batches):
        target = torch.randint(args.classes, (args.batch_size,))
        angle = math.pi * target[:, None, None, None] / args.classes
        yield torch.sin(rows * angle.cos() + columns * angle.sin()) + 0.5 * torch.randn(args.batch_size, 3, 12, 12), target


@torch.no_grad()
def validate(model: nn.Module, args: argparse.Namespace) -> float:
    hits = [(model(images).argmax(1) == target).float().mean() for images, target in list(create_loader(args))[:3]]
    return float(torch.stack(hits).mean())


args = parser.parse_args([])
torch.manual_seed(args.seed)
model = create_model(args.classes)
optimizer = torch.optim.SGD(param_groups_weight_decay(model, args.weight_decay), args.lr, args.momentum, nesterov=True)
warmup = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=args.warmup_epochs * args.batches)
cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, (args.epochs - args.warmup_epochs) * args.batches)
lr_scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [args.warmup_epochs * args.batches])
loss_scaler, model_ema = NativeScaler(), ModelEma(model, args.decay)
train_loss_fn = nn.CrossEntropyLoss(label_smoothing=args.smoothing)
handle = attach(optimizer)  # wcdfa

step_end(model.parameters())
for epoch in range(args.epochs):
    model.train()
    for images, target in create_loader(args):
        with torch.amp.autocast("cpu", dtype=torch.bfloat16):
            loss = train_loss_fn(model(images), target)
        optimizer.zero_grad()
        loss_scaler(loss, optimizer, args.clip_grad, model.parameters())
        model_ema.update(model)
        lr_scheduler.step()
        step_end(model.parameters())
    print(f"epoch {epoch}: top 1 {validate(model.eval(), args):.2f}, of the average {validate(model_ema.module, args):.2f}")
print(handle.read().verdict())  # wcdfa
