"""Sums squares of numbers whose squares may not fit float32: in float64 where the device has it, at the cost of float32 where it suffices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

ROW = 1024
SURE = 1e-13, 1e15  # lengths between which the squares of a piece of float32 numbers neither vanish nor overflow


def wide(x: torch.Tensor) -> torch.Tensor:
    """The tensor in float64, if the device has it: fourth powers and squares of small changes do not fit float32."""
    return x if x.device.type == "mps" else x.double()


def square_sum(piece: torch.Tensor) -> torch.Tensor:
    """Σ x² of a row of real numbers, of any size that float32 holds.

    >>> square_sum(torch.full((4,), 1e-30)), square_sum(torch.full((4,), 1e30))
    (tensor(4.0000e-60, dtype=torch.float64), tensor(4.0000e+60, dtype=torch.float64))
    """
    if piece.dtype == torch.float64 or piece.device.type == "mps":
        return piece.square().sum()
    if piece.device.type != "cpu":
        return torch.linalg.vector_norm(piece, dtype=torch.float64).square()
    square = _in_rows(piece)
    if SURE[0] ** 2 < square.numpy() < SURE[1] ** 2:  # on a CPU nothing waits for the answer
        return square
    return torch.linalg.vector_norm(piece, dtype=torch.float64).square()


def _in_rows(piece: torch.Tensor) -> torch.Tensor:
    """Σ x² of rows that are short enough for a sum in float32, added in float64; no temporary is as large as the piece."""
    whole = piece.numel() // ROW * ROW
    rows = torch.linalg.vector_norm(piece[:whole].view(-1, ROW), dim=1)
    if whole < piece.numel():
        rows = torch.cat([rows, torch.linalg.vector_norm(piece[whole:]).view(1)])
    lengths = rows.double()
    return torch.dot(lengths, lengths)


def square_sums(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Σ x² of each of several rows on one device, in as few calls as for one."""
    rows = list(rows)
    device = rows[0].device.type
    if device == "mps":
        return torch.stack(torch._foreach_norm(rows)).square()
    if device != "cpu":
        return torch.stack(torch._foreach_norm(rows, 2, torch.float64)).square()
    lengths = torch.stack(torch._foreach_norm(rows, 2, None if rows[0].dtype.itemsize >= 4 else torch.float32)).double()
    found = lengths.numpy()
    unsure = np.flatnonzero(~((found > SURE[0]) & (found < SURE[1]))).tolist()
    if unsure:
        lengths[unsure] = torch.stack(torch._foreach_norm([rows[i] for i in unsure], 2, torch.float64))
    return lengths.square()
