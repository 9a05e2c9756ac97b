"""What was recorded beside the norms, one number for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from wcdfa.support.text import several

DATA = ("lr", "steps", "gradient_norm", "null", "dimension", "thresholds")
"""Options that may be arrays but are not hyperparameters."""
WITHOUT_MEMORY = ("lr", "weight_decay", "eps")
"""Hyperparameters that may change without a change of what the optimizer keeps of earlier gradients."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Alongside:
    """Learning rates, steps and gradients of a series of n norms.

    >>> beside = Alongside(lr=np.array([0.1, 0.1, 0.2]), steps=np.array([7, 8, 9]))
    >>> beside.part(slice(1, 3)).steps
    array([8, 9])
    """

    lr: npt.ArrayLike | None = None
    """A number, or shape (n,)."""
    steps: npt.ArrayLike | None = None
    """Optimizer steps of the norms, from 1 on, shape (n,)."""
    counted: bool = True
    """Whether the steps count from the first one of the optimizer."""
    gradient_norm: npt.ArrayLike | None = None
    """‖g‖ at each norm, shape (n,)."""
    varying: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    """Hyperparameters of the optimizer that vary, shape (n,) or, for betas, (n, 2)."""

    def part(self, which: slice | npt.NDArray[np.intp]) -> Alongside:
        """What belongs to some of the norms."""
        lr, steps, gradient_norm = (_part(each, which) for each in (self.lr, self.steps, self.gradient_norm))
        varying = {name: np.asarray(values)[which] for name, values in self.varying.items()}
        return Alongside(lr=lr, steps=steps, counted=self.counted, gradient_norm=gradient_norm, varying=varying)


def _part(values: npt.ArrayLike | None, which: slice | npt.NDArray[np.intp]) -> npt.ArrayLike | None:
    return values if values is None or np.ndim(values) == 0 else np.asarray(values)[which]


def parted(options: Mapping[str, object]) -> tuple[dict[str, object], dict[str, npt.ArrayLike]]:
    """Part hyperparameters with one value for each norm from the others, and leave their last value with these.

    >>> parted({"momentum": np.array([0.8, 0.9, 0.95]), "betas": (0.9, 0.99)})[0]
    {'momentum': 0.95, 'betas': (0.9, 0.99)}
    """
    varying = {name: value for name, value in options.items() if isinstance(value, np.ndarray) and value.ndim and name not in DATA}
    last = {name: tuple(value[-1].tolist()) if value.ndim > 1 else float(value[-1]) for name, value in varying.items()}
    return {**options, **last}, dict(varying)


def varying_memory(varying: Mapping[str, npt.ArrayLike]) -> tuple[str, ...]:
    """The hyperparameters that vary, and with them what the optimizer keeps of earlier gradients.

    >>> varying_memory({"momentum": [0.8, 0.9], "dampening": [0.0, 0.0], "weight_decay": [0.1, 0.2]})
    ('momentum',)
    """
    return tuple(
        name for name, values in varying.items() if name not in WITHOUT_MEMORY and len(np.unique(np.asarray(values), axis=0)) > 1
    )


def check_gradients(gradient_norm: npt.ArrayLike | None, optimizer: object) -> None:
    """Raise a TypeError if gradient norms are given that no optimizer could be driven by."""
    if gradient_norm is not None and optimizer is None:
        msg = (
            "gradient_norm belongs to an optimizer: name the optimizer with optimizer=, or judge the gradient norms with quantity="
        )
        raise TypeError(msg)


def checked(beside: Alongside, n: int) -> Alongside:
    """Return what was given; raise a ValueError if gradient norms or hyperparameters are not one for each norm."""
    given = {"gradient_norm": beside.gradient_norm, **{name: each for name, each in beside.varying.items()}}
    for name, values in given.items():
        if values is not None and (not np.ndim(values) or len(np.asarray(values)) != n):
            msg = f"{name} must hold one value for each of the {several(n, 'norm', 'norms')}, got shape {np.shape(values)}; leave it out if it was not recorded"
            raise ValueError(msg)
    return beside
