"""A fit under one package of Lightning, alone or with the parameters sharded over two processes. Run by tests/backends/test_lightning.py."""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile

import torch

from tests.helpers.lightning_runs import fitted, loader, regression


def instances(callback, names=("lightning.pytorch", "pytorch_lightning")):
    return {name: isinstance(callback, sys.modules[name].Callback) for name in names if name in sys.modules}


def alone(root, callback):
    model = regression(root)()
    fitted(root, model, loader(7), callback, accumulate_grad_batches=3, max_epochs=2)
    return {"norms": callback.monitor.get_signal().tolist(), "expected": model.seen.norms().tolist()}


def sharded(root, callback):
    from lightning.pytorch.loggers import CSVLogger
    from lightning.pytorch.strategies import ModelParallelStrategy
    from torch.distributed.fsdp import fully_shard

    class Sharded(regression(root)):
        def configure_model(self):
            fully_shard(self.net[0], mesh=self.device_mesh["data_parallel"])
            fully_shard(self.net, mesh=self.device_mesh["data_parallel"])

        def on_train_start(self):
            self.moved, self.old = [], self.whole()

        def whole(self):
            return [part.full_tensor().detach().clone() for part in self.parameters()]

        def optimizer_step(self, *given):
            root.LightningModule.optimizer_step(self, *given)
            new = self.whole()
            self.moved.append(sum(float((a - b).double().square().sum()) for a, b in zip(new, self.old, strict=True)) ** 0.5)
            self.old = new

    logged = []

    class Logs(CSVLogger):
        def log_metrics(self, metrics, step=None):
            logged.append(step)

    model = Sharded()
    with tempfile.TemporaryDirectory() as folder:
        options = {"strategy": ModelParallelStrategy(), "devices": 2, "max_epochs": 1, "logger": Logs(folder)}
        fitted(root, model, loader(6), callback, **options)
    told = {"norms": callback.monitor.get_signal().tolist(), "expected": model.moved, "logged": logged}
    return told | {"saved": callback.state_dict()["handle"]["counts"].tolist()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    name, *kind = sys.argv[1:]
    root = importlib.import_module(name)
    from wcdfa.backends.lightning import WeightChangeCallback

    callback = WeightChangeCallback(every=2, alarms="stop")
    found = globals()[kind[0] if kind else "alone"](root, callback)
    print(json.dumps(found | {"instances": instances(callback)}), flush=True)
    os._exit(0)  # at the end of an interpreter the threads of gloo sometimes abort it
