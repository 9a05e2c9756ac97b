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
# # What an exponent is worth
#
# An exponent by itself says little. How large is its error? And do the optimizer, the schedule, a trend or short memory already explain it? `dfa` answers the first
# question, `verdict` the second.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import wcdfa
from wcdfa import nulls, synthetic
from wcdfa.plotting import plot_run
from wcdfa.verdicts import judge

# %% [markdown]
# ## An interval that covers
#
# Take 2,000 series of 500 samples with α = 1. The textbook slope is biased, and ± 1.96 standard errors of its regression cover the true α in less than half of the series.
# The calibrated intervals come from the exact mean and covariance of log F(s) and cover 95 %.

# %%
truth = 1.0
series = synthetic.arfima(500, d=truth - 0.5, batch=(2000,), seed=0)
ordinary = wcdfa.dfa(series, method="ols")
log_s, log_f = np.log(ordinary.scales), np.log(ordinary.fluctuations)
residual = log_f - log_f.mean(axis=1, keepdims=True) - ordinary.alpha[:, None] * (log_s - log_s.mean())
own_error = np.sqrt(np.sum(residual**2, axis=1) / (len(log_s) - 2) / np.sum((log_s - log_s.mean()) ** 2))
covered = np.mean(np.abs(ordinary.alpha - truth) < 1.96 * own_error)
print(f"textbook slope: mean {ordinary.alpha.mean():.3f}, spread {ordinary.alpha.std():.3f}; its own error covers {covered:.0%}")
assert covered < 0.6
for method in ("ols", "gls", "robust"):
    result = wcdfa.dfa(series, method=method)
    covered = np.mean((result.low < truth) & (truth < result.high))
    width = np.mean(result.high - result.low)
    print(f"{method:>6}: interval covers {covered:.1%}, mean width {width:.2f}")
    assert 0.93 < covered < 0.97

# %% [markdown]
# "gls" is the most precise; for this kind of series no method could do better. But it takes everything for long memory. "robust", the default, allows for short memory on
# top:

# %%
increments = synthetic.arfima(700, d=truth - 1.5, batch=(2000,), seed=1)
for t in range(1, 700):
    increments[:, t] += 0.3 * increments[:, t - 1]  # an AR(1) on top
with_short_memory = np.cumsum(increments[:, 200:], axis=1)
bias = {method: wcdfa.dfa(with_short_memory, method=method).alpha.mean() - truth for method in ("ols", "gls", "robust")}
print({method: round(float(value), 3) for method, value in bias.items()})
assert abs(bias["robust"]) < 0.06 < bias["gls"]

# %% [markdown]
# ## What the optimizer alone would give
#
# Feed white gradients, which have no memory, to common optimizers, in 500 runs of 500 steps each. Momentum alone puts a run into the band that has been called critical,
# 0.8 to 1.2.

# %%
settings = {
    "SGD": {"optimizer": "sgd"},
    "SGD, momentum 0.9": {"optimizer": "sgd", "momentum": 0.9},
    "SGD, momentum 0.99": {"optimizer": "sgd", "momentum": 0.99},
    "AdamW(0.9, 0.999)": {"optimizer": "adamw"},
}
alphas = {name: nulls.optimizer_alphas(500, **options) for name, options in settings.items()}
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.axvspan(0.8, 1.2, color="0.9")
for name, values in alphas.items():
    ax.hist(values, bins=40, histtype="step", label=f"{name}: {np.median(values):.2f}")
ax.set(xlabel="α of log ‖ΔW‖", ylabel="runs of 500")
ax.legend()
assert 0.9 < np.median(alphas["SGD, momentum 0.9"]) < 1.1

# %% [markdown]
# ## The verdict on two real runs
#
# First a character transformer on minibatches, with AdamW(0.9, 0.99). No window has more than the optimizer alone gives.

# %%
folder = Path("tests/data") if Path("tests/data").is_dir() else Path("../tests/data")
charlm = np.load(folder / "charlm_adamw.npz")
adamw = {"optimizer": "adamw", "betas": (0.9, 0.99), "weight_decay": 0.1}
judged = judge(charlm["norms"], lr=charlm["lr"], **adamw)
for stop, found in zip(judged.stops, judged.verdicts, strict=True):
    print(f"{stop:>5}: {found}")
plot_run(charlm["norms"], judged, title="a character transformer")
assert all(found.null.p_value > 0.05 for found in judged.verdicts[1:])

# %% [markdown]
# Then a network that groks modular addition, on full batches. Its norms decay smoothly. At order 1 this trend gives α near 2; the higher orders show that it is a trend.

# %%
grokking = np.load(folder / "grokking_mod97_adamw.npz")["norms"][:6000]
judged = judge(grokking, lr=1e-3, optimizer="adamw", weight_decay=1.0)
for stop, found in zip(judged.stops, judged.verdicts, strict=True):
    orders = ", ".join(f"{alpha:.2f}" for alpha in found.orders.values())
    print(f"{stop:>5}: {found}; orders 1 to 3: {orders}")
print()
for finding in judged.verdicts[4].findings:
    print(finding.text)
assert all("trend" in " ".join(found.explained_by) or "saturated" in found.explained_by for found in judged.verdicts[:4])

# %% [markdown]
# ## When α changes
#
# Drift alarms have a stated rate of false alarms: 5 % of runs of 10,000 steps in which nothing happens.

# %%
calm = synthetic.arfima(6000, d=0.5, seed=2)
wild = calm[-1] + 0.7 * synthetic.random_walk(2000, seed=3)
rolling = wcdfa.rolling_dfa(np.concatenate([calm, wild]), window=500, stride=20, method="gls")
for alarm in wcdfa.drift_alarms(rolling.result.alpha, rolling.result.stderr, rolling.stops, window=500):
    print(f"α went {alarm.direction} at about step {alarm.onset:,} (true: 6,000); alarm at step {alarm.start:,}")
    assert abs(alarm.onset - 6000) < 300
