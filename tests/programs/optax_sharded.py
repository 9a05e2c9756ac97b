"""Eight host devices in one process: norms of sharded parameters, as one line of JSON. Run by tests/backends/test_optax_distributed.py."""

from __future__ import annotations

import json
import re

import jax
import numpy as np
import optax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from tests.helpers.optax_runs import moves
from wcdfa.backends.optax.recorder import monitor, read

LAYOUTS = {
    "rows": ((8,), ("x",), {"first": P("x", None), "second": P("x", None), "bias": P()}),
    "columns": ((8,), ("x",), {"first": P(None, "x"), "second": P(None, "x"), "bias": P("x")}),
    "two axes": ((4, 2), ("x", "y"), {"first": P("x", "y"), "second": P("y", "x"), "bias": P()}),
    "both on one": ((4, 2), ("x", "y"), {"first": P(("x", "y")), "second": P(None, ("y", "x")), "bias": P("y")}),
}
rng = np.random.default_rng(0)
PARAMS = {
    name: rng.standard_normal(shape).astype(np.float32)
    for name, shape in (("first", (16, 24)), ("second", (24, 8)), ("bias", (8,)))
}
GRADIENTS = [{name: rng.standard_normal(value.shape).astype(np.float32) for name, value in PARAMS.items()} for _ in range(4)]
OPTIONS = {"window": 8, "groups": 1, "gradients": True}


def step_of(tx):
    def step(gradient, state, params):
        updates, state = tx.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    return step


def gathers(compiled):
    return len(re.findall(r"all-gather|all-to-all|collective-permute", compiled.as_text()))


def trained(tx, place):
    """All parameters, the last state, and the compiled step."""
    step, params, history = jax.jit(step_of(tx)), place(PARAMS), [PARAMS]
    state = tx.init(params)
    compiled = step.lower(place(GRADIENTS[0]), state, params).compile()
    for gradient in GRADIENTS:
        params, state = step(place(gradient), state, params)
        history.append(jax.tree.map(np.asarray, params))
    return history, state, compiled


def norms_of(state):
    reading = read(state)
    groups = {name: norms.tolist() for name, norms in reading.groups.items()}
    return {"all": reading.norms.tolist(), "gradients": reading.gradients.tolist()} | groups


def direction_of(state):
    reading = read(state)
    cosines = {f"cosine of {name}": values[1:].tolist() for name, values in reading.cosines.items()}
    return {
        "cosine": reading.cosine[1:].tolist(),
        "weights": reading.weight_norm.tolist(),
        "sketch": reading.sketch.tolist(),
    } | cosines


def in_shard_map(specs, mesh, check_vma, axis_name="x", measure="applied"):
    tx = monitor(optax.adam(0.1), axis_name=axis_name, measure=measure, **OPTIONS)

    def run(params, gradients):
        state = tx.init(params)
        for gradient in gradients:
            params, state = step_of(tx)(gradient, state, params)
        return state.wcdfa_record

    function = jax.shard_map(run, mesh=mesh, in_specs=(specs, [specs] * len(GRADIENTS)), out_specs=P(), check_vma=check_vma)
    state = jax.jit(function)(PARAMS, GRADIENTS)
    return norms_of(state) | {"direction": direction_of(state)}


def main():
    single, state, _ = trained(monitor(optax.adam(0.1), **OPTIONS), lambda tree: jax.device_put(tree, jax.devices()[0]))
    found = {
        "oracle": moves(single).tolist(),
        "single": norms_of(state),
        "direction": direction_of(state),
        "jit": {},
        "shard_map": {},
    }
    for kind in (AxisType.Auto, AxisType.Explicit):
        for name, (shape, axes, specs) in list(LAYOUTS.items())[0 if kind == AxisType.Auto else -1 :]:
            mesh = jax.make_mesh(shape, axes, axis_types=(kind,) * len(axes))
            place = lambda tree, mesh=mesh, specs=specs: {
                key: jax.device_put(value, NamedSharding(mesh, specs[key])) for key, value in tree.items()
            }
            history, state, compiled = trained(monitor(optax.adam(0.1), **OPTIONS), place)
            _, bare_state, bare = trained(optax.adam(0.1), place)
            found["jit"][f"{name}, {kind.name}"] = {
                "norms": norms_of(state),
                "direction": direction_of(state),
                "oracle": moves(history).tolist(),
                "gathers": gathers(compiled),
                "bare gathers": gathers(bare),
                "reduces": len(re.findall("all-reduce", compiled.as_text())),
                "sharding kept": bool(
                    jax.tree.all(
                        jax.tree.map(lambda a, b: a.sharding.is_equivalent_to(b.sharding, a.ndim), state.inner_state, bare_state)
                    )
                ),
            }
    mesh = jax.make_mesh((8,), ("x",), axis_types=(AxisType.Auto,))
    square = jax.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
    mixed, sharded = (
        {"first": P("x"), "second": P(None, "x"), "bias": P()},
        {"first": P("x"), "second": P(None, "x"), "bias": P("x")},
    )
    both = {"first": P("x", "y"), "second": P("y"), "bias": P()}
    found["shard_map"] = {
        "mixed, tracked": in_shard_map(mixed, mesh, check_vma=True),
        "sharded, tracked": in_shard_map(sharded, mesh, check_vma=True),
        "sharded, untracked": in_shard_map(sharded, mesh, check_vma=False),
        "two axes, tracked": in_shard_map(both, square, check_vma=True, axis_name=("x", "y")),
        "mixed, untracked": in_shard_map(mixed, mesh, check_vma=False),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
