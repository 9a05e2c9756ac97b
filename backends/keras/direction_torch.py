"""The direction of a step of a Keras optimizer with tensors of torch, where each call of ``keras.ops`` would cost time."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def looked_at(new: torch.Tensor, old: torch.Tensor, places: slice) -> tuple[torch.Tensor, torch.Tensor]:
    """What is at these places of the flat tensors, in arrays of their own, made while the tensors are in the cache of the processor.

    >>> looked_at(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.ones(2, 2), slice(1, None, 2))
    (tensor([2., 4.]), tensor([1., 1.]))
    """
    now, before = (widened(each.reshape(-1)[places]) for each in (new, old))
    return now.contiguous(), before.clone()


def joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The parts in one row, on the device of the first."""
    return torch.cat([part.to(parts[0].device, non_blocking=True) for part in parts])


def cosine(change: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """The cosine of two changes of shape (n,), as float32 of shape (); NaN if one of them is 0, not finite or empty.

    >>> round(float(cosine(torch.tensor([3e-24, 4e-24]), torch.tensor([4e20, 3e20]))), 6)
    0.96
    """
    if change.device.type == "mps" and change.numel():  # which has no float64: the largest is made 1, so that squares fit
        a, b = change / change.abs().amax(), last / last.abs().amax()
    else:
        a, b = change.double(), last.double()
    lengths = torch.linalg.vector_norm(a) * torch.linalg.vector_norm(b)
    found: torch.Tensor = torch.dot(a, b) / lengths
    return found.float()


def widened(x: torch.Tensor) -> torch.Tensor:
    """The tensor in float32, unchanged if it is wider."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
