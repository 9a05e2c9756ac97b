"""Which damage a case gets: each kind with a seed of its own, so that a case can be built again without some of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.damage import File

MOST = 3  # changes of one case


@dataclass(frozen=True)
class Plan:
    """The random numbers of a case."""

    log: np.random.Generator
    """For the log itself."""
    structure: Sequence[np.random.Generator]
    """One for each change of the structure, after which checksums are right."""
    bytes: Sequence[np.random.Generator]
    """One for each damage of bytes."""


def plan(name: str, seed: int, kept: Collection[int] | None = None) -> Plan:
    """The plan of a case.

    Parameters
    ----------
    name : str
        The format.
    seed : int
    kept : collection of int, optional
        Which changes are made. Default: all.
    """
    log, choice, *changes = (
        np.random.default_rng(each) for each in np.random.SeedSequence([zlib.crc32(name.encode()), seed]).spawn(2 + MOST)
    )
    count = choice.choice(MOST + 1, p=[0.15, 0.5, 0.2, 0.15])
    structural = choice.random(MOST) < 0.5
    made = [i for i in range(count) if kept is None or i in kept]
    return Plan(log, [changes[i] for i in made if structural[i]], [changes[i] for i in made if not structural[i]])


def change(case: Case, plan: Plan, kinds: Sequence[Callable[[np.random.Generator], None]]) -> None:
    """Make each change of the structure, of a kind that is drawn."""
    for rng in plan.structure:
        kinds[rng.integers(len(kinds))](rng)


def finish(case: Case, file: File, plan: Plan, *, checked: bool = False, ended: bool = False) -> None:
    """Damage the bytes, write the file, and note what may be claimed.

    Parameters
    ----------
    checked : bool
        Whether checksums protect each record, so that no value may be wrong and none may be absent in silence.
    ended : bool
        Whether the format tells where it ends, so that a file that is cut off between two records shows it.
    """
    for rng in plan.bytes:
        case.damage(file.mutate(rng))
    rows = range(len(case.rows))
    gone = {i for i in file.gone if i in rows}
    case.gone |= gone
    case.lost |= bool(gone) and (ended or file.torn)
    if not checked:
        case.wild |= {i for i in file.touched if i in rows}
        case.slack += file.head
    case.path.write_bytes(bytes(file))
