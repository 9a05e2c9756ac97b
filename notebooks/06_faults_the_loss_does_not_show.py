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
# # Faults that the loss does not show
#
# A small torch network learns to read digits, four times: once as it should, and three times with a fault in the program. All four losses fall, and all four networks read the
# digits about equally well. `attach(optimizer)` records the size and the direction of each weight change, and `reading.diagnosis()` asks whether the run is what it is said
# to be.
#
# The data are the 1,797 handwritten digits of the UCI repository (Alpaydin and Kaynak, CC BY 4.0, doi:10.24432/C50P49), as scikit-learn ships them.

# %%
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

from wcdfa.backends.torch import attach
from wcdfa.plotting import plot_diagnosis
from wcdfa.verdicts.gradient_memory import correlations
from wcdfa.verdicts.level_watch import block_means

torch.set_num_threads(1)
images, labels = load_digits(return_X_y=True)
images, labels = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
train, test = slice(0, 1500), slice(1500, None)
STEPS, BATCH = 500, 50

# %% [markdown]
# ## Four programs
#
# The three faults are the kind that is easily made: a `zero_grad` that was left behind when gradient accumulation was taken out, a loop inside the loop, and a model that was
# cast to bfloat16 together with the weights that the optimizer changes.


# %%
def batches(seed):
    """The indices of each batch, in a new order in each epoch."""
    order = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(1500, generator=order).split(BATCH)


def trained(fault, seed=0):
    torch.manual_seed(seed)
    widths = (64, 128, 64, 10)
    layers = [part for wide, narrow in pairwise(widths) for part in (torch.nn.Linear(wide, narrow), torch.nn.ReLU())]
    model = torch.nn.Sequential(*layers[:-1])
    kind = torch.float32
    if fault == "bf16 weights":
        kind = torch.bfloat16
        model.to(kind)
    optimizer = torch.optim.AdamW(model.named_parameters(), lr=1e-3, betas=(0.9, 0.99))
    handle = attach(optimizer, window=STEPS)  # the one line
    losses, source = [], batches(seed + 1)
    for step in range(STEPS):
        if fault != "each batch twice" or step % 2 == 0:
            chosen = next(source)
        loss = torch.nn.functional.cross_entropy(model(images[chosen].to(kind)).float(), labels[chosen])
        if fault != "zero_grad every 4th step" or step % 4 == 0:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        accuracy = float((model(images[test].to(kind)).argmax(1) == labels[test]).float().mean())
    return handle.read(), losses, accuracy


FAULTS = ("no fault", "zero_grad every 4th step", "each batch twice", "bf16 weights")
readings, losses = {}, {}
for fault in FAULTS:
    readings[fault], losses[fault], accuracy = trained(fault)
    print(f"{fault:24} loss {np.mean(losses[fault][-100:]):.2f}, test accuracy {accuracy:.2f}")

# %% [markdown]
# ## What the runs say of themselves
#
# No run is compared with another. Each is compared with what AdamW(0.9, 0.99), its own optimizer, gives. There is no baseline yet, so it cannot be said whether something
# *changed*, and each diagnosis says that too.

# %%
diagnoses = {fault: reading.diagnosis() for fault, reading in readings.items()}
for fault, diagnosis in diagnoses.items():
    print(f"== {fault}\n{diagnosis}\n")

# %% [markdown]
# ## Where it shows
#
# Above left, the losses: nobody would stop one of these runs. Below, the cosine of each weight change with the one before it, the mean of every 25 steps: momentum 0.9 makes it about
# 0.9, and what gradients have in common makes it larger. Right, what gives the faults away: how much gradients have in common some steps apart, once the optimizer's own memory
# is taken out of the changes. Without a fault it falls slowly, as the gradient itself changes. Two steps on the same batch have more in common. A sum of up to four gradients shares
# gradients with the next sums. And with weights that cannot take small changes, each step makes up for what the last one rounded.

# %%
colors = dict(zip(FAULTS, ("0.5", "tab:orange", "tab:blue", "tab:green"), strict=True))
figure, axes = plt.subplot_mosaic([["loss", "memory"], ["cosine", "memory"]], figsize=(10, 5), layout="constrained")
for fault, reading in readings.items():
    line = {"color": colors[fault], "label": fault}
    places = np.arange(25, STEPS + 1, 25)
    axes["loss"].plot(places, block_means(np.array(losses[fault])), **line)
    axes["cosine"].plot(places, block_means(reading.cosine), **line)
    memory = correlations(diagnoses[fault].record.part(slice(40, None)))
    apart = range(1, 9)
    axes["memory"].plot(apart, [memory.mean({lag: 1.0})[0] for lag in apart], marker="o", markersize=4, **line)
axes["loss"].set(yscale="log", ylabel="loss", title="the loss does not show it", xticklabels=[])
axes["cosine"].set(xlabel="optimizer step", ylabel="cosine of changes", title="the direction of the weight changes does")
axes["memory"].axhline(0, color="black", linewidth=0.8)
axes["memory"].set(xlabel="steps apart", ylabel="autocorrelation of gradients", title="and it tells the faults apart")
axes["memory"].legend(frameon=False)
plt.show()

# %% [markdown]
# ## All tracks of one run
#
# `plot_diagnosis` draws what was recorded of a run over its steps: the size of the change, its direction with the band that the named optimizer gives, its memory, and its
# ratio to the weights. A dotted line stands where something that was found begins; here that is the first window, because the fault was there from the start.

# %%
plot_diagnosis(diagnoses["bf16 weights"], loss=losses["bf16 weights"], title="bf16 weights")

# %% [markdown]
# A diagnosis is as good as what it is compared with. Name the optimizer that you believe you use; `attach` does it for you, from the optimizer itself.
