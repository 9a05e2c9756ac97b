"""Tells by its name whether a file in an archive or an object store may be a log, so that only such are copied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wcdfa.readers.base import Reader
from wcdfa.readers.formats.decompressing import KINDS
from wcdfa.readers.formats.mlruns import is_part
from wcdfa.readers.formats.trainer_state import STATE
from wcdfa.readers.recognition import UNSURE


def may_be_log(path: Path, known: Sequence[Reader]) -> bool:
    """Whether one of the readers might read a file of this name, or needs its beginning to tell; hidden files are none.

    >>> from wcdfa.readers.formats import readers
    >>> [may_be_log(Path(name), readers()) for name in ("a/run.csv", "log.txt.gz", "model.bin", ".git/run.csv", "mlruns/1/ab/metrics/loss")]
    [True, True, False, False, True]
    """
    if any(part.startswith((".", "__MACOSX")) for part in path.parts):
        return False
    plain = path.with_suffix("") if path.suffix.lower() in KINDS else path
    return plain.suffix.lower() in UNSURE or is_part(path) or any(reader.claims(plain) for reader in known)


def is_named_as_log(path: Path, known: Sequence[Reader]) -> bool:
    """Whether the name alone tells that a file is a log; folders of checkpoints do not count."""
    if path.suffix and path.suffix.lower() in UNSURE:
        return path.name == STATE  # the one that tells
    return any(reader.claims(path) for reader in known if not reader.last_resort)
