"""An analysis of many logs that writes a table."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from pyarrow import parquet

from wcdfa import synthetic
from wcdfa.analysis import results_table
from wcdfa.cli import app

from .checking import Found, last, left_over
from .killing import Program, Tell, killed, silent

LOGS = 30
FAILED = {"path": "a.csv", "run": "", "series": None, "error": "no numbers in it"}


def trials(folder: Path, moment: random.Random) -> Iterator[Found]:
    """``analyze --table``, written after each result: all results that it has taken, each series whole."""
    results_table.PAUSE = results_table.SHARE = 0  # so that it is written after each
    path = folder / "results.parquet"
    write_logs(folder / "logs")
    command = ["analyze", str(folder / "logs"), "--table", str(path), "--window", "64", "--jobs", "1"]
    with redirect_stdout(io.StringIO()):  # in this process, so that its modules are imported before the first fork
        app.app(command, result_action="return_value")
    expected = read(path)
    while True:
        path.unlink(missing_ok=True)
        told = killed(analyzing(command), after=moment.uniform(0, 1))
        found = read(path)
        with results_table.ResultTable(folder / "next.parquet") as after:
            after.add(FAILED)
        yield Found(max(0, last(told) - len(found)), sum(expected[each] != rows for each, rows in found.items()), left_over(folder))


def write_logs(folder: Path) -> None:
    folder.mkdir()
    for i in range(LOGS):
        norms = np.exp(0.1 * synthetic.white_noise(200, seed=i)).tolist()
        lines = ["step,update_norm", *(f"{step},{norm!r}" for step, norm in enumerate(norms))]
        (folder / f"{i:02}.csv").write_text("\n".join(lines) + "\n")


def analyzing(command: list[str]) -> Program:
    """Run the command, and report how many results the table has taken."""

    def program(tell: Tell) -> None:
        silent()
        count, added = 0, results_table.ResultTable.add

        def add(self: results_table.ResultTable, result: results_table.Result) -> None:
            nonlocal count
            added(self, result)
            count += 1
            tell(count, 0.0)

        results_table.ResultTable.add = add
        app.app(command, result_action="return_value")

    return program


def read(path: Path) -> dict[str, list[str]]:
    """The rows of each log in a table; none if there is no table."""
    rows: dict[str, list[str]] = {}
    for row in parquet.read_table(path).to_pylist() if path.exists() else ():
        rows.setdefault(row["path"], []).append(repr(row))
    return rows
