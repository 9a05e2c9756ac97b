"""Builds one case, reads it, and judges what came of it."""

from __future__ import annotations

import gc
import shutil
import tempfile
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.bounds import Bounds, held, opened, size_of
from tests.fuzz.case import Case
from tests.fuzz.commands import wrong_answer
from tests.fuzz.formats import FORMATS
from tests.fuzz.plan import Plan, plan
from tests.fuzz.reading import Read

RIGHT, ERROR = "series right", "named errors"
UNCAUGHT, HANG, OVER, WRONG, UNSAFE = "uncaught", "hangs", "over bounds", "silent wrong", "not clean"
FAULTS = (UNCAUGHT, HANG, OVER, WRONG, UNSAFE)


@dataclass(frozen=True)
class Verdict:
    """What came of a case."""

    format: str
    seed: int
    kind: str
    """One of `RIGHT`, `ERROR` and `FAULTS`."""
    why: str = ""
    done: str = ""
    """What had been done to the log."""
    kept: list[int] | None = None
    """Which of the changes were made; None if all."""

    def __str__(self) -> str:
        return f"{self.kind}: --format {self.format!r} --seed {self.seed}: {self.why} [{self.done}]"


class Checker:
    """Checks cases one after another in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bounds = Bounds(self._empty("scratch"))
        tempfile.tempdir = str(folder / "scratch")  # temporary files are allowed if they are removed
        self._fresh, self._settled = set(FORMATS), set[str]()

    def check(self, name: str, seed: int, kept: Collection[int] | None = None, *, command: bool = False) -> Verdict:
        """Check a case, with all of its changes or only with some; with `command` on the command line too."""
        case = _built(name, self._empty("case"), plan(name, seed, kept))
        whole = self._read_whole(name, seed) if case.damaged and case.compared else None
        before, size = held(self.folder), size_of(case.path)
        self._settle(name)
        with self.bounds.measured():
            found = case.read()
        done = "; ".join(case.done)
        kind, why = self._fault(found, size, before) or (None, "")
        if kind is None and (wrong := case.silent(found, whole)):
            kind, why = WRONG, wrong
        if kind is None and command and case.path.name != "monitor.npz" and (wrong := wrong_answer(case.path)):
            kind, why = UNCAUGHT, wrong
        if kind is None:
            kind = ERROR if found.errors else RIGHT
            why = "; ".join(found.errors)
        return Verdict(name, seed, kind, why, done, None if kept is None else sorted(kept))

    def _read_whole(self, name: str, seed: int) -> Read:
        case = _built(name, self._empty("whole"), plan(name, seed, ()))
        return case.read()

    def _fault(self, found: Read, size: int, before: dict[str, tuple[int, ...]]) -> tuple[str, str] | None:
        if found.uncaught:
            return UNCAUGHT, "; ".join(found.uncaught)
        if over := self.bounds.over(size):
            return OVER, over
        if self.bounds.done:
            return UNSAFE, "; ".join(self.bounds.done[:3])
        after = held(self.folder)
        if after.keys() - before.keys():
            gc.collect()  # a temporary folder is removed with the object that needs it
            after = held(self.folder)
        if changed := {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}:
            return UNSAFE, f"changed or left behind: {', '.join(sorted(changed))}"
        if opened(self.folder) and gc.collect() and (still := opened(self.folder)):
            return UNSAFE, f"left open: {', '.join(still)}"
        return None

    def _settle(self, name: str) -> None:
        """After the first case of a format, let the collector of garbage pass over what was loaded: it would take longer than most cases."""
        if name in self._fresh:
            self._fresh.remove(name)
        elif name not in self._settled:
            self._settled.add(name)
            gc.collect()
            gc.freeze()

    def _empty(self, name: str) -> Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder


def _built(name: str, folder: Path, plan: Plan) -> Case:
    with warnings.catch_warnings(action="ignore"):  # that a name is twice in an archive is meant
        return FORMATS[name].build(folder, plan)
