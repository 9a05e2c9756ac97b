"""Recognises checkpoints by their names and first bytes, and finds the numbers in the names that may be steps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

from wcdfa.readers.listing import Listing, listed

Format = Literal["safetensors", "torch", "orbax", "unreadable"]
ENDINGS: dict[Format, set[str]] = {"safetensors": {".safetensors"}, "torch": {".bin", ".ckpt", ".pt", ".pth", ".tar"}}
OWN = "wcdfa.pt"  # recorded norms, which the callback for transformers writes into each checkpoint
AUXILIARY = re.compile(
    rf"^{re.escape(OWN)}$|(?<![a-z])(optimi[sz]er|optim|(lr_)?scheduler|rng_state|random_state|training_args|(grad_)?scaler|sampler)s?(?![a-z])"
)
AVERAGE = re.compile(r"(?<![a-z])ema(?![a-z])")  # a smoothed copy of the weights, beside them
TEMPORARY = re.compile(r"^\.|^tmp[-_.]|\.tmp|orbax-checkpoint-tmp|\.(part|partial|incomplete|temp|download)$|~$")
SHARD = re.compile(r"-(\d+)-of-(\d+)\.")
# a word before it, a number, and k or m for thousands or millions
NUMBER = re.compile(r"([a-z]*)([ _=.-]*)(\d+(?:\.\d+)?)([km](?![a-z0-9]))?")
# words before numbers that are not steps: names that differ in such a number belong to different series
OTHERS = {"bf", "consolidated", "exp", "fold", "fp", "gpu", "int", "layer", "rank", "replica", "run", "seed", "shard", "trial", "v"}
OTHERS |= {"bs", "job", "lr", "rep", "sweep", "version", "wd", "worker"}


class Entry(NamedTuple):
    """A checkpoint: a file, or a folder with files or folders of weights in it."""

    path: Path
    kind: Format
    parts: tuple[Path, ...]
    step: int | None = None
    """None if the names have no numbers."""


def entry_of(path: Path) -> Entry | None:
    """The checkpoint at a path; None if it does not look like one. If it cannot be read, its name alone decides."""
    name = path.name.lower()
    if TEMPORARY.search(name) or AUXILIARY.search(name):
        return None
    try:
        if not path.is_dir():
            return None if SHARD.search(name) else _file(path)
        return _folder(path, listed(path))
    except PermissionError:
        return Entry(path, "unreadable", ()) if NUMBER.search(name) else None
    except OSError:  # gone by now
        return None


def _folder(path: Path, inside: Listing) -> Entry | None:
    if arrays := [place for place in (path, *inside.folders) if (place / "_METADATA").is_file()]:
        return Entry(path, "orbax", tuple(arrays[:1] if arrays[0] == path else arrays))
    found = _files(inside.files)
    if not found and NUMBER.search(path.name.lower()):  # such as checkpoint-500/unet
        inner = [child for child in inside.folders if not AVERAGE.search(child.name.lower())]
        found = _files([part for child in inner for part in listed(child).files])
    # if the same weights are there in both formats, use only one
    kind = next((kind for kind in ENDINGS if any(part.kind == kind for part in found)), None)
    return Entry(path, kind, tuple(part.path for part in found if part.kind == kind)) if kind else None


def _files(paths: list[Path]) -> list[Entry]:
    names = {path: path.name.lower() for path in paths}
    beside = [
        path for path, name in names.items() if not (AUXILIARY.search(name) or AVERAGE.search(name) or TEMPORARY.search(name))
    ]
    return [found for path in beside if (found := _file(path)) is not None]


def _file(path: Path) -> Entry | None:
    kind = next((kind for kind, endings in ENDINGS.items() if path.suffix.lower() in endings), None)
    if kind is None or not path.exists():  # a link to nothing
        return None
    if not path.is_file():  # a pipe, which is never opened
        return Entry(path, "unreadable", ())
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


def numbers(name: str) -> list[tuple[str, int | None]]:
    """Each number in a name that may be a step, with the word before it; None for one such as 0.23, which is a loss, and for one too large.

    >>> numbers("epoch=3-step=1k-loss=0.23")
    [('epoch', 3), ('step', 1000), ('loss', None)]
    """
    found = [(word, number, unit) for word, _, number, unit in NUMBER.findall(name.lower()) if word not in OTHERS]
    scale = {"": 1, "k": 1000, "m": 1_000_000}
    return [(word, _whole(number, scale[unit])) for word, number, unit in found]


def _whole(number: str, scale: int) -> int | None:
    """The number that is written, if it can be a step."""
    if "." in number and scale == 1:
        return None
    step = round(float(number) * scale) if "." in number else int(number) * scale
    return step if step < 1 << 63 else None
