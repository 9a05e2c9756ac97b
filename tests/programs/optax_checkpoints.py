"""A run that is stopped, saved with orbax and gone on with in another process. Run by tests/backends/test_optax_checkpoints.py.

`save FOLDER STOP…` runs to the end and leaves a checkpoint at each stop; `resume FOLDER STOP…` goes on from each to the end; `refuse
FOLDER STOP` restores with another window; `manage FOLDER` saves a large state after every step until it is killed; `latest FOLDER` restores the last whole one of these and goes on.
Each prints one JSON: the readings, or what was said.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import orbax.checkpoint as ocp

from wcdfa.backends.optax.recorder import monitor, read

STEPS, WINDOW = 12, 5


def optimizer(window=WINDOW):
    schedule = optax.linear_schedule(0.1, 0.01, STEPS)
    return monitor(optax.inject_hyperparams(optax.adam)(schedule), window=window, groups=2)  # whose names have a "/" in them


TX = optimizer()


@jax.jit
def step(gradient, state, params):
    updates, state = TX.update(gradient, state, params)
    return optax.apply_updates(params, updates), state


def drawn(number, size=30):
    rng = np.random.default_rng(number)
    return {name: {"weight": rng.standard_normal(size).astype(np.float32)} for name in ("first", "last")}


def begun(size=30):
    params = drawn(0, size)
    return {"params": params, "opt_state": TX.init(params)}


def trained(run, start, stop, size=30):
    for number in range(start + 1, stop + 1):
        gradient = jax.tree.map(lambda g, number=number: g * (number != 4), drawn(number, size))
        params, opt_state = step(gradient, run["opt_state"], run["params"])
        run = {"params": params, "opt_state": opt_state}
    return run


def told(run):
    reading = read(run["opt_state"])
    groups = {name: norms.tolist() for name, norms in reading.groups.items()}
    arrays = {name: getattr(reading, name).tolist() for name in ("norms", "lr", "steps")}
    arrays |= {name: np.nan_to_num(getattr(reading, name), nan=9.0).tolist() for name in ("cosine", "weight_norm", "sketch")}
    groups |= {f"cosine of {name}": np.nan_to_num(cosines, nan=9.0).tolist() for name, cosines in reading.cosines.items()}
    return arrays | groups | {"count": reading.count, "skipped": reading.skipped, "betas": reading.hyperparameters["betas"]}


def save(folder, *stops):
    run, at = begun(), 0
    with ocp.StandardCheckpointer() as checkpointer:
        for stop in stops:
            run, at = trained(run, at, stop), stop
            checkpointer.save(folder / str(stop), run)
    return told(trained(run, at, STEPS))


def resume(folder, *stops):
    with ocp.StandardCheckpointer() as checkpointer:
        return [told(trained(checkpointer.restore(folder / str(stop), begun()), stop, STEPS)) for stop in stops]


def refuse(folder, stop):
    """What orbax says where the window is another; in a process of its own, since it leaves much open where it fails."""
    wider, run = optimizer(WINDOW + 2), begun()
    with ocp.StandardCheckpointer() as checkpointer:
        try:
            checkpointer.restore(folder / str(stop), run | {"opt_state": wider.init(run["params"])})
        except ValueError as error:
            return str(error)
    return "restored"


def manage(folder):
    run = begun(size=2_000_000)
    with ocp.CheckpointManager(folder) as manager:
        for number in range(1, STEPS + 1):
            run = trained(run, number - 1, number, size=2_000_000)
            manager.save(number, args=ocp.args.StandardSave(run))
            print(json.dumps({"saving": number, **told(run)}), flush=True)


def latest(folder):
    with ocp.CheckpointManager(folder) as manager:
        number = manager.latest_step()
        run = manager.restore(number, args=ocp.args.StandardRestore(begun(size=2_000_000)))
        return {"step": number, **told(run), "next": told(trained(run, number, number + 1, size=2_000_000))["count"]}


if __name__ == "__main__":
    found = globals()[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:]))
    print(json.dumps(found))
