"""A file with the state of a monitor: npz without pickle, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from wcdfa.support.files import replacing


def write(path: str | os.PathLike[str], state: Mapping[str, object]) -> None:
    """Write a state to an npz file; the file that was there stays until the new one is whole."""
    with replacing(path) as file:
        np.savez(file, **state)  # type: ignore[arg-type]  # every value is one for np.asarray, and none is called allow_pickle


def load(path: str | os.PathLike[str]) -> dict[str, object]:
    """The state that `write` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If `write` did not write it, or it is damaged.
    """
    import zipfile  # noqa: PLC0415 - 5 ms that importing wcdfa would cost

    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:  # np.load leaves a damaged file open
            return dict(file)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        msg = f"{os.fspath(path)} is no file that save() wrote, or a damaged one ({error}); begin anew without it"
        raise ValueError(msg) from error
