"""Keeps each run in a file of its own, so that a study that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from studies.common.study import Settings, StudyError, Value
from wcdfa.support.files import cache_folder, replacing

Record = dict[str, dict[str, Value] | Value]


def default_folder() -> Path:
    """A folder in the user's cache.

    Raises
    ------
    StudyError
        If no cache is known.
    """
    folder = cache_folder()
    if folder is None:
        msg = "no folder for the runs is known: give one with --runs, set WCDFA_CACHE_DIR, or pip install platformdirs"
        raise StudyError(msg)
    return folder / "studies"


def path_of(folder: Path, settings: Settings) -> Path:
    """The file of a run. Its name tells the settings to people; its last part tells them apart."""
    text = json.dumps(dict(settings), sort_keys=True)
    words = re.sub(r"[^\w.-]+", "-", "_".join(str(value) for value in settings.values()))[:80]
    return folder / f"{words}_{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"


def missing(folder: Path, wanted: Iterable[Settings]) -> list[Settings]:
    """The settings whose runs are not there yet."""
    return [settings for settings in wanted if not path_of(folder, settings).exists()]


def write(folder: Path, record: Record) -> None:
    """Keep a run, completely or not at all."""
    settings = record["settings"]
    assert isinstance(settings, dict)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path_of(folder, settings)) as file:  # type: ignore[arg-type]
        file.write(json.dumps(record).encode())


def read_all(folder: Path, wanted: Iterable[Settings]) -> list[Record]:
    """The runs that are there, in the order of the settings."""
    paths = [path_of(folder, settings) for settings in wanted]
    return [_read(path) for path in paths if path.exists()]


def _read(path: Path) -> Record:
    try:
        record: Record = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        msg = f"{path} is damaged ({error}): remove it, and it runs again"
        raise StudyError(msg) from error
    return record


def same_protocol(records: Iterable[Record]) -> dict[str, str | None]:
    """The protocol that all these runs followed. Where some know its commit, the commit is that.

    Raises
    ------
    StudyError
        If its text was not the same for all.
    """
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["protocol"]["sha256"], []).append(record)  # type: ignore[index,call-overload]
    if len(found) > 1:
        few = min(found.values(), key=len)
        named = ", ".join(str(record["settings"]) for record in few[:3])
        msg = f"protocol.md had {len(found)} texts when the runs were made: {len(few)} have another than the others ({named} …); remove those that"
        msg += " do not follow the protocol as it stands, or give another folder with --runs"
        raise StudyError(msg)
    (records,) = found.values()
    known: list[dict[str, str | None]] = [each["protocol"] for each in records]  # type: ignore[misc]
    return next((each for each in known if each["commit"] is not None), known[0])


def table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a run: its settings, then its results. A list stays a list."""
    return pd.DataFrame([{**record["settings"], **record["results"]} for record in records])  # type: ignore[dict-item]
