"""pandas: columns, groups and windows."""

import numpy as np
import pandas as pd

import wcdfa
from wcdfa.backends.pandas import dfa, rolling_dfa

x = wcdfa.synthetic.white_noise(512, seed=0)
frame = pd.DataFrame({"who": ["a"] * 256 + ["b"] * 256, "x": x})
assert np.isclose(dfa(frame[["x"]]).loc["x", "alpha"], wcdfa.dfa(x).alpha)
assert np.isclose(frame.groupby("who")["x"].apply(dfa).unstack().loc["b", "alpha"], wcdfa.dfa(x[256:]).alpha)
assert rolling_dfa(frame["x"], window=256).index.tolist() == [255, 511]
missing = frame["x"].astype("Float64")
missing[3] = pd.NA
assert dfa(missing)["reason"]
