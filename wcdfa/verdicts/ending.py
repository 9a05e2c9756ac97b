"""Says whether a series ends in values that tell nothing: NaN, infinity or zeros."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FEW = 3
"""Values at the end that are not finite and count: a single one may be a step that a loss scale skipped."""
STILL = 20
"""Values of 0 at the end that count."""
ENDINGS = ("ends-not-finite", "ends-still")
"""Keys of the lines on how a series ends."""


class Ending(NamedTuple):
    """The values at the end of a series, all of which are not finite, or 0."""

    since: int
    """Step of the first of them."""
    length: int
    still: bool
    """Whether they are all 0."""
    what: str = "norms"

    @property
    def key(self) -> str:
        """The line to act on, by its key in `wcdfa.verdicts.explanations`."""
        return ENDINGS[self.still]

    def __str__(self) -> str:
        if self.still:
            return f"the {self.what} are 0 from step {self.since:,} on, to the end ({self.length:,} of them)"
        return f"the {self.what} are not finite from step {self.since:,} on, to the end ({self.length:,} of them)"


def ending_of(
    norms: npt.ArrayLike, steps: npt.ArrayLike | None = None, *, what: str = "norms", zeros: bool = True
) -> Ending | None:
    """The values at the end of a series that are not finite, or 0; None if it ends in others, or in very few such values.

    >>> print(ending_of([1.0, 2.0, *[float("nan")] * 3]))
    the norms are not finite from step 3 on, to the end (3 of them)

    Parameters
    ----------
    norms : numbers of shape (n,)
        A series with negative values holds logarithms, of which 0 is one like any other.
    steps : numbers of shape (n,), optional
        Default: 1, 2, 3, …
    what : str
        What they are called.
    zeros : bool
        Whether 0 tells nothing.
    """
    values = np.asarray(norms, dtype=np.float64)
    finite = np.isfinite(values)
    sound = finite & (values != 0) if zeros and not np.any(values[finite] < 0) else finite
    first = int(np.flatnonzero(sound)[-1]) + 1 if sound.any() else 0
    still = bool(finite[first:].all())
    if not still:  # zeros before them may be steps that were skipped
        first += int(np.argmin(finite[first:]))
    count = len(values) - first
    if count < (STILL if still else FEW):
        return None
    return Ending(first + 1 if steps is None else int(np.asarray(steps)[first]), count, still, what)
