"""Which things in a folder are checkpoints of one run, and of which steps: told by names and first bytes alone."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

ENDINGS = {"safetensors": {".safetensors"}, "torch": {".bin", ".ckpt", ".pt", ".pth", ".tar"}}
AUXILIARY = re.compile(
    r"(?<![a-z])(optimi[sz]er|optim|(lr_)?scheduler|rng_state|random_state|training_args|(grad_)?scaler|sampler)s?(?![a-z])"
)
AVERAGE = re.compile(r"(?<![a-z])ema(?![a-z])")  # beside the weights, a smoothed copy of them
TEMPORARY = re.compile(r"^\.|^tmp[-_.]|\.tmp|orbax-checkpoint-tmp|\.(part|partial|incomplete|temp|download)$|~$")
SHARD = re.compile(r"-(\d+)-of-(\d+)\.")
# a word before it, a number, and k or m for thousands or millions
NUMBER = re.compile(r"([a-z]*)([ _=.-]*)(\d+(?:\.\d+)?)([km](?![a-z0-9]))?")
STEPS = {"step", "steps", "globalstep", "iter", "iters", "iteration", "iterations", "update", "updates", "checkpoint", "ckpt"}
EPOCHS = {"epoch", "epochs", "ep"}
# numbers of other things than steps: two names that differ in them are of two series
OTHERS = {"bf", "consolidated", "exp", "fold", "fp", "gpu", "int", "layer", "rank", "replica", "run", "seed", "shard", "trial", "v"}
OTHERS |= {"bs", "job", "lr", "rep", "sweep", "version", "wd", "worker"}
KEPT = re.compile(r"(?<![a-z])(best|last|latest)(?![a-z])")  # as a run calls some of its checkpoints


class Entry(NamedTuple):
    """A checkpoint: a file, or a folder with files or folders of weights in it."""

    path: Path
    kind: str  # "safetensors", "torch" or "orbax"
    parts: tuple[Path, ...]
    step: int | None = None  # None where the names have no numbers


class Series(NamedTuple):
    """Checkpoints of one run in their order, and what lies beside them."""

    entries: list[Entry]
    unit: str  # "step" or "epoch"
    unfinished: list[str]
    duplicates: list[str]
    others: list[str]


def entry_of(path: Path) -> Entry | None:
    """The checkpoint at a path, if it looks like one."""
    name = path.name.lower()
    if TEMPORARY.search(name) or AUXILIARY.search(name):
        return None
    try:
        if not path.is_dir():
            return None if SHARD.search(name) else _file(path)
        children = sorted(path.iterdir())
        if arrays := [place for place in (path, *children) if (place / "_METADATA").is_file()]:
            return Entry(path, "orbax", tuple(arrays[:1] if arrays[0] == path else arrays))
        found = _files(children)
        if not found and NUMBER.search(name):  # such as checkpoint-500/unet
            inner = [child for child in children if child.is_dir() and not AVERAGE.search(child.name.lower())]
            found = _files([part for child in inner for part in sorted(child.iterdir())])
    except OSError:  # not ours to read
        return None
    # of the same weights in both formats, those of one
    kind = next((kind for kind in ENDINGS if any(part.kind == kind for part in found)), None)
    return Entry(path, kind, tuple(part.path for part in found if part.kind == kind)) if kind else None


def _files(paths: list[Path]) -> list[Entry]:
    names = {path: path.name.lower() for path in paths}
    beside = [
        path for path, name in names.items() if not (AUXILIARY.search(name) or AVERAGE.search(name) or TEMPORARY.search(name))
    ]
    return [found for path in beside if path.is_file() and (found := _file(path)) is not None]


def _file(path: Path) -> Entry | None:
    kind = next((kind for kind, endings in ENDINGS.items() if path.suffix.lower() in endings), None)
    if kind is None or not path.is_file():  # a link to nothing
        return None
    if kind == "torch":
        with path.open("rb") as file:  # many things end in .bin
            if file.read(2) not in (b"PK", b"\x80\x02", b""):
                return None
    return Entry(path, kind, (path,))


def template(name: str) -> str:
    """A name without the numbers that may be steps.

    >>> template("epoch=3-step=600.ckpt"), template("seed0_500k.pt")
    ('epoch=#-step=#.ckpt', 'seed0_#.pt')
    """
    return NUMBER.sub(lambda found: found[0] if found[1] in OTHERS else f"{found[1]}{found[2]}#", name.lower())


def _numbers(name: str) -> list[tuple[str, int | None]]:
    """Each number in a name that may be a step, and the word before it; None for 0.23, which is a loss."""
    found = [(word, number, unit) for word, _, number, unit in NUMBER.findall(name.lower()) if word not in OTHERS]
    scale = {"": 1, "k": 1000, "m": 1_000_000}
    return [(word, None if "." in number and not unit else round(float(number) * scale[unit])) for word, number, unit in found]


def series_of(folder: Path) -> Series | None:
    """The checkpoints in a folder that are of one series, if there are at least two; a folder of those of a run is none of them.

    Raises
    ------
    ValueError
        If there are several series, and none is longer than the others.
    """
    return _series(folder, [entry for entry in _entries(folder) if not is_run(entry.path)])


def is_run(folder: Path) -> bool:
    """Whether a folder that looks like a checkpoint holds those of a run, itself or in a folder in it such as "checkpoints".

    Several files or folders may also be the parts of one checkpoint: their names must tell of steps as plainly as its own.
    """
    if not folder.is_dir():
        return False
    told = _told(folder.name)
    try:
        return any(_told_twice(place) >= told for place in (folder, *folder.iterdir()) if place.is_dir())
    except OSError:  # not ours to read
        return False


def _told(name: str) -> int:
    """How plainly a name tells that it is one of a series: 2 by a word before a number, 1 by a bare number or a word as "last"."""
    if any(word in STEPS | EPOCHS for word, _ in _numbers(name)):
        return 2
    return int(name.isdecimal() or bool(KEPT.search(name.lower())))


def _told_twice(folder: Path) -> int:
    """How plainly at least two in a folder tell so; -1 if there are no two."""
    try:
        series = _series(folder, _entries(folder))
    except ValueError:  # several series
        return 2
    return -1 if series is None else sorted(_told(entry.path.stem) for entry in series.entries)[-2]


def _entries(folder: Path) -> list[Entry]:
    if not folder.is_dir() or (folder / "_CHECKPOINT_METADATA").is_file():  # that folder is one checkpoint
        return []
    return _without_links([found for path in sorted(folder.iterdir()) if (found := entry_of(path)) is not None])


def _series(folder: Path, entries: list[Entry]) -> Series | None:
    """Those of one series among the checkpoints in a folder."""
    families = defaultdict(list)
    for entry in entries:
        if _numbers(entry.path.name):
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
    for entry in sorted(members, key=lambda entry: entry.path.stat().st_mtime):
        if entry.step in by_step:
            duplicates.append(by_step[entry.step].path.name)
        by_step[entry.step] = entry
    kept = sorted(by_step.values(), key=lambda entry: entry.step or 0)
    known = {entry.path for entry in entries}
    paths = sorted(folder.iterdir())
    empty = [path for path in paths if path not in known and path.is_dir() and template(path.name) == longest[0]]
    unfinished = [path.name for path in paths if TEMPORARY.search(path.name.lower()) and NUMBER.search(path.name)]
    others = [entry.path.name for entry in entries if entry not in families[longest[0]]]
    return Series(kept, unit, unfinished + [path.name for path in empty], duplicates, others)


def _numbered(members: list[Entry]) -> tuple[list[Entry], str]:
    """Each with its step, and whether it is one or an epoch; of several numbers in the names, that which is called so, or the last.

    None of them, if there are but losses.
    """
    rows = [_numbers(entry.path.name) for entry in members]
    whole = [i for i in range(len(rows[0])) if all(row[i][1] is not None for row in rows)]
    varying = [i for i in whole if len({row[i][1] for row in rows}) > 1] or whole
    words = [word for word, _ in rows[0]]
    chosen = [i for called in (STEPS, EPOCHS) for i in varying if words[i] in called][:1] or varying[-1:]
    steps = [row[i][1] for row in rows for i in chosen]
    numbered = [entry._replace(step=step) for entry, step in zip(members, steps, strict=False)]
    return numbered, "epoch" if any(words[i] in EPOCHS for i in chosen) else "step"


def _by_time(entries: list[Entry]) -> Series | None:
    """Checkpoints whose names have no steps, as best.pt and last.pt, in the order in which they were written."""
    plain = [entry for entry in entries if not any(found[0] in OTHERS for found in NUMBER.findall(entry.path.name.lower()))]
    kinds = [entry.kind for entry in plain]
    kind = max(kinds, key=kinds.count, default="")
    kept = sorted((entry for entry in plain if entry.kind == kind), key=lambda entry: entry.path.stat().st_mtime)
    others = [entry.path.name for entry in entries if entry not in kept]
    return Series(kept, "step", [], [], others) if len(kept) > 1 else None


def _without_links(entries: list[Entry]) -> list[Entry]:
    """Without links to others, as "latest" often is."""
    real = {entry.path.resolve() for entry in entries if not entry.path.is_symlink()}
    return [entry for entry in entries if not entry.path.is_symlink() or entry.path.resolve() not in real]
