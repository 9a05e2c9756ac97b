"""Where runs are kept, one file each, and how they are read back."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from wcdfa.support.files import cache_folder, write_arrays

from .recording import Recorded

BASELINE = "baseline"  # the run before the fault sets in, without what follows
LATER, FROM_START = "later", "from_start"  # when the fault sets in
NESTED = ("groups", "cosines")


def default_folder() -> Path:
    """A folder in the user's cache."""
    folder = cache_folder()
    if folder is None:
        raise SystemExit("no folder for the runs is known: give one with --runs, set WCDFA_CACHE_DIR, or pip install platformdirs")
    return folder / "faults"


def path(folder: Path, training: str, optimizer: str, moment: str, fault: str, seed: int) -> Path:
    return folder / training.replace(" ", "_") / optimizer / moment / re.sub(r"[^\w.-]+", "_", fault) / f"{seed}.npz"


def write(file: Path, recorded: Recorded) -> None:
    """Completely or not at all; arrays by name get ``groups/NAME`` as key."""
    flat = {name: np.asarray(values) for name, values in recorded.items() if name not in NESTED}
    for nested in NESTED:
        flat |= {f"{nested}/{name}": values for name, values in recorded[nested].items()}
    write_arrays(file, flat)


def read(file: Path) -> Recorded:
    with np.load(file) as stored:
        flat = {name: stored[name] for name in stored.files}
    found: Recorded = {name: values for name, values in flat.items() if "/" not in name}
    for nested in NESTED:
        found[nested] = {name.partition("/")[2]: values for name, values in flat.items() if name.startswith(f"{nested}/")}
    return found


def run(folder: Path, training: str, optimizer: str, fault: str, seed: int) -> Recorded:
    """A run from its first step on, with the fault, or without (fault ``healthy``), in what follows the baseline."""
    return joined(*(read(path(folder, training, optimizer, LATER, name, seed)) for name in (BASELINE, fault)))


def run_from_start(folder: Path, training: str, optimizer: str, fault: str, seed: int) -> Recorded:
    """A run that had the fault from its first step on."""
    return read(path(folder, training, optimizer, FROM_START, fault, seed))


def seeds(folder: Path, training: str, optimizer: str, fault: str, moment: str = LATER) -> list[int]:
    """The seeds of the runs that are there."""
    files = path(folder, training, optimizer, moment, fault, 0).parent.glob("*.npz")
    return sorted(int(file.stem) for file in files)


def joined(first: Recorded, then: Recorded) -> Recorded:
    """One run and what follows it."""
    found: Recorded = {name: np.concatenate([first[name], then[name]]) for name in first if name not in NESTED}
    for nested in NESTED:
        found[nested] = {name: np.concatenate([values, then[nested][name]]) for name, values in first[nested].items()}
    return found
