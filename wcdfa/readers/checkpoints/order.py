"""Puts the checkpoints of a run in the order of the steps in their names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Literal, NamedTuple

from wcdfa.readers.checkpoints.names import NUMBER, OTHERS, TEMPORARY, Entry, entry_of, numbers, template
from wcdfa.readers.listing import listed

Unit = Literal["step", "epoch"]
STEPS = {"step", "steps", "globalstep", "iter", "iters", "iteration", "iterations", "update", "updates", "checkpoint", "ckpt"}
EPOCHS = {"epoch", "epochs", "ep"}
KEPT = re.compile(r"(?<![a-z])(best|last|latest)(?![a-z])")  # usual names of special checkpoints


class CheckpointSeries(NamedTuple):
    """The checkpoints of one run in order, and the names that were left out."""

    entries: list[Entry]
    unit: Unit
    unfinished: list[str]
    """Names of checkpoints that are incomplete or still being written."""
    duplicates: list[str]
    """Names of checkpoints for whose step there is a later one."""
    others: list[str]
    """Names of checkpoints that belong to other series."""


def checkpoints_in(folder: Path) -> CheckpointSeries | None:
    """The checkpoints of one series in a folder; None if there are fewer than two. Folders that hold whole runs are skipped.

    Raises
    ------
    ValueError
        If there are several series, and none is longer than the others.
    """
    return _series(folder, [entry for entry in _entries(folder) if not is_run(entry.path)])


def is_run(folder: Path) -> bool:
    """Whether a folder that looks like a checkpoint holds the checkpoints of a run, or has a folder such as "checkpoints" that does.

    Several files or folders may also be the parts of one checkpoint. So their names must show steps as clearly as the folder's own.
    """
    if not folder.is_dir():
        return False
    told = _told(folder.name)
    try:
        return any(_told_twice(place) >= told for place in (folder, *listed(folder).folders))
    except OSError:  # no permission to read it
        return False


def _told(name: str) -> int:
    """How clearly a name belongs to a series: 2 for a word before a number, 1 for a bare number or a word such as "last"."""
    if any(word in STEPS | EPOCHS for word, _ in numbers(name)):
        return 2
    return int(name.isdecimal() or bool(KEPT.search(name.lower())))


def _told_twice(folder: Path) -> int:
    """How clearly at least two checkpoints in a folder belong to a series; -1 if there are fewer than two."""
    try:
        series = _series(folder, _entries(folder))
    except ValueError:  # several series
        return 2
    return -1 if series is None else sorted(_told(entry.path.stem) for entry in series.entries)[-2]


def _entries(folder: Path) -> list[Entry]:
    if not folder.is_dir() or (folder / "_CHECKPOINT_METADATA").is_file():  # that folder is a single checkpoint
        return []
    paths = [path for paths in listed(folder) for path in paths]
    return _without_links([found for path in sorted(paths, key=_name) if (found := entry_of(path)) is not None])


def _series(folder: Path, entries: list[Entry]) -> CheckpointSeries | None:
    """The longest series among the checkpoints in a folder."""
    families = defaultdict(list)
    for entry in entries:
        if numbers(entry.path.name):
            families[template(entry.path.name)].append(entry)
    most = max(map(len, families.values()), default=0)
    if most < 2:
        return _by_time(entries)
    longest = [name for name, members in families.items() if len(members) == most]
    if len(longest) > 1:
        msg = (
            f"which of {len(longest)} series of {most} checkpoints each? It holds: {', '.join(longest)} (# is a number). "
            "Put those of one, or links to them, into a folder of their own"
        )
        raise ValueError(msg)
    members, unit = _numbered(families[longest[0]])
    if not members:
        return _by_time(entries)
    by_step: dict[int | None, Entry] = {}
    duplicates = []
    for entry in sorted(members, key=_written):
        if entry.step in by_step:
            duplicates.append(by_step[entry.step].path.name)
        by_step[entry.step] = entry
    kept = sorted(by_step.values(), key=lambda entry: entry.step or 0)
    known = {entry.path for entry in entries}
    files, folders, _ = listed(folder)
    paths = sorted(files + folders, key=_name)
    # a folder without weights, or a file that does not begin as a checkpoint does
    hollow = [path.name for path in paths if path not in known and template(path.name) == longest[0] and not path.is_symlink()]
    unfinished = [path.name for path in paths if TEMPORARY.search(path.name.lower()) and NUMBER.search(path.name)]
    counted = {entry.path for entry in families[longest[0]]}
    others = [entry.path.name for entry in entries if entry.path not in counted]
    return CheckpointSeries(kept, unit, [*dict.fromkeys(unfinished + hollow)], duplicates, others)


def _numbered(members: list[Entry]) -> tuple[list[Entry], Unit]:
    """The checkpoints with their steps, and the unit of the steps: steps or epochs.

    If the names have several numbers, the one called a step or an epoch counts, or else the last. If all numbers are losses, no
    checkpoint is returned.
    """
    rows = [numbers(entry.path.name) for entry in members]
    whole = [i for i in range(len(rows[0])) if all(row[i][1] is not None for row in rows)]
    varying = [i for i in whole if len({row[i][1] for row in rows}) > 1] or whole
    words = [word for word, _ in rows[0]]
    chosen = [i for called in (STEPS, EPOCHS) for i in varying if words[i] in called][:1] or varying[-1:]
    steps = [row[i][1] for row in rows for i in chosen]
    numbered = [entry._replace(step=step) for entry, step in zip(members, steps, strict=False)]
    return numbered, "epoch" if any(words[i] in EPOCHS for i in chosen) else "step"


def _by_time(entries: list[Entry]) -> CheckpointSeries | None:
    """Checkpoints without steps in their names, such as best.pt and last.pt, in the order in which they were written."""
    plain = [entry for entry in entries if not any(found[0] in OTHERS for found in NUMBER.findall(entry.path.name.lower()))]
    kinds = Counter(entry.kind for entry in plain)
    kind = max(kinds, key=kinds.__getitem__, default="")
    kept = sorted((entry for entry in plain if entry.kind == kind), key=_written)
    counted = {entry.path for entry in kept}
    others = [entry.path.name for entry in entries if entry.path not in counted]
    return CheckpointSeries(kept, "step", [], [], others) if len(kept) > 1 else None


def _name(path: Path) -> str:
    return path.name


def _written(entry: Entry) -> float:
    try:
        return entry.path.stat().st_mtime
    except OSError:  # gone by now; reading it says so
        return 0.0


def _without_links(entries: list[Entry]) -> list[Entry]:
    """The checkpoints, without links from one to another, as "latest" often is."""
    links = {entry.path for entry in entries if entry.path.is_symlink()}
    if not links:
        return entries
    real = {entry.path.resolve() for entry in entries if entry.path not in links}
    return [entry for entry in entries if entry.path not in links or entry.path.resolve() not in real]
