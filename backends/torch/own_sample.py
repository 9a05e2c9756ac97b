"""Finds the numbers of the sample that this process holds, of whole and of sharded parameters, by their place in the whole tensor."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from wcdfa.backends.torch.norms import is_sharded, local

Integers: TypeAlias = "npt.NDArray[np.int64]"


class Own(NamedTuple):
    """The numbers of one parameter's sample that this process holds."""

    places: slice | torch.Tensor
    """Where they are in the row of this process's numbers."""
    numbers: range | Integers
    """Which numbers of the parameter's sample they are, ascending."""

    @property
    def within(self) -> slice | torch.Tensor:
        """Where they are in the parameter's sample."""
        numbers = self.numbers
        return slice(numbers.start, numbers.stop) if isinstance(numbers, range) else torch.from_numpy(numbers)


def own_sample(tensor: torch.Tensor, first: int, every: int) -> Own:
    """Find them, if the sample is every `every`-th number of the whole tensor from the first on.

    >>> own_sample(torch.zeros(5, 4), first=2, every=7)
    Own(places=slice(2, 20, 7), numbers=range(0, 3))
    """
    real, part = 2 if tensor.is_complex() else 1, local(tensor)
    size = part.numel() * real
    if not is_sharded(tensor):
        return _of_row(0, size, first, every, part.device)
    held = _indices(tensor)
    if tuple(map(len, held)) != tuple(part.shape):
        logging.getLogger("wcdfa").warning(
            "it is not known which numbers of a tensor of shape %s, placed as %s, this process holds: the direction of the weight "
            "change is recorded without them",
            tuple(tensor.shape),
            tensor.placements,
        )
        return _of_row(0, 0, first, every, part.device)
    if size and part.is_contiguous() and _are_rows(held, tensor.shape):
        return _of_row(int(held[0][0]) * size // len(held[0]) if held else 0, size, first, every, part.device)
    return _of_block(held, tuple(tensor.shape), part, real, first, every)


def _of_row(begin: int, size: int, first: int, every: int, device: torch.device) -> Own:
    """Of a part that is a row of numbers, from number `begin` of the tensor on."""
    numbers = range(max(0, -(-(begin - first) // every)), max(0, -(-(begin + size - first) // every)))
    if every == 1 or not numbers:
        return Own(slice(0, len(numbers)), numbers)
    return Own(slice(first + every * numbers.start - begin, size, every), numbers)


def _of_block(held: Sequence[Integers], shape: tuple[int, ...], part: torch.Tensor, real: int, first: int, every: int) -> Own:
    """Of a part that has some indices of each dimension."""
    sample = np.arange(first, math.prod(shape) * real, every)
    element, half = np.divmod(sample, real)
    here = np.ones(len(sample), dtype=bool)
    place = half
    for indices, length, index, stride in zip(held, shape, np.unravel_index(element, shape), _strides(part), strict=True):
        own = np.full(length, -1)
        own[indices] = np.arange(len(indices))
        here &= own[index] >= 0
        place = place + own[index] * stride * real
    return Own(torch.from_numpy(place[here]).to(part.device), np.flatnonzero(here))


def _strides(part: torch.Tensor) -> Sequence[int]:
    """The distance of neighbours in each dimension in the row that `flat` makes of the part."""
    order = sorted(range(part.dim()), key=lambda i: part.stride(i), reverse=True)
    return part.stride() if part.permute(order).is_contiguous() else torch.empty(part.shape, device="meta").stride()


def _are_rows(held: Sequence[Integers], shape: Sequence[int]) -> bool:
    """Whether the indices are those of neighbouring rows, each of them whole."""
    whole = all(len(indices) == length for indices, length in zip(held[1:], shape[1:], strict=True))
    return whole and (not held or bool((np.diff(held[0]) == 1).all()))


def _indices(tensor: torch.Tensor) -> list[Integers]:
    """The indices of each dimension of a DTensor that this process holds.

    A dimension is cut like ``torch.chunk``; strided sharding, as of FSDP2 over tensor parallelism, cuts each of `split_factor` chunks.
    """
    assert is_sharded(tensor)
    held = [np.arange(length) for length in tensor.shape]
    coordinate = tensor.device_mesh.get_coordinate()
    for i, placement in enumerate(tensor.placements):
        dim = getattr(placement, "dim", None)
        if dim is None:
            continue
        if coordinate is None:  # not in the mesh
            held[dim] = held[dim][:0]
            continue
        parts = _chunks(held[dim], getattr(placement, "split_factor", 1))
        held[dim] = np.concatenate([_chunks(each, tensor.device_mesh.size(i))[coordinate[i]] for each in parts])
    return held


def _chunks(indices: Integers, count: int) -> list[Integers]:
    """Cut into this many chunks, of which the last are shorter or empty."""
    size = -(-len(indices) // count)
    return [indices[i * size : (i + 1) * size] for i in range(count)]
