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
# # A heart and a price: more than one exponent
#
# Two series from outside machine learning, each with what one α does not say: an hour of beat intervals, whose exponent depends on the size of the boxes, and 33 years of
# daily oil prices, whose changes have almost no memory while their sizes have a long one. Both files come with [their provenance](https://en.wikipedia.org/wiki/Provenance):
# `studies/biology/data/README.md` and `notebooks/data/README.md`.

# %%
from pathlib import Path

import numpy as np

import wcdfa

root = Path.cwd().parent
beats = np.array((root / "studies/biology/data/hour.txt").read_text().split(), dtype=float)  # milliseconds from beat to beat
table = np.genfromtxt(root / "notebooks/data/crude_oil.csv", delimiter=",", skip_header=1, dtype=["datetime64[D]", float])
days, price = table["f0"], table["f1"]  # NaN on holidays
print(f"{len(beats):,} beat intervals, {len(price):,} working days, {np.isnan(price).sum()} of them without a price")

# %% [markdown]
# ## The heart: α1 of boxes of 4 to 16 beats
#
# The field calls this exponent α1. Some intervals are no normal beats: they are found, said and left out, and no box reaches across them.

# %%
print(wcdfa.heart.alpha1(beats))
by_minutes = wcdfa.heart.alpha1(beats, window=300)
print(by_minutes)

# %% [markdown]
# ### One exponent does not describe it
#
# The slope of log F(s) falls with the size of the boxes. The band is what a single exponent, the measured one, would give.

# %%
slopes = wcdfa.local_slopes(beats)
print(wcdfa.range_exponents(beats, ranges=((4, 16), (16, 64))))
print(wcdfa.crossovers(beats))
