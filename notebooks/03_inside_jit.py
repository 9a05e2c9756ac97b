# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # α of an optax run, recorded inside jit
#
# A small transformer learns to read digits. The whole run is one `lax.scan`, so nothing leaves the device while it trains. Every ‖ΔW‖ is there afterwards all the same,
# because `monitor(tx)` keeps the norms in the state of the optimizer. α is compared with what AdamW alone gives on gradients without memory.
#
# The data are the 1,797 handwritten digits of the UCI repository (Alpaydin and Kaynak, CC BY 4.0, doi:10.24432/C50P49), as scikit-learn ships them.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import load_digits

import wcdfa
from wcdfa.backends.optax import monitor, read, strip
from wcdfa.plotting import plot_run
from wcdfa.verdicts import judge

images, labels = load_digits(return_X_y=True)
images = jnp.asarray(images.reshape(-1, 8, 8) / 16, dtype=jnp.float32)
labels = jnp.asarray(labels)
train, test = slice(0, 1500), slice(1500, None)

# %% [markdown]
# ## The network and one step
#
# Only the line that makes `tx` mentions the monitor. `inject_hyperparams` puts the learning rate and the betas into the state, where the monitor finds them.


# %%
WIDTH = 32


def initial(key):
    def normal(*shape):
        return jax.random.normal(next(keys), shape) / np.sqrt(shape[0])

    keys = iter(jax.random.split(key, 8))
    return {
        "embedding": {"rows": normal(8, WIDTH), "places": 0.1 * normal(8, WIDTH)},
        "attention": {name: normal(WIDTH, WIDTH) for name in ("query", "key", "value", "out")},
        "last": {"kernel": normal(8 * WIDTH, 10), "bias": jnp.zeros(10)},
    }


def logits(params, x):
    """The eight rows of an image are the tokens of one layer of attention."""
    embedding, attention, last = (params[name] for name in ("embedding", "attention", "last"))
    x = x @ embedding["rows"] + embedding["places"]
    query, key, value = (x @ attention[name] for name in ("query", "key", "value"))
    weights = jax.nn.softmax(query @ key.mT / np.sqrt(WIDTH))
    x = jax.nn.relu(x + weights @ value @ attention["out"])
    return x.reshape(*x.shape[:-2], -1) @ last["kernel"] + last["bias"]


def loss(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(logits(params, x), y).mean()


STEPS = 3000
schedule = optax.warmup_cosine_decay_schedule(0.0003, 0.003, 200, STEPS, 0.001)
tx = monitor(optax.inject_hyperparams(optax.adamw)(schedule, b1=0.9, b2=0.99, weight_decay=1e-3), window=STEPS, groups=1)


def step(carry, key):
    params, opt_state = carry
    chosen = jax.random.randint(key, (32,), 0, 1500)
    value, gradients = jax.value_and_grad(loss)(params, images[train][chosen], labels[train][chosen])
    updates, opt_state = tx.update(gradients, opt_state, params)
    return (optax.apply_updates(params, updates), opt_state), value


@jax.jit
def run(key):
    params = initial(key)
    keys = jax.random.split(jax.random.fold_in(key, 1), STEPS)
    return jax.lax.scan(step, (params, tx.init(params)), keys)


# %% [markdown]
# ## The whole run is one call

# %%
(params, opt_state), losses = run(jax.random.key(0))
accuracy = float(jnp.mean(logits(params, images[test]).argmax(axis=1) == labels[test]))
reading = read(opt_state)
print(
    f"test accuracy {accuracy:.3f}; {reading.count} norms recorded, {reading.skipped} skipped; {reading.optimizer} {reading.hyperparameters}"
)
assert accuracy > 0.8
assert reading.norms.shape == (STEPS,)
assert reading.hyperparameters["betas"] == (0.9, 0.99)

# %% [markdown]
# ## α and its null, every 500 steps
#
# The reading has the learning rate of each step. So the effect of the schedule is removed, and the null replays the schedule.

# %%
betas = reading.hyperparameters["betas"]
judged = judge(reading.norms, window=500, lr=reading.lr, optimizer=reading.optimizer, betas=betas)
for start, stop, verdict in zip(judged.starts, judged.stops, judged.verdicts, strict=True):
    null = verdict.null
    print(f"steps {start + 1:4}-{stop}: {verdict}; {reading.optimizer} alone {null.low:.2f} to {null.high:.2f}")
assert all(np.isfinite(verdict.alpha) for verdict in judged.verdicts)
plot_run(reading.norms, judged, title="A small transformer on digits, AdamW(0.9, 0.99)")

# %% [markdown]
# All findings about the last window. The verdict needs no arguments, because the reading knows the optimizer.

# %%
last = reading._replace(**{name: getattr(reading, name)[-500:] for name in ("norms", "lr", "steps")})
for finding in last.verdict().findings:
    print("-", finding.text)

# %% [markdown]
# ## A group of parameters at a time
#
# With `groups=1` the layers were recorded too.

# %%
layers = {name: np.log(norms[-500:]) for name, norms in reading.groups.items()}
result = wcdfa.dfa(np.stack(list(layers.values())))
for name, alpha, low, high in zip(layers, result.alpha, result.low, result.high, strict=True):
    print(f"{name:9} α = {alpha:.2f} ({low:.2f} to {high:.2f})")
assert set(layers) == {"embedding", "attention", "last"}

# %% [markdown]
# ## An ensemble: one α for each member
#
# The state consists of arrays, so `vmap` can train four networks at once. Their α differ by chance, within the interval.

# %%
(_, states), _ = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(1), 4))
ensemble = read(states)
assert ensemble.norms.shape == (4, STEPS)
result = wcdfa.dfa(np.log(ensemble.norms[:, -500:]))
print("α of the members:", result.alpha.round(2), "± about", ((result.high - result.low) / 2).mean().round(2))
print("the third alone:", wcdfa.dfa(np.log(ensemble.member(2).norms[-500:])).alpha.round(2))

# %% [markdown]
# ## A checkpoint without wcdfa
#
# The norms are part of the optimizer's state. `strip` returns the state without them.

# %%
assert jax.tree.structure(strip(opt_state)) == jax.tree.structure(optax.inject_hyperparams(optax.adamw)(schedule).init(params))
plt.close("all")
