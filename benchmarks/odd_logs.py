"""Time and memory of reading logs that are very wide, very many, or made to harm, next to what they may take.

    python benchmarks/odd_logs.py [name …]

Each is read in a process of its own. Memory is how much that grew at most. A log may take 20 seconds (or a second for every 4 MB) and
256 MB (or 8 times its size); what asks for more must be refused. For csv, pandas reads the same file. A SHORT row broke a bound.
"""

from __future__ import annotations

import io
import pickle
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the process with limits is that of the tests

from tests.helpers.bounded import Bounded
from wcdfa.readers.limits import Deadline, most_memory

RNG = np.random.default_rng(0)


def csv(path: Path, columns: int, rows: int) -> Path:
    names = ["step", "update_norm", *(f"c{i}" for i in range(columns - 2))]
    values = np.exp(0.1 * RNG.standard_normal((rows, columns)))
    values[:, 0] = np.arange(rows)
    np.savetxt(path / "log.csv", values, "%.6g", ",", header=",".join(names), comments="")
    return path / "log.csv"


def nested_keys(path: Path) -> Path:
    row = '{"' + '": {"'.join(f"{i}" + "k" * 10_000 for i in range(400)) + '": 1.0' + "}" * 400
    (path / "log.jsonl").write_text(f'{{"update_norm": 1.0}}\n{row}\n')
    return path / "log.jsonl"


def checkpoints(path: Path) -> Path:
    from safetensors.numpy import save

    content = save({"w": np.ones(2, "f4")})
    (path / "run").mkdir()
    for step in range(16_000):
        (path / "run" / f"step_{step}.safetensors").write_bytes(content)
    return path / "run"


def folders(path: Path) -> Path:
    """As a row of names, because no path may be this long."""
    import os

    (path / "run").mkdir()
    here = os.open(path / "run", os.O_RDONLY)
    for i in range(1_200):
        os.mkdir("f", dir_fd=here)
        inside = os.open("f", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inside
        if i == 3:
            log = os.open("log.csv", os.O_CREAT | os.O_WRONLY, dir_fd=here)
            os.write(log, b"step,update_norm\n" + b"".join(b"%d,%f\n" % (i, 1 + i % 7 / 10) for i in range(100)))
            os.close(log)
    os.close(here)
    return path / "run"


def groups(path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {"step": np.arange(60), "update_norm": np.ones(60)} | {f"update_norm/{i}": RNG.random(60) for i in range(10_000)}
    pq.write_table(pa.table(table), path / "log.parquet")
    return path / "log.parquet"


def constant_rows(path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    block = pa.table({"update_norm": pa.array(np.ones(10**7))})
    with pq.ParquetWriter(path / "log.parquet", block.schema) as writer:
        for _ in range(10):
            writer.write_table(block, row_group_size=10**7)
    return path / "log.parquet"


def bomb(path: Path, compression: int) -> Path:
    with (
        zipfile.ZipFile(path / "log.npz", "w", compression) as archive,
        archive.open("update_norm.npy", "w", force_zip64=True) as file,
    ):
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (3 * 10**8,)})
        file.write(head.getvalue())
        for _ in range(240):
            file.write(bytes(10**7))
    return path / "log.npz"


def swelling_pickle(path: Path) -> Path:
    for step in (1, 2):
        with zipfile.ZipFile(path / f"step_{step}.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(bytes(2 * 10**9)) if step == 2 else pickle.dumps({}))
            archive.writestr("archive/version", "3\n")
    return path


def laughs(path: Path) -> Path:
    """Tuples that hold the one before ten times: 10^60 in all."""
    program = b"\x80\x02)" + b"".join(b"q%c" % i + b"(" + b"h%c" % i * 10 + b"t" for i in range(60)) + b"."
    for step in (1, 2):
        with zipfile.ZipFile(path / f"step_{step}.pt", "w") as archive:
            archive.writestr("archive/data.pkl", program)
    return path


def endless_view(path: Path) -> Path:
    store = sqlite3.connect(path / "log.db")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    store.execute(f"CREATE VIEW metrics AS {endless} SELECT i id, 'r' run_name, i step, '{{}}' metrics FROM n")
    store.close()
    return path / "log.db"


def many_runs(path: Path) -> Path:
    store = sqlite3.connect(path / "mlflow.db")
    store.execute("CREATE TABLE runs (run_uuid, name, lifecycle_stage, start_time)")
    store.execute("CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan)")
    store.executemany("INSERT INTO runs VALUES (?, 'run', 'active', ?)", ((f"id{i}", i) for i in range(20_000)))
    store.executemany("INSERT INTO metrics VALUES ('update_norm', 1.0, 0, ?, 0, 0)", ((f"id{i}",) for i in range(20_000)))
    store.commit()
    store.close()
    return path / "mlflow.db"


LOGS: dict[str, Callable[[Path], Path]] = {
    "csv, 10,000 columns of 60": lambda path: csv(path, 10_000, 60),
    "csv, 1,000 columns of 5,000": lambda path: csv(path, 1_000, 5_000),
    "jsonl, 400 nested names of 10 kB": nested_keys,
    "16,000 checkpoints": checkpoints,
    "1,200 nested folders": folders,
    "parquet, 10,000 groups of 60": groups,
    "parquet, 1e8 constant rows": constant_rows,
    "npz, 2.4 GB of zeros, deflated": lambda path: bomb(path, zipfile.ZIP_DEFLATED),
    "npz, 2.4 GB of zeros, bzip2": lambda path: bomb(path, zipfile.ZIP_BZIP2),
    "torch, 2 GB of zeros, deflated": swelling_pickle,
    "torch, 10^60 tuples": laughs,
    "store, endless view": endless_view,
    "MLflow, 20,000 runs of 1 value": many_runs,
}


def read_all(path: str) -> str:
    """Read every series of every run below a path, and say in short what came of it."""
    from wcdfa.readers import series_of, sources

    read, refused = 0, []
    for source in sources(path):
        try:
            read += sum(1 for run in source.runs() for _ in series_of(run))
        except ValueError as error:
            refused.append(str(error).rpartition(f"{path}: ")[2])
    return f"{read:,} series" + (f"; refused: {refused[0][:100]}" if refused else "")


def size_of(path: Path) -> int:
    return sum(each.stat().st_size for each in path.iterdir()) if path.is_dir() else path.stat().st_size


def main() -> int:
    asked = sys.argv[1:] or list(LOGS)
    print(f"{'':36}{'size':>9}{'time':>9}{'memory':>9}  result")
    short = 0
    for name in asked:
        folder = tempfile.mkdtemp()
        try:
            path = LOGS[name](Path(folder))
            size = size_of(path)
            reader = Bounded()
            try:
                reader.run(read_all, str(Path(__file__).parents[1] / "tests" / "data"), seconds=100)  # so that all is imported
                outcome = reader.run(read_all, str(path), seconds=100)
            finally:
                reader.close()
            text = outcome.error or outcome.value
            if name.startswith("csv"):
                import pandas

                begun = time.perf_counter()
                pandas.read_csv(path)
                text += f"; pandas {time.perf_counter() - begun:.2f} s"
        finally:
            subprocess.run(["rm", "-rf", folder], check=True)  # shutil finds 1,200 nested folders too deep
        good = outcome.seconds <= Deadline(size).seconds and outcome.memory <= most_memory(size) and not outcome.error
        short += not good
        print(
            f"{'ok   ' if good else 'SHORT'} {name:34}{size / 1e6:6.1f} MB{outcome.seconds:7.2f} s{outcome.memory / 1e6:6.0f} MB  {text}",
            flush=True,
        )
    return int(bool(short))


if __name__ == "__main__":
    sys.exit(main())
