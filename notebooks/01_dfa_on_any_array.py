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
# # DFA on any array
#
# Detrended fluctuation analysis (DFA) measures how far a series strays within longer and longer stretches. Sum the series into a *profile*, cut the profile into boxes of s
# samples, fit a straight line to each box, and let F(s) be the root mean square of the residuals. For many series F(s) grows as a power of s; the exponent is α.
#
# - α = 0.5: no memory (white noise), or memory shorter than the boxes
# - α = 1.0: 1/f noise
# - α = 1.5: a random walk
# - α near 2 at order 1: a smooth trend, at the largest value that this order can show

# %%

import matplotlib.pyplot as plt
import numpy as np

import wcdfa
from wcdfa import synthetic
from wcdfa.plotting import plot_fluctuations

# %% [markdown]
# ## Noises of known α

# %%
n = 10_000
noises = {
    "white noise, α = 0.5": synthetic.white_noise(n, seed=0),
    "fractional noise, α = 0.8": synthetic.fgn(n, hurst=0.8, seed=0),
    "1/f noise, α = 1.0": synthetic.arfima(n, d=0.5, seed=0),
    "random walk, α = 1.5": synthetic.random_walk(n, seed=0),
    "AR(1), φ = 0.9: short memory": synthetic.ar1(n, phi=0.9, seed=0),
}
figure, axes = plt.subplots(1, len(noises), figsize=(15, 3), sharex=True, layout="constrained")
for ax, (name, x) in zip(axes, noises.items(), strict=True):
    result = wcdfa.dfa(x)
    plot_fluctuations(result, ax=ax)
    ax.set_title(f"{name}\nmeasured {result.alpha:.2f}")

# %% [markdown]
# The last series is a trap. An AR(1) process has no long memory, yet at these box sizes its points lie on a line with a slope well above 0.5, and R² is close to 1. A
# straight line is no evidence of scaling:

# %%
short = wcdfa.dfa(noises["AR(1), φ = 0.9: short memory"][:500])
print(f"500 samples of AR(1): α = {short.alpha:.2f}, R² = {short.r_squared:.3f}")
assert short.r_squared > 0.95

# %% [markdown]
# ## The same call on any array
#
# `dfa` computes in the library that the array belongs to, on its device.

# %%
x = synthetic.arfima(2048, d=0.3, batch=(4,), seed=1)
reference = wcdfa.dfa(x).alpha
print("NumPy     ", reference.round(4))

# %%
import jax
import jax.numpy as jnp

alpha = jax.jit(lambda v: wcdfa.dfa(v).alpha)(jnp.asarray(x, dtype=jnp.float32))
print("JAX, jit  ", np.asarray(alpha).round(4), alpha.dtype)
np.testing.assert_allclose(alpha, reference, rtol=1e-5)
# α is differentiable, and vmap takes it over any axis
sensitivity = jax.grad(lambda v: wcdfa.dfa(v).alpha)(jnp.asarray(x[0]))
print("∂α/∂x, largest:", float(jnp.max(jnp.abs(sensitivity))))

# %%
import torch

alpha = wcdfa.dfa(torch.asarray(x)).alpha
print("torch     ", alpha.numpy().round(4), alpha.device)
np.testing.assert_allclose(alpha, reference, rtol=1e-10)

# %% [markdown]
# TensorFlow is not an array-API library: its tensors are read as NumPy.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

alpha = wcdfa.dfa(tf.constant(x)).alpha
print("TensorFlow", alpha.round(4), type(alpha).__name__)
np.testing.assert_allclose(alpha, reference)

# %% [markdown]
# ## Two real training runs
#
# ‖ΔW‖, the size of every weight update, of a character transformer on minibatches and of a network that groks modular addition on full batches.

# %%
from pathlib import Path

folder = Path("tests/data") if Path("tests/data").is_dir() else Path("../tests/data")
charlm = np.load(folder / "charlm_adamw.npz")["norms"]
grokking = np.load(folder / "grokking_mod97_adamw.npz")["norms"]

figure, axes = plt.subplots(2, 2, figsize=(12, 5), sharex="col", layout="constrained")
for column, (name, norms) in zip(
    axes.T, {"transformer, minibatches": charlm, "grokking, full batch": grokking}.items(), strict=True
):
    for order in (1, 2, 3):
        rolling = wcdfa.rolling_dfa(norms, window=500, order=order)
        column[0].plot(rolling.stops, rolling.result.alpha, marker=".", label=f"order {order}")
        print(f"{name}, order {order}: α from {np.nanmin(rolling.result.alpha):.2f} to {np.nanmax(rolling.result.alpha):.2f}")
    column[0].set(title=name, ylabel="α of 500 steps")
    column[0].legend()
    column[1].semilogy(norms, linewidth=0.6)
    column[1].set(ylabel="‖ΔW‖", xlabel="optimizer step")

# %% [markdown]
# On minibatches α stays near 0.9 at every order after the first steps. Before you interpret that, look at what momentum does to gradients without any memory:

# %%
gradients = synthetic.white_noise(200, batch=(600,), seed=0)  # 600 steps, 200 parameters
velocity, momentum_norms = np.zeros(200), []
for gradient in gradients:
    velocity = 0.9 * velocity + gradient
    momentum_norms.append(np.linalg.norm(velocity))
without_memory = wcdfa.dfa(np.array(momentum_norms[100:])).alpha
print(f"white gradients through momentum 0.9: α = {without_memory:.2f}")
assert 0.8 < without_memory < 1.2

# %% [markdown]
# On full batches the norms decay smoothly, and α at order 1 is near 2. That is not a phase but a trend: α is at the ceiling of order 1. Higher orders remove smooth trends
# and give a lower α. This disagreement is how you recognize a trend.

# %%
first, second = (wcdfa.rolling_dfa(grokking, window=500, order=order).result.alpha for order in (1, 2))
print(f"grokking: order 1 is above 1.8 in {np.mean(first > 1.8):.0%} of the windows, order 2 in {np.mean(second > 1.8):.0%}")
