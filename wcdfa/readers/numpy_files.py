"""NumPy's own files: one array (.npy), or several by name (.npz)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wcdfa.readers.choice import listed
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.rows import with_steps


def read_numpy(path: Path) -> Iterator[Run]:
    """The 1-D arrays of numbers in an .npz file by name, or the array of an .npy file under the name of the file.

    Arrays of one length are columns of one table, in which one may be the step of each.
    """
    try:
        with path.open("rb") as file, warnings.catch_warnings():  # np.load leaves a damaged file open
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            loaded = np.load(file, allow_pickle=False)
            arrays = {path.stem: loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
    except (PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # what is damaged makes NumPy, zipfile, zlib and lzma raise nearly anything
        msg = f"damaged, or not plain arrays: {error}"
        raise ValueError(msg) from error
    flat = {name: np.squeeze(array) for name, array in arrays.items()}
    found = {name: array for name, array in flat.items() if array.ndim == 1 and array.dtype.kind in "iuf"}
    if not found:
        msg = f"no 1-D array of numbers; it holds: {listed(f'{name} {each.dtype} {each.shape}' for name, each in arrays.items())}"
        raise ValueError(msg)
    columns: dict[str, Column] = {}
    for length in {len(array) for array in found.values()}:
        same = {name: Column(array.astype(np.float64, copy=False)) for name, array in found.items() if len(array) == length}
        columns |= with_steps(same)
    yield Run(path, "", {name: columns[name] for name in found})
