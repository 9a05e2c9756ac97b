"""Finds the tensors in the pickle of a file of ``torch.save``, without torch."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import cast

import numpy as np

from wcdfa.readers.checkpoints.safe_pickle import Opaque, SafeUnpickler
from wcdfa.readers.checkpoints.tensors import (
    FLOATS,
    Numbers,
    Scratch,
    Shape,
    Stored,
    in_file,
    raw_numbers,
    size_of,
    whole_numbers,
    widened,
)
from wcdfa.readers.checkpoints.torch_zip import Storage, TorchZip
from wcdfa.readers.limits import Room

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
TENSOR = 800  # bytes of memory for a tensor
Typed = tuple[Storage, str]  # with the dtype of its numbers


class TorchPickle(SafeUnpickler):
    """Reads the pickle of an archive. Tensors become `Stored`; anything else but lists, tuples, dicts and numbers stays an `Opaque`."""

    def __init__(self, archive: TorchZip, room: Room) -> None:
        if "constants.pkl" in archive:
            msg = "it is a TorchScript program: save the state_dict() of the model instead"
            raise ValueError(msg)
        super().__init__(archive.read("data.pkl"), room)
        self._archive = archive
        self._order = ">" if "byteorder" in archive and archive.read("byteorder") == b"big" else "<"
        self._rebuilding: dict[str, Callable[..., object]] = {
            "_rebuild_tensor": self._tensor,
            "_rebuild_tensor_v2": lambda *args: self._tensor(*args[:4], metadata=args[6] if len(args) > 6 else None),
            "_rebuild_tensor_v3": lambda *args: self._tensor(
                *args[:4], kind=_dtype(args[6]), metadata=args[7] if len(args) > 7 else None
            ),
            "_rebuild_parameter": lambda tensor, *_: tensor,
            "_rebuild_parameter_with_state": lambda tensor, *_: tensor,
            "_rebuild_from_type_v2": lambda rebuild, _, args, __: self.called(rebuild, args),
        }

    def find_class(self, module: str, name: str) -> object:
        """Give the functions that make tensors, or a stand-in."""
        known = self._rebuilding.get(name) if module in ("torch._utils", "torch._tensor") else None
        return known or super().find_class(module, name)

    def persistent_load(self, pid: object) -> Typed:
        """Find the numbers of a storage in the file."""
        _, storage, key, _, _ = cast("tuple[object, ...]", pid)
        if not isinstance(storage, Opaque) or not isinstance(key, str):
            msg = f"a storage is of {type(storage).__name__} and named by {type(key).__name__}"
            raise ValueError(msg)  # noqa: TRY004 - the type is wrong in a file, not in an argument
        name = storage.what.rpartition(".")[2]
        return self._archive.storage(key), STORAGES.get(name, name)

    def _tensor(
        self, storage: object, start: object, shape: object, stride: object, *_: object, kind: str = "", metadata: object = None
    ) -> Stored:
        self.room.take(TENSOR, "its tensors")
        held, own = cast("Typed", storage)
        kind, shape, stride = kind or own, whole_numbers(shape, "shape"), whole_numbers(stride, "stride")
        (begin,) = whole_numbers((start,), "offset")
        place = (self._archive.path, held.key, begin, shape, stride)
        if metadata:  # it marks tensors that are still to be conjugated or negated
            return Stored(shape, f"conjugated or negated {kind}", place=place)
        if kind not in FLOATS or not prod(shape):
            return Stored(shape, kind, place=place)
        span = 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
        if span < prod(shape):
            expanded = any(step == 0 and size > 1 for size, step in zip(shape, stride, strict=True))
            return Stored(shape, f"{'expanded' if expanded else 'overlapping'} {kind}", place=place)
        if (begin + span) * size_of((), kind) > held.size:
            msg = f"a tensor of {kind} and shape {shape} is beyond the end of its storage {held.key}"
            raise ValueError(msg)
        offset = held.offset + begin * size_of((), kind)
        if [step for size, step in zip(shape, stride, strict=True) if size > 1] == stride_of(shape):
            return in_file(self._archive.path, offset, shape, kind, self._order)._replace(place=place)
        return self._strided(offset, shape, stride, span, kind)._replace(place=place)

    def _strided(self, offset: int, shape: Shape, stride: Shape, span: int, kind: str) -> Stored:
        """A tensor such as a transposed one, which is read whole and then put in order."""
        raw = raw_numbers(self._archive.path, offset, kind, self._order)

        def read(start: int, stop: int, scratch: Scratch) -> Numbers:
            whole = raw(0, span, scratch)
            strides = tuple(step * whole.itemsize for step in stride)
            view = np.lib.stride_tricks.as_strided(whole, shape, strides, writeable=False)
            return widened(view.reshape(-1)[start:stop], kind)

        return Stored(shape, kind, read, unit=prod(shape))


def _dtype(dtype: object) -> str:
    if not isinstance(dtype, Opaque):
        msg = f"the dtype of a tensor is {type(dtype).__name__}"
        raise ValueError(msg)  # noqa: TRY004 - the type is wrong in a file, not in an argument
    return dtype.what.removeprefix("torch.")


def stride_of(shape: Shape) -> list[int]:
    """The strides of a contiguous tensor, for its axes longer than 1.

    >>> stride_of((2, 1, 3))
    [3, 1]
    """
    return [prod(shape[i + 1 :]) for i, size in enumerate(shape) if size > 1]
