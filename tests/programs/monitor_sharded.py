"""A monitor in one of several processes that each hold a part of torch parameters. Run by tests/backends/test_sampled.py.

Prints, as JSON, the direction of the sharded parameters and that of the whole ones.
"""

from __future__ import annotations

import json
import os
import sys

import torch
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

from wcdfa import WeightChangeDFA

SHAPES = {"columns": (257, 301), "rows": (7, 3)}


def told(reading):
    series = {
        "cosine": reading.cosine[1:],
        "weights": reading.weight_norm,
        "sketch": reading.sketch,
        "rows": reading.cosines["rows"][1:],
    }
    return {name: values.tolist() for name, values in series.items()}


def main(address, rank, processes):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": address, "RANK": rank, "WORLD_SIZE": processes}
    torch.distributed.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (int(processes),))
    whole, sharded = WeightChangeDFA(groups=1), WeightChangeDFA(groups=1)
    generator = torch.Generator().manual_seed(0)
    parameters = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    for _ in range(4):
        parameters = {name: value + torch.randn(value.shape, generator=generator) for name, value in parameters.items()}
        whole.update(parameters)
        parts = {name: distribute_tensor(value, mesh, [Shard(1 if name == "columns" else 0)]) for name, value in parameters.items()}
        sharded.update(parts)
    found = [told(monitor.reading()) for monitor in (whole, sharded)]
    torch.distributed.destroy_process_group()
    return found


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
