"""A torch run that is stopped, saved by torch.save and gone on with in a new process. Run by tests/backends/test_torch_checkpoints.py."""

from __future__ import annotations

import json
import sys

import torch

from tests.helpers.torch_runs import batches, loss_of, network
from wcdfa.backends.torch.hooks import attach

STEPS, HALF, WINDOW = 30, 13, 10
MODES = {"exact": {"mode": "exact"}, "sample": {"mode": "sample", "sample": 0.25, "seed": 3}}


def made(mode):
    model = network(torch, width=1000)
    optimizer = torch.optim.AdamW(model.named_parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    handle = attach(optimizer, groups=1, window=WINDOW, every=4, **MODES[mode])
    return {"model": model, "optimizer": optimizer, "schedule": schedule, "norms": handle}


def trained(run, first, last):
    for x in batches(torch, STEPS)[first:last]:
        run["optimizer"].zero_grad()
        loss_of(run["model"], x).backward()
        run["optimizer"].step()
        run["schedule"].step()
    return run


def told(run):
    reading = run["norms"].read()
    series = {name: getattr(reading, name).tolist() for name in ("norms", "lr", "steps")}
    series["stderr"] = None if reading.stderr is None else reading.stderr.tolist()
    groups = {name: norms.tolist() for name, norms in reading.groups.items()}
    return series | {"groups": groups, "count": reading.count, "optimizer": reading.optimizer}


def save(folder):
    found = {}
    for mode in MODES:
        run = trained(made(mode), 0, HALF)
        torch.save({name: part.state_dict() for name, part in run.items()}, f"{folder}/{mode}.pt")
        found[mode] = told(trained(run, HALF, STEPS))
    return found


def resume(folder):
    found = {}
    for mode in MODES:
        run, state = made(mode), torch.load(f"{folder}/{mode}.pt", weights_only=True)
        for name, part in run.items():
            part.load_state_dict(state[name])
        found[mode] = told(trained(run, HALF, STEPS))
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
