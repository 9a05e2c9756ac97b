"""The command line: a table, a picture, a report, and a parquet file of a log."""

import json
import subprocess
from pathlib import Path

from common import norms
from zstandard import ZstdCompressor

for name, values in (("run", norms(600)), ("other", norms(600)[::-1])):
    Path(f"{name}.jsonl").write_text("".join(json.dumps({"step": i, "update_norm": x}) + "\n" for i, x in enumerate(values, 1)))
rows = "".join(f"{i};{1 + x!r};{x!r}\n".replace(".", ",") for i, x in enumerate(norms(600), 1))
Path("run.csv").write_bytes(
    ("step;größe näherung;update_norm\n" + rows).encode("latin-1")
)  # clevercsv and charset-normalizer read it
Path("run.jsonl.zst").write_bytes(ZstdCompressor().compress(Path("run.jsonl").read_bytes()))
for command in (
    "analyze run.csv",
    "analyze run.jsonl.zst --json",
    "analyze run.jsonl --optimizer sgd --table run.parquet",
    "report run.jsonl --output run.html",
    "compare run.jsonl other.jsonl",
    "demo --quick",
):
    subprocess.run(["wcdfa", *command.split()], check=True, stdout=subprocess.DEVNULL)
for name in ("run.parquet", "run.html"):
    assert Path(name).stat().st_size > 1000, name
