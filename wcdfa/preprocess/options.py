"""The options for preparing norms, kept together in one object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from wcdfa.preprocess.preparation import Prepared, Spikes, Zeros, check_options, prepare


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The options of `wcdfa.prepare`. Learning rates and steps are not among them: they are data, and are given with the norms.

    >>> import numpy as np
    >>> Preparation(zeros="skip").of(np.array([0.0] + 30 * [1.0, 2.0])).zeros
    1

    Raises
    ------
    ValueError
        If spikes or zeros has a value that `wcdfa.prepare` does not know.
    """

    log: bool = True
    epoch_length: int | None = None
    spikes: Spikes = "hampel"
    zeros: Zeros = "skip"

    def __post_init__(self) -> None:
        check_options(self.log, self.spikes, self.zeros)

    def of(self, norms: npt.ArrayLike, *, lr: npt.ArrayLike | None = None, steps: npt.ArrayLike | None = None) -> Prepared:
        """Call `wcdfa.prepare` with these options. Raises the same errors."""
        return prepare(
            norms, lr=lr, steps=steps, log=self.log, epoch_length=self.epoch_length, spikes=self.spikes, zeros=self.zeros
        )
