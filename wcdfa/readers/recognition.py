"""Tells from the beginning of a file of which kind it is: its name may say nothing, or something else."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from wcdfa.readers.base import Reader

HEAD = 1 << 16  # bytes that are looked at
POINTER = b"version https://git-lfs.github.com/spec/v1"
FETCH = "a Git LFS pointer, which stands for a file that is not here: fetch it with git lfs pull"
UNSURE = (".json", ".txt", ".log", ".out", ".dat", "")  # endings of logs, and of many other files
TRAINING = re.compile(rb"(?i)(step|iter|iters|iteration|epoch|loss|norm|lr)[]\"' ]*[]:=|,;\s]|^\s*\[\s*\[")
SIZE = 1024  # most bytes in a pointer


def head_of(path: Path) -> bytes:
    """The first 64 KiB of a file; less only if the file is shorter."""
    with path.open("rb") as file:
        return file.read(HEAD)


def is_pointer(head: bytes) -> bool:
    r"""Whether a file that begins so is a pointer of Git LFS, which stands for a large file.

    >>> is_pointer(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n")
    True
    """
    return head.startswith(POINTER)


def has_pointer(path: Path) -> bool:
    """Whether a log, which is a file or the files in a folder, is a pointer of Git LFS, or one of its files is."""
    try:
        files = path.iterdir() if path.is_dir() else [path]
        return any(each.is_file() and each.stat().st_size <= SIZE and is_pointer(head_of(each)) for each in files)
    except OSError:
        return False


def reader_of(path: Path, head: bytes, known: Sequence[Reader]) -> Reader | None:
    """The reader of a file that the user named and that begins so: one that claims its name, unless only another one is sure of it.

    A reader that checks the full name comes before one that checks the ending. Returns None if no reader is found.
    """
    claiming = [reader for reader in known if reader.claims(path)]
    sure = [
        reader for reader in _sure(head, known) if reader in claiming or not (claiming and reader.last_resort)
    ]  # lines of text fit into other kinds too
    both = [reader for reader in claiming if reader in sure or reader.recognises is None]  # which tells by the place of the file
    return min(both or sure or claiming, key=lambda reader: path.suffix.lower() in reader.endings, default=None)


def recognised(files: Iterable[Path], known: Iterable[Reader]) -> list[tuple[Path, Reader]]:
    """The files with endings that tell nothing that are surely logs, each with its reader. Text must name something of a training, or be points."""
    sharp = [reader for reader in known if reader.recognises is not None]
    found = []
    for file in files if sharp else ():
        if file.suffix.lower() in UNSURE:
            try:
                head = head_of(file)
            except OSError:  # it is gone, or may not be read
                continue
            sure = _sure(head, sharp) if b"\0" in head or TRAINING.search(head) else iter(())
            found += [(file, reader) for reader in itertools.islice(sure, 1)]
    return found


def _sure(head: bytes, known: Iterable[Reader]) -> Iterator[Reader]:
    return (reader for reader in known if reader.recognises is not None and reader.recognises(head))
