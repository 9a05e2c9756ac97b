"""Reads MLflow's file store: a folder ``mlruns`` with a folder for each run, in which each metric is a file."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.limits import Deadline
from wcdfa.readers.step_values import in_order_written
from wcdfa.support.text import several, shown

META, METRICS, NAME = "meta.yaml", "metrics", "tags/mlflow.runName"
PARTS = (METRICS, "params", "tags", "inputs", "outputs")  # folders of a run in which no other log is
LONGEST = 1 << 16  # bytes in a line, or of a name or a description
LOOK = 4096  # lines between two looks at the clock


def read_run(path: Path) -> Iterator[Run]:
    """Read the metrics of a run, in the order written, from its folder or from one of its metrics alone."""
    folder = _run_of(path)
    if folder is None:
        msg = f"not a run of MLflow: it has no {META}"
        raise LogError(msg)
    about = _about(folder)
    files = {each.relative_to(folder / METRICS).as_posix(): each for each in ([path] if path != folder else _metrics(folder))}
    if not files:
        msg = "a run without metrics"
        raise LogError(msg)
    identity = f"mlflow:{about.get('run_id') or about.get('run_uuid') or folder.name}"
    columns = Lazy(sorted(files), lambda key: _metric(key, files[key]))
    yield Run(path, _name(folder, about), columns, [], "mlflow", identity)


class _Mlruns(FileReader):
    def claims(self, path: Path) -> bool:
        """Whether the file is a metric of a run."""
        return METRICS in path.parts[-10:] and _run_of(path) is not None

    def search(self, folder: Folder) -> Found:
        """Find the folder itself, if it is that of a run with metrics that was not deleted."""
        if not _is_run(folder.path):
            return Found()
        deleted = _about(folder.path).get("lifecycle_stage") == "deleted"
        inside = [each for each in folder.path.iterdir() if each.is_dir() and (deleted or each.name in PARTS)]
        return Found([] if deleted or next(_metrics(folder.path), None) is None else [folder.path], inside)


READER = _Mlruns("MLflow's mlruns", (), read_run)


def is_part(path: Path) -> bool:
    """Whether a file in a store belongs to what is read of it, by its path alone.

    >>> is_part(Path("mlruns/1/abc/metrics/train/loss")), is_part(Path("mlruns/1/abc/params/lr"))
    (True, False)
    """
    return path.name == META or METRICS in path.parts[-10:-1] or path.as_posix().endswith(NAME)


def _is_run(folder: Path) -> bool:
    return (folder / METRICS).is_dir() and (folder / META).is_file()


def _run_of(path: Path) -> Path | None:
    """The folder of the run that a path is, or to which it belongs as a metric."""
    if path.is_dir():
        return path if _is_run(path) else None
    return next((each.parent for each in path.parents if each.name == METRICS and _is_run(each.parent)), None)


def _metrics(folder: Path) -> Iterator[Path]:
    """The files of the metrics of a run; a key with slashes is in folders."""
    for place, folders, names in os.walk(folder / METRICS):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith(".") and Path(place, name).is_file())


def _about(folder: Path) -> dict[str, str]:
    """The plain values in the description of a run; they are lines of YAML."""
    with (folder / META).open(encoding="utf-8", errors="replace") as file:
        pairs = [line.partition(":") for line in file.read(LONGEST).splitlines()]
    return {key: _unquoted(value.strip()) for key, _, value in pairs}


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if value[:1] == '"':
        with suppress(ValueError):
            return str(json.loads(value))
    return value


def _name(folder: Path, about: dict[str, str]) -> str:
    with suppress(OSError), (folder / NAME).open(encoding="utf-8", errors="replace") as file:
        return file.read(LONGEST).strip()
    return about.get("run_name", "")


def _metric(key: str, path: Path) -> Column:
    """Read the lines ``timestamp value step``. Times may go back, so their order is not used; a torn line is left out."""
    values, steps, torn, deadline = array("d"), array("q"), list[int](), Deadline(path.stat().st_size)
    with path.open("rb") as file:
        for number, line in enumerate(iter(partial(file.readline, LONGEST), b""), start=1):
            if not number % LOOK:
                deadline.check()
            try:
                if not line.endswith(b"\n"):  # digits may be missing
                    raise ValueError
                _, value, *rest = line.split()
                step, number_of = int(rest[0]) if rest else 0, float(value)
                steps.append(step)
                values.append(number_of)
            except (ValueError, OverflowError):
                torn += [number] if line.strip(b"\0\r\n ") else []
    notes = (_left_out(key, torn),) if torn else ()
    return in_order_written(Column(np.frombuffer(values), np.frombuffer(steps, np.int64), notes=notes))


def _left_out(key: str, torn: list[int]) -> str:
    return f"{several(len(torn), 'line', 'lines')} of {shown(key)} cannot be understood and {'is' if len(torn) == 1 else 'are'} left out: line {torn[0]:,}"
