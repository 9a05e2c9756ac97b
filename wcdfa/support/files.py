"""Replaces files completely or not at all, and finds the folder for results that are kept for the next run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from wcdfa.support.temporary_files import WINDOWS, create, sweep

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` when it is closed. If writing fails or the process is killed, the old file stays unchanged.

    A killed process leaves a temporary file, which the next one that replaces a file in the same folder removes. A device or a pipe, such as
    ``/dev/null``, is written to, and never replaced.
    """
    path = os.fspath(path)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        with open(path, "wb") as special:
            yield special
        return
    folder = os.path.dirname(os.path.abspath(path))
    sweep(folder)
    file = create(folder)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not WINDOWS:  # as long as it is open, no other process takes it for a file that was left
                os.replace(file.name, path)
        if WINDOWS:  # which renames no file that is open
            os.replace(file.name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file.name)
        raise


def cache_folder() -> Path | None:
    """The folder for computed tables: ``WCDFA_CACHE_DIR``, or that of the user if platformdirs is installed; else None.

    None also if there is no home, or what is named is no folder: tables are then kept in memory.
    """
    folder = os.environ.get("WCDFA_CACHE_DIR") or None
    if folder is None:
        with contextlib.suppress(ModuleNotFoundError, RuntimeError):  # a user of a container may have no home
            from platformdirs import user_cache_dir  # noqa: PLC0415

            folder = user_cache_dir("wcdfa")
    if folder is None:
        return None
    place = os.path.expanduser(folder)
    if place.startswith("~"):  # as earlier releases of platformdirs leave it without a home
        return None
    if os.path.exists(place) and not os.path.isdir(place):
        _warn_of_no_folder(place)
        return None
    return Path(place)


@lru_cache(maxsize=1)
def _warn_of_no_folder(place: str) -> None:
    """Say it once."""
    import logging  # noqa: PLC0415 - importing wcdfa would pay for it

    message = (
        "%s is to keep computed tables and is not a folder, so each process computes them again; name a folder with WCDFA_CACHE_DIR"
    )
    logging.getLogger("wcdfa").warning(message, place)


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write arrays completely or not at all, because several processes may compute the same ones."""
    import numpy as np  # noqa: PLC0415 - most callers of this module write no arrays

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
