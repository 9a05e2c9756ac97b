"""Writes the results of a study from its runs, and reads them back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from studies.common import store
from studies.common.store import Record
from studies.common.study import Outcome, Study, check_verdict
from wcdfa.support.files import replacing


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
    ValueError
        If there are none, or they followed different protocols.
    """
    planned = study.settings(False)
    records = store.read_all(folder, planned)
    if not records:
        msg = f"{folder} holds no run of study {study.name}: python -m studies run {study.name}"
        raise ValueError(msg)
    protocols = {json.dumps(record["protocol"], sort_keys=True) for record in records}
    if len(protocols) > 1:
        msg = f"the runs in {folder} followed {len(protocols)} different protocols: {', '.join(sorted(protocols))}; remove one kind"
        raise ValueError(msg)
    runs = store.table(records)
    seconds = sum(float(record["seconds"]) for record in records)  # type: ignore[arg-type]
    return Results(runs, judged(study, runs), json.loads(protocols.pop()), _versions(records), round(seconds), len(planned))


def _versions(records: list[Record]) -> dict[str, str]:
    """Those of most runs."""
    (most, _), *_ = Counter(json.dumps(record["versions"], sort_keys=True) for record in records).most_common(1)
    found: dict[str, str] = json.loads(most)
    return found


def write(study: Study, found: Results) -> Path:
    """Write runs.parquet and results.json into the folder of the study."""
    folder = study.folder / "results"
    folder.mkdir(exist_ok=True)
    with replacing(folder / "runs.parquet") as file:
        found.runs.to_parquet(file, compression="zstd")
    whole = {"outcomes": [each._asdict() for each in found.outcomes], "runs": len(found.runs)}
    whole |= {key: getattr(found, key) for key in ("protocol", "versions", "seconds", "planned")}
    with replacing(folder / "results.json") as file:
        file.write((json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode())
    return folder


def read(study: Study) -> Results:
    """The results that were written.

    Raises
    ------
    ValueError
        If there are none.
    """
    folder = study.folder / "results"
    if not (folder / "results.json").exists():
        msg = f"study {study.name} has no results yet: python -m studies run {study.name}"
        raise ValueError(msg)
    whole = json.loads((folder / "results.json").read_text("utf-8"))
    runs = pd.read_parquet(folder / "runs.parquet")
    outcomes = [Outcome(**each) for each in whole["outcomes"]]
    return Results(runs, outcomes, *(whole[key] for key in ("protocol", "versions", "seconds", "planned")))
