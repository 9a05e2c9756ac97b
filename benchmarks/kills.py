"""Processes that are killed at random moments (kill -9): what was promised and is lost, what is damaged, and what is left over.

    python benchmarks/kills.py [save] [jsonl] [shared] [parquet] [tensorboard] [mlflow] [trackio] [wandb] [table] [watch]
                               [--trials 100] [--seed 0]

Each trial forks a process, lets it work, and kills it a random time after it has begun. It tells what it has done through a pipe, so
what it was promised is known exactly. Then the next one goes on with the same files. What is promised is what the documentation of each
part says; the line of a part repeats it. Needs a system with fork, and of the trackers those that are installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import io
import json
import os
import random
import select
import signal
import sqlite3
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple

os.environ.update(
    HF_HUB_OFFLINE="1", WANDB_MODE="offline", WANDB_SILENT="true", TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0"
)

import harness  # noqa: F401 - one thread
import numpy as np

import wcdfa
from wcdfa.readers.series import read_series

RECORD = struct.Struct("qdd")  # a step, and the time before and after its call
NORM = "wcdfa/update_norm"
Told = list[tuple[int, float, float]]
Tell = Callable[[int, float], None]
Program = Callable[[Tell], None]


class Found(NamedTuple):
    """What is wrong after a kill and the next use."""

    lost: int = 0
    damaged: int = 0
    left: int = 0


def killed(*programs: Program, after: float) -> Told:
    """Fork a process for each program, and kill all some seconds after one has told something; what they told."""
    pipe, tell = os.pipe()
    children = [_forked(program, tell, unused=pipe) for program in programs]
    os.close(tell)
    told, end = b"", None
    while (end is None or time.monotonic() < end) and select.select(
        [pipe], [], [], 60 if end is None else max(0, end - time.monotonic())
    )[0]:
        piece = os.read(pipe, 1 << 16)
        if not piece:  # all have ended
            break
        told += piece
        end = end or time.monotonic() + after
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    while piece := os.read(pipe, 1 << 16):
        told += piece
    os.close(pipe)
    return [*RECORD.iter_unpack(told[: len(told) // RECORD.size * RECORD.size])]


def _forked(program: Program, pipe: int, unused: int) -> int:
    if child := os.fork():
        return child
    os.close(unused)  # so that it ends when its parent has gone
    status = 1
    try:
        program(lambda step, begun: os.write(pipe, RECORD.pack(step, begun, time.monotonic())) and None)
        status = 0
    finally:
        os._exit(status)


def in_a_child(action: Callable[[], object]) -> None:
    """Do it in a process that ends well, and import here what it has imported: so the processes that are killed need not."""
    names, tell = os.pipe()

    def program(_: Tell) -> None:
        action()
        with os.fdopen(tell, "w") as file:
            file.write("\n".join(sys.modules))

    child = _forked(program, -1, unused=names)
    os.close(tell)
    with os.fdopen(names) as file:
        modules = file.read().split()
    if os.waitpid(child, 0)[1]:
        msg = "what comes before the kills failed"
        raise RuntimeError(msg)
    for name in modules:
        with suppress(Exception):
            importlib.import_module(name)


def left_over(folder: Path) -> int:
    return len(list(folder.rglob(".wcdfa-*.tmp")))


def logging(make: Callable[[], Callable[..., object]], first: int, pause: float = 0.0) -> Program:
    """Makes a sink and logs steps to it."""

    def program(tell: Tell) -> None:
        sink = make()
        for step in range(first, first + 1_000_000):
            begun = time.monotonic()
            sink(step, {NORM: 1 / step})
            tell(step, begun)
            time.sleep(pause)

    return program


def last(told: Told) -> int:
    return max((step for step, *_ in told), default=0)


def save(folder: Path, moment: random.Random) -> Iterator[Found]:
    """Monitor.save: the file is that of the last call that returned, or of the next."""
    path, monitor = folder / "monitor.npz", wcdfa.WeightChangeDFA(64)
    monitor.update(1).save(path)

    def program(tell: Tell) -> None:
        while True:
            monitor.update(monitor.reading().count + 1).save(path)
            tell(monitor.reading().count, 0.0)

    while True:
        told = killed(program, after=moment.uniform(0, 0.05))
        monitor.load(path)
        count = monitor.reading().count
        kept = monitor.get_signal().tolist()
        wrong = kept != [*range(max(1, count - 63), count + 1)]
        monitor.save(path)
        yield Found(last(told) - count if last(told) > count else 0, wrong, left_over(folder))


def jsonl(folder: Path, moment: random.Random, processes: int = 1) -> Iterator[Found]:
    """JSONLinesSink: each line whose call returned; after the next use every line is whole."""
    from wcdfa.sinks.jsonl import JSONLinesSink

    path, step, promised = folder / "run.jsonl", 1, set()
    while True:
        firsts = [step + 10_000_000 * i for i in range(processes)]
        told = killed(*(logging(lambda: JSONLinesSink(path), first) for first in firsts), after=moment.uniform(0, 0.05))
        promised |= {each for each, *_ in told}
        step = max([step, *(each % 10_000_000 for each, *_ in told)]) + 2
        with JSONLinesSink(path) as sink:
            sink(step, {NORM: 1 / step})
        promised.add(step)
        step += 1
        rows, torn = [], 0
        for line in path.read_bytes().splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                torn += 1
        wrong = sum(row[NORM] != 1 / row["wcdfa/step"] for row in rows)
        yield Found(len(promised - {row["wcdfa/step"] for row in rows}), torn + wrong, left_over(folder))
        path.unlink()  # so that what is read stays small
        promised.clear()


def shared(folder: Path, moment: random.Random) -> Iterator[Found]:
    """JSONLinesSink, four processes on one file: the same."""
    return jsonl(folder, moment, 4)


def parquet(folder: Path, moment: random.Random) -> Iterator[Found]:
    """ParquetSink: what was logged `seconds` or more before the last call; every file can be read."""
    from pyarrow import parquet as library

    from wcdfa.sinks.parquet import ParquetSink

    step, seconds = 1, 0.01

    def make() -> ParquetSink:
        return ParquetSink(folder, rows=50, seconds=seconds)

    while True:
        told = killed(logging(make, step, 0.0005), after=moment.uniform(0, 0.2))
        table = library.read_table(folder) if any(folder.glob("*.parquet")) else {"wcdfa/step": np.array([]), NORM: np.array([])}
        steps = np.asarray(table["wcdfa/step"])
        lost, damaged = missing(told, seconds, set(steps.tolist())), _wrong(steps, np.asarray(table[NORM]))
        step = max(last(told), *steps.tolist(), 0) + 2
        with make() as sink:
            sink(step, {NORM: 1 / step})
        step += 1
        yield Found(lost, damaged, left_over(folder))


def missing(told: Told, seconds: float, found: set[int]) -> int:
    """How many steps are missing whose call ended so many seconds before the last one began."""
    begun = max((begun for _, begun, _ in told), default=0.0)
    return len({step for step, _, ended in told if ended <= begun - seconds} - found)


def _wrong(steps: np.ndarray, norms: np.ndarray) -> int:
    """How many rows are there twice or hold another number."""
    return int(np.sum(norms != 1 / steps)) + len(steps) - len(set(steps.tolist()))


def tensorboard(folder: Path, moment: random.Random) -> Iterator[Found]:
    """TensorBoardSink on a writer of torch: what was logged before the last `close` that returned."""
    from torch.utils.tensorboard import SummaryWriter

    from wcdfa.sinks.tensorboard import TensorBoardSink

    for trial in range(1_000_000):
        place = folder / f"{trial}"

        def program(tell: Tell, place: Path = place) -> None:
            sink = TensorBoardSink(SummaryWriter(place))
            for step in range(1, 1_000_000):
                sink(step, {NORM: step})
                if step % 5 == 0:
                    sink.close()
                    tell(step, 0.0)

        told = killed(program, after=moment.uniform(0, 0.2))
        series = read_series(place)
        wrong = not np.array_equal(series.values, np.arange(1, len(series.values) + 1))
        yield Found(max(0, last(told) - len(series.values)), wrong, left_over(folder))


def mlflow(folder: Path, moment: random.Random) -> Iterator[Found]:
    """MLflowSink into SQLite: what was logged `seconds` or more before the last call."""
    import logging as log

    log.getLogger("alembic").setLevel(log.WARNING)
    log.getLogger("mlflow").setLevel(log.WARNING)
    import mlflow as library

    from wcdfa.sinks.mlflow import MLflowSink

    step, seconds, place = 1, 0.05, folder / "mlflow.db"
    library.set_tracking_uri(f"sqlite:///{place}")

    def begin() -> None:
        with library.start_run() as run:
            (folder / "run").write_text(run.info.run_id)

    in_a_child(begin)
    from sqlalchemy import orm

    orm.configure_mappers()
    while True:
        run = (folder / "run").read_text()
        told = killed(logging(lambda run=run: MLflowSink(run, seconds=seconds), step, 0.001), after=moment.uniform(0, 0.5))
        with closing(sqlite3.connect(place)) as database:
            sound = database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = np.array(database.execute("SELECT step, value FROM metrics WHERE key = ?", (NORM,)).fetchall()).reshape(-1, 2)
        yield Found(
            missing(told, seconds, set(rows[:, 0].astype(int))), (not sound) + _wrong(rows[:, 0], rows[:, 1]), left_over(folder)
        )
        step = max(last(told), *rows[:, 0].astype(int), 0) + 2


def trackio(folder: Path, moment: random.Random) -> Iterator[Found]:
    """TrackioSink: what was logged before a `trackio.finish` that returned."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio as library

    from wcdfa.sinks.trackio import TrackioSink

    first = 1

    def program(tell: Tell) -> None:
        with redirect_stdout(None):
            for begin in range(first, first + 1_000_000, 10):
                library.init(project="wcdfa", embed=False, auto_log_cpu=False, auto_log_gpu=False)
                sink = TrackioSink()
                for step in range(begin, begin + 10):
                    sink(step, {NORM: 1 / step})
                tell(0, 0.0)
                library.finish()
                tell(begin + 9, 0.0)

    while True:
        told = killed(program, after=moment.uniform(0, 1))
        with closing(sqlite3.connect(folder / "wcdfa.db")) as database:
            sound = database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            rows = [(step, json.loads(row)[NORM]) for step, row in database.execute("SELECT step, metrics FROM metrics")]
        finished = last(told)
        lost = len(set(range(first, finished + 1)) - {step for step, _ in rows}) if finished else 0
        yield Found(
            lost, (not sound) + _wrong(*(np.array(part) for part in zip(*rows, strict=True))) if rows else 0, left_over(folder)
        )
        first = max(finished, *(step for step, _ in rows), first) + 11


def wandb(folder: Path, moment: random.Random) -> Iterator[Found]:
    """WandbSink, offline: what was logged before a `finish` that returned; of other runs the beginning."""
    import wandb as library

    from wcdfa.sinks.wandb import WandbSink

    in_a_child(lambda: library.init(project="kills", dir=folder).finish())
    for trial in range(1_000_000):
        place = folder / f"{trial}"

        def program(tell: Tell, place: Path = place) -> None:
            for number in range(1, 1_000_000):
                home = place / f"{number}"
                home.mkdir(parents=True)
                run = library.init(project="kills", dir=home, settings=library.Settings(silent=True, console="off"))
                sink = WandbSink(run)
                for step in range(1, 201):
                    sink(step, {NORM: 1 / step})
                tell(0, 0.0)
                run.finish()
                tell(number, 0.0)

        told = killed(program, after=moment.uniform(0, 1.5))
        found = {int(path.relative_to(place).parts[0]): _values(path) for path in place.rglob("*.wandb")}
        wrong = sum(values != [1 / step for step in range(1, len(values) + 1)] for values in found.values())
        yield Found(sum(200 - len(found[number]) for number in range(1, last(told) + 1)), wrong, left_over(folder))


def _values(path: Path) -> list[float]:
    try:
        return read_series(path).values.tolist()
    except ValueError as error:
        if "no numbers in 0 rows" in str(error):
            return []
        raise


def table(folder: Path, moment: random.Random) -> Iterator[Found]:
    """``analyze --table``, written after each result: all results that it has taken, each series whole."""
    from pyarrow import parquet as library

    from wcdfa.analysis import results_table
    from wcdfa.cli import app

    results_table.PAUSE = results_table.SHARE = 0
    logs, path, number = folder / "logs", folder / "results.parquet", 30
    logs.mkdir()
    for i in range(number):
        norms = np.exp(0.1 * wcdfa.synthetic.white_noise(200, seed=i)).tolist()
        (logs / f"{i:02}.csv").write_text("step,update_norm\n" + "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms)))
    command = ["analyze", str(logs), "--table", str(path), "--window", "64", "--jobs", "1"]
    added = results_table.ResultTable.add

    def program(tell: Tell) -> None:
        count = 0

        def add(self: results_table.ResultTable, result: object) -> None:
            nonlocal count
            added(self, result)
            count += 1
            tell(count, 0.0)

        results_table.ResultTable.add = add
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1), os.dup2(null, 2)
        app.app(command, result_action="return_value")

    with redirect_stdout(io.StringIO()):  # here, so that its modules are imported before the first fork
        app.app(command, result_action="return_value")
    expected = _by_path(library.read_table(path))
    while True:
        path.unlink(missing_ok=True)
        told = killed(program, after=moment.uniform(0, 1))
        found = _by_path(library.read_table(path)) if path.exists() else {}
        with results_table.ResultTable(folder / "next.parquet") as after:
            added(after, {"path": "a.csv", "run": "", "series": None, "error": "no numbers in it"})
        yield Found(max(0, last(told) - len(found)), sum(expected[each] != rows for each, rows in found.items()), left_over(folder))


def _by_path(read: object) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for row in read.to_pylist():
        rows.setdefault(row["path"], []).append(repr(row))
    return rows


def watch(folder: Path, moment: random.Random) -> Iterator[Found]:
    """``watch``: the log is as it was written, and a watch that is started again reads every norm of it."""
    from wcdfa.analysis.series import Settings
    from wcdfa.cli import app
    from wcdfa.monitor.follower import Follower

    path, written = folder / "run.csv", "step,update_norm\n"
    norms = np.exp(0.1 * wcdfa.synthetic.white_noise(1000, seed=0)).tolist()

    def program(tell: Tell) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1), os.dup2(null, 2)
        look = Follower.look

        def looked(self: Follower) -> object:
            news = look(self)
            tell(news.fresh, 0.0)
            return news

        Follower.look = looked
        app.app(["watch", str(path), "--window", "64", "--every", "0.01"], result_action="return_value")

    def write(tell: Tell) -> None:
        with path.open("a", buffering=1) as file:
            for step in range(200, len(norms)):
                file.write(f"{step},{norms[step]!r}\n")
                time.sleep(0.001)

    while True:
        path.write_text(written + "".join(f"{step},{norm!r}\n" for step, norm in enumerate(norms[:200])))
        killed(program, write, after=moment.uniform(0, 0.5))
        lines = path.read_text().splitlines()
        whole = lines[1:] if path.read_text().endswith("\n") else lines[1:-1]
        follower = Follower(path, Settings(window=64))
        follower.look()
        kept = follower.monitor.get_signal()
        lost = len(whole) - 1 - int(follower.monitor.reading().steps[-1])
        damaged = [line.split(",") for line in whole] != [[f"{step}", f"{norm!r}"] for step, norm in enumerate(norms[: len(whole)])]
        damaged |= kept.tolist() != norms[len(whole) - len(kept) : len(whole)]
        yield Found(lost, damaged, left_over(folder) + len(list(folder.iterdir())) - 1)


PARTS = {each.__name__: each for each in (save, jsonl, shared, parquet, tensorboard, mlflow, trackio, wandb, table, watch)}
NEEDS = {
    "parquet": "pyarrow",
    "tensorboard": "torch",
    "mlflow": "mlflow",
    "trackio": "trackio",
    "wandb": "wandb",
    "table": "pyarrow",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"{', '.join(PARTS)}; default: all that are installed")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    bad = False
    print(
        f"{options.trials} kills each: lost of what was promised, damaged, left over after the next use (bar 0, 0, 0)\n", flush=True
    )
    for name in options.parts or PARTS:
        if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
            print(f"{name:12} {NEEDS[name]} is not installed", flush=True)
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            trials = PARTS[name](Path(folder), random.Random(options.seed))
            found = [int(sum(part)) for part in zip(*(next(trials) for _ in range(options.trials)), strict=True)]
        bad |= any(found)
        print(f"{name:12} {found[0]:3} lost, {found[1]:3} damaged, {found[2]:3} left   {PARTS[name].__doc__}", flush=True)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    sys.exit(bad)


if __name__ == "__main__":
    main()
