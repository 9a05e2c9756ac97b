"""Measures the gradients that optimizers use for a step, completely or in the same sample as the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from operator import attrgetter
from typing import TypeAlias, cast

import torch

from wcdfa.backends.torch.norms import ProcessGroups, added, flat, local, pieces, widened
from wcdfa.backends.torch.packs import PACK
from wcdfa.backends.torch.parts import Part, kind_of
from wcdfa.backends.torch.squares import TOGETHER_BELOW, square_sum, square_sums, squares_of_rows

Squares: TypeAlias = "dict[ProcessGroups, torch.Tensor]"
"""Σ|g|² over the parameters of each kind of sharding."""
Row: TypeAlias = "tuple[ProcessGroups, int, torch.Tensor]"
"""How numbers are sharded, how many each stands for, and the numbers of this process."""

GRADIENT = cast("Callable[[torch.Tensor], torch.Tensor]", attrgetter("grad"))  # or None, which is looked at
IS_SPARSE = cast("Callable[[torch.Tensor], bool]", attrgetter("is_sparse"))


class Gradients:
    """Σ|g|² of a round: the sum over the optimizers that have taken a step in it."""

    def __init__(self) -> None:
        self._parts: dict[int, list[Part]] = {}
        self._plain: dict[int, PlainGradients] = {}
        self._squares: Squares = {}

    def follow(self, parts: Mapping[int, list[Part]]) -> None:
        """Measure the gradients of these parts from now on, by the id of their optimizer."""
        self._parts = dict(parts)
        self._plain = {key: PlainGradients(own) for key, own in parts.items() if _are_plain(own)}

    def measure(self, optimizer: torch.optim.Optimizer) -> None:
        """Add the gradients that an optimizer holds now. Nothing is read from the device."""
        scale = getattr(optimizer, "grad_scale", None)  # a GradScaler leaves it to fused optimizers to divide by it
        with torch.inference_mode(False), torch.no_grad():
            plain = self._plain.get(id(optimizer))
            square = None if plain is None else plain.square()
            found = squares_of(self._parts.get(id(optimizer), ())) if square is None else {(): square}
            for block, square in found.items():
                unscaled = square if scale is None else square / scale.to(square.device, square.dtype).square()
                before = self._squares.get(block)
                self._squares[block] = unscaled if before is None else before + unscaled.to(before.device)

    def taken(self) -> Squares:
        """Σ|g|² of the round, which is over."""
        found, self._squares = self._squares, {}
        return found


class PlainGradients:
    """Σ|g|² of parts that are whole, on one device and of one dtype, if each of them has a plain gradient."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._tensors = [part.tensor for part in parts]
        on_cpu = parts[0].kind.device.type == "cpu"
        sizes = [part.old.numel() for part in parts]
        self._large = [i for i, size in enumerate(sizes) if on_cpu and size >= TOGETHER_BELOW]
        small = [i for i in range(len(parts)) if not (on_cpu and sizes[i] >= TOGETHER_BELOW)]
        ends = dict(zip(small, accumulate(sizes[i] for i in small), strict=True))
        self._small = [list(same) for _, same in groupby(small, lambda i: ends[i] // PACK if on_cpu else 0)]

    def square(self) -> torch.Tensor | None:
        """The sum; None if a gradient is missing or of another kind, so that each must be looked at."""
        gradients: list[torch.Tensor] = list(map(GRADIENT, self._tensors))
        if set(map(type, gradients)) != {torch.Tensor} or any(map(IS_SPARSE, gradients)):
            return None
        squares = [square_of_row(flat(gradients[i])) for i in self._large]
        for places in self._small:
            squares.append(_together([gradients[i] for i in places]))
        return _total(squares)


def _together(gradients: list[torch.Tensor]) -> torch.Tensor:
    """Σ|g|² of small gradients on the CPU, or of any on a device."""
    if gradients[0].device.type != "cpu":
        return square_sums(gradients).sum()
    row: torch.Tensor = torch._utils._flatten_dense_tensors(gradients)  # type: ignore[no-untyped-call]
    return square_sum(widened(flat(row)))


def _are_plain(parts: Sequence[Part]) -> bool:
    """Whether all parts are whole, real, not sharded, and of one kind."""
    whole = all(part.stride == 1 and not part.kind.sharding and not part.tensor.is_complex() for part in parts)
    return whole and len({(part.kind.device, part.kind.dtype) for part in parts}) == 1


def squares_of(parts: Sequence[Part]) -> Squares:
    """Σ|g|² over the parts of each kind of sharding that have a gradient, in float64 where the device has it.

    >>> weight = torch.nn.Parameter(torch.zeros(3))
    >>> weight.grad = torch.tensor([2.0, 2.0, 1.0])
    >>> squares_of([Part(weight, 1, 0, on_cpu=False)])
    {(): tensor(9., dtype=torch.float64)}
    """
    return _summed(_rows(parts))


def _summed(rows: Iterable[Row]) -> Squares:
    """Σ|x|² over the rows of each kind of sharding, in float64 where the device has it."""
    found: dict[ProcessGroups, list[torch.Tensor]] = {}
    many: dict[tuple[ProcessGroups, torch.device, torch.dtype, int], list[torch.Tensor]] = {}
    for block, stride, row in rows:
        if row.device.type == "cpu" and row.numel() >= TOGETHER_BELOW:
            found.setdefault(block, []).append(square_of_row(flat(row)) * stride)
        else:
            many.setdefault((block, row.device, row.dtype, stride), []).append(row)
    for (block, device, _, stride), same in many.items():
        square = square_sums(same) if device.type != "cpu" else squares_of_rows([widened(flat(row)) for row in same])
        found.setdefault(block, []).append(square.sum() * stride)
    return {block: _total(squares) for block, squares in found.items()}


def _rows(parts: Iterable[Part]) -> Iterator[Row]:
    """The gradient of each part that has one."""
    for part in parts:
        gradient = part.tensor.grad
        if gradient is None:
            continue
        plain = type(gradient) is torch.Tensor and not gradient.is_sparse and not gradient.is_complex()
        whole = plain and part.stride == 1 and not part.kind.sharding
        yield part.process_groups, part.stride, gradient if whole else _row(part, gradient)


def _row(part: Part, gradient: torch.Tensor) -> torch.Tensor:
    """The numbers of a gradient, of which a sample is where that of the parameter is; NaN if they are distributed differently."""
    if gradient.is_sparse:
        return gradient.coalesce().values().detach().reshape(-1) / math.sqrt(part.stride)  # all of them, for none is sampled
    if kind_of(gradient).sharding != part.kind.sharding:
        return torch.full((1,), math.nan, device=part.kind.device)
    row = flat(local(gradient))
    return row[part.offset :: part.stride] if part.stride > 1 else row


def by_owner(held: Mapping[int, Sequence[torch.Tensor]], parts: Sequence[Part]) -> dict[int, list[Part]]:
    """The parts of each optimizer; one that two of them hold belongs to the first, so that its gradient counts once."""
    owners: dict[int, int] = {}
    for key, tensors in held.items():
        for tensor in tensors:
            owners.setdefault(id(tensor), key)
    return {key: [part for part in parts if owners[id(part.tensor)] == key] for key in held}


def square_of_row(row: torch.Tensor) -> torch.Tensor:
    """Σ|g|² on a CPU, a piece at a time: in float32 the sum of all at once would lose digits."""
    return added([square_sum(widened(piece)) for (piece,) in pieces(row)], row)


def _total(squares: Sequence[torch.Tensor]) -> torch.Tensor:
    """Their sum, on the device of the first."""
    if len(squares) == 1:
        return squares[0]
    return torch.stack([square.to(squares[0].device, non_blocking=True) for square in squares]).sum()
