"""Reads orbax folders: the tree is in ``_METADATA``, and tensorstore reads the arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.checkpoints.tensors import FLOATS, Contents, Numbers, Scratch, Stored, weights, widened

if TYPE_CHECKING:
    import tensorstore


def open_orbax(path: Path) -> Contents:
    """The weights in a folder that holds ``_METADATA``.

    Raises
    ------
    ModuleNotFoundError
        If tensorstore, which comes with orbax, is not installed.
    ValueError, KeyError, TypeError, OSError
        If the folder is damaged.
    """
    import tensorstore  # noqa: PLC0415 - of the extra "orbax"

    told = json.loads((path / "_METADATA").read_text(encoding="utf-8"))
    folder = {"driver": "file", "path": f"{path.resolve()}/"}
    # older versions do not write arrays of zeros
    options = {"fill_missing_data_reads": not told.get("store_array_data_equal_to_fill_value", False)}
    opening, leaves = {}, {}
    for entry in told["tree_metadata"].values():
        keys = tuple(str(key["key"]) for key in entry["key_metadata"])
        value = entry["value_metadata"]
        if value["skip_deserialize"]:
            continue
        if value["value_type"] in ("scalar", "string"):
            leaves[keys] = Stored((), f"Python {value['value_type']}")
            continue
        name = ".".join(keys) + "/"
        store: Mapping[str, object] = {"driver": "ocdbt", "base": folder, "path": name}
        if not told.get("use_ocdbt", True):
            store = folder | {"path": folder["path"] + name}
        driver = "zarr3" if told.get("use_zarr3") else "zarr"
        opening[keys] = tensorstore.open({"driver": driver, "kvstore": store, **options}, open=True, read=True)
    return weights(leaves | {keys: _stored(future.result()) for keys, future in opening.items()})


def _stored(array: tensorstore.TensorStore) -> Stored:
    shape, kind = tuple(map(int, array.shape)), array.dtype.name
    row = prod(shape[1:])

    def read(start: int, stop: int, _: Scratch) -> Numbers:
        raw = (array[start // row : -(-stop // row)] if shape else array).read().result().reshape(-1)
        return widened(raw.view(FLOATS[kind]), kind)

    chunk = array.chunk_layout.read_chunk.shape
    together = (chunk[0] or 1) if shape and chunk else 1
    return Stored(shape, kind, read, unit=max(1, row * together))
