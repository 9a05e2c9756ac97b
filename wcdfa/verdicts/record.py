"""What was recorded of a run, checked, for a diagnosis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from wcdfa.nulls.memory_filter import MemoryFilter, memory_filter
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.support.text import several

Floats = npt.NDArray[np.float64]

LARGEST_COSINE = 1.01  # of rounded numbers
SERIES = ("cosine", "weight_norm", "lr", "steps", "gradient_norm")


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """Series of one run, a number for each recorded step; None where a series was not recorded."""

    norms: Floats
    cosine: Floats | None = None
    weight_norm: Floats | None = None
    sketch: Floats | None = None
    """Shape (n, K)."""
    groups: Mapping[str, Floats] = field(default_factory=dict)
    cosines: Mapping[str, Floats] = field(default_factory=dict)
    lr: Floats | None = None
    steps: Floats | None = None
    gradient_norm: Floats | None = None
    optimizer: Optimizer | None = None
    unknown: str | None = None
    """Why the optimizer is not known."""
    varying: tuple[str, ...] = ()
    """Hyperparameters that changed meanwhile: the optimizer is then no fixed one."""
    taken: int | None = None
    """Steps before the first; None where unknown."""

    def __len__(self) -> int:
        return len(self.norms)

    @cached_property
    def numbered(self) -> Floats:
        """The step of each norm, counted from 1."""
        return np.arange(1.0, 1 + len(self)) if self.steps is None else self.steps

    @cached_property
    def consecutive(self) -> bool:
        """Whether every optimizer step was recorded."""
        return self.steps is None or bool((np.diff(self.steps) == 1).mean() > 0.99 if len(self) > 1 else True)

    @cached_property
    def rates(self) -> Floats:
        """The learning rate of each step; 1 at all steps if it is unknown or 0 at any."""
        if self.lr is None:
            return np.ones(len(self))
        usable = np.isfinite(self.lr) & (self.lr > 0)
        return np.where(usable, self.lr, 1.0) if usable.all() else np.ones(len(self))

    @property
    def rates_known(self) -> bool:
        """Whether the learning rate of every step is known."""
        return self.lr is not None and bool((np.isfinite(self.lr) & (self.lr > 0)).all())

    @cached_property
    def filter(self) -> MemoryFilter | None:
        """The memory of the named optimizer; None if it is not known, or its hyperparameters vary."""
        if self.optimizer is None or self.varying or self.changing:
            return None
        return memory_filter(self.optimizer)

    @cached_property
    def changing(self) -> bool:
        """Whether the memory of the optimizer is still changing by itself, as that of NAdam at first, or may be."""
        until = 0.0 if self.optimizer is None else self.optimizer.changes_until()
        return (self.taken or 0) < until < math.inf

    @cached_property
    def sizes(self) -> Floats:
        """Log ‖ΔW‖ / lr, NaN in gaps."""
        with np.errstate(all="ignore"):
            found = np.log(self.norms / self.rates)
        return np.where(np.isfinite(found), found, math.nan)

    @cached_property
    def added(self) -> Floats | None:
        """‖e‖: the size of what each gradient added to the change, over lr, if the named optimizer has a memory of one term."""
        if self.cosine is None or self.filter is None or len(self.filter.weights) > 1:
            return None
        return newest_part(self.norms / self.rates, self.cosine, float(self.filter.weights.sum()))

    @cached_property
    def left_over(self) -> Floats | None:
        """The cosine of what each gradient added with the change before it: −1 where the memory was lost, near 0 in a healthy run."""
        if self.added is None or self.filter is None or self.cosine is None:
            return None
        decay = float(self.filter.weights.sum())
        with np.errstate(all="ignore"):
            return np.asarray(
                (self.cosine * self.norms - decay * _lagged(self.norms / self.rates) * self.rates) / self.rates / self.added
            )

    def part(self, span: slice) -> Record:
        """The record of some of the steps."""
        cut = {name: None if (values := getattr(self, name)) is None else values[span] for name in (*SERIES, "sketch", "norms")}
        start = min(span.indices(len(self))[0], max(0, len(self) - 1))
        return replace(
            self,
            **cut | {"steps": self.numbered[span]},  # type: ignore[arg-type]  # they are series
            groups={name: values[span] for name, values in self.groups.items()},
            cosines={name: values[span] for name, values in self.cosines.items()},
            taken=None
            if self.taken is None
            else self.taken + int(self.numbered[start] - self.numbered[0])
            if len(self)
            else self.taken,
        )


def newest_part(sizes: Floats, cosine: Floats, decay: float) -> Floats:
    """‖ΔWₜ − φ ΔWₜ₋₁‖, the size of the newest gradient's part in each change, from the sizes of the changes and their cosine.

    >>> newest_part(np.array([1.0, 0.5]), np.array([np.nan, 1.0]), 0.5)
    array([nan,  0.])
    """
    before = _lagged(sizes)
    with np.errstate(all="ignore"):
        return np.asarray(np.sqrt(sizes**2 + decay**2 * before**2 - 2 * decay * sizes * before * cosine))


def _lagged(values: Floats) -> Floats:
    return np.concatenate([[math.nan], values[:-1]])


def record_of(
    norms: npt.ArrayLike,
    *,
    sketch: npt.ArrayLike | None = None,
    groups: Mapping[str, npt.ArrayLike] | None = None,
    cosines: Mapping[str, npt.ArrayLike] | None = None,
    optimizer: Optimizer | None = None,
    unknown: str | None = None,
    varying: tuple[str, ...] = (),
    taken: int | None = None,
    **series: npt.ArrayLike | None,
) -> Record:
    """Check the series of a run.

    Raises
    ------
    ValueError
        If a series has another length than the norms.
    """
    size = np.asarray(norms, dtype=np.float64)
    if size.ndim != 1:
        msg = f"norms must be of shape (n,), one for each step, got {size.shape}"
        raise ValueError(msg)

    def of(name: str, values: npt.ArrayLike, axes: int = 1) -> Floats:
        found = np.asarray(values, dtype=np.float64)
        if found.ndim == 0 and axes == 1:
            return np.full(len(size), float(found))
        if found.ndim != axes or len(found) != len(size):
            msg = f"{name} must have one {'row' if axes > 1 else 'number'} for each of the {several(len(size), 'norm', 'norms')}, got shape {found.shape}"
            raise ValueError(msg)
        return found

    for name, values in {
        "cosine": series.get("cosine"),
        **{f"cosines[{each!r}]": values for each, values in (cosines or {}).items()},
    }.items():
        if values is not None and np.nanmax(np.abs(np.asarray(values, dtype=np.float64)), initial=0.0) > LARGEST_COSINE:
            msg = f"{name} must lie from -1 to 1, got {np.nanmax(np.abs(np.asarray(values, dtype=np.float64))):.3g}"
            raise ValueError(msg)
    steps = series.get("steps")
    if steps is not None and not np.isfinite(np.asarray(steps, dtype=np.float64)).all():
        msg = "steps must be numbers, and some are NaN or infinite; leave them out if they are unknown"
        raise ValueError(msg)
    with np.errstate(all="ignore"):
        return Record(
            norms=np.where(np.isfinite(size) & (size > 0), size, math.nan),
            sketch=None if sketch is None else of("sketch", sketch, 2),
            groups={name: of(f"groups[{name!r}]", values) for name, values in (groups or {}).items()},
            cosines={name: of(f"cosines[{name!r}]", values) for name, values in (cosines or {}).items()},
            optimizer=optimizer,
            unknown=unknown,
            varying=varying,
            taken=taken,
            **{name: None if values is None else of(name, values) for name, values in series.items()},
        )
