"""optax: the norms of a jitted training are those of its parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import require_recorded

from wcdfa.backends.optax import monitor, read

optimizer = monitor(optax.adamw(1e-2))
parameters = {"w": jnp.ones((3, 2)), "b": jnp.zeros(2)}
state = optimizer.init(parameters)


@jax.jit
def step(parameters, state, x):
    gradient = jax.grad(lambda p: jnp.mean((x @ p["w"] + p["b"]) ** 2))(parameters)
    updates, state = optimizer.update(gradient, state, parameters)
    return optax.apply_updates(parameters, updates), state


moved = []
for seed in range(20):
    before = parameters
    parameters, state = step(parameters, state, jax.random.normal(jax.random.key(seed), (8, 3)))
    moved.append(np.sqrt(sum(np.sum((np.asarray(parameters[k], float) - np.asarray(before[k], float)) ** 2) for k in before)))
require_recorded(read(state), moved)
