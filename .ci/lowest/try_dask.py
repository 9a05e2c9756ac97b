"""Several logs, analyzed on a local Dask cluster."""

import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
from common import norms

if __name__ == "__main__":  # workers import this file again
    Path("runs").mkdir()
    for name in ("a", "b"):
        rows = [json.dumps({"step": i, "update_norm": x}) + "\n" for i, x in enumerate(norms(600), 1)]
        Path(f"runs/{name}.jsonl").write_text("".join(rows))
    command = "analyze runs --dask local --jobs 2 --table table.parquet"
    subprocess.run(["wcdfa", *command.split()], check=True, stdout=subprocess.DEVNULL)
    assert pq.read_table("table.parquet").num_rows > 1
