"""One process of a group that shares the parameters of a network, of which some take fewer steps, die, or attach differently.

Run by tests/backends/test_torch_uneven.py like torch_sharded.py; each rank prints what its jobs give as JSON.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from datetime import timedelta

import torch
import torch.distributed as dist

from tests.helpers.torch_runs import batches, loss_of
from tests.programs.torch_sharded import GROUPS, made, told, whole
from wcdfa.backends.torch import same_settings
from wcdfa.backends.torch.hooks import attach

STEPS = 12
LEFT_OUT = {  # the steps that each process leaves out
    "none": {},
    "one": {1: {3}},
    "two": {0: {2, 3}, 1: {5}},
    "each": {0: {4}, 1: {6}},
    "ends": {1: set(range(7, STEPS))},
    "all": {0: {5}, 1: {5}},
    "many": {0: {1, 11}, 1: {0}, 2: {2, 3, 4, 5}, 3: {11}},
}
SETTINGS = {  # of all, and of the last
    "window": ({"window": 200}, {"window": 300}),
    "groups": ({"groups": {"a": "^0"}}, {"groups": {"a": "^2"}}),
    "named": ({"groups": lambda path: "x"}, {"groups": lambda path: path[0]}),
    "mode": ({"mode": "exact"}, {"mode": "sample"}),
    "sample": ({"mode": "sample", "sample": 0.5}, {"mode": "sample", "sample": 0.25}),
    "seed": ({"seed": 1}, {}),
    "direction": ({}, {"direction": False}),
    "coordinates": ({"coordinates": 32}, {"coordinates": 33}),
    "every": ({"every": 9}, {"every": 10}),
    "gradients": ({"gradients": True}, {}),
    "several": ({"window": 200, "seed": 1}, {"window": 300, "seed": 2, "every": 40}),
    "same": ({"window": 200}, {"window": 200, "every": 40}),
}
said = []


class Heard(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


def moved(new, old):
    return [float(((a.double() - b.double()) ** 2).sum()) for a, b in zip(new, old, strict=True)]


def uneven(case, rank, size):
    """All go forward and backward with one another, but do not take the same steps."""
    model = made("fsdp", size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    handle = attach(optimizer, model=model, groups=GROUPS, window=20, every=3, gradients=True)
    expected, first, gradients, old = [], [], [], whole(model)
    for number, x in enumerate(batches(torch, STEPS)):
        optimizer.zero_grad()
        loss_of(model, x).backward()
        each = [part.grad.full_tensor() for part in model.parameters()]
        gradients.append(sum(float(part.double().square().sum()) for part in each) ** 0.5)
        if number not in LEFT_OUT[case].get(rank, ()):
            optimizer.step()
        new = whole(model)
        squares = moved(new, old)
        expected.append(sum(squares) ** 0.5)
        first.append(sum(squares[:2]) ** 0.5)
        old = new
        if number == 4:
            handle.read()
    found = told(handle)
    reading = handle.read()
    state = handle.state_dict()
    handle.detach()
    return found | {
        "expected": expected,
        "first": first,
        "gradients": reading.gradients.tolist(),
        "expected gradients": gradients,
        "lr": reading.lr.tolist(),
        "saved": state["counts"].tolist(),
        "weights": sum(float(part.double().square().sum()) for part in new) ** 0.5,
    }


def unfreezes(case, rank, size):
    """The first layer is trained from step 5 on; one process leaves out that step. In one case nobody has named its group before."""
    model = made("fsdp", size)
    model[0].requires_grad_(False)
    optimizer = torch.optim.AdamW(model[2].parameters(), lr=0.01)
    handle = attach(optimizer, model=model, groups=1 if case == "unnamed" else GROUPS, window=20, every=3)
    expected, old = [], whole(model)
    for number, x in enumerate(batches(torch, STEPS)):
        if number == 5:
            model[0].requires_grad_(True)
            optimizer.add_param_group({"params": model[0].parameters()})
        optimizer.zero_grad()
        loss_of(model, x).backward()
        if (rank, number) != (1, 5):
            optimizer.step()
        new = whole(model)
        expected.append(sum(moved(new, old)) ** 0.5)
        old = new
    return told(handle) | {"expected": expected}


def by_hand(model, factor):
    for part in model.parameters():
        part.grad = torch.ones_like(part.detach()) * factor


def unseen(case, rank, size):
    """Gradients by hand: nothing tells which steps belong together."""
    model = made("fsdp", size)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    handle = attach(optimizer, window=20, every=4)
    for number in range(6):
        by_hand(model, number + 1)
        if (rank, number) != (1, 2):
            optimizer.step()
    first = told(handle)
    for number in range(3):
        by_hand(model, number + 1)
        optimizer.step()
    return {"first": first, "then": told(handle)["norms"]}


def unread(case, rank, size):
    """Nobody reads for long."""
    model = made("fsdp", size)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    handle = attach(optimizer, window=10, every=4)
    for number in range(50):
        by_hand(model, number + 1)
        optimizer.step()
    return told(handle) | {"steps": handle.read().steps.tolist(), "size": sum(part.numel() for part in model.parameters())}


def dies(case, rank, size):
    """Those that are left take steps at once, and say so when they read."""
    model = made("fsdp", size)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    handle = attach(optimizer, window=20, every=2)
    dist.barrier()
    if rank == size - 1:
        raise SystemExit
    time.sleep(0.5)
    begun = time.monotonic()
    for number in range(15):
        by_hand(model, number + 1)
        optimizer.step()
    seconds, error = time.monotonic() - begun, ""
    try:
        handle.read()
    except RuntimeError as failed:
        error = str(failed)
    return {"seconds": seconds, "error": error}


def apart(case, rank, size):
    """The last process gives another setting, and then the same."""
    given = SETTINGS[case]
    model = made("fsdp", size)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    try:
        attach(optimizer, model=model, **given[int(rank == size - 1)])
    except ValueError as error:
        return {"error": str(error), "attached": attach(optimizer, model=model).attached}
    return {"error": "none", "attached": True}


def absent(case, rank, size):
    """The first attaches when the others do not wait for it any more."""
    model = made("fsdp", size)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    same_settings.SECONDS = 1.5
    begun = time.monotonic()
    if rank:
        handle = attach(optimizer)
    seconds = time.monotonic() - begun
    dist.barrier()
    if not rank:
        handle = attach(optimizer)
    by_hand(model, 1)
    optimizer.step()
    return told(handle) | {"seconds": seconds, "size": sum(part.numel() for part in model.parameters())}


if __name__ == "__main__":
    rank, size, address, *jobs = sys.argv[1:]
    rank, size = int(rank), int(size)
    torch.set_num_threads(1)
    logging.getLogger("wcdfa").addHandler(Heard())
    dist.init_process_group("gloo", f"tcp://{address}", rank=rank, world_size=size, timeout=timedelta(seconds=60))
    found = {}
    for job in jobs:
        command, _, case = job.partition(":")
        said.clear()
        try:
            found[job] = globals()[command](case, rank, size) | {"said": list(said)}
        except SystemExit:
            break
    print(json.dumps(found), flush=True)
    if command != "dies":
        dist.barrier()
    os._exit(0)  # at the end of an interpreter the threads of gloo sometimes abort it
