"""Computes ‖ΔW‖ of torch tensors on any device, sharded or not: summed in float32 or wider, a piece at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard, TypeVar, cast

import torch

from wcdfa.backends.trees import by_path, is_tree, leaves, pairs, require_shape

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

PIECE = 1 << 18  # numbers compared at a time: they fit into the cache of a CPU, so memory is read once and temporaries stay small
PIECE_ON_DEVICE = 1 << 25

ProcessGroups = tuple["torch.distributed.ProcessGroup", ...]
Tensors = dict[str, torch.Tensor]
Told = TypeVar("Told")


def delta_norm(new: object, old: object) -> torch.Tensor:
    """Euclidean norm ‖new − old‖ over all tensors of two parameter trees of the same structure.

    >>> delta_norm({"w": torch.tensor([1.0, 2.0]), "b": torch.tensor(5.0)}, {"w": torch.tensor([1.0, 0.0]), "b": torch.tensor(5.0)})
    tensor(2.)

    A tree is a tensor, a ``state_dict``, a module (its trained parameters count), or dicts, lists and tuples of these, nested to any
    depth. Each tensor is widened to at least float32 before the difference is taken. None is left out; an empty tree has norm 0.
    A DTensor is summed over all processes, each number once; all processes must make the call.

    Returns
    -------
    tensor of shape ()
        float32, or float64 if any tensor is, on the device of the first tensor, detached from autograd.

    Raises
    ------
    ValueError
        If the trees differ in structure or shapes: the message names the place.
    TypeError
        If a leaf is not a tensor.
    """
    squares = []
    for place, a, b in pairs(_opened(new), _opened(old)):
        a, b = _tensor(place, a), _tensor(place, b)
        require_shape(place, a.shape, b.shape)
        squares.append(_square_over_processes(a, b))
    return _root(squares)


def parameters_of(given: object) -> Tensors | None:
    """Tensors by path: the trained parameters of a module, or the floating and complex tensors of a tree; None for anything else.

    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2, affine=False))
    >>> {path: tuple(value.shape) for path, value in parameters_of(model).items()}
    {'0/weight': (2, 3), '0/bias': (2,)}

    Raises
    ------
    ValueError
        If a module has no trained parameter.
    """
    if isinstance(given, torch.nn.Module):
        named = {name.replace(".", "/"): part.detach() for name, part in given.named_parameters() if part.requires_grad}
        if not named:
            msg = f"{type(given).__name__} has no trained parameter; are all of them frozen?"
            raise ValueError(msg)
        return named
    if not is_tree(given) and not isinstance(given, torch.Tensor):
        return None
    found = by_path((path.replace(".", "/"), leaf) for path, leaf in leaves(given))
    if not all(isinstance(leaf, (int, float, torch.Tensor)) for leaf in found.values()):
        return None
    tensors = {path: leaf.detach() for path, leaf in found.items() if isinstance(leaf, torch.Tensor)}
    return {path: leaf for path, leaf in tensors.items() if leaf.is_floating_point() or leaf.is_complex()} or None


def copied(parameters: Mapping[str, torch.Tensor]) -> Tensors:
    """Copy each tensor on its device, so that a step in place cannot change it."""
    return {path: part.detach().clone() for path, part in parameters.items()}


def group_norms(new: Mapping[str, torch.Tensor], old: Mapping[str, torch.Tensor], members: Mapping[str, Sequence[str]]) -> Tensors:
    """‖new − old‖ over the parameters of each group; the results stay on the device. DTensors are summed over all processes."""
    squares = {path: _square_over_processes(new[path], old[path]) for path in new}
    return {name: _root([squares[path] for path in paths]) for name, paths in members.items()}


def is_sharded(tensor: torch.Tensor) -> TypeGuard[DTensor]:
    """Whether the tensor is a DTensor, so that each process holds a part."""
    return hasattr(tensor, "placements")


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The part of a tensor that this process holds.

    Raises
    ------
    ValueError
        If it is a DTensor of partial sums, or does not tell which part this process holds.
    """
    if is_sharded(tensor):
        return _own_part(tensor)
    if type(tensor).__name__ == "FlatParameter" or getattr(tensor, "_fsdp_flattened", False):
        msg = "FullyShardedDataParallel hides which numbers a process holds: use torch.distributed.fsdp.fully_shard (FSDP2)"
        raise ValueError(msg)
    if hasattr(tensor, "ds_id"):
        msg = "DeepSpeed's ZeRO hides which numbers a process holds: give norms of its own to WeightChangeDFA.update"
        raise ValueError(msg)
    return tensor.detach()


def _own_part(tensor: DTensor) -> torch.Tensor:
    for placement in tensor.placements:
        if placement.is_partial():
            msg = f"a DTensor with placement {placement} has no value yet; redistribute it first"
            raise ValueError(msg)
    part = cast("DTensor", tensor.detach()).to_local()
    here: torch.Tensor = part.wait() if hasattr(part, "wait") else part
    return here


def summed_over(tensor: torch.Tensor) -> ProcessGroups:
    """The process groups over which to sum a sharded tensor, one after another; none for a plain tensor."""
    if not is_sharded(tensor):
        return ()
    mesh = tensor.device_mesh
    return tuple(mesh.get_group(i) for i, placement in enumerate(tensor.placements) if not placement.is_replicate())


def over_processes(sums: torch.Tensor, groups: ProcessGroups, operation: object = None) -> torch.Tensor:
    """Sum over the processes of each group, or reduce by another operation, in place.

    Raises
    ------
    RuntimeError
        If a process is gone.
    """
    with _one_may_be_gone():
        for group in groups:
            torch.distributed.all_reduce(sums, torch.distributed.ReduceOp.SUM if operation is None else operation, group=group)
    return sums


def from_processes(own: Told, groups: ProcessGroups) -> dict[int, Told]:
    """What all processes that are connected by the groups tell, by rank.

    Raises
    ------
    RuntimeError
        If a process is gone.
    """
    told = {torch.distributed.get_rank(): own}
    with _one_may_be_gone():
        for group in groups:
            found: list[dict[int, Told]] = [{}] * torch.distributed.get_world_size(group)
            torch.distributed.all_gather_object(found, told, group=group)
            told = {rank: each for part in found for rank, each in part.items()}
    return dict(sorted(told.items()))


@contextlib.contextmanager
def _one_may_be_gone() -> Iterator[None]:
    """Say what failed if a collective fails."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        msg = f"the norms of sharded parameters could not be summed over the processes; one of them may be gone: {error}"
        raise RuntimeError(msg) from error


def flat(tensor: torch.Tensor) -> torch.Tensor:
    """View the tensor as one row of real numbers. If its memory has no gaps they are in memory order, and nothing is copied."""
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    if tensor.is_contiguous():
        return tensor.view(-1)
    order = sorted(range(tensor.dim()), key=lambda i: tensor.stride(i), reverse=True)
    dense = tensor.permute(order)
    return dense.view(-1) if dense.is_contiguous() else tensor.reshape(-1)


def pieces(*rows: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """Cut all rows into pieces, and give one piece of each row at a time."""
    size = PIECE if rows[0].device.type == "cpu" else PIECE_ON_DEVICE
    return zip(*(row.split(size) for row in rows), strict=True)  # type: ignore[no-untyped-call]


def square_of(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Σ|new − old|² of two rows, in float32 or wider."""
    return added([(widened(a) - widened(b)).square_().sum() for a, b in pieces(new, old)], new)


def added(parts: list[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
    """The sum of the parts, as a tensor of shape () on the device; 0 if there are none."""
    if not parts:
        return torch.zeros((), dtype=torch.float32, device=like.device)
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum()


def widened(x: torch.Tensor) -> torch.Tensor:
    """The tensor in float32; unchanged if it is that or wider already."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


@torch.no_grad()
def _square_over_processes(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """Σ|new − old|²; a DTensor is summed over all its processes."""
    before = local(old)
    square = square_of(_alike(local(new), before), flat(before))
    for group in summed_over(new):
        torch.distributed.all_reduce(square, group=group)
    return square


def _alike(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """The numbers of the new tensor, in the order that `flat` gives those of the old one."""
    if new.stride() == old.stride():
        return flat(new)
    return flat(torch.empty_like(old, dtype=new.dtype, device=new.device).copy_(new))


def _root(squares: list[torch.Tensor]) -> torch.Tensor:
    if not squares:
        return torch.zeros(())
    wide = max((square.dtype for square in squares), key=lambda dtype: dtype.itemsize)
    device = squares[0].device
    return torch.stack([square.to(device, wide) for square in squares]).sum().sqrt()


def _opened(tree: object) -> object:
    if isinstance(tree, torch.nn.Module):
        return parameters_of(tree)
    return tree


def _tensor(place: str, leaf: object) -> torch.Tensor:
    if not isinstance(leaf, torch.Tensor):
        msg = f"{place}: must be a tensor, got {type(leaf).__name__}"
        raise TypeError(msg)
    return leaf
