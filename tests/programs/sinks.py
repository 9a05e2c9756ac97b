"""Logs steps to a sink that nobody closes, and ends, in order or by being killed: ``python sinks.py sink where first count [kill]``."""

from __future__ import annotations

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


def main(name: str, where: str, first: str, count: str, end: str = "") -> None:
    sink = made(name, where)
    for step in range(int(first) + 1, int(first) + int(count) + 1):
        sink(step, {"wcdfa/update_norm": 1 / step})
    if end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    print(count)


if __name__ == "__main__":
    main(*sys.argv[1:])
