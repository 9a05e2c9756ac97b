"""Several logs, analyzed on a local Dask cluster."""

import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
from common import norms

if __name__ == "__main__":  # workers import this file again
    Path("runs").mkdir()
    for name, values in (("a", norms(600)), ("b", norms(600)[::-1])):  # equal norms would be one run
        rows = [json.dumps({"step": i, "update_norm": x}) + "\n" for i, x in enumerate(values, 1)]
        Path(f"runs/{name}.jsonl").write_text("".join(rows))
    command = "analyze runs --dask local --jobs 2 --table table.parquet"
    subprocess.run(["wcdfa", *command.split()], check=True, stdout=subprocess.DEVNULL)
    assert pq.read_table("table.parquet").num_rows > 1
