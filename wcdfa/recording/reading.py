"""What a recorder holds, and what can be computed from it: the verdict, and α of every group."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from wcdfa.inference.measurement import Measurement
from wcdfa.inference.prepared import Outcome, measured
from wcdfa.nulls.optimizer import Optimizer
from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.preparation import Prepared, with_usable_rates
from wcdfa.recording.groups import ALL
from wcdfa.verdicts.criteria import Criteria
from wcdfa.verdicts.single_window import Verdict, judged


class Reading(NamedTuple):
    """What a recorder holds, as NumPy arrays, oldest first.

    Of an ensemble, the arrays and numbers have the axes of the ensemble in front; a member that recorded less than another then
    begins with NaN.
    """

    norms: Any
    """‖ΔW‖ of each recorded step, shape (n,), n at most the window."""
    count: Any
    """How many norms were recorded in all."""
    skipped: Any
    """How many norms of 0 were counted and not recorded."""
    lr: Any = None
    """Learning rate of each of them, shape (n,); None where unknown."""
    steps: Any = None
    """Number of each of them among the training steps, from 1 on, shape (n,)."""
    groups: dict[str, Any] = {}  # noqa: RUF012 - nothing changes it
    """‖ΔW‖ of each group of parameters, shape (n,)."""
    optimizer: str | None = None
    """The optimizer, as `wcdfa.nulls.optimizer_null` calls it; None where unknown."""
    hyperparameters: dict[str, Any] = {}  # noqa: RUF012
    """Its hyperparameters, under the names of `wcdfa.nulls.optimizer_norms`."""
    stderr: Any = None
    """Standard error of each norm, relative to it, shape (n,), where only a sample of the coordinates was measured; None where all."""

    def verdict(self, group: str = ALL, *, lr: Any = None, steps: Any = None, null: Any = None, **options: Any) -> Verdict:
        """`wcdfa.verdict` on these norms, against the optimizer that made them where it is known.

        >>> import wcdfa
        >>> norms = wcdfa.nulls.optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1)[0]
        >>> print(Reading(norms, 500, 0, optimizer="sgd", hyperparameters={"momentum": 0.9}).verdict().explained_by)
        ('optimizer', 'short memory')

        Parameters
        ----------
        group : str
            Of which group of parameters; by default of all.
        lr, steps, null, **options
            As in `wcdfa.verdict`, in place of what is known here.

        Raises
        ------
        ValueError
            If there is no such group, or the norms are those of an ensemble, or too few; and as `wcdfa.verdict`.
        """
        return self.judged(group, Criteria().changed(**self.naming(options)), lr=lr, steps=steps, null=null)

    def judged(self, group: str, criteria: Criteria, *, lr: Any = None, steps: Any = None, null: Any = None) -> Verdict:
        """`verdict` by criteria that have been made."""
        if np.ndim(self.norms) != 1:
            msg = f"norms of shape {np.shape(self.norms)} are those of an ensemble; judge its members, reading.member(i).verdict()"
            raise ValueError(msg)
        norms, own = with_usable_rates(self.of(group), rates(self))
        return judged(norms, criteria, lr=own if lr is None else lr, steps=self.steps if steps is None else steps, null=null)

    def naming(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options of a verdict with the optimizer that is known here, unless they name another or none."""
        asked = options.get("optimizer", self.optimizer)
        if asked is None or isinstance(asked, Optimizer) or asked != self.optimizer:
            return options
        return {**self.hyperparameters, **options, "optimizer": asked}

    def of(self, group: str) -> Any:
        """The norms of one group, or of all; raises a ValueError if there is no such group."""
        if group != ALL and group not in self.groups:
            msg = f"group must be one of {', '.join(map(repr, (ALL, *self.groups)))}, got {group!r}"
            raise ValueError(msg)
        return self.norms if group == ALL else self.groups[group]

    def member(self, *index: int) -> Reading:
        """The reading of one member of an ensemble.

        >>> Reading(np.ones((3, 5)), np.array([5, 5, 5]), np.array([0, 1, 0])).member(1).skipped
        1
        """
        count = np.asarray(self.count)[index]
        kept = slice(max(0, np.shape(self.norms)[-1] - int(count)), None)
        lr, steps = (part if part is None else part[index][kept] for part in (self.lr, self.steps))
        own = {name: np.asarray(value)[index] if np.ndim(value) else value for name, value in self.hyperparameters.items()}
        groups = {name: part[index][kept] for name, part in self.groups.items()}
        skipped = int(np.asarray(self.skipped)[index])
        return Reading(self.norms[index][kept], int(count), skipped, lr, steps, groups, self.optimizer, own)


def rates(reading: Reading) -> Any:
    """The learning rate of each norm, NaN where unknown."""
    return np.full(np.shape(reading.norms), math.nan) if reading.lr is None else reading.lr


def outcomes(reading: Reading, preparation: Preparation, measurement: Measurement) -> dict[str, Outcome]:
    """α of all parameters and of each group; where it cannot be computed it is NaN, with the reason.

    >>> from wcdfa import synthetic
    >>> norms = synthetic.white_noise(200, seed=0)
    >>> found = outcomes(Reading(norms, 200, 0, groups={"head": norms}), Preparation(log=False), Measurement(method="ols"))
    >>> print(found["head"].result.alpha == found["all"].result.alpha)
    True
    """
    prepared = {name: _prepared(norms, reading, preparation) for name, norms in {ALL: reading.norms, **reading.groups}.items()}
    return measured(prepared, np.shape(reading.norms)[-1], measurement)


def _prepared(norms: Any, reading: Reading, preparation: Preparation) -> Prepared | str:
    """The norms prepared, or the reason why they cannot be."""
    usable, lr = with_usable_rates(norms, rates(reading))
    try:
        with np.errstate(all="ignore"):
            return preparation.of(usable, lr=lr, steps=reading.steps)
    except (ValueError, ArithmeticError) as error:
        return str(error)
