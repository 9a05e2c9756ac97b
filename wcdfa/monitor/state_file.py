"""Saves the state of a monitor to a file: npz without pickle, written completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.support.files import replacing
from wcdfa.support.text import shown

if TYPE_CHECKING:
    from zipfile import ZipInfo

PLAIN = (0, 8)  # members as they are, or deflated


def write(path: str | os.PathLike[str], state: Mapping[str, object]) -> None:
    """Write a state to an npz file. An earlier file stays until the new one is complete."""
    with replacing(path) as file:
        np.savez(file, **state)  # type: ignore[arg-type]  # np.asarray takes every value, and none is called allow_pickle


def load(path: str | os.PathLike[str]) -> dict[str, object]:
    """Read the state that `write` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If `write` did not write it, or it is damaged.
    """
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:  # np.load leaves a damaged file open
            _require_room(file.zip.infolist(), os.fstat(raw.fileno()).st_size)
            return dict(file)
    except FileNotFoundError:
        raise
    except Exception as error:  # on damaged files, NumPy, zipfile and zlib raise nearly anything
        why = "it holds no arrays" if "pickle" in str(error) else shown(error)  # NumPy advises to allow pickle, which is not safe
        msg = f"{os.fspath(path)} was not written by save(), or it is damaged ({why}); start over without it"
        raise ValueError(msg) from error


def _require_room(members: Iterable[ZipInfo], size: int) -> None:
    """Raise a ValueError if the arrays would swell far beyond the size of the file."""
    from wcdfa.readers.limits import require_room  # noqa: PLC0415 - a monitor that loads nothing needs no readers

    held = list(members)
    require_room(sum(member.file_size for member in held), size, "what it holds")
    if odd := next((member for member in held if member.compress_type not in PLAIN), None):
        msg = f"{shown(odd.filename)} is packed in another way than save() does"
        raise ValueError(msg)
