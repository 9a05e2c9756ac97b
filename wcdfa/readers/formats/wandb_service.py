"""Reads runs of Weights & Biases from its server, by the official client: ``wandb://entity/project/run``, or all of a project."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.readers.base import FileReader
from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.rows import Rows, numbers
from wcdfa.readers.places import Url
from wcdfa.readers.steps import COUNTER, with_steps
from wcdfa.support.text import shown

if TYPE_CHECKING:
    from wandb.apis.public import Api
    from wandb.apis.public import Run as LoggedRun

PROTOCOL = "wandb"
FEW = 200  # keys; the history of a run with more, or with histograms and media, is read key by key on demand
LARGE = 1 << 32  # bytes: the server sends at its own speed, so the time is bounded as that of a large file
NAME, PATTERN, STEP = (
    "1",
    "2",
    "5",
)  # fields of a metric in the configuration: its name or pattern, and the place of its step metric
LOGIN = "log in with: wandb login, or set WANDB_API_KEY; offline runs are read from their .wandb files"


def read_served(path: Path) -> Iterator[Run]:
    """Read the history of a run, or of each run of a project, with the step metric that was defined for each metric."""
    entity, project, *rest = _parts(path)
    with _telling():
        api = _api()
        found = [f"{entity}/{project}/{rest[0]}"] if rest else ["/".join(run.path) for run in api.runs(f"{entity}/{project}")]
    if not found:
        msg = "a project without runs"
        raise LogError(msg)
    for each in found:
        with _telling():
            run = api.run(each)
            columns = _columns(run)
        name = " ".join(dict.fromkeys([str(run.name), str(run.id)]))
        if columns or rest:
            yield Run(path, name, columns, [], "wandb", f"wandb:{run.id}")


class _Served(FileReader):
    def claims(self, path: Path) -> bool:
        """Whether it is the URL of a run or a project."""
        return isinstance(path, Url) and path.protocol == PROTOCOL


READER = _Served("wandb://entity/project/run", (), read_served, extra="wandb", many_runs=True)


def _parts(path: Path) -> list[str]:
    parts = str(path).partition("://")[2].strip("/").split("/")
    parts = [part for part in parts if part != "runs"]  # as in the address of its page
    if not 2 <= len(parts) <= 3 or not all(parts):
        msg = "a run is named wandb://entity/project/run, and all runs of a project wandb://entity/project"
        raise LogError(msg)
    return parts


@contextmanager
def _telling() -> Iterator[None]:
    """Errors of the client in a sentence."""
    try:
        yield
    except (ModuleNotFoundError, LogError):
        raise
    except Exception as error:
        hint = f"; {LOGIN}" if _is_of_login(error) else ""
        msg = f"Weights & Biases does not give it: {shown(error).rstrip('.')}{hint}"
        raise LogError(msg) from error


def _is_of_login(error: Exception) -> bool:
    return type(error).__name__ in ("UsageError", "AuthenticationError") or any(
        word in str(error).lower() for word in ("login", "log in", "api key", "permission", "401", "403")
    )


def _api() -> Api:
    import wandb  # noqa: PLC0415 - of the extra

    return wandb.Api()


def _columns(run: LoggedRun) -> Mapping[str, Column]:
    keys = (getattr(run, "historyKeys", None) or {}).get("keys") or {}
    plain = {name for name, about in keys.items() if _holds_numbers(about)}
    axes = _axes(run.rawconfig)
    if len(keys) <= FEW and len(plain) == len(keys):
        rows = Rows(LARGE)
        for row in run.scan_history():
            rows.add(row)
        return rows.columns(axes)
    return with_steps(Lazy(sorted({*plain, COUNTER}), partial(_scanned, run)), axes)


def _holds_numbers(about: object) -> bool:
    counts = about.get("typeCounts") if isinstance(about, dict) else None
    return not counts or any(isinstance(each, dict) and each.get("type") == "number" for each in counts)


def _axes(config: Mapping[str, object]) -> dict[str, str]:
    """The step metric of each metric, by its name or pattern, as ``define_metric`` has written it into the configuration."""
    internal = config.get("_wandb")
    metrics = internal.get("m") if isinstance(internal, dict) else None
    known = [each if isinstance(each, dict) else {} for each in (metrics if isinstance(metrics, list) else [])]
    found = dict[str, str]()
    for each in known:
        place = each.get(STEP)
        if isinstance(place, int) and 0 < place <= len(known):
            name, axis = each.get(NAME) or each.get(PATTERN), known[place - 1].get(NAME)
            found |= {name: axis} if isinstance(name, str) and isinstance(axis, str) else {}
    return found


def _scanned(run: LoggedRun, name: str) -> Column:
    """The numbers of one key, with the rows in which they are."""
    values, rows = array("d"), array("q")
    with _telling():
        for row in run.scan_history(keys=[name] if name == COUNTER else [name, COUNTER]):
            for _, number in numbers(row.get(name), name):
                values.append(number)
                rows.append(int(row[COUNTER]))
    return Column(np.frombuffer(values), rows=np.frombuffer(rows, np.int64))
