"""Reads the norms that a `monitored` Keras optimizer keeps in a saved model: ``.keras``, ``.weights.h5``, or what BackupAndRestore writes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Run
from wcdfa.readers.limits import Deadline, require_room
from wcdfa.readers.recorder_states import damaged, run_of, undamaged
from wcdfa.support.series_names import ALL, COSINE, WEIGHT_NORM

SAVED, WEIGHTS = ".keras", ".weights.h5"
INSIDE = "model.weights.h5"


class Dataset(Protocol):
    """An array in an HDF5 file."""

    shape: tuple[int, ...]
    nbytes: int

    def __getitem__(self, key: object) -> npt.NDArray[np.generic]:
        """The numbers."""


Vars = Mapping[str, Dataset]


def read_keras_state(path: Path) -> Iterator[Run]:
    """Read the last norms of the recorder in the file.

    Raises
    ------
    ValueError
        If the file is damaged, or its optimizer was not monitored.
    """
    import h5py  # type: ignore[import-untyped] # noqa: PLC0415 - keras brings it

    size = path.stat().st_size
    try:
        with h5py.File(_weights(path, size), "r") as file:
            recorders = _recorders(file, Deadline(size))
            if not recorders:
                msg = "it holds no recorded norms: compile the model with optimizer=monitored(...), and save it with its optimizer"
                raise ValueError(msg)
            runs = [_run(path, name if len(recorders) > 1 else "", held, size) for name, held in recorders.items()]
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        msg = f"it is cut off or damaged: {error}"
        raise ValueError(msg) from error
    yield from runs


def _weights(path: Path, size: int) -> Path | io.BytesIO:
    if path.suffix.lower() != SAVED:
        return path
    with zipfile.ZipFile(path) as archive:
        require_room(2 * archive.getinfo(INSIDE).file_size, size, INSIDE)
        return io.BytesIO(archive.read(INSIDE))


def _recorders(file: Mapping[str, object], deadline: Deadline) -> dict[str, Vars]:
    """The variables of each recorder, by the place of its optimizer."""
    found: dict[str, Vars] = {}
    others: list[str] = []

    def look(name: str, part: object) -> None:
        deadline.check()
        if isinstance(part, Mapping) and {"series", "counts"} <= part.keys():
            held = cast("Vars", part)
            shapes = [getattr(held[each], "shape", ()) for each in ("series", "counts")]
            if len(shapes[0]) == 2 and shapes[1] == (2,):
                found[name] = held
            else:
                others.append(f"{name} has a series and counts of shapes {shapes}")

    file.visititems(look)  # type: ignore[attr-defined]  # of h5py, which has no types
    if others and not found:
        raise damaged(others[0])
    return found


def _run(path: Path, name: str, held: Vars, size: int) -> Run:
    with undamaged():
        rows, count = _array(held, "series", size), int(_array(held, "counts", size)[0])
        series = {ALL: rows[0]} | dict(zip(_names(held, size), rows[1:-1], strict=False))
        if "direction" in held and (direction := _array(held, "direction", size)).shape[1:] == rows.shape[1:]:
            series |= dict(zip((COSINE, WEIGHT_NORM), direction, strict=False))
        return run_of(path, series, rows[-1], None, count, name=name)


def _names(held: Vars, size: int) -> list[str]:
    """The groups of parameters and the side series, from the layout that the recorder keeps as text; it may have none of earlier releases."""
    with suppress(KeyError, ValueError, TypeError, AttributeError):
        layout = json.loads(_array(held, "layout", size).astype(np.uint8).tobytes())
        return [*(str(each) for each in layout["members"] if each != ALL), *map(str, layout["side_series"])]
    return []


def _array(held: Vars, name: str, size: int) -> npt.NDArray[np.generic]:
    require_room(2 * held[name].nbytes, size, name)
    return np.asarray(held[name][...])


class _KerasStates(FileReader):
    def claims(self, path: Path) -> bool:
        """Whether Keras gives files such a name."""
        return path.name.lower().endswith((SAVED, WEIGHTS))

    def search(self, folder: Folder) -> Found:
        """Find all files with such a name."""
        return Found([file for file in folder.files if self.claims(file)])


READER = _KerasStates("saved Keras models with recorded norms", (SAVED, WEIGHTS), read_keras_state, extra="keras", last_resort=True)
