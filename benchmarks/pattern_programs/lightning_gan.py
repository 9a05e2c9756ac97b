"""In the style of Lightning's GAN: one module, two optimizers that it steps itself, and a Trainer with callbacks."""

from __future__ import annotations

from collections.abc import Iterator

import lightning
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from benchmarks.pattern_programs.step_end import step_end
from wcdfa.backends.lightning import WeightChangeCallback  # wcdfa

SIDE, LATENT = 8, 16


class Generator(nn.Module):
    """Makes images of noise."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *(nn.Linear(LATENT, 64), nn.LeakyReLU(0.2), nn.Linear(64, 128), nn.BatchNorm1d(128), nn.LeakyReLU(0.2)),
            *(nn.Linear(128, SIDE * SIDE), nn.Tanh()),
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.model(z).unflatten(1, (1, SIDE, SIDE))


class Discriminator(nn.Module):
    """Tells images from those that were made."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images)


class GAN(lightning.LightningModule):
    """Both networks, trained against each other."""

    def __init__(self, lr: float = 2e-3, b1: float = 0.5, b2: float = 0.999) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.generator, self.discriminator = Generator(), Discriminator()

    def configure_optimizers(self) -> tuple[list[torch.optim.Optimizer], list[object]]:
        options = {"lr": self.hparams.lr, "betas": (self.hparams.b1, self.hparams.b2)}
        optimizers = [torch.optim.Adam(part.parameters(), **options) for part in (self.generator, self.discriminator)]
        return optimizers, []

    def adversarial_loss(self, images: torch.Tensor, *, real: bool) -> torch.Tensor:
        logits = self.discriminator(images)
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))

    def training_step(self, images: torch.Tensor) -> None:
        optimizer_g, optimizer_d = self.optimizers()
        z = torch.randn(len(images), LATENT)

        self.toggle_optimizer(optimizer_g)
        g_loss = self.adversarial_loss(self.generator(z), real=True)
        optimizer_g.zero_grad()
        self.manual_backward(g_loss)
        optimizer_g.step()
        self.untoggle_optimizer(optimizer_g)

        self.toggle_optimizer(optimizer_d)
        d_loss = (self.adversarial_loss(images, real=True) + self.adversarial_loss(self.generator(z).detach(), real=False)) / 2
        optimizer_d.zero_grad()
        self.manual_backward(d_loss)
        optimizer_d.step()
        self.untoggle_optimizer(optimizer_d)
        self.log_dict({"g_loss": g_loss, "d_loss": d_loss}, prog_bar=True)


class EachBatch(lightning.Callback):
    """Hands over the parameters after each batch."""

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        step_end(pl_module.parameters())

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *given: object) -> None:
        step_end(pl_module.parameters())


def rings() -> Iterator[torch.Tensor]:
    """Images of rings of any size."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
    for radius in 0.2 + 0.6 * torch.rand(128 * 32):
        yield torch.tanh(4 - 40 * ((rows**2 + columns**2).sqrt() - radius) ** 2)[None]


torch.manual_seed(7)
model, loader = GAN(), DataLoader(list(rings()), batch_size=32, shuffle=True)
callbacks = [EachBatch()]
callbacks.append(WeightChangeCallback())  # wcdfa
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
lightning.Trainer(max_epochs=1, accelerator="cpu", callbacks=callbacks, **quiet).fit(model, loader)
print(callbacks[-1].monitor.verdict())  # wcdfa
