"""Folders of several logs, one of which is damaged, among things that are no logs: the others must be read all the same."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.formats import FORMATS
from tests.fuzz.plan import Plan
from tests.fuzz.reading import Read, attempt, listening, read_source
from wcdfa.readers import sources

KINDS = ("jsonl", "csv", "npz", "tensorboard", "trainer_state", "mlflow")


@dataclass
class Folder(Case):
    """Several logs, each in a folder of its own."""

    logs: list[Case] = field(default_factory=list)

    def read(self) -> Read:
        """Read every log that is found, each by the name of its own series."""
        found = Read(parts=[Read() for _ in self.logs])
        with listening(found):
            for source in attempt(found, lambda: sources(self.path)) or []:
                owner = next((i for i, log in enumerate(self.logs) if source.path in (log.path, log.path.parent)), None)
                part = Read() if owner is None else found.parts[owner]
                read_source(part, source, "" if owner is None else self.logs[owner].column)
                found.uncaught += part.uncaught
                part.uncaught = []
        found.series = [series for part in found.parts for series in part.series]
        found.errors += [error for part in found.parts for error in part.errors]
        return found

    def silent(self, found: Read, whole: Read | None) -> str | None:
        """What is wrong with one of the logs."""
        before = whole.parts if whole else [None] * len(self.logs)
        wrong = [log.silent(part, old) for log, part, old in zip(self.logs, found.parts, before, strict=True)]
        return next((f"{log.path.name}: {each}" for log, each in zip(self.logs, wrong, strict=True) if each), None)


def build(folder: Path, plan: Plan) -> Case:
    rng = plan.log
    usable = [name for name in KINDS if not FORMATS[name].missing()]
    case = Folder(folder / "runs", "", [])
    hurt = int(rng.integers(4))
    for i in range(int(rng.integers(2, 4))):
        place = case.path / f"run{i}"
        place.mkdir(parents=True)
        damage = plan if i == hurt else replace(plan, structure=(), bytes=())
        part = FORMATS[str(rng.choice(usable))].build(place, replace(damage, log=np.random.default_rng(rng.integers(2**32))))
        case.logs.append(part)
        case.done += part.done
        case.damaged |= part.damaged
    for kind in rng.choice(len(THINGS), size=int(rng.integers(3)), replace=False):
        THINGS[kind](case, rng)
    return case


def pipe(case: Folder, rng: np.random.Generator) -> None:
    """A named pipe, to which nobody writes, under the name of a log."""
    if hasattr(os, "mkfifo"):
        name = str(
            rng.choice(
                [
                    "log.jsonl",
                    "log.csv",
                    "a.tfevents.1",
                    "x.npz",
                    "x.db",
                    "checkpoint-1/trainer_state.json",
                    "x.parquet",
                    "x.pt",
                    "x.wandb",
                ]
            )
        )
        (case.path / "pipe" / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(case.path / "pipe" / name)
        case.done.append(f"a pipe {name}")


def links(case: Folder, rng: np.random.Generator) -> None:
    """Links in a circle, and to nothing."""
    (case.path / "up").symlink_to(case.path)
    (case.path / "nothing.csv").symlink_to(case.path / "absent")
    (case.path / "itself.jsonl").symlink_to(case.path / "itself.jsonl")
    case.done.append("links")


def deep(case: Folder, rng: np.random.Generator) -> None:
    """Folders within each other."""
    (case.path / "/".join("d" * int(rng.choice([5, 60])))).mkdir(parents=True)
    case.done.append("nested folders")


def odd_files(case: Folder, rng: np.random.Generator) -> None:
    """Files that are no logs, with odd names."""
    for name in (
        "notes.txt",
        "model.bin",
        "a\nb",
        "\x1b[31m",
        "x" * 200,
        "é\u202e",
        ".hidden.csv",
        "config.yaml",
        "step_1.pt",
        "step_2.pt",
    ):
        (case.path / name).write_bytes(rng.bytes(20))
    case.done.append("other files")


def named_like_logs(case: Folder, rng: np.random.Generator) -> None:
    """Folders whose names end as those of logs do."""
    for name in ("a.csv", "b.jsonl", "trainer_state.json", "c.npz", "events.out.tfevents.1", "checkpoint-3"):
        (case.path / "named" / name).mkdir(parents=True)
    case.done.append("folders named like logs")


THINGS = (pipe, links, deep, odd_files, named_like_logs)
