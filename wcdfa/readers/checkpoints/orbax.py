"""Reads orbax folders: the tree is in ``_METADATA``, and tensorstore reads the arrays."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from wcdfa.readers.checkpoints.metadata import read_json
from wcdfa.readers.checkpoints.tensors import (
    FLOATS,
    Contents,
    Numbers,
    Scratch,
    Stored,
    size_of,
    weights,
    whole_numbers,
    widened,
)
from wcdfa.readers.limits import Deadline, Room, require_room
from wcdfa.support.text import shown

if TYPE_CHECKING:
    import tensorstore

Metadata = dict[str, Any]
ARRAY = 1 << 14  # bytes of memory for an open array
COPIES = 4  # of a chunk, while it is read


def open_orbax(path: Path, room: Room) -> Contents:
    """The weights in a folder that holds ``_METADATA``.

    Raises
    ------
    ModuleNotFoundError
        If tensorstore, which comes with orbax, is not installed.
    ValueError, KeyError, TypeError, OSError
        If the folder is damaged.
    """
    import tensorstore  # noqa: PLC0415 - of the extra "orbax"

    told = read_json(path / "_METADATA", room)
    folder = {"driver": "file", "path": f"{path.resolve()}/"}
    # older versions do not write arrays of zeros
    options = {"fill_missing_data_reads": not told.get("store_array_data_equal_to_fill_value", False)}
    opening, leaves = {}, {}
    for entry in cast("Metadata", told["tree_metadata"]).values():
        keys = tuple(str(key["key"]) for key in entry["key_metadata"])
        value = entry["value_metadata"]
        if value["skip_deserialize"]:
            continue
        if value["value_type"] in ("scalar", "string"):
            leaves[keys] = Stored((), f"Python {value['value_type']}")
            continue
        room.take(ARRAY, "its arrays")
        name = _inside(".".join(keys)) + "/"
        store: Mapping[str, object] = {"driver": "ocdbt", "base": folder, "path": name}
        if not told.get("use_ocdbt", True):
            store = folder | {"path": folder["path"] + name}
        driver = "zarr3" if told.get("use_zarr3") else "zarr"
        opening[keys] = tensorstore.open({"driver": driver, "kvstore": store, **options}, open=True, read=True)
    seconds = Deadline(room.size).seconds
    return weights(leaves | {keys: _stored(future.result(timeout=seconds), room.size) for keys, future in opening.items()})


def _inside(name: str) -> str:
    """The name of an array, if it does not lead out of the folder."""
    if ".." in name.replace("\\", "/").split("/"):
        msg = f"the name {shown(name)} of an array leads out of the folder"
        raise ValueError(msg)
    return name


def _stored(array: tensorstore.TensorStore, size: int) -> Stored:
    """A tensor in a folder of this size. It is read in rows of chunks, because a chunk is read as a whole."""
    shape, kind = whole_numbers(list(map(int, array.shape)), "shape"), array.dtype.name
    if kind not in FLOATS:
        return Stored(shape, kind)
    row, chunk = prod(shape[1:]), tuple(part or 1 for part in array.chunk_layout.read_chunk.shape or shape)
    together = max(1, row * (chunk[0] if shape else 1))
    largest = max(min(together, prod(shape)), prod(chunk) if prod(shape) else 1)
    require_room(COPIES * size_of((largest,), kind), size, "a chunk of an array")
    seconds = Deadline(size).seconds

    def read(start: int, stop: int, _: Scratch) -> Numbers:
        raw = (array[start // row : -(-stop // row)] if shape else array).read().result(timeout=seconds).reshape(-1)
        return widened(raw.view(FLOATS[kind]), kind)

    pieces = prod(-(-length // part) for length, part in zip(shape, chunk, strict=True))
    return Stored(shape, kind, read, unit=together, pieces=pieces)
