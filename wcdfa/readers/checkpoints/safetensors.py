"""Reads safetensors files: a JSON header with the position of each tensor, and then the numbers."""

from __future__ import annotations

from pathlib import Path

from wcdfa.readers.checkpoints.metadata import parsed
from wcdfa.readers.checkpoints.tensors import FLOATS, Contents, Shape, Stored, in_file, size_of, whole_numbers
from wcdfa.readers.limits import Room
from wcdfa.support.text import shown

LARGEST_HEADER = 100_000_000  # bytes, as in the library
LEAF = 512  # bytes of memory for a tensor
KINDS = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16", "C64": "complex64"}
KINDS |= {"F8_E4M3": "float8_e4m3fn", "F8_E4M3FNUZ": "float8_e4m3fnuz"}
KINDS |= {"F8_E5M2": "float8_e5m2", "F8_E5M2FNUZ": "float8_e5m2fnuz"}


def open_safetensors(path: Path, room: Room) -> Contents:
    """The tensors in a file.

    Raises
    ------
    ValueError, OSError
        If the file is damaged, is not as long as its header says, or its header would take too much memory.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        most = min(LARGEST_HEADER, size - 8)
        if length > most:
            msg = f"its header would be {length} bytes long, but at most {most} are possible"
            raise ValueError(msg)
        header = parsed(file.read(length), room, "its header", strict=True)
    header.pop("__metadata__", None)
    room.take(LEAF * len(header), "its tensors")
    begin, tensors, end = 8 + length, {}, 0
    for start, stop, name, shape, kind in sorted(_placed(name, entry) for name, entry in header.items()):
        if start < end:
            msg = f"tensor {shown(name)} begins at byte {start}, inside another, which ends at byte {end}"
            raise ValueError(msg)
        tensors[name] = in_file(path, begin + start, shape, kind) if kind in FLOATS else Stored(shape, kind)
        end = stop
    if size != begin + end:
        msg = f"it is {size} bytes long, but its header says {begin + end}"
        raise ValueError(msg)
    return Contents(tensors)


def _placed(name: str, entry: object) -> tuple[int, int, str, Shape, str]:
    """Where a tensor begins and ends, its name, its shape and its kind of numbers."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys() or not isinstance(entry["dtype"], str):
        msg = f"tensor {shown(name)} has no dtype, shape or data_offsets"
        raise ValueError(msg)
    try:
        shape, offsets = whole_numbers(entry["shape"], "shape"), whole_numbers(entry["data_offsets"], "list of offsets")
    except ValueError as error:
        msg = f"tensor {shown(name)}: {error}"
        raise ValueError(msg) from error
    kind = KINDS.get(entry["dtype"], entry["dtype"])
    if len(offsets) != 2 or not offsets[0] <= offsets[1] or (kind in FLOATS and offsets[1] - offsets[0] != size_of(shape, kind)):
        msg = f"tensor {shown(name)} of {shown(kind)} and shape {shape} is in bytes {offsets}, which does not fit"
        raise ValueError(msg)
    return (*offsets, name, shape, kind)
