"""Saved monitors: fields of other types, shapes and values, absent ones, and damaged archives. What can be loaded must work."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

import wcdfa
from tests.fuzz.case import Case
from tests.fuzz.damage import File
from tests.fuzz.plan import Plan, finish
from tests.fuzz.reading import Read, attempt, listening
from tests.fuzz.rows import Row, key

WINDOW, STRIDE = 64, 16
ODD = (
    *(
        np.array("abc"),
        np.array(""),
        np.array(None, object),
        np.array(-1),
        np.array(2**40),
        np.array(np.nan),
        np.array(1e300),
        np.array([]),
    ),
    *(
        np.zeros((0, 3)),
        np.array([["a"]]),
        np.array([1.5, np.nan]),
        np.array([2**62]),
        np.array([-5, 3]),
        np.array(True),
        np.array(1j),
    ),
    *(
        np.array(b"x"),
        np.zeros(3, "M8[s]"),
        np.array("{"),
        np.array("[1, 2]"),
        np.array('{"a": 1}'),
        np.array("null"),
        np.zeros((2, 2)),
        np.arange(1000),
    ),
)


@dataclass
class Saved(Case):
    """A monitor that was saved."""

    compared: ClassVar[bool] = False
    groups: bool = False
    signal: list[float] = field(default_factory=list)

    def monitor(self) -> wcdfa.WeightChangeDFA:
        """A new one with the same settings."""
        return wcdfa.WeightChangeDFA(window=WINDOW, stride=STRIDE, groups=1 if self.groups else None)

    def read(self) -> Read:
        """Load it; a monitor that refuses stays as it is, and one that has loaded it goes on."""
        found, monitor = Read(), self.monitor()
        before = text_of(monitor)
        with listening(found):
            attempt(found, lambda: monitor.load(self.path))
            if found.errors and text_of(monitor) != before:
                found.uncaught.append("the monitor has changed although it refused the state")
            if not found.errors and not found.uncaught:
                after = Read()
                self.signal = attempt(after, lambda: monitor.get_signal().tolist()) or []
                attempt(after, lambda: _used(monitor, self.groups))
                found.uncaught += after.uncaught
                found.errors += [f"after loading: {error}" for error in after.errors]
        return found

    def silent(self, found: Read, whole: Read | None) -> str | None:
        """Whether an untouched state gives the same norms, and a damaged one is refused or gives as many."""
        if found.errors:
            return None if self.damaged else f"a whole state was refused: {found.errors}"
        right = [key(row.value) for row in self.rows if row.value is not None]
        same = list(map(key, self.signal)) == right
        return None if same or self.free else "other norms than those that were saved"


def text_of(monitor: wcdfa.WeightChangeDFA) -> str:
    """All of its state, to compare."""
    return json.dumps(monitor.state_dict(), default=lambda value: np.asarray(value).tolist())


def _used(monitor: wcdfa.WeightChangeDFA, groups: bool) -> None:
    rng = np.random.default_rng(0)
    for norm in (0.5, 0.25, 1.5) * 12:
        monitor.update(_weights(rng) if groups else norm)
    monitor.metrics()
    text_of(monitor)


def _weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {name: rng.standard_normal(3) for name in ("a", "b")}


def build(folder: Path, plan: Plan) -> Case:
    rng = plan.log
    case = Saved(folder / "monitor.npz", "", [], groups=rng.random() < 0.4)
    monitor = case.monitor()
    for norm in np.exp(rng.standard_normal(int(rng.choice([0, 3, 40, 80])))):
        monitor.update(_weights(rng) if case.groups else norm, lr=float(rng.choice([0.1, 0.2])))
    monitor.save(case.path)
    case.rows = [Row(value, None) for value in monitor.get_signal().tolist()]
    with np.load(case.path) as file:
        fields = dict(file)
    for each in plan.structure:
        change(case, fields, each)
    np.savez(case.path, **fields)
    finish(case, File(case.path.read_bytes()), plan, checked=True, ended=True)
    return case


def change(case: Saved, fields: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """One field is another, absent, or of another length."""
    name = str(rng.choice(list(fields)))
    kind = int(rng.integers(5))
    if kind == 0:
        del fields[name]
    elif kind == 1 and fields[name].ndim:
        fields[name] = fields[name][: len(fields[name]) // 2]
    elif kind == 2 and fields[name].ndim:
        fields[name] = np.concatenate([fields[name], fields[name]])
    elif kind == 3 and fields[name].dtype.kind in "if":
        fields[name] = np.asarray(fields[name] + int(rng.choice([1, -1, 100, -(2**40)])))
    else:
        fields[name] = ODD[rng.integers(len(ODD))]
    case.damage(f"{name} is {str(fields.get(name, 'absent'))[:40]}")
    case.free = True
