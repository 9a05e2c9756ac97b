"""..."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from wcdfa.inference.prepared import Outcome, _quietly, measured
from wcdfa.preprocess.preparation import Prepared, prepare, with_usable_rates
from wcdfa.recording.groups import ALL
from wcdfa.verdicts.single_window import Verdict, verdict


def outcomes(reading: Reading, preparation: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Outcome]:
    """`prepare`, then `dfa` once for all groups whose boxes are alike; what cannot be computed is NaN, with a reason.

    >>> from wcdfa import synthetic
    >>> from wcdfa.recording.reading import Reading
    >>> norms = synthetic.white_noise(200, seed=0)
    >>> found = outcomes(Reading(norms, 200, 0, groups={"head": norms}), {"log": False}, {"method": "ols"})
    >>> print(found["head"].result.alpha == found["all"].result.alpha)
    True
    """
    series = {ALL: reading.norms, **reading.groups}
    prepared: dict[str, Prepared | str] = {}
    for name, norms in series.items():
        usable, lr = with_usable_rates(norms, rates(reading))
        prepared[name] = _quietly(lambda usable=usable, lr=lr: prepare(usable, lr=lr, steps=reading.steps, **preparation))
    return measured(prepared, np.shape(reading.norms)[-1], settings)


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
    """The optimizer, as `wcdfa.nulls.nulls.optimizer_null` calls it; None where unknown."""
    hyperparameters: dict[str, Any] = {}  # noqa: RUF012
    """Its hyperparameters, under the names of `wcdfa.nulls.replay.optimizer_norms`."""
    stderr: Any = None
    """Standard error of each norm, relative to it, shape (n,), where only a sample of the coordinates was measured; None where all."""

    def verdict(self, group: str = ALL, **options: Any) -> Verdict:
        """`wcdfa.verdict` on these norms against the optimizer that made them, so far as it is known; `options` go before it.

        >>> import wcdfa
        >>> norms = wcdfa.nulls.replay.optimizer_norms(500, optimizer="sgd", momentum=0.9, replicates=1)[0]
        >>> print(Reading(norms, 500, 0, optimizer="sgd", hyperparameters={"momentum": 0.9}).verdict().explained_by)
        ('optimizer', 'short memory')

        Raises
        ------
        ValueError
            If there is no such group, or the norms are those of an ensemble, or too few; and as `wcdfa.verdict`.
        """
        if np.ndim(self.norms) != 1:
            msg = f"norms of shape {np.shape(self.norms)} are those of an ensemble; judge its members, reading.member(i).verdict()"
            raise ValueError(msg)
        return judged(self, group, {}, options)

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


def judged(reading: Reading, group: str, settings: Mapping[str, Any], options: Mapping[str, Any]) -> Verdict:
    """The verdict on one group of a reading; settings go before what the reading knows, and options before both."""
    norms, lr = with_usable_rates(reading.of(group), rates(reading))
    known: dict[str, Any] = {"lr": lr, "steps": reading.steps, **settings}
    optimizer = options.get("optimizer", reading.optimizer)
    if optimizer is not None and optimizer == reading.optimizer:
        known |= {"optimizer": optimizer, **reading.hyperparameters}
    return verdict(norms, **(known | dict(options)))


def rates(reading: Reading) -> Any:
    """The learning rate of each norm, NaN where unknown."""
    return np.full(np.shape(reading.norms), math.nan) if reading.lr is None else reading.lr
