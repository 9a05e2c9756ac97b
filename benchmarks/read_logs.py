"""How long a log of a million points takes to read, and how much memory, next to the format's own library.

    python benchmarks/read_logs.py [csv jsonl …] [--points 1000000] [--repeat 3] [--folder logs]

Each log has one series with its steps, and learning rate and loss beside it where a row of the format holds them. It is read by
`wcdfa.readers.read_series` and by the format's own library, each in a fresh process: best time of the repeats, and how much the process
grew at most, from when everything had been imported. A SHORT row takes more than twice the library's time, or more than three times what
is returned (NumPy's files: 1.5 times). Needs Linux, where /proc tells the peak. Half an hour on one core, most of it for writing the logs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

TIME, MEMORY = 2.0, 3.0  # bars
OF_NUMPY = 1.5  # bar of the memory for npz and npy
NAME = "update_norm"


def columns(points: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    norms = np.exp(0.1 * rng.standard_normal(points))
    return {"step": np.arange(points), NAME: norms, "lr": np.linspace(1e-3, 1e-5, points), "loss": 3 + rng.standard_normal(points)}


def rows(points: int) -> Iterator[dict[str, Any]]:
    made = columns(points)
    for row in zip(*(values.tolist() for values in made.values()), strict=True):
        yield dict(zip(made, row, strict=True))


# writers: (folder, points) -> the log


def write_csv(folder: Path, points: int) -> Path:
    import pandas

    pandas.DataFrame(columns(points)).to_csv(folder / "log.csv", index=False)
    return folder / "log.csv"


def write_csv_gz(folder: Path, points: int) -> Path:
    import pandas

    pandas.DataFrame(columns(points)).to_csv(folder / "log.csv.gz", index=False, compression={"method": "gzip", "compresslevel": 1})
    return folder / "log.csv.gz"


def write_long(folder: Path, points: int) -> Path:
    """A long table, as `pandas.melt` makes it: three rows a step."""
    import pandas

    pandas.DataFrame(columns(points)).melt("step", var_name="tag").to_csv(folder / "log.csv", index=False)
    return folder / "log.csv"


def write_feather(folder: Path, points: int) -> Path:
    import pandas

    pandas.DataFrame(columns(points)).to_feather(folder / "log.feather")
    return folder / "log.feather"


def write_json(folder: Path, points: int) -> Path:
    with (folder / "log.json").open("w") as file:
        json.dump(list(rows(points)), file)
    return folder / "log.json"


def write_text(folder: Path, points: int) -> Path:
    with (folder / "train.log").open("w") as file:
        for row in rows(points):
            file.write(f"step: {row['step']:8d} | loss: {row['loss']:.6f} | lr: {row['lr']:.4e} | {NAME}: {row[NAME]:.6f}\n")
    return folder / "train.log"


def write_mlruns(folder: Path, points: int) -> Path:
    """The file store of MLflow, whose metrics are files of lines."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    from mlflow import MlflowClient

    client = MlflowClient(f"file://{folder}/mlruns")
    run = client.create_run("0").info.run_id
    with (folder / "mlruns" / "0" / run / "metrics" / NAME).open("w") as file:
        file.writelines(f"{1_000_000 + row['step']} {row[NAME]} {row['step']}\n" for row in rows(points))
    return folder / "mlruns"


def write_jsonl(folder: Path, points: int) -> Path:
    with (folder / "log.jsonl").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows(points))
    return folder / "log.jsonl"


def write_parquet(folder: Path, points: int) -> Path:
    import pandas

    pandas.DataFrame(columns(points)).to_parquet(folder / "log.parquet")
    return folder / "log.parquet"


def write_npz(folder: Path, points: int) -> Path:
    np.savez(folder / "log.npz", **columns(points))
    return folder / "log.npz"


def write_npy(folder: Path, points: int) -> Path:
    np.save(folder / f"{NAME}.npy", columns(points)[NAME])
    return folder / f"{NAME}.npy"


def write_trainer_state(folder: Path, points: int) -> Path:
    from transformers import TrainerState

    state = TrainerState(log_history=list(rows(points)))
    state.save_to_json(str(folder / "trainer_state.json"))
    return folder / "trainer_state.json"


def write_tensorboard(folder: Path, points: int) -> Path:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    with (folder / "events.out.tfevents.1000000000.host.1.0").open("wb") as file:
        writer = RecordWriter(file)
        for row in rows(points):
            summary = Summary(value=[Summary.Value(tag=NAME, simple_value=row[NAME])])
            writer.write(Event(wall_time=1e9, step=row["step"], summary=summary).SerializeToString())
        writer.flush()
    return folder


def write_wandb(folder: Path, points: int) -> Path:
    """Records as a run writes them, in blocks of 32 KiB, one that does not fit split."""
    from wandb.proto.wandb_internal_pb2 import HistoryItem, HistoryRecord, Record

    with (folder / "run-id.wandb").open("wb") as file:
        file.write(b":W&B\xe1\xbe\x00")
        for row in rows(points):
            values = {"_step": row.pop("step"), "_runtime": 1.5, "_timestamp": 1e9, **row}
            items = [HistoryItem(nested_key=[name], value_json=json.dumps(value)) for name, value in values.items()]
            data, first = Record(history=HistoryRecord(item=items)).SerializeToString(), True
            while data or first:
                left = 32768 - file.tell() % 32768
                if left < 7:
                    file.write(bytes(left))
                    continue
                part, data = data[: left - 7], data[left - 7 :]
                kind = bytes([(2 if data else 1) if first else (3 if data else 4)])
                file.write(struct.pack("<IH", zlib.crc32(kind + part), len(part)) + kind + part)
                first = False
    return folder / "run-id.wandb"


def write_mlflow(folder: Path, points: int) -> Path:
    from mlflow import MlflowClient

    path = folder / "mlflow.db"
    run = MlflowClient(f"sqlite:///{path}").create_run("0").info.run_id
    with sqlite3.connect(path) as store:
        insert = "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
        store.executemany(insert, ((NAME, row[NAME], 1_000_000 + row["step"], run, row["step"]) for row in rows(points)))
        store.execute("INSERT INTO latest_metrics SELECT key, value, max(timestamp), step, is_nan, run_uuid FROM metrics")
    return path


def write_trackio(folder: Path, points: int) -> Path:
    os.environ |= {"TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1"}
    import trackio

    trackio.init(project="log", name="run", embed=False)
    trackio.log({"other": 1.0})
    trackio.finish()
    with sqlite3.connect(folder / "log.db") as store:
        (run,) = store.execute("SELECT run_id FROM metrics").fetchone()
        store.execute("DELETE FROM metrics")
        insert = (
            "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) VALUES (?, '2026-01-01T00:00:00+00:00', 'run', ?, ?)"
        )
        store.executemany(insert, ((run, row.pop("step"), json.dumps(row).encode()) for row in rows(points)))
    return folder / "log.db"


# the format's own library: path -> what does the reading, once everything is imported


def by_pandas(path: Path) -> Callable[[], Any]:
    import pandas

    return lambda: pandas.read_csv(path)


def by_pandas_long(path: Path) -> Callable[[], Any]:
    import pandas

    return lambda: [rows[["step", "value"]].to_numpy() for _, rows in pandas.read_csv(path).groupby("tag")]


def by_feather(path: Path) -> Callable[[], Any]:
    import pyarrow.feather

    return lambda: [column.to_numpy() for column in pyarrow.feather.read_table(path).columns]


def by_json_list(path: Path) -> Callable[[], Any]:
    def read() -> Any:
        with path.open() as file:
            given = json.load(file)
        return [np.array([row[name] for row in given]) for name in ("step", NAME, "lr", "loss")]

    return read


def by_pattern(path: Path) -> Callable[[], Any]:
    """Programs have no reader of what they print: the loop that people write."""
    pattern = re.compile(rf"step: +(\d+) .*loss: (\S+) .*lr: (\S+) .*{NAME}: (\S+)")

    def read() -> Any:
        with path.open() as file:
            return [[float(each) for each in found.groups()] for found in map(pattern.search, file) if found]

    return read


def by_mlruns(path: Path) -> Callable[[], Any]:
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    from mlflow import MlflowClient

    client = MlflowClient(f"file://{path}")
    (run,) = client.search_runs(["0"])
    return lambda: [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, NAME)]


def by_json_lines(path: Path) -> Callable[[], Any]:
    def read() -> Any:
        found: dict[str, list[float]] = {"step": [], NAME: [], "lr": [], "loss": []}
        with path.open() as file:
            for line in file:
                row = json.loads(line)
                for name, values in found.items():
                    values.append(row[name])
        return found

    return read


def by_pyarrow(path: Path) -> Callable[[], Any]:
    import pyarrow.parquet

    return lambda: [column.to_numpy() for column in pyarrow.parquet.read_table(path).columns]


def by_numpy(path: Path) -> Callable[[], Any]:
    return lambda: np.load(path) if path.suffix == ".npy" else dict(np.load(path))


def by_json(path: Path) -> Callable[[], Any]:
    def read() -> Any:
        with path.open() as file:
            history = json.load(file)["log_history"]
        return [np.array([row[name] for row in history]) for name in ("step", NAME, "lr", "loss")]

    return read


def by_tensorboard(path: Path) -> Callable[[], Any]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.compat import tf

    tf.io.gfile.exists(path)  # imports TensorFlow, where there is one

    def read() -> Any:
        events = EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        return [(event.step, event.value) for event in events.Scalars(NAME)]

    return read


def by_protobuf(path: Path) -> Callable[[], Any]:
    """Weights & Biases have no reader: the loop that people write, without checksums."""
    from wandb.proto.wandb_internal_pb2 import Record

    def read() -> Any:
        found: dict[str, list[Any]] = {}
        data, place, record = path.read_bytes(), 7, b""
        while place + 7 <= len(data):
            if (left := 32768 - place % 32768) < 7:
                place += left
                continue
            _, length, kind = struct.unpack_from("<IHB", data, place)
            record += data[place + 7 : place + 7 + length]
            place += 7 + length
            if kind in (1, 4):
                for item in Record.FromString(record).history.item:
                    found.setdefault("/".join(item.nested_key), []).append(json.loads(item.value_json))
                record = b""
        return found

    return read


def by_mlflow(path: Path) -> Callable[[], Any]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{path}")
    (run,) = client.search_runs(["0"])  # opens the store, which takes a while
    return lambda: [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, NAME)]


def by_trackio(path: Path) -> Callable[[], Any]:
    os.environ |= {"TRACKIO_DIR": str(path.parent), "HF_HUB_OFFLINE": "1"}
    from trackio.sqlite_storage import SQLiteStorage

    return lambda: SQLiteStorage.get_logs("log", "run")


LIBRARIES = {  # of each extra, what its readers import when they read
    "cli": ("pyarrow.compute", "pyarrow.csv", "pyarrow.dataset", "pyarrow.feather"),
    "tensorboard": ("tensorboard.compat.proto.event_pb2",),
    "wandb": ("wandb.proto.wandb_internal_pb2",),
}


def by_us(path: Path) -> Callable[[], Any]:
    from wcdfa.readers import read_series, sources

    for source in sources(path):
        for library in LIBRARIES.get(source.reader.extra, ()):
            __import__(library)
    return lambda: read_series(path, path.stem if path.suffix == ".npy" else NAME)


FORMATS = {
    "csv": (write_csv, by_pandas),
    "csv.gz": (write_csv_gz, by_pandas),
    "csv, long": (write_long, by_pandas_long),
    "jsonl": (write_jsonl, by_json_lines),
    "parquet": (write_parquet, by_pyarrow),
    "feather": (write_feather, by_feather),
    "json": (write_json, by_json_list),
    "text": (write_text, by_pattern),
    "npz": (write_npz, by_numpy),
    "npy": (write_npy, by_numpy),
    "trainer_state": (write_trainer_state, by_json),
    "tensorboard": (write_tensorboard, by_tensorboard),
    "wandb": (write_wandb, by_protobuf),
    "mlflow": (write_mlflow, by_mlflow),
    "mlruns": (write_mlruns, by_mlruns),
    "trackio": (write_trackio, by_trackio),
}


def memory(name: str) -> int:
    """VmRSS, or VmHWM: its highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def measured(read: Callable[[], Any]) -> dict[str, float]:
    """Seconds, and bytes that the process grew by at most."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
    before, start = memory("VmRSS"), time.perf_counter()
    result = read()
    seconds, grown = time.perf_counter() - start, memory("VmHWM") - before
    returned = [getattr(result, name, None) for name in ("values", "steps", "lr", "loss")]
    return {"seconds": seconds, "grown": grown, "returned": sum(each.nbytes for each in returned if isinstance(each, np.ndarray))}


def child(*arguments: Any) -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def report(kind: str, folder: Path, points: int, repeat: int) -> None:
    place = folder / kind
    written = place / "written.json"
    if not written.exists():
        place.mkdir(parents=True, exist_ok=True)
        written.write_text(json.dumps(child("--child", "write", kind, place, points)))
    path = json.loads(written.read_text())
    found: dict[str, list[Any]] = {"ours": [], "theirs": []}
    for _ in range(repeat):  # in turn, for what else the machine does to weigh on both
        for who, each in found.items():
            each.append(child("--child", who, kind, path, points))
    ours, theirs = ({name: min(each[name] for each in found[who]) for name in ("seconds", "grown", "returned")} for who in found)
    speed, size = ours["seconds"] / theirs["seconds"], ours["grown"] / ours["returned"]
    mark = "ok   " if speed <= TIME and size <= (OF_NUMPY if kind in ("npz", "npy") else MEMORY) else "SHORT"
    print(
        f"{mark} {kind:<14} {ours['seconds']:8.2f} s {theirs['seconds']:8.2f} s   {speed:5.2f}   "
        f"{ours['grown'] / 1e6:7.0f} MB {theirs['grown'] / 1e6:7.0f} MB {ours['returned'] / 1e6:7.0f} MB   {size:5.2f}",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        what, kind, path, points = sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5])
        write, library = FORMATS[kind]
        found = str(write(path, points)) if what == "write" else measured((by_us if what == "ours" else library)(path))
        print("\n" + json.dumps(found))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", metavar="format", help=f"{', '.join(FORMATS)}; default: all")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the logs there, and read those that are there")
    options = parser.parse_args()
    print(f"{options.points:,} points      ours    library   ratio   {'ours':>10} {'library':>10} {'returned':>10}   ratio")
    with tempfile.TemporaryDirectory() as made:
        for kind in options.formats or FORMATS:
            report(kind, options.folder or Path(made), options.points, options.repeat)


if __name__ == "__main__":
    main()
