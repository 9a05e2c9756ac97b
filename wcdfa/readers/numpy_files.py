"""NumPy's own files: one array (.npy), or several by name (.npz)."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np


def read_numpy(path: Path) -> dict[str, Any]:
    """The 1-D arrays of numbers in an .npz file by name, or the array of an .npy file under the name of the file."""
    try:
        with path.open("rb") as file:  # np.load leaves a damaged file open
            loaded = np.load(file, allow_pickle=False)
            arrays = {path.stem: loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (ValueError, zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        msg = f"{path}: damaged, or not plain arrays: {error}"
        raise ValueError(msg) from error
    flat = {name: np.squeeze(array) for name, array in arrays.items()}
    found = {name: array for name, array in flat.items() if array.ndim == 1 and array.dtype.kind in "iuf"}
    if not found:
        shapes = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
        msg = f"{path}: no 1-D array of numbers; it holds: {shapes or 'nothing'}"
        raise ValueError(msg)
    return found
