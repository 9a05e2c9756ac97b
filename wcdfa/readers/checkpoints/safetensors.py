"""Reads safetensors files: a JSON header with the position of each tensor, and then the numbers."""

from __future__ import annotations

import json
from pathlib import Path

from wcdfa.readers.checkpoints.tensors import FLOATS, Contents, Stored, in_file, size_of

LARGEST_HEADER = 100_000_000  # bytes, as in the library
KINDS = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16", "C64": "complex64"}
KINDS |= {"F8_E4M3": "float8_e4m3fn", "F8_E4M3FNUZ": "float8_e4m3fnuz"}
KINDS |= {"F8_E5M2": "float8_e5m2", "F8_E5M2FNUZ": "float8_e5m2fnuz"}


def open_safetensors(path: Path) -> Contents:
    """The tensors in a file.

    Raises
    ------
    ValueError, KeyError, TypeError, OSError
        If the file is damaged, or is not as long as its header says.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > LARGEST_HEADER:
            msg = f"its header would be {length} bytes long, but at most {LARGEST_HEADER} are allowed"
            raise ValueError(msg)
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    begin, tensors, end = 8 + length, {}, 0
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        shape, kind = tuple(entry["shape"]), KINDS.get(entry["dtype"], entry["dtype"])
        if kind in FLOATS and not 0 <= start <= stop == start + size_of(shape, kind):
            msg = f"tensor {name} of {kind} and shape {shape} is in bytes {start} to {stop}, which does not fit"
            raise ValueError(msg)
        tensors[name] = in_file(path, begin + start, shape, kind) if kind in FLOATS else Stored(shape, kind)
        end = max(end, stop)
    size = path.stat().st_size
    if size != begin + end:
        msg = f"it is {size} bytes long, but its header says {begin + end}"
        raise ValueError(msg)
    return Contents(tensors)
