"""URLs: a log in a store in memory, and a compressed one."""

import gzip
import json

import fsspec
from common import norms

from wcdfa.readers import read_series

given = norms(100)
rows = "".join(json.dumps({"step": i, "update_norm": x}) + "\n" for i, x in enumerate(given, 1)).encode()
for name, data in (("run.jsonl", rows), ("run.jsonl.gz", gzip.compress(rows))):
    with fsspec.open(f"memory://runs/{name}", "wb") as file:
        file.write(data)
    assert read_series(f"memory://runs/{name}").values.tolist() == list(given), name
