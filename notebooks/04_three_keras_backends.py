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
# # One Keras file, three backends, one α
#
# A small convolutional network learns to read digits on JAX, on TensorFlow and on torch, from one file. `monitored(optimizer)` records ‖ΔW‖ of every step in variables of
# the optimizer, on the device. `WeightChangeCallback` computes α while `fit` runs and writes it into the logs.
#
# The data are the 1,797 handwritten digits of the UCI repository (Alpaydin and Kaynak, CC BY 4.0, doi:10.24432/C50P49), as scikit-learn ships them. Keras has one backend
# per process, so each run gets its own process. This is the file:

# %%
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import wcdfa

program = Path("programs", "digits_keras.py")
print(program.read_text())

# %% [markdown]
# ## Three runs

# %%
BACKENDS = ("jax", "tensorflow", "torch")
runs = {}
with tempfile.TemporaryDirectory() as folder:
    for backend in BACKENDS:
        environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        file = Path(folder, f"{backend}.npz")
        done = subprocess.run([sys.executable, program, file], env=environment, check=True, capture_output=True, text=True)
        print(done.stdout.strip())
        runs[backend] = dict(np.load(file))

# %% [markdown]
# Weights and batches are the same, so the norms are too, at first to the precision of float32. Later the rounding differences between the backends grow, as in any training
# run:

# %%
for backend in BACKENDS[1:]:
    apart = np.abs(runs[backend]["norms"] / runs["jax"]["norms"] - 1)
    print(
        f"{backend} against jax, largest relative difference: steps 1 to 50 {apart[:50].max():.1e}, all {len(apart)} steps {apart.max():.1e}"
    )
    assert apart[:50].max() < 1e-5

# %% [markdown]
# ## The three curves of α
#
# The band holds 95 % of the α that AdamW with these betas and this schedule gives on gradients without memory. The reading knows the optimizer and its learning rate at each
# step from the optimizer itself.

# %%
figure, axes = plt.subplots(figsize=(7, 4))
for (backend, run), style in zip(
    runs.items(), ({"lw": 5, "alpha": 0.3}, {"lw": 2.5, "alpha": 0.6}, {"lw": 1, "color": "black"}), strict=True
):
    axes.plot(run["steps"], run["alpha"], label=backend, **style)
last = runs["jax"]
null = wcdfa.nulls.optimizer_null(
    last["norms"][-500:], optimizer=str(last["optimizer"]), lr=last["lr"][-500:], **json.loads(str(last["hyperparameters"]))
)
axes.axhspan(null.low, null.high, color="tab:orange", alpha=0.15, lw=0, label="AdamW alone, 95 %")
axes.set(xlabel="optimizer step", ylabel="α of the last 500 norms", title="Digits, AdamW, cosine schedule: Keras on three backends")
legend = axes.legend(frameon=False)

# %%
for backend, run in runs.items():
    assert run["alpha"].shape == runs["jax"]["alpha"].shape
    print(f"{backend}: α ends at {run['alpha'][-1]:.3f}; in the history of fit {run['alpha_in_history'][-1]:.3f}")
    assert np.max(np.abs(run["alpha"] - runs["jax"]["alpha"])) < 0.1

# %% [markdown]
# ## The verdict

# %%
print(
    wcdfa.verdict(
        last["norms"][-500:], lr=last["lr"][-500:], optimizer=str(last["optimizer"]), **json.loads(str(last["hyperparameters"]))
    )
)

# %% [markdown]
# At a window of 500, α is known to about ± 0.13. Most of what the curve shows lies in the range that AdamW alone gives.
