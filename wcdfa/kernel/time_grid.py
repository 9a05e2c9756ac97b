"""Puts samples with time stamps on an even grid."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from wcdfa.kernel.arrays import Array, Namespace, is_jax
from wcdfa.support.text import several

if TYPE_CHECKING:
    import numpy.typing as npt

Spacing: TypeAlias = "float | np.timedelta64 | timedelta"
FULL = 0.05  # share of the cells that have to hold a sample


class Cells(NamedTuple):
    """Where samples lie on the grid."""

    number: int  # of cells
    of_sample: npt.NDArray[np.intp]  # (n,), increasing, from 0 on


def cells_of(times: npt.ArrayLike, n: int, spacing: Spacing | None) -> Cells:
    """Find the cell of each sample; cell k is centred k times the spacing after the first sample.

    >>> cells_of([0.0, 1.1, 1.9, 5.0], 4, None)
    Cells(number=6, of_sample=array([0, 1, 2, 5]))

    Raises
    ------
    TypeError
        If times are neither real numbers nor datetime64, or the spacing is not of their kind.
    ValueError
        If there is not one time for each sample, times do not increase, the spacing is not positive, or nearly all cells are empty.
    """
    times = _stamps(times)
    values = _as_numbers(times, n)
    steps = np.diff(values)
    wrong = np.flatnonzero(~(steps > 0))
    if len(wrong):
        at = int(wrong[0])
        given = np.asarray(times)
        fault = "is the same as the one before" if steps[at] == 0 else f"comes after {given[at]}"
        msg = (
            f"times must increase, but {given[at + 1]} at index {at + 1} {fault}; sort x by time, and keep one sample of each time"
        )
        raise ValueError(msg)
    step = _usual(steps) if spacing is None else _checked_spacing(spacing, np.asarray(times).dtype)
    if not len(steps):
        return Cells(n, np.zeros(n, dtype=np.intp))
    last = (values[-1] - values[0]) / step
    cells = np.floor((values - values[0]) / step + 0.5) if last < 2**53 else values
    filled = len(np.unique(cells))
    if not filled >= FULL * (last + 1):
        msg = (
            f"only {several(filled, 'cell', 'cells')} of {last + 1:,.0f} on the time grid would hold a sample: "
            f"the samples are far apart for a spacing of {_shown(step, times)}. Give a wider spacing=, or split the series at its longest gaps"
        )
        raise ValueError(msg)
    return Cells(int(cells[-1]) + 1, cells.astype(np.intp))


def breaks_on_grid(breaks: tuple[int, ...], cells: Cells) -> tuple[int, ...]:
    """The cells at which new stretches begin, for breaks given as samples."""
    places = tuple(int(cells.of_sample[at]) for at in breaks)
    for at, place in zip(breaks, places, strict=True):
        if cells.of_sample[at - 1] == place:
            msg = f"the break at sample {at} separates two samples in one cell of the time grid; give a narrower spacing="
            raise ValueError(msg)
    return places


def averaged(series: Array, present: npt.NDArray[np.bool_], cells: Cells, xp: Namespace) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The mean of the samples present in each cell, and whether there is one, both (..., cells)."""
    at = cells.of_sample
    if not len(at):
        return series, present
    first = np.flatnonzero(np.diff(at, prepend=-1))  # the first sample of each cell that holds one
    most = int(np.max(np.diff(np.append(first, len(at)))))
    counts = np.add.reduceat(present.astype(np.float64), first, axis=-1)
    total, device = None, None if is_jax(xp) else series.device
    for k in range(most):
        index = np.minimum(first + k, len(at) - 1)
        own = (at[index] == at[first]) & (index == first + k)
        weight = present[..., index] * own / np.maximum(counts, 1)
        part = xp.take(series, xp.asarray(index, device=device), axis=-1) * xp.asarray(weight, dtype=series.dtype, device=device)
        total = part if total is None else total + part
    holder = np.searchsorted(at[first], np.arange(cells.number), side="right") - 1
    empty = at[first][holder] != np.arange(cells.number)
    spread = xp.take(total, xp.asarray(holder, device=device), axis=-1)
    return spread, (counts > 0)[..., holder] & ~empty


def _usual(steps: npt.NDArray[np.float64]) -> float:
    """The step between neighbours: the median one, then the mean of those that are surely one or a few such steps.

    By the mean, times that are noisy or read in whole units do not drift off the grid.
    """
    if not len(steps):
        return 1.0
    step = float(np.median(steps))
    for few in (1, 4, 16):
        counts = np.floor(steps / step + 0.5)
        sure = (counts >= 1) & (counts <= few)
        step = float(np.sum(steps[sure]) / np.sum(counts[sure]))
    return step


def _stamps(times: npt.ArrayLike) -> npt.ArrayLike:
    """Dates that NumPy holds as objects, as datetime64: those of the standard library, with a time zone in UTC; periods begin then."""
    values = np.asarray(times.to_timestamp() if hasattr(times, "to_timestamp") else times)  # of pandas
    if values.dtype != object or not all(isinstance(each, date) for each in values.flat):
        return values
    return np.array([_without_zone(each) for each in values.flat], dtype="datetime64[us]").reshape(values.shape)


def _without_zone(each: date) -> date:
    aware = isinstance(each, datetime) and each.tzinfo is not None
    return each.astimezone(UTC).replace(tzinfo=None) if isinstance(each, datetime) and aware else each


def _as_numbers(times: npt.ArrayLike, n: int) -> npt.NDArray[np.float64]:
    """Times relative to the first one, as numbers; dates in nanoseconds."""
    values = np.asarray(times)
    if values.shape != (n,):
        msg = f"times has shape {values.shape}, but the series has {several(n, 'sample', 'samples')}: give one time for each"
        raise ValueError(msg)
    if values.dtype.kind == "M":
        unknown = np.flatnonzero(np.isnat(values))
        relative = (values - values[:1]).astype("timedelta64[ns]").astype(np.float64)
    elif values.dtype.kind in "iuf":
        relative = (
            (values - values[:1]).astype(np.float64)
            if values.dtype.kind == "f"
            else values.astype(np.float64) - float(values[0] if n else 0)
        )
        unknown = np.flatnonzero(~np.isfinite(relative))
    else:
        msg = f"times must be real numbers or numpy datetime64, got dtype {values.dtype}; convert them with np.asarray(times, dtype='datetime64[ns]')"
        raise TypeError(msg)
    if len(unknown):
        msg = f"times holds {values[unknown[0]]} at index {unknown[0]}; a sample without a time has no place, so drop it"
        raise ValueError(msg)
    return np.asarray(relative)


def _checked_spacing(spacing: Spacing, dtype: np.dtype[np.generic]) -> float:
    dates = isinstance(spacing, (np.timedelta64, timedelta))
    if dates != (dtype.kind == "M"):
        needed = "a numpy timedelta64 or a datetime.timedelta" if dtype.kind == "M" else "a number"
        msg = f"spacing is {spacing!r}, but times of dtype {dtype} need {needed}"
        raise TypeError(msg)
    step = float(np.timedelta64(spacing).astype("timedelta64[ns]").astype(np.float64)) if dates else float(spacing)  # type: ignore[arg-type]  # a number then
    if not 0 < step < np.inf:
        msg = f"spacing must be positive, got {spacing!r}; it is the time between two samples"
        raise ValueError(msg)
    return step


def _shown(step: float, times: npt.ArrayLike) -> str:
    return f"{step / 1e9:,.6g} s" if np.asarray(times).dtype.kind == "M" else f"{step:,.6g}"
