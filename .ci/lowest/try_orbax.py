"""Checkpoints of orbax: the arrays in them, which tensorstore writes, are read."""

import json
from pathlib import Path

import numpy as np
import tensorstore

from wcdfa.readers import read_series

KEY = {"key_metadata": [{"key": "w", "key_type": 2}], "value_metadata": {"value_type": "jax.Array", "skip_deserialize": False}}
values = np.random.default_rng(0).standard_normal((4, 5)).astype("f4").cumsum(0)
for step, array in enumerate(values):
    folder = Path(f"run/{step}/default").resolve()
    store = {"driver": "zarr", "kvstore": {"driver": "file", "path": f"{folder}/w/"}, "metadata": {"shape": [5], "dtype": "<f4"}}
    tensorstore.open(store, create=True).result().write(array).result()
    (folder / "_METADATA").write_text(json.dumps({"tree_metadata": {"('w',)": KEY}, "use_ocdbt": False, "use_zarr3": False}))
series = read_series("run")
assert np.allclose(series.values, np.linalg.norm(np.diff(values.astype(float), axis=0), axis=1)), series
