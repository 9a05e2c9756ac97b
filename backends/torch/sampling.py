"""Takes the sample of torch parameters that the direction of the weight change is measured on, sharded or not."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from wcdfa.backends.torch.norms import flat, is_sharded, local, over_processes, summed_over, widened
from wcdfa.backends.torch.own_sample import own_sample
from wcdfa.kernel.arrays import Array, namespace_of
from wcdfa.recording.direction import Direction, Layout, directed
from wcdfa.recording.sample import Sample


@torch.no_grad()
def sampled(parameters: Mapping[str, torch.Tensor], sample: Sample) -> torch.Tensor:
    """The numbers of the sample in one row, in float32 or wider; of complex parameters, real and imaginary parts in turn.

    >>> from wcdfa.recording.sample import sample_of
    >>> sampled({"w": torch.ones(2, 2), "z": torch.tensor([2 + 3j])}, sample_of({"w": 4, "z": 2}))
    tensor([1., 1., 1., 1., 2., 3.])

    Of a DTensor, each process takes what it holds, and the numbers are summed over all; all processes must make the call.
    """
    rows = [widened(_taken(parameters[path], sample.firsts[path], sample.every, count)) for path, count in sample.counts.items()]
    wide = max((row.dtype for row in rows), key=lambda dtype: dtype.itemsize)
    return torch.cat([row.to(rows[0].device, wide) for row in rows])


@torch.no_grad()
def direction_of(
    new: Mapping[str, torch.Tensor], old: Mapping[str, torch.Tensor], last: Array | None, norm: torch.Tensor, layout: Layout
) -> Direction:
    """The cosine of the change from old to new parameters with the last one, ‖W‖ and the sketch, on the device."""
    now = sampled(new, layout.sample)
    change = now - sampled(old, layout.sample)
    before = None if last is None else torch.as_tensor(last, device=change.device)
    return directed(change, now, before, norm.to(change.device), layout, namespace_of(change))


def _taken(tensor: torch.Tensor, first: int, every: int, count: int) -> torch.Tensor:
    """Every n-th number of a tensor, real and imaginary parts counted each."""
    return _of_shards(tensor, first, every, count) if is_sharded(tensor) else _real(local(tensor))[first::every]


def _real(tensor: torch.Tensor) -> torch.Tensor:
    """The numbers in one row, in the order of their indices; of complex ones, real and imaginary parts in turn."""
    return (torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor).reshape(-1)


def _of_shards(tensor: torch.Tensor, first: int, every: int, count: int) -> torch.Tensor:
    row, own = flat(local(tensor)), own_sample(tensor, first, every)
    found = row.new_zeros(count)
    found[own.within] = row[own.places]
    return over_processes(found, summed_over(tensor))
