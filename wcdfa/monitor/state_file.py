"""Saves the state of a monitor to a file: npz without pickle, written completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from wcdfa.support.files import replacing


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
    import zipfile  # noqa: PLC0415 - 5 ms that importing wcdfa would cost

    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:  # np.load leaves a damaged file open
            return dict(file)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        why = "it holds no arrays" if "pickle" in str(error) else error  # NumPy advises to allow pickle, which is not safe
        msg = f"{os.fspath(path)} was not written by save(), or it is damaged ({why}); start over without it"
        raise ValueError(msg) from error
