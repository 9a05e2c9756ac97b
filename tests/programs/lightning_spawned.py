"""Fits that Lightning runs in processes of their own. Run by tests/backends/test_lightning.py, which gives a folder.

Prints, as JSON, what the callback holds after each fit; the processes write the norms that they have seen into the folder.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings

import lightning
import numpy as np
import torch

import wcdfa
from tests.helpers.lightning_runs import fitted, loader
from tests.helpers.torch_runs import Seen, loss_of, network
from wcdfa.backends.lightning import WeightChangeCallback


class Spawned(lightning.LightningModule):
    """Looks at its parameters after each step."""

    def __init__(self, path):
        super().__init__()
        self.net, self.path = network(torch), path

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.01)

    def on_train_start(self):
        self.seen = Seen(self.parameters())

    def training_step(self, batch):
        return loss_of(self.net, batch)

    def optimizer_step(self, *given):
        super().optimizer_step(*given)
        self.seen.look()

    def on_train_end(self):
        if self.global_rank == 0:
            np.save(self.path, self.seen.norms())
            self.trainer.callbacks[0].raised.append("said there")


def made(strategy):
    """A callback with a monitor that was given, or with one of its own."""
    if strategy == "ddp_spawn":
        monitor = wcdfa.WeightChangeDFA(window=60, stride=10, method="gls")
        return monitor, WeightChangeCallback(monitor, window=60, every=10)
    return None, WeightChangeCallback(window=60, every=10, stride=10, method="gls")


def held(monitor, callback, trainer):
    recorded = callback.monitor
    reading = recorded.reading()
    return {
        "given": monitor is recorded,
        "norms": recorded.get_signal().tolist(),
        "count": reading.count,
        "optimizer": reading.optimizer,
        "step": recorded.step,
        "alphas": recorded.history,
        "metric": float(trainer.callback_metrics["wcdfa/alpha"]),
        "messages": callback.raised,
        "saved": callback.state_dict()["handle"]["counts"].tolist(),
        "again": callback.monitor.get_signal().tolist(),
    }


if __name__ == "__main__":
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    found = {}
    for strategy in ("ddp_spawn", "ddp_fork"):
        monitor, callback = made(strategy)
        forked = strategy == "ddp_fork"  # which starts faster than a spawned process
        model = Spawned(f"{sys.argv[1]}/{strategy}.npy")
        trainer = fitted(lightning, model, loader(140 if forked else 70), callback, strategy=strategy, devices=1 + forked)
        found[strategy] = held(monitor, callback, trainer)
    print(json.dumps(found), flush=True)
