"""Names pictures and reports after the run that they show, so that none replaces that of another run."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

from wcdfa.readers.places import HOLDER, STDIN, Url, file_name, is_stream, place_of

# names that a logger gives to the log of every run, and folders of one run
COMMON = re.compile(
    r"(metrics|progress|monitor|history|trainer_state|results|output|wcdfa|events|train|training|logs?|csv|tb|tensorboard|tf|files|data)"
    r"|(version|checkpoint|rank)[-_]?\d*|\d+",
    re.IGNORECASE,
)
EVENTS = re.compile(r"events\.out\.tfevents\..*")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
PARTS = 3  # of a path, in a name
LONGEST = 120  # characters


def name_of(path: Path) -> str:
    """A name for what is made of a log: that of the log, with the folder before it if a logger calls each log so.

    >>> name_of(Path("/runs/lr=0.1/metrics.csv")), name_of(Path("/runs/seed=3.jsonl.gz"))
    ('lr=0.1-metrics', 'seed=3')
    >>> name_of(Path("/runs/gpt/version_0/events.out.tfevents.1795752951.host.1.0"))
    'gpt-version_0-events'
    >>> name_of(Path("/runs/gpt/checkpoint-310/wcdfa.pt"))
    'gpt-checkpoint-310'
    >>> name_of(Path("-")), name_of(Path("s3://bucket/runs/seed=3.csv")), name_of(Path("https://host/run.csv?raw=true"))
    ('stdin', 'seed=3', 'run')
    >>> name_of(Path("https://user:password@host/metrics.csv?raw=true"))
    'host-metrics'
    """
    path = _plain(place_of(path))
    plain = path.with_suffix("") if path.suffix.lower() in PACKED else path
    parts = ["events" if EVENTS.fullmatch(path.name) else plain.stem]
    for folder in path.parents:
        if not COMMON.fullmatch(parts[0]) or len(parts) == PARTS or not folder.name:
            break
        parts.insert(0, folder.name)
    if len(parts) > 1 and parts[-1] == "wcdfa":  # the name of what is made of a log ends so in any case
        parts.pop()
    return "-".join(parts)[-LONGEST:]


def _plain(path: Path) -> Path:
    """The path by which a log is named: what has no name gets one."""
    if isinstance(path, Url):
        return Path(HOLDER.sub("", path.whole)).with_name(file_name(path) or "log")
    if is_stream(path) and (str(path) == STDIN or not path.suffix):
        return Path("stdin" if str(path) == STDIN else "pipe")
    return path.resolve()


def owner(paths: Iterable[Path], run: str = "") -> str:
    """What marks a file as that of a run: a digest, so that nobody who is given the file sees the folders of this machine."""
    told = "\0".join([*sorted(str(place_of(path).resolve()) for path in paths), run])
    return hashlib.sha256(os.fsencode(told)).hexdigest()


def own_place(path: Path, ending: str, mine: str, owner_of: Callable[[Path], str | None]) -> Path:
    """A file in the current folder for what is made of a log: one that is not there yet, or that was made of the same run.

    Parameters
    ----------
    path : Path
        The log.
    ending : str
        Of the file, such as ".png".
    mine : str
        What `owner` gives.
    owner_of : callable
        Reads the mark of a file; None if it has none.
    """
    name = name_of(path)
    places = (Path(f"{name}-wcdfa{f'-{number}' if number > 1 else ''}{ending}") for number in count(1))
    return next(place for place in places if not os.path.lexists(place) or owner_of(place) == mine)
