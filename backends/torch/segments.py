"""Adds numbers by segment: those of each group of parameters, for each kind of sharding."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class Segments:
    """Sums of a row whose numbers belong to segments.

    >>> Segments([0, 2, 0], 3)(torch.tensor([1.0, 2.0, 4.0]))
    tensor([5., 0., 2.])

    Parameters
    ----------
    of : list of int
        The segment of each number.
    count : int
        How many segments there are. The sum of one that has no number is 0.
    """

    def __init__(self, of: Sequence[int], count: int) -> None:
        self._of, self._count = list(of), count
        order = sorted(range(len(of)), key=self._of.__getitem__)
        self._same = self._of == list(range(count))
        self._order = None if order == list(range(len(of))) else torch.tensor(order)
        self._lengths = torch.bincount(torch.tensor(self._of, dtype=torch.int64), minlength=count).tolist()
        self._lengths_there = torch.tensor(self._lengths)

    def __call__(self, row: torch.Tensor) -> torch.Tensor:
        """The sum of each segment."""
        if self._same:
            return row
        if self._count == 1:
            return row.sum().view(1)
        if self._lengths_there.device != row.device:
            self._lengths_there = self._lengths_there.to(row.device)
            self._order = None if self._order is None else self._order.to(row.device)
        row = row if self._order is None else row.index_select(0, self._order)
        if row.device.type not in ("cpu", "cuda"):
            return torch.stack([part.sum() for part in row.split(self._lengths)])  # type: ignore[no-untyped-call]
        return torch.segment_reduce(row, "sum", lengths=self._lengths_there, initial=0.0, unsafe=True)
