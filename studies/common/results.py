"""Writes the results of a study from its runs, and reads them back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from studies.common import store
from studies.common.store import Record
from studies.common.study import Outcome, Study, StudyError, check_verdict
from wcdfa.support.files import replacing

LISTS = " as lists"
STORED = ("protocol", "versions", "seconds", "planned", "not_done")


class Table(NamedTuple):
    """A table of the page, with the text of each cell."""

    title: str
    columns: list[str]
    rows: list[list[str]]


class Results(NamedTuple):
    """What a study has brought."""

    runs: pd.DataFrame
    outcomes: list[Outcome]
    protocol: dict[str, str | None]
    versions: dict[str, str]
    seconds: float
    """Of one core, all runs together."""
    planned: int
    """How many runs the settings list."""
    tables: list[Table]
    not_done: list[str]


def judged(study: Study, runs: pd.DataFrame) -> list[Outcome]:
    """One outcome for each claim.

    Raises
    ------
    ValueError
        If the study gives other claims or other verdicts than it may.
    """
    outcomes = study.outcomes(runs)
    if [each.claim for each in outcomes] != [claim.key for claim in study.claims]:
        msg = (
            f"study {study.name}: outcomes for {[each.claim for each in outcomes]}, claims {[claim.key for claim in study.claims]}"
        )
        raise ValueError(msg)
    for each in outcomes:
        check_verdict(each.verdict)
    return outcomes


def collect(study: Study, folder: Path) -> Results:
    """The results of the runs that are in the folder.

    Raises
    ------
    StudyError
        If there are none, or they followed different protocols.
    """
    planned = study.settings(False)
    records = store.read_all(folder, planned)
    if not records:
        msg = f"{folder} holds no run of study {study.name}: python -m studies run {study.name}"
        raise StudyError(msg)
    followed = store.same_protocol(records)
    runs = store.table(records)
    seconds = sum(float(record["seconds"]) for record in records)  # type: ignore[arg-type]
    shown = tables_of(study, runs), study.not_done(runs)
    return Results(runs, judged(study, runs), followed, _versions(records), round(seconds), len(planned), *shown)


def tables_of(study: Study, runs: pd.DataFrame) -> list[Table]:
    """The tables of a study. Numbers that do not come as text get three digits."""
    return [
        Table(
            title, [str(name) for name in table.columns], [[_text(value) for value in row] for row in table.itertuples(index=False)]
        )
        for title, table in study.tables(runs)
    ]


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _versions(records: list[Record]) -> dict[str, str]:
    """Of each library. Runs of several machines or days may have had several versions: all are named."""
    found: dict[str, list[str]] = {}
    for record in records:
        for name, version in record["versions"].items():  # type: ignore[union-attr]
            found.setdefault(name, []).append(str(version))
    return {name: " and ".join(dict.fromkeys(found[name])) for name in sorted(found)}


def more_than(study: Study, found: Results) -> int:
    """How many runs the written results have, if those are more than these; else 0."""
    path = study.folder / "results" / "results.json"
    written = int(json.loads(path.read_text("utf-8"))["runs"]) if path.exists() else 0
    return written if written > len(found.runs) else 0


def write(study: Study, found: Results) -> Path:
    """Write runs.parquet and results.json into the folder of the study."""
    folder = study.folder / "results"
    folder.mkdir(exist_ok=True)
    with replacing(folder / "runs.parquet") as file:
        _apart(found.runs).to_parquet(file, compression="zstd")
    whole = {"outcomes": [each._asdict() for each in found.outcomes], "runs": len(found.runs)}
    whole |= {key: getattr(found, key) for key in STORED} | {"tables": [each._asdict() for each in found.tables]}
    with replacing(folder / "results.json") as file:
        file.write((json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode())
    return folder


def _apart(runs: pd.DataFrame) -> pd.DataFrame:
    """Lists in columns of their own, where others of the same name hold one number: a column of a parquet file has one type."""
    parts: dict[object, pd.Series] = {}
    for name, column in runs.items():
        lists = column.map(lambda value: isinstance(value, list))
        mixed = lists.any() and column[~lists].notna().any()
        parts |= {name: column.mask(lists, None), f"{name}{LISTS}": column.where(lists, None)} if mixed else {name: column}
    return pd.DataFrame(parts)


def _together(runs: pd.DataFrame) -> pd.DataFrame:
    """Undo `_apart`; pandas reads lists as arrays."""
    for name in runs.columns[runs.dtypes == object]:
        runs[name] = [value.tolist() if isinstance(value, np.ndarray) else value for value in runs[name]]
    for name in (name for name in runs.columns if name.endswith(LISTS)):
        whole = name.removesuffix(LISTS)
        runs[whole] = runs[whole].astype(object).where(runs[name].isna(), runs[name])
    return runs.drop(columns=[name for name in runs.columns if name.endswith(LISTS)])


def read(study: Study) -> Results:
    """The results that were written.

    Raises
    ------
    StudyError
        If there are none.
    """
    folder = study.folder / "results"
    if not (folder / "results.json").exists():
        msg = f"study {study.name} has no results yet: python -m studies run {study.name}"
        raise StudyError(msg)
    whole = json.loads((folder / "results.json").read_text("utf-8"))
    runs = _together(pd.read_parquet(folder / "runs.parquet"))
    outcomes = [Outcome(**each) for each in whole["outcomes"]]
    tables = [Table(**each) for each in whole["tables"]]
    return Results(runs, outcomes, tables=tables, **{key: whole[key] for key in STORED})
