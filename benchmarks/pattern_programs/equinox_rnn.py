"""In the style of equinox's examples: a recurrent network as a module that is a pytree, filter_jit, and optax with a schedule."""

from __future__ import annotations

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from benchmarks.pattern_programs.step_end import step_end
from wcdfa.backends.optax import monitor, read  # wcdfa


class RNN(eqx.Module):
    """Says which class a sequence belongs to."""

    hidden_size: int
    cell: eqx.nn.GRUCell
    linear: eqx.nn.Linear
    bias: jax.Array

    def __init__(self, in_size: int, out_size: int, hidden_size: int, *, key: jax.Array) -> None:
        ckey, lkey = jax.random.split(key)
        self.hidden_size = hidden_size
        self.cell = eqx.nn.GRUCell(in_size, hidden_size, key=ckey)
        self.linear = eqx.nn.Linear(hidden_size, out_size, use_bias=False, key=lkey)
        self.bias = jnp.zeros(out_size)

    def __call__(self, given: jax.Array) -> jax.Array:
        out, _ = jax.lax.scan(lambda carry, x: (self.cell(x, carry), None), jnp.zeros((self.hidden_size,)), given)
        return jax.nn.sigmoid(self.linear(out) + self.bias)


def get_data(dataset_size: int, *, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Spirals that turn to the left or to the right."""
    t, turns = jnp.linspace(0, 2 * jnp.pi, 16), jnp.arange(dataset_size) % 2
    offset = jax.random.uniform(key, (dataset_size, 1), minval=0, maxval=2 * jnp.pi)
    angle = offset + jnp.where(turns[:, None] == 1, 1, -1) * t
    return jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1) / (1 + t[None, :, None]), turns[:, None]


def dataloader(arrays: tuple[jax.Array, ...], batch_size: int, *, key: jax.Array) -> Iterator[tuple[jax.Array, ...]]:
    while True:
        key, subkey = jax.random.split(key)
        order = jax.random.permutation(subkey, len(arrays[0]))
        for start in range(0, len(order) - batch_size + 1, batch_size):
            yield tuple(array[order[start : start + batch_size]] for array in arrays)


@eqx.filter_value_and_grad
def compute_loss(model: RNN, x: jax.Array, y: jax.Array) -> jax.Array:
    return optax.losses.sigmoid_binary_cross_entropy(4 * jax.vmap(model)(x) - 2, y).mean()


@eqx.filter_jit
def make_step(model: RNN, x: jax.Array, y: jax.Array, opt_state: optax.OptState) -> tuple[jax.Array, RNN, optax.OptState]:
    loss, grads = compute_loss(model, x, y)
    updates, opt_state = optim.update(grads, opt_state, eqx.filter(model, eqx.is_inexact_array))
    return loss, eqx.apply_updates(model, updates), opt_state


steps, batch_size = 129, 32  # the schedule begins at 0, so that the first moves nothing
data_key, loader_key, model_key = jax.random.split(jax.random.PRNGKey(5678), 3)
model = RNN(2, 1, 64, key=model_key)
schedule = optax.warmup_cosine_decay_schedule(0.0, 5e-3, 10, steps, 1e-4)
optim = optax.chain(optax.clip_by_global_norm(1.0), optax.inject_hyperparams(optax.adamw)(schedule))
optim = monitor(optim)  # wcdfa
opt_state = optim.init(eqx.filter(model, eqx.is_inexact_array))

step_end(jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array)))
for step, (x, y) in zip(range(steps), dataloader(get_data(512, key=data_key), batch_size, key=loader_key), strict=False):
    loss, model, opt_state = make_step(model, x, y, opt_state)
    step_end(jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array)))
    if step % 40 == 0:
        print(f"step={step}, loss={loss.item():.4f}")
print(read(opt_state).verdict())  # wcdfa
