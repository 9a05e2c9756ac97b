"""polars: the expression, in groups and lazy frames."""

import numpy as np
import polars as pl

import wcdfa
import wcdfa.backends.polars

x = wcdfa.synthetic.white_noise(512, seed=0)
frame = pl.DataFrame({"who": ["a"] * 256 + ["b"] * 256, "x": x})
assert np.isclose(frame.select(pl.col("x").wcdfa.dfa()).unnest("x")["alpha"].item(), wcdfa.dfa(x).alpha)
groups = frame.lazy().group_by("who", maintain_order=True).agg(pl.col("x").wcdfa.dfa().struct.field("alpha")).collect()
assert np.allclose(groups["alpha"].to_numpy(), [wcdfa.dfa(x[:256]).alpha, wcdfa.dfa(x[256:]).alpha])
over = frame.with_columns(found=pl.col("x").wcdfa.dfa().over("who"))
assert np.isclose(over["found"].struct.field("alpha")[300], wcdfa.dfa(x[256:]).alpha)
