"""Whether a logger that reads its own monitor loses norms: 2,000 steps with each backend.

    python benchmarks/logger_reads.py [--steps 2000]

The logger is called at each step and reads `monitor.alpha` and `monitor.step`. A run is right if all steps are recorded, and the logger
was called once for each of them, in their order, with the monitor at that step. What is not installed is left out.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import wcdfa

WINDOW = 500
READ_EVERY = 250  # steps between two readings of a recorder, half of its window


class Run(NamedTuple):
    """A monitor whose logger reads it, and what the logger saw."""

    monitor: wcdfa.WeightChangeDFA
    calls: list[tuple[int, int, float | None]]


def logged() -> Run:
    run = Run(wcdfa.WeightChangeDFA(WINDOW, log_every=1), [])
    run.monitor.logger = lambda step, metrics: run.calls.append((step, run.monitor.step, run.monitor.alpha))
    return run


def numbers(steps: int) -> Run:
    run = logged()
    for norm in np.exp(0.1 * wcdfa.synthetic.white_noise(steps, seed=0)):
        run.monitor.update(norm)
    return run


def waiting(steps: int) -> Run:
    run = logged()
    norms = np.exp(0.1 * wcdfa.synthetic.white_noise(steps, seed=0))
    for first in range(0, steps, WINDOW):
        part = norms[first : first + WINDOW]
        run.monitor.update(wcdfa.Reading(part, first + len(part), 0, steps=first + 1 + np.arange(len(part))))
    return run


def parameters(steps: int) -> Run:
    run, rng, weights = logged(), np.random.default_rng(0), {"w": np.zeros(10)}
    for _ in range(steps + 1):
        run.monitor.update(weights)
        weights["w"] += rng.standard_normal(10)
    return run


def jax_arrays(steps: int) -> Run:
    import jax

    run = logged()
    for norm in list(jax.numpy.exp(0.1 * jax.random.normal(jax.random.key(0), (steps,)))):
        run.monitor.update(norm)
    return run


def optax_monitor(steps: int) -> Run:
    import jax
    import optax

    from wcdfa.backends.optax import monitor, read

    run, tx = logged(), monitor(optax.adam(1e-2), window=WINDOW)
    params = {"w": jax.numpy.ones(8)}
    state = tx.init(params)

    @jax.jit
    def step(params: Any, state: Any, key: Any) -> tuple[Any, Any]:
        updates, state = tx.update({"w": jax.random.normal(key, (8,))}, state, params)
        return optax.apply_updates(params, updates), state

    keys = jax.random.split(jax.random.key(0), steps)
    for i in range(steps):
        params, state = step(params, state, keys[i])
        if (i + 1) % READ_EVERY == 0 or i + 1 == steps:
            run.monitor.update(read(state))
    return run


def torch_attach(steps: int) -> Run:
    import torch

    from wcdfa.backends.torch import attach

    torch.manual_seed(0)
    torch.set_num_threads(1)
    run, model = logged(), torch.nn.Linear(8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, monitor=run.monitor, window=WINDOW)
    for _ in range(steps):
        (model(torch.randn(4, 8)) - torch.randn(4, 8)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    handle.read()
    return run


def keras_callback(steps: int) -> Run:
    import keras

    from wcdfa.backends.keras.parameters import WeightChangeCallback, monitored

    run, model = logged(), keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(monitored("adam", window=WINDOW), loss="mse")
    x = np.random.default_rng(0).standard_normal((steps, 3)).astype("float32")
    model.fit(x, x[:, :2], batch_size=1, verbose=0, callbacks=[WeightChangeCallback(run.monitor, every=READ_EVERY)])
    return run


def keras_recorder(steps: int) -> Run:
    import keras

    from wcdfa.backends.keras.parameters import monitored, read

    run, model = logged(), keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(monitored("adam", window=WINDOW), loss="mse")
    x = np.random.default_rng(0).standard_normal((READ_EVERY, 3)).astype("float32")
    for first in range(0, steps, READ_EVERY):
        part = x[: min(READ_EVERY, steps - first)]
        model.fit(part, part[:, :2], batch_size=1, verbose=0)
        run.monitor.update(read(model))
    return run


def tensorflow_recorder(steps: int) -> Run:
    import tensorflow as tf

    from wcdfa.backends.tensorflow.recorder import NormRecorder

    run, weights = logged(), tf.Variable(tf.zeros(8))
    recorder = NormRecorder([weights], window=WINDOW)
    chance = tf.random.Generator.from_seed(0)

    @tf.function
    def step() -> None:
        weights.assign_add(chance.normal((8,)))
        recorder.record([weights])

    for i in range(steps):
        step()
        if (i + 1) % READ_EVERY == 0 or i + 1 == steps:
            run.monitor.update(recorder.read())
    return run


NEEDS: dict[str, tuple[tuple[str, ...], Callable[[int], Run]]] = {
    "NumPy numbers": ((), numbers),
    "readings of a whole window": ((), waiting),
    "parameters": ((), parameters),
    "JAX arrays": (("jax",), jax_arrays),
    "optax monitor, read": (("jax", "optax"), optax_monitor),
    "torch attach": (("torch",), torch_attach),
    "Keras callback": (("keras",), keras_callback),
    "Keras recorder, read": (("keras",), keras_recorder),
    "TensorFlow recorder, read": (("tensorflow",), tensorflow_recorder),
}


def available(name: str) -> bool:
    """Whether what a run needs is installed."""
    return all(importlib.util.find_spec(module) is not None for module in NEEDS[name][0])


def found(name: str, steps: int) -> tuple[int, int, bool]:
    """Norms recorded, calls of the logger, and whether they came in order with the monitor at their step."""
    run = NEEDS[name][1](steps)
    first = [step for step, _, _ in run.calls] == [step for _, step, _ in run.calls] == list(range(1, len(run.calls) + 1))
    return int(run.monitor.reading().count), len(run.calls), first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(*found(options.only, options.steps))
        return
    print(f"{options.steps:,} steps with a logger that reads its monitor at each step")
    for name, (modules, _) in NEEDS.items():
        for backend in ("jax", "tensorflow", "torch") if modules == ("keras",) else ("",):
            if not available(name) or (backend and importlib.util.find_spec(backend) is None):
                print(f"        {name} {backend}: not installed")
                continue
            command = [sys.executable, __file__, "--steps", str(options.steps), "--only", name]
            environment = {**os.environ, **({"KERAS_BACKEND": backend} if backend else {})}
            done = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
            )
            recorded, calls, ordered = done.stdout.split()[-3:]
            right = (int(recorded), int(calls), ordered) == (options.steps, options.steps, "True")
            how = f"{name}, on {backend}" if backend else name
            print(
                f"  {'ok   ' if right else 'SHORT'} {how}: {int(recorded):,} recorded, {int(calls):,} calls"
                f"{', in order' if ordered == 'True' else ', not in order'}",
                flush=True,
            )


if __name__ == "__main__":
    main()
