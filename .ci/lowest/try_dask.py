"""Several logs, analyzed on a local Dask cluster; and the stream of an array in chunks."""

import json
import subprocess
from pathlib import Path

import dask.array as da
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from common import norms

import wcdfa
from wcdfa.streaming import of_dask, of_file

if __name__ == "__main__":  # workers import this file again
    Path("runs").mkdir()
    for name, values in (("a", norms(600)), ("b", norms(600)[::-1])):  # equal norms would be one run
        rows = [json.dumps({"step": i, "update_norm": x}) + "\n" for i, x in enumerate(values, 1)]
        Path(f"runs/{name}.jsonl").write_text("".join(rows))
    command = "analyze runs --dask local --jobs 2 --table table.parquet"
    subprocess.run(["wcdfa", *command.split()], check=True, stdout=subprocess.DEVNULL)
    assert pq.read_table("table.parquet").num_rows > 1

    x = np.array(norms(600))
    pq.write_table(pa.table({"norm": x}), "norms.parquet")
    for stream in (of_dask(da.from_array(x, chunks=100)), of_file("norms.parquet", "norm")):
        assert np.allclose(stream.fluctuations()[1], wcdfa.fluctuations(x)[1], rtol=1e-12, atol=0)
