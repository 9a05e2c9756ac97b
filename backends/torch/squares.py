"""Sums squares of numbers whose squares may not fit float32: in float64 where the device has it, at the cost of float32 where it suffices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

ROW = 1024
TOGETHER_BELOW = 1 << 14  # on the CPU, rows with fewer numbers are summed together; on other devices all are
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
    if SURE[0] ** 2 < square.numpy() < SURE[1] ** 2 or (
        square.numpy() == 0 and not piece.any().numpy()
    ):  # on a CPU nothing waits for it
        return square
    return torch.linalg.vector_norm(piece, dtype=torch.float64).square()


def square_of_rows(rows: torch.Tensor, lengths: torch.Tensor) -> float:
    """Σ x² of a matrix on the CPU in float32 or float64, whose rows are short; NaN if only float64 may hold the squares.

    Parameters
    ----------
    rows : tensor of shape (n, m)
    lengths : tensor of shape (n,)
        Room for the length of each row.
    """
    torch.linalg.vector_norm(rows, dim=1, out=lengths)
    found = lengths.numpy().astype(np.float64, copy=False)
    square = float(found @ found)
    if SURE[0] ** 2 < square < SURE[1] ** 2 or rows.dtype == torch.float64:
        return square
    return 0.0 if square == 0 and not rows.any().numpy() else math.nan


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


def squares_of_rows(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    """Σ x² of each of several rows on one device: `square_sum` of long rows on a CPU, `square_sums` of the others."""
    if len(rows) == 1 and rows[0].device.type == "cpu":
        return square_sum(rows[0]).view(1)
    long = [row.device.type == "cpu" and row.numel() > 2 * ROW for row in rows]  # in float32 a longer sum would lose digits
    if not any(long):
        return square_sums(rows)
    short = iter(square_sums([row for row, is_long in zip(rows, long, strict=True) if not is_long]) if not all(long) else ())
    return torch.stack([square_sum(row) if is_long else next(short) for row, is_long in zip(rows, long, strict=True)])
