"""Whether ‖ΔW‖ is right with every optimizer of optax and optax.contrib: 200 steps of each, against full copies of the parameters.

    python benchmarks/recorded_optimizers_optax.py [name …] [--steps 200]

Each is wrapped in `monitor`, and trains a small network as its documentation says. The copies are of the parameters that the gradients
are computed for, after each call of `update`. A norm is right to 1e-5, or there is one warning that says why it is not that of a step.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import logging
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax import contrib

from wcdfa.backends.optax import monitor, read

CLOSE = 1e-5
RATE = 1e-2


class Case(NamedTuple):
    """An optimizer, and how it is called."""

    make: Callable[[], Any]
    extra: Callable[[Any], dict[str, Any]] = lambda run: {}
    params: Callable[[Any], Any] = lambda params: params
    per_example: bool = False
    dtype: Any = jnp.float32


class Now(NamedTuple):
    """What an update may be given besides gradients and parameters."""

    loss: Callable[[Any], jax.Array]
    value: jax.Array
    gradients: Any
    key: jax.Array


def value_of(now: Now) -> dict[str, Any]:
    return {"value": now.value}


def searching(now: Now) -> dict[str, Any]:
    return {"value": now.value, "grad": now.gradients, "value_fn": now.loss}


def with_gradient(now: Now) -> dict[str, Any]:
    return {"grad_fn": lambda params, _: jax.grad(now.loss)(params)}


ALIASES = (
    *("adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamaxw", "adamw", "adan", "amsgrad", "fromage", "lamb"),
    *("lars", "lion", "nadam", "nadamw", "noisy_sgd", "novograd", "optimistic_adam", "optimistic_adam_v2"),
    *("optimistic_gradient_descent", "radam", "rmsprop", "rprop", "sgd", "sign_sgd", "signum", "sm3", "yogi"),
)
OF_CONTRIB = (
    *("acprop", "ademamix", "adopt", "cocob", "dadapt_adamw", "dog", "dowg", "galore", "madgrad", "muon", "prodigy"),
    *("schedule_free_adamw", "schedule_free_sgd", "simplified_ademamix"),
)
SYNCED = optax.LookaheadParams.init_synced


def cases() -> dict[str, Case]:
    """All optimizers of this release, and the wrappers and transformations that change when or what is applied."""
    found = {name: Case(partial(getattr(optax, name), RATE)) for name in ALIASES if hasattr(optax, name)}
    found |= {f"contrib.{name}": Case(partial(getattr(contrib, name), RATE)) for name in OF_CONTRIB if hasattr(contrib, name)}
    found |= {
        "noisy_sgd": Case(lambda: optax.noisy_sgd(RATE, seed=0)),
        "lbfgs": Case(optax.lbfgs, searching),
        "polyak_sgd": Case(optax.polyak_sgd, value_of),
        "scale_by_backtracking_linesearch": Case(
            lambda: optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(15)), searching
        ),
        "lookahead": Case(lambda: optax.lookahead(optax.adam(RATE), 5, 0.5), params=SYNCED),
        "lookahead, reset": Case(lambda: optax.lookahead(optax.sgd(RATE, 0.9), 6, 0.8, reset_state=True), params=SYNCED),
        "MultiSteps": Case(lambda: optax.MultiSteps(optax.adam(RATE), 4).gradient_transformation()),
        "apply_if_finite": Case(lambda: optax.apply_if_finite(optax.adam(RATE), 3)),
        "apply_every": Case(lambda: optax.chain(optax.adam(RATE), optax.apply_every(3))),
        "masked": Case(lambda: optax.masked(optax.adam(RATE), {"w": True, "b": False, "m": True})),
        "partition": Case(
            lambda: optax.partition({"a": optax.sgd(RATE), "z": optax.set_to_zero()}, {"w": "a", "b": "z", "m": "a"})
        ),
        "keep_params_nonnegative": Case(lambda: optax.chain(optax.adam(RATE), optax.keep_params_nonnegative())),
        "inject_hyperparams": Case(lambda: optax.inject_hyperparams(optax.adamw)(optax.cosine_decay_schedule(RATE, 150))),
        "bfloat16": Case(lambda: optax.adam(RATE), dtype=jnp.bfloat16),
        "contrib.dpsgd": Case(lambda: contrib.dpsgd(RATE, 1.0, 0.1, seed=0), per_example=True),
        "contrib.mechanize": Case(lambda: contrib.mechanize(optax.adam(RATE))),
        "contrib.momo": Case(lambda: contrib.momo(RATE), value_of),
        "contrib.momo_adam": Case(lambda: contrib.momo_adam(RATE), value_of),
        "contrib.normalize": Case(lambda: optax.chain(contrib.normalize(), optax.sgd(RATE))),
        "contrib.reduce_on_plateau": Case(
            lambda: optax.chain(optax.adam(RATE), contrib.reduce_on_plateau(patience=2, accumulation_size=5)), value_of
        ),
        "contrib.sam": Case(lambda: contrib.sam(optax.sgd(RATE), optax.chain(contrib.normalize(), optax.sgd(0.05)))),
        "contrib.sam, opaque": Case(
            lambda: contrib.sam(optax.sgd(RATE), optax.chain(contrib.normalize(), optax.sgd(0.05)), opaque_mode=True), with_gradient
        ),
        "contrib.schedule_free": Case(lambda: contrib.schedule_free(optax.sgd(RATE), RATE)),
        "contrib.sophia": Case(lambda: contrib.sophia(RATE), lambda now: {"obj_fn": now.loss}),
        "contrib.split_real_and_imaginary": Case(lambda: contrib.split_real_and_imaginary(optax.adam(RATE)), dtype=jnp.complex64),
    }
    return found


def network(dtype: Any) -> dict[str, jax.Array]:
    keys = jax.random.split(jax.random.key(0), 3)
    return {
        "w": jax.random.normal(keys[0], (6, 12), dtype) / 2,
        "b": jnp.full(12, 0.1, dtype),
        "m": jax.random.normal(keys[1], (12, 3), dtype) / 3,
    }


def loss_of(params: Any, batch: jax.Array) -> jax.Array:
    hidden = jnp.tanh(batch.astype(params["w"].dtype) @ params["w"] + params["b"])
    return jnp.mean(jnp.abs(hidden @ params["m"] - batch[..., :3]) ** 2).astype(jnp.float32)


def trained(case: Case, steps: int) -> tuple[Any, list[float], int]:
    """What was recorded, the norms of the copies that are not 0, and how many are 0."""
    tx = monitor(case.make(), window=steps)
    held = case.params(network(case.dtype))
    state = tx.init(held)

    @jax.jit
    def step(held: Any, state: Any, key: jax.Array) -> tuple[Any, Any]:
        batch = jax.random.normal(key, (16, 6))
        params = getattr(held, "fast", held)

        def loss(params: Any) -> jax.Array:
            return loss_of(params, batch)

        value, gradients = jax.value_and_grad(loss)(params)
        extra = case.extra(Now(loss, value, gradients, key))
        if case.per_example:
            gradients = jax.vmap(jax.grad(loss_of), (None, 0))(params, batch[:, jnp.newaxis])
        gradients = jax.tree.map(jnp.conj, gradients)
        updates, state = tx.update(gradients, state, held, **extra)
        return optax.apply_updates(held, updates), state

    moved, last = [], copied(held)
    for key in jax.random.split(jax.random.key(1), steps):
        held, state = step(held, state, key)
        now = copied(held)
        moved.append(float(np.sqrt(sum(np.sum(np.abs(now[name] - last[name]) ** 2) for name in now))))
        last = now
    return read(state), [norm for norm in moved if norm], sum(not norm for norm in moved)


def copied(held: Any) -> dict[str, Any]:
    """The parameters that gradients are computed for, on the host and in double precision."""
    params = getattr(held, "fast", held)
    return {name: np.asarray(value).astype(np.complex128) for name, value in params.items()}


class Warned(logging.Handler):
    """Keeps the warnings of wcdfa."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def judged(case: Case, steps: int) -> tuple[str, str]:
    """Whether the norms are "right", "warned" or "wrong", and why."""
    warned = Warned()
    logging.getLogger("wcdfa").addHandler(warned)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, moved, still = trained(case, steps)
    finally:
        logging.getLogger("wcdfa").removeHandler(warned)
    if len(warned.said) == 1:
        return "warned", warned.said[0]
    if (found.count, found.skipped) != (len(moved), still):
        return "wrong", f"{found.count} recorded and {found.skipped} skipped, of {len(moved)} steps and {still} without a change"
    error = float(np.max(np.abs(found.norms / np.array(moved) - 1), initial=0.0))
    kept = f"{found.count} norms, {found.skipped} skipped, largest error {error:.1e}"
    return ("right" if error <= CLOSE and found.count and not warned.said else "wrong"), "; ".join([kept, *warned.said])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    logging.getLogger("absl").setLevel(logging.ERROR)
    counts = {"right": 0, "warned": 0, "wrong": 0}
    for name, case in cases().items():
        if not options.names or name in options.names:
            verdict, why = judged(case, options.steps)
            counts[verdict] += 1
            print(f"  {verdict:7} {name}: {why}", flush=True)
    print(
        f"{counts['right']} right, {counts['warned']} warned, {counts['wrong']} wrong without a warning, of {sum(counts.values())}"
    )
    sys.exit(counts["wrong"] > 0)


if __name__ == "__main__":
    main()
