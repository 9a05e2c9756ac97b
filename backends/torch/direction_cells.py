"""Sums over the sample: products of a weight change with the last one, and squares of the weights, for each kind of sharding."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from wcdfa.backends.torch.norms import added, pieces
from wcdfa.backends.torch.squares import wide


def products_of(new: torch.Tensor, old: torch.Tensor, lengths: Sequence[int], groups: int) -> torch.Tensor:
    """⟨new, old⟩ of all parameters and of each group, then Σ|new|² of each, then Σ|old|² of each, for each kind of sharding.

    >>> products_of(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0, 0.0]), lengths=[2, 1], groups=1)
    tensor([[ 3.,  3., 14.,  5.,  2.,  2.]], dtype=torch.float64)

    Parameters
    ----------
    new, old : tensors of shape (n,)
    lengths : list of int
        How many numbers each group has, and behind the groups how many are in none; so for each kind of sharding.
    groups : int
        How many groups there are.
    """
    segments = zip(*(_scaled(row).split(list(lengths)) for row in (new, old)), strict=True)  # type: ignore[no-untyped-call]
    sums = torch.stack([cell for pair in segments for cell in _products(*pair)])
    each = sums.view(-1, groups + 1, 3).movedim(-1, 1)
    return torch.cat([each.sum(-1, keepdim=True), each[..., :groups]], dim=-1).flatten(1)


def squares_of(weights: torch.Tensor, lengths: Sequence[int], groups: int) -> torch.Tensor:
    """Σ|W|² over the sample, for each kind of sharding; as `products_of`."""
    blocks = [sum(lengths[i : i + groups + 1]) for i in range(0, len(lengths), groups + 1)]
    each = weights.split(blocks)  # type: ignore[no-untyped-call]
    return torch.stack([added([torch.dot(wide(piece), wide(piece)) for (piece,) in pieces(own)], own) for own in each])


def _scaled(change: torch.Tensor) -> torch.Tensor:
    """In a scale whose squares fit the type that they are summed in: the largest is 1 where there is no float64."""
    return change / change.abs().amax() if change.device.type == "mps" and change.numel() else change


def _products(new: torch.Tensor, old: torch.Tensor) -> list[torch.Tensor]:
    """⟨new, old⟩, Σ|new|² and Σ|old|²."""
    rows = [(wide(a), wide(b)) for a, b in pieces(new, old)]
    each = [(torch.dot(a, b), torch.dot(a, a), torch.dot(b, b)) for a, b in rows]
    return [added(list(sums), new) for sums in zip(*each, strict=True)]
