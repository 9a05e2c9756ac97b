"""Logs steps to a sink that nobody closes, and ends: ``python sinks.py sink where first count [kill | fork | spawn]``.

With "kill" it is killed. With "fork" a child is forked half-way, which logs a step of its own, and ends after the parent has logged all.
With "spawn" a process gets the sink pickled, and logs a step of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys


def made(name: str, where: str):
    if name == "jsonl":
        from wcdfa.sinks.jsonl import JSONLinesSink

        return JSONLinesSink(where)
    if name == "parquet":
        from wcdfa.sinks.parquet import ParquetSink

        return ParquetSink(where, rows=200)
    import mlflow

    from wcdfa.sinks.mlflow import MLflowSink

    store, _, run_id = where.rpartition("#")
    mlflow.set_tracking_uri(store)
    return MLflowSink(run_id)


def one_more(sink, step: int) -> str:
    """Log a step, and close the sink; the error if there is one."""
    try:
        sink(step, {"wcdfa/update_norm": 1.0})
    except RuntimeError as error:
        return str(error)
    finally:
        sink.close()
    return ""


def forked(sink, step: int) -> tuple[int, int, int]:
    """A child that logs this step when the pipe is closed, and ends in order: its number, the pipe, and where it tells its error."""
    hold, release = os.pipe()
    told, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(hold), os.close(tell)
        return child, release, told
    os.close(release), os.close(told)
    os.read(hold, 1)  # until the parent has logged everything
    os.write(tell, one_more(sink, step).encode())
    sys.exit()


def main(name: str, where: str, first: str, count: str, end: str = "") -> None:
    sink = made(name, where)
    start, stop, child, error = int(first) + 1, int(first) + int(count), None, ""
    for step in range(start, stop + 1):
        if end == "fork" and step == (start + stop) // 2:
            child, release, told = forked(sink, stop + 1)
        sink(step, {"wcdfa/update_norm": 1 / step})
    if end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if child is not None:
        sink.close()
        os.close(release)
        os.waitpid(child, 0)
        error = os.read(told, 10_000).decode()
    if end == "spawn":
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            error = pool.apply(one_more, (sink, stop + 1))
    print(json.dumps([int(count), error]) if end in {"fork", "spawn"} else count)


if __name__ == "__main__":
    main(*sys.argv[1:])
