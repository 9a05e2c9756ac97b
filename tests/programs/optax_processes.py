"""One of two processes that train together on the CPU; prints its norms as JSON. Run by tests/backends/test_optax_distributed.py.

Arguments: address of the coordinator, number of processes, own number.
"""

from __future__ import annotations

import json
import sys

import jax
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from wcdfa.backends.optax.recorder import monitor, read


def main(address, processes, own):
    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(address, processes, own)
    devices = jax.devices()
    mesh = jax.make_mesh((len(devices),), ("x",), axis_types=(AxisType.Auto,))
    rng = np.random.default_rng(0)
    values = {"first": rng.standard_normal((16, 24)).astype(np.float32), "bias": rng.standard_normal(24).astype(np.float32)}
    shardings = {"first": NamedSharding(mesh, P("x")), "bias": NamedSharding(mesh, P())}

    def place(tree):
        return {name: jax.make_array_from_callback(value.shape, shardings[name], value.__getitem__) for name, value in tree.items()}

    tx = monitor(optax.inject_hyperparams(optax.adam)(optax.linear_schedule(0.1, 0.01, 9)), window=3, groups=1)

    @jax.jit
    def step(gradient, state, params):
        updates, state = tx.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    params = place(values)
    state = jax.jit(tx.init)(params)
    for _ in range(5):
        gradient = {name: rng.standard_normal(value.shape).astype(np.float32) for name, value in values.items()}
        params, state = step(place(gradient), state, params)
    reading = read(state)
    betas = reading.hyperparameters["betas"]
    found = {"norms": reading.norms.tolist(), "first": reading.groups["first"].tolist(), "lr": reading.lr.tolist(), "betas": betas}
    known = {"processes": jax.process_count(), "whole": params["first"].is_fully_addressable, "count": reading.count}
    print(json.dumps(found | known))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
