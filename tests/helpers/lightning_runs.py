"""Short runs of Lightning, of either of its packages, that look at the parameters themselves after each step."""

from __future__ import annotations

import contextlib
import warnings

import torch

from tests.helpers.torch_runs import Seen, batches, loss_of, network


def regression(root):
    """A LightningModule of this package that keeps what its parameters were, from the first step of a fit on."""

    class Regression(root.LightningModule):
        def __init__(self, optimizer=torch.optim.AdamW, **options):
            super().__init__()
            self.net = network(torch)
            self.made = lambda: optimizer(self.parameters(), lr=0.01, **options)

        def configure_optimizers(self):
            return self.made()

        def on_train_start(self):
            self.seen = Seen(self.parameters())

        def training_step(self, batch):
            return loss_of(self.net, batch)

        def validation_step(self, batch):
            self.log("loss", loss_of(self.net, batch))

        def optimizer_step(self, *given):
            super().optimizer_step(*given)
            self.seen.look()

    return Regression


def followed(root):
    """A LightningModule of one weight that each batch moves by what is in it."""

    class Followed(root.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=1.0)

        def training_step(self, batch):
            return (self.weight * batch).sum()

    return Followed


def late():
    """A strategy that loads a checkpoint when the optimizers are there already, as those of shards do."""
    from lightning.pytorch.strategies import SingleDeviceStrategy

    class Late(SingleDeviceStrategy):
        restore_checkpoint_after_setup = True

    return Late(device=torch.device("cpu"))


def loader(steps, seed=1):
    return torch.utils.data.DataLoader(batches(torch, steps, seed=seed), batch_size=None)


def fitted(root, model, data, *callbacks, ckpt_path=None, val=None, **options):
    """The trainer, after it has fitted the model on the CPU, saying nothing."""
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "enable_checkpointing": False}
    quiet = {} if options.get("barebones") else {**quiet, "log_every_n_steps": 1}
    with quietly():
        options = {**quiet, "max_epochs": 1, "accelerator": "cpu", "devices": 1, **options}
        trainer = root.Trainer(callbacks=list(callbacks), **options)
        trainer.fit(model, data, val, ckpt_path=ckpt_path)
    return trainer


@contextlib.contextmanager
def quietly():
    """Without what Lightning would have one do better."""
    advice = (
        "does not have many workers",
        "have no `val_dataloader`",
        "exists and is not empty",
        "conditioned on metric `wcdfa/alpha`",
    )
    with warnings.catch_warnings():
        for message in (*advice, r"`isinstance\(treespec, LeafSpec\)`"):
            warnings.filterwarnings("ignore", f".*{message}")
        yield
