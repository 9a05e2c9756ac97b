"""Reads the pickle in a file of ``torch.save`` safely: stand-ins replace every class and function that it names, so no code runs.

The stand-ins do nothing. Anything but a plain tensor stays an `Opaque`.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wcdfa.readers.checkpoints.tensors import FLOATS, Numbers, Scratch, Stored, in_file, size_of

STORAGES = {
    "HalfStorage": "float16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "BFloat16Storage": "bfloat16",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


class Storage(NamedTuple):
    """A block of numbers in a file."""

    key: str
    kind: str
    offset: int
    size: int  # bytes


class Opaque:
    """Stands in for an object of any class: it accepts everything that pickle gives it, and does nothing."""

    what = "object"

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, *_: object) -> None: ...

    append = extend = add = __setitem__ = __setstate__


class TorchPickle(pickle.Unpickler):
    """Reads the pickle of an archive with stand-ins for all classes and functions."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        name = min((name for name in archive.namelist() if name.endswith("data.pkl")), key=len)
        super().__init__(io.BytesIO(archive.read(name)))
        self._path, self._archive, self._folder = path, archive, name.removesuffix("data.pkl")
        if self._folder + "constants.pkl" in archive.namelist():
            msg = "it is a TorchScript program: save the state_dict() of the model instead"
            raise ValueError(msg)
        order = self._folder + "byteorder"
        self._order = ">" if order in archive.namelist() and archive.read(order) == b"big" else "<"

    def find_class(self, module: str, name: str) -> object:
        """Make a new stand-in, so that no pickle can change it for another file. Only dicts are real."""
        if (module, name) in (("collections", "OrderedDict"), ("collections", "defaultdict")):
            return OrderedDict if name == "OrderedDict" else lambda *_: OrderedDict()
        if module in ("torch._utils", "torch._tensor"):
            stands = {
                "_rebuild_tensor": lambda *args: self._tensor(*args),
                "_rebuild_tensor_v2": lambda *args: self._tensor(*args[:4], metadata=args[6] if len(args) > 6 else None),
                "_rebuild_tensor_v3": lambda *args: self._tensor(
                    *args[:4], kind=args[6].what.removeprefix("torch."), metadata=args[7] if len(args) > 7 else None
                ),
                "_rebuild_parameter": lambda tensor, *_: tensor,
                "_rebuild_parameter_with_state": lambda tensor, *_: tensor,
                "_rebuild_from_type_v2": lambda rebuild, _, args, __: rebuild(*args),
            }
            if name in stands:
                return stands[name]
        return type("Opaque", (Opaque,), {"what": f"{module}.{name}"})

    def persistent_load(self, pid: tuple[str, type[Opaque], str, object, object]) -> Storage:
        """Find the numbers of a storage in the file."""
        _, storage, key, _, _ = pid
        name = storage.what.rpartition(".")[2]
        kind = STORAGES.get(name, name)
        info = self._archive.getinfo(f"{self._folder}data/{key}")
        if info.compress_type != zipfile.ZIP_STORED:
            msg = f"storage {key} is compressed, which torch.save never does"
            raise ValueError(msg)
        with self._path.open("rb") as file:
            file.seek(info.header_offset + 26)
            offset = info.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))  # after its name and padding
        if offset + info.file_size > self._path.stat().st_size:
            msg = f"storage {key} is beyond the end of the file"
            raise ValueError(msg)
        return Storage(key, kind, offset, info.file_size)

    def _tensor(
        self,
        storage: Storage,
        start: int,
        shape: Sequence[int],
        stride: Sequence[int],
        *_: object,
        kind: str = "",
        metadata: object = None,
    ) -> Stored:
        kind, shape, stride = kind or storage.kind, tuple(shape), tuple(stride)
        place = (self._path, storage.key, start, shape, stride)
        if kind not in FLOATS or metadata or not prod(shape):  # metadata mark tensors that are still to be conjugated or negated
            return Stored(shape, f"conjugated or negated {kind}" if metadata else kind, place=place)
        steps = [step for size, step in zip(shape, stride, strict=True) if size > 1]
        if 0 in steps:
            return Stored(shape, f"expanded {kind}", place=place)
        width = size_of((), kind)
        span = 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        if min((start, *shape, *stride)) < 0 or (start + span) * width > storage.size:
            msg = f"a tensor of {kind} and shape {shape} is beyond the end of its storage {storage.key}"
            raise ValueError(msg)
        flat = in_file(self._path, storage.offset + start * width, (span,), kind, self._order)
        if steps == stride_of(shape):
            return flat._replace(shape=shape, place=place)

        def read(start: int, stop: int, scratch: Scratch) -> Numbers:
            whole = flat.read(0, span, scratch)
            strides = tuple(step * whole.itemsize for step in stride)
            return np.lib.stride_tricks.as_strided(whole, shape, strides, writeable=False).reshape(-1)[start:stop]

        return Stored(shape, kind, read, unit=prod(shape), place=place)


def stride_of(shape: tuple[int, ...]) -> list[int]:
    """The strides of a contiguous tensor, for its axes longer than 1.

    >>> stride_of((2, 1, 3))
    [3, 1]
    """
    return [prod(shape[i + 1 :]) for i, size in enumerate(shape) if size > 1]
