"""One process of a group that trains one network: whole, sharded, replicated, or in a mesh. Run by tests/backends/test_torch_distributed.py.

It is given its rank, the size of the group, the address, a folder, and jobs such as `train:fsdp`, which the group does one after another.
Rank 0 prints what each gives as JSON. `die`, which must be the last, leaves all but rank 0 half-way.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Replicate, Shard, distribute_tensor

from tests.helpers.torch_runs import batches, loss_of, network
from wcdfa.backends.torch.hooks import attach, delta_norm

STEPS, HALF, WIDTH = 12, 5, 50  # 50 rows are no multiple of 4
GROUPS = {"first": "^0/", "last": "^2/"}


def made(kind, size, width=WIDTH):
    model = network(torch, width=width)
    if kind == "ddp":
        return torch.nn.parallel.DistributedDataParallel(model)
    if kind == "fsdp":
        mesh = init_device_mesh("cpu", (size,))
        fully_shard(model[0], mesh=mesh)
        fully_shard(model, mesh=mesh)
    if kind == "hybrid":  # replicas of shards
        fully_shard(model, mesh=init_device_mesh("cpu", (2, size // 2), mesh_dim_names=("replicate", "shard")))
    if kind == "strided":  # tensor parallelism, and its shards sharded in the same dimension
        mesh = init_device_mesh("cpu", (2, size // 2), mesh_dim_names=("data", "tensor"))
        for name, placement in (("weight", Shard(0)), ("bias", Shard(0))):
            tensor = distribute_tensor(getattr(model[0], name).detach(), mesh["tensor"], [placement])
            setattr(model[0], name, torch.nn.Parameter(tensor))
        fully_shard(model[0], mesh=mesh["data"])
        fully_shard(model, mesh=mesh["data"])
    if kind == "first":
        return torch.distributed.fsdp.FullyShardedDataParallel(model, use_orig_params=True, device_id=torch.device("cpu"))
    if kind in ("mixed", "submesh"):  # one tensor in each way; of the mesh of one process, each has the whole
        mesh = init_device_mesh("cpu", (size,))
        if kind == "submesh":
            mesh = init_device_mesh("cpu", (size, 1), mesh_dim_names=("data", "tensor"))["tensor"]
        for name, placement in (("0.weight", Shard(0)), ("0.bias", Replicate()), ("2.weight", Shard(1))):
            layer, part = name.split(".")
            tensor = distribute_tensor(getattr(model[int(layer)], part).detach(), mesh, [placement])
            setattr(model[int(layer)], part, torch.nn.Parameter(tensor))
        model[2].bias = torch.nn.Parameter(distribute_tensor(model[2].bias.detach(), mesh, [Replicate()]))
    return model


def steps(kind, model, optimizer, first, last):
    """The same batch on each process, so that gradients are those of one process; of DTensors by hand, each number by its place."""
    for number, x in list(enumerate(batches(torch, STEPS)))[first:last]:
        optimizer.zero_grad()
        if kind in ("mixed", "submesh"):
            generator = torch.Generator().manual_seed(number)
            for part in model.parameters():
                gradient = torch.randn(part.shape, generator=generator)
                part.grad = distribute_tensor(gradient, part.device_mesh, part.placements)
        else:
            loss_of(model, x).backward()
        optimizer.step()


def whole(model):
    return [getattr(part, "full_tensor", lambda part=part: part)().detach().clone() for part in model.parameters()]


def told(handle):
    reading = handle.read()
    groups = {name: norms.tolist() for name, norms in reading.groups.items()}
    found = {"norms": reading.norms.tolist(), "groups": groups, "count": reading.count, "skipped": reading.skipped}
    return found if reading.cosine is None else found | direction_of(reading)


def direction_of(reading):
    cosines = {name: each.tolist() for name, each in reading.cosines.items()}
    return {name: getattr(reading, name).tolist() for name in ("cosine", "weight_norm", "sketch")} | {"cosines": cosines}


def attached(model, **options):
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    named = getattr(model, "module", model)
    return optimizer, attach(optimizer, model=named, groups=GROUPS, window=10, every=5, **options)


def train(kind, rank, size, folder):
    model = made(kind, size)
    optimizer, handle = attached(model, gradients=True)
    reduced, inner = [], dist.all_reduce
    dist.all_reduce = lambda *given, **options: reduced.append(1) or inner(*given, **options)
    before = [part.detach().clone() for part in model.parameters()]
    expected, gradients, old = [], [], whole(model)
    for number in range(STEPS):
        steps(kind, model, optimizer, number, number + 1)
        each = [getattr(part.grad, "full_tensor", lambda part=part: part.grad)() for part in model.parameters()]
        gradients.append(sum(float(part.double().square().sum()) for part in each) ** 0.5)
        new = whole(model)
        expected.append(sum(float(((a.double() - b.double()) ** 2).sum()) for a, b in zip(new, old, strict=True)) ** 0.5)
        old = new
    found = told(handle) | {"expected": expected, "reduced": len(reduced)}
    found |= {"gradients": handle.read().gradients.tolist(), "expected gradients": gradients}
    dist.all_reduce = inner
    moved = [float(delta_norm(list(model.parameters()), before))] if kind != "ddp" else []
    return found | {"moved": moved}


def sampled(kind, rank, size, folder):
    """Each process samples what it has; of a model that was converted after it was attached."""
    model = made(kind, size, width=4000)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    handle = attach(optimizer, mode="sample", sample=1 / 8)
    model.to(torch.float64)  # which swaps what is in the parameters
    expected, old = [], whole(model)
    for x in batches(torch, 4, torch.float64):
        optimizer.zero_grad()
        loss_of(model, x).backward()
        optimizer.step()
        new = whole(model)
        expected.append(sum(float(((a.double() - b.double()) ** 2).sum()) for a, b in zip(new, old, strict=True)) ** 0.5)
        old = new
    reading = handle.read()
    return {"norms": reading.norms.tolist(), "stderr": reading.stderr.tolist(), "expected": expected}


def direction(kind, rank, size, folder):
    """More numbers than are all in the sample, and steps that do the same to each number wherever it is."""
    found = {}
    for mode in ("exact", "sample"):
        model = made(kind, size, width=15_000)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
        handle = attach(optimizer, model=model, groups=GROUPS, window=10, every=3, mode=mode)
        for number in range(5):
            for part in model.parameters():
                part.grad = (part.detach() + 0.37 * number).frac() - 0.5
            optimizer.step()
        found[mode] = direction_of(handle.read())
    return found


def still(kind, rank, size, folder):
    """The numbers of one process alone move; in the third step none does."""
    model = made(kind, size)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    handle = attach(optimizer)
    for factor in (1, 1, 0, 1, 1):
        for part in model.parameters():
            part.grad = torch.ones_like(part.detach()) * (factor if rank == 0 else 0)
        optimizer.step()
    return told(handle)


def refused(kind, rank, size, folder):
    try:
        attached(made(kind, size))
    except ValueError as error:
        return {"said": str(error)}
    return {"said": "nothing"}


def late(kind, rank, size, folder):
    """Read after the group is gone: an error each time, and nothing is lost by it."""
    model = made(kind, size)
    optimizer, handle = attached(model)
    steps(kind, model, optimizer, 0, 3)
    handle.every = 5
    inner, said = dist.all_reduce, []

    def broken(*_, **__):
        raise ValueError("Default process group has not been initialized")

    dist.all_reduce = broken
    for _ in range(2):
        try:
            handle.read()
        except RuntimeError as error:
            said.append(str(error))
    dist.all_reduce = inner
    return {"said": said, "count": handle.read().count}


def save(kind, rank, size, folder):
    from torch.distributed import checkpoint

    model = made(kind, size)
    optimizer, handle = attached(model)
    steps(kind, model, optimizer, 0, HALF)
    state = {"model": model.state_dict(), "norms": handle.state_dict()}
    checkpoint.save(state, checkpoint_id=folder)
    for part in optimizer.state.values():
        part.clear()
    steps(kind, model, optimizer, HALF, STEPS)
    return told(handle)


def resume(kind, rank, size, folder):
    from torch.distributed import checkpoint

    model = made(kind, size)
    optimizer, handle = attached(model)
    state = {"model": model.state_dict(), "norms": handle.state_dict()}
    checkpoint.load(state, checkpoint_id=folder)
    model.load_state_dict(state["model"])
    handle.load_state_dict(state["norms"])
    steps(kind, model, optimizer, HALF, STEPS)
    return told(handle)


def die(kind, rank, size, folder):
    model = made(kind, size)
    optimizer, handle = attached(model)
    steps(kind, model, optimizer, 0, 3)
    if rank:
        os._exit(0)
    try:
        handle.read()
    except RuntimeError as error:
        return {"said": str(error)}
    return {"said": "nothing"}


if __name__ == "__main__":
    rank, size, address, folder, *jobs = sys.argv[1:]
    rank, size = int(rank), int(size)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://{address}", rank=rank, world_size=size, timeout=timedelta(seconds=60))
    found = {}
    for job in jobs:
        command, kind = job.split(":")
        found[job] = globals()[command](kind, rank, size, folder)
    if rank == 0:
        print(json.dumps(found), flush=True)
    if command != "die":
        dist.barrier()
    sys.stdout.flush()
    os._exit(0)  # at the end of an interpreter the threads of gloo sometimes abort it
