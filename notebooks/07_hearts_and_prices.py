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
# Two series from outside machine learning that one α does not describe: an hour of beat intervals, whose exponent depends on the size of the boxes, and 33 years of
# daily oil prices, whose changes have no long memory, although the sizes of the changes have. The folders `studies/biology/data` and `notebooks/data` say where the numbers come from.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import wcdfa

root = Path.cwd().parent
beats = np.array((root / "studies/biology/data/hour.txt").read_text().split(), dtype=float)  # milliseconds from beat to beat
table = np.genfromtxt(root / "notebooks/data/crude_oil.csv", delimiter=",", skip_header=1, dtype=["datetime64[D]", float])
days, price = table["f0"], table["f1"]  # NaN on holidays
print(f"{len(beats):,} beat intervals; {len(price):,} working days, {np.isnan(price).sum()} of them without a price")

# %% [markdown]
# ## The heart: α1, over boxes of 4 to 16 beats
#
# Some intervals do not lie between normal beats. They are found, counted and left out, and no box reaches across them.

# %%
print(wcdfa.heart.alpha1(beats))
print()
print(wcdfa.heart.alpha1(beats, window=300))

# %% [markdown]
# ### One exponent does not describe it
#
# The local slope falls as boxes grow. Around each slope: the interval for that size alone (dark), and the band that holds at all sizes at once (light).

# %%
slopes = wcdfa.local_slopes(beats)
figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.fill_between(slopes.sizes, slopes.all_low, slopes.all_high, alpha=0.2, linewidth=0)
ax.fill_between(slopes.sizes, slopes.low, slopes.high, alpha=0.3, linewidth=0)
ax.plot(slopes.sizes, slopes.slopes, marker="o", markersize=3)
ax.set(xscale="log", xlabel="box size s, beats", ylabel="local slope of log F(s)")
print(wcdfa.range_exponents(beats, ranges=((4, 16), (16, 64))))

# %% [markdown]
# Where does it change? `crossovers` tests step by step whether one more exponent is needed, at a stated level.

# %%
found = wcdfa.crossovers(beats, scales=[size for size in wcdfa.scales.half_sizes(len(beats), 1) if size >= 4])
print(found)

# %% [markdown]
# ### Are all fluctuations alike?
#
# h(q) weighs small fluctuations for q < 0 and large ones for q > 0. No finite series has a spectrum of width 0, so the width is compared with three nulls: Gaussian noise with
# the same memory, noise with the same spectrum and random phases, and the same values in random order.

# %%
print(wcdfa.mfdfa(beats[:4096]))

# %% [markdown]
# ## The price: returns, and how large they are
#
# These are the last 1,500 working days. On holidays there is no price, so two returns are missing each time. If they were deleted, all that follows would move forward in time;
# with `missing="omit"` every return keeps its day.

# %%
late = np.diff(np.log(price[-1500:]))
returns = wcdfa.dfa(late, missing="omit")
print(
    f"{np.isnan(late).sum()} of {len(late):,} returns are missing; α = {returns.alpha:.2f}, between {returns.low:.2f} and {returns.high:.2f}"
)

# %% [markdown]
# α of the returns is close to 0.5: past returns say next to nothing about the next. Their sizes are another matter.

# %%
whole = np.diff(np.log(price[~np.isnan(price)]))[-4096:]  # holidays left out
sizes = wcdfa.dfa(np.log(np.abs(whole) + 1e-4))
print(f"α of the log sizes: {sizes.alpha:.2f}, between {sizes.low:.2f} and {sizes.high:.2f}")
spectrum = wcdfa.mfdfa(whole)
print(spectrum)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
left.fill_between(spectrum.q, spectrum.h_low, spectrum.h_high, alpha=0.3, linewidth=0)
left.plot(spectrum.q, spectrum.h)
left.set(xlabel="q", ylabel="h(q)")
right.plot(spectrum.alpha, spectrum.f, marker="o", markersize=3)
right.set(xlabel="α", ylabel="f(α)")

# %% [markdown]
# ### Does a fall make the next days wilder?
#
# `coupling` compares two series at each box size, and asks whether independent series with the same two memories would agree as much. At a positive lag, the second
# follows the first.

# %%
print(wcdfa.coupling(whole, np.abs(whole), lags=[-5, -1, 0, 1, 5]))

# %% [markdown]
# ### What is the mean worth?
#
# If a series has memory, the interval of its mean is wider than the textbook's.

# %%
print("return per day:", wcdfa.mean_with_memory(whole))
print("its size:", wcdfa.mean_with_memory(np.abs(whole)))

# %% [markdown]
# ## Bit by bit
#
# A stream takes what comes, holds half a megabyte at any length (a few kilobytes when stored), and has F(s) of all of it, the same to the last digits as if the whole series had been kept. Streams of neighbouring pieces can
# be merged.

# %%
first, second = wcdfa.Stream(), wcdfa.Stream(start=2000)
for day in whole[:2000]:
    first.push(day)
second.push(whole[2000:])
stream = first.merge(second)
box_sizes, F = stream.fluctuations()
of_whole = wcdfa.fluctuations(whole, scales=box_sizes.tolist())[1]
print(
    f"{stream.n:,} samples in {len(stream.to_bytes()):,} bytes; largest relative difference of F(s): {np.max(np.abs(F / of_whole - 1)):.0e}"
)
