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
        return _loaded(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # on damaged files, NumPy, zipfile and zlib raise nearly anything
        why = "it holds no arrays" if "pickle" in str(error) else shown(error)  # NumPy advises to allow pickle, which is not safe
        msg = f"{os.fspath(path)} was not written by save(), or it is damaged ({why}); start over without it"
        raise ValueError(msg) from error


def _loaded(path: str | os.PathLike[str]) -> dict[str, object]:
    """The arrays in a file, unless they or their list would swell far beyond its size."""
    from wcdfa.readers.limits import Room  # noqa: PLC0415 - a monitor that loads nothing needs no readers
    from wcdfa.readers.zip_lists import ListedFile  # noqa: PLC0415

    room = Room(os.stat(path).st_size)
    with ListedFile(path, room) as raw:  # np.load leaves a damaged file open
        with raw.counted():
            opened = np.load(raw, allow_pickle=False)
        with opened as file:
            held = file.zip.infolist()
            room.take(sum(member.file_size for member in held), "what it holds")
            _require_plain(held)
            return dict(file)


def _require_plain(members: Iterable[ZipInfo]) -> None:
    if odd := next((member for member in members if member.compress_type not in PLAIN), None):
        msg = f"{shown(odd.filename)} is packed in another way than save() does"
        raise ValueError(msg)
