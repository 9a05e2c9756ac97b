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
# # SGD, momentum and AdamW: three α, three nulls
#
# A small torch network learns to read digits three times, from the same weights and on the same batches. `attach(optimizer)` records ‖ΔW‖ of every step. The three α differ
# a lot. How much of that is learning, and how much would each optimizer give on gradients without memory?
#
# The data are the 1,797 handwritten digits of the UCI repository (Alpaydin and Kaynak, CC BY 4.0, doi:10.24432/C50P49), as scikit-learn ships them.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

import wcdfa
from wcdfa.backends.torch import attach

torch.set_num_threads(1)
images, labels = load_digits(return_X_y=True)
images = torch.tensor(images.reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
labels = torch.tensor(labels)
train, test = slice(0, 1500), slice(1500, None)

# %% [markdown]
# ## Three runs
#
# The loop does not mention the recorder. It is a hook on the optimizer, and training never waits for it.


# %%
def trained(make_optimizer, steps=2000, batch=50):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(576, 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, 10),
    )
    optimizer = make_optimizer(model.named_parameters())
    handle = attach(optimizer, window=steps)  # the one line
    rows = torch.Generator().manual_seed(1)
    for _ in range(steps):
        chosen = torch.randint(1500, (batch,), generator=rows)
        loss = torch.nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = float((model(images[test]).argmax(1) == labels[test]).float().mean())
    return handle.read(), accuracy


optimizers = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    "momentum 0.9": lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.99)),
}
readings = {}
for name, make in optimizers.items():
    readings[name], accuracy = trained(make)
    print(f"{name}: test accuracy {accuracy:.2f}; recorded as {readings[name].optimizer} {readings[name].hyperparameters}")

# %% [markdown]
# ## The last 1,000 steps, each against its own optimizer
#
# The null is the same optimizer, with the same hyperparameters, on white gradients. 95 % of its α lie between `low` and `high`.

# %%
WINDOW = 1000
nulls = {}
for name, reading in readings.items():
    norms, lr = reading.norms[-WINDOW:], reading.lr[-WINDOW:]
    nulls[name] = wcdfa.nulls.optimizer_null(norms, optimizer=reading.optimizer, lr=lr, **reading.hyperparameters)
    null = nulls[name]
    print(f"{name:13} α = {null.alpha:.2f}, alone {null.low:.2f} to {null.high:.2f}, more than that in {null.p_value:.3f} of them")

# %%
figure, axes = plt.subplots(figsize=(6, 3.5))
for place, (name, null) in enumerate(nulls.items()):
    axes.bar(place, null.high - null.low, bottom=null.low, width=0.5, color="tab:orange", alpha=0.25)
    result = wcdfa.dfa(np.log(readings[name].norms[-WINDOW:]))
    axes.errorbar(
        place, result.alpha, [[result.alpha - result.low], [result.high - result.alpha]], fmt="o", color="black", capsize=3
    )
axes.set(
    xticks=range(3), xticklabels=list(nulls), ylabel="α", title="Digits: α with its interval, and what the optimizer alone gives"
)

# %% [markdown]
# ## The verdicts

# %%
for name, reading in readings.items():
    window = reading._replace(norms=reading.norms[-WINDOW:], lr=reading.lr[-WINDOW:], steps=reading.steps[-WINDOW:])
    print(f"{name}: {window.verdict()}")

# %% [markdown]
# Compare the bands with each other before you compare the points. Plain SGD adds no memory of its own; momentum and AdamW alone give α near 1. An α means something if it
# lies outside its own band, and the verdict says so.
