"""Says why a reading holds too few norms for an exponent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wcdfa.support.shortest import LEAST
from wcdfa.support.text import several

Norms = npt.NDArray[np.floating]


def too_few(norms: Norms, *, zeros: bool = False) -> str | None:
    """The reason why a run that has just begun has no α yet; None if there are enough norms, or the run is longer than that.

    >>> too_few(np.ones(20)), too_few(np.ones(28))
    ('too few steps yet (20 of 28)', None)

    Parameters
    ----------
    norms : numbers of shape (n,)
        NaN before a group of parameters appeared: the group begins at its first finite norm.
    zeros : bool
        Whether a norm of 0 counts.
    """
    usable = np.isfinite(norms) if zeros else np.isfinite(norms) & (norms != 0)
    begun = usable[int(np.argmax(usable)) :] if usable.any() else usable
    count = int(np.sum(usable))
    if count >= LEAST or len(begun) >= 2 * LEAST:
        return None
    lost = len(begun) - count
    left_out = f"; {several(lost, 'norm is', 'norms are')} 0 or not finite" if lost else ""
    return f"{too_few_yet(count, LEAST)}{left_out}"


def too_few_yet(count: int, least: int) -> str:
    """The words for a run that has just begun.

    >>> too_few_yet(20, 28)
    'too few steps yet (20 of 28)'
    """
    return f"too few steps yet ({count:,} of {least:,})"


def with_skipped(reason: str, norms: Norms, skipped: int) -> str:
    """Why there is no α; if the norms are too few, with the steps that were not recorded.

    >>> with_skipped("there are no norms", np.empty(0), 200)
    'there are no norms; 200 steps were skipped, because their norm is 0: nothing moved, or so little that its square is 0 (in float32: less than 1e-19)'
    """
    finite = np.isfinite(norms)
    if np.count_nonzero(finite) >= LEAST:
        return reason
    if norms.size and not finite.any():
        reason += "; a norm is not finite if a change is not, or if its square is not (in float32: above 1e19)"
    if not skipped:
        return reason
    steps = several(skipped, "step was skipped, because its", "steps were skipped, because their")
    return f"{reason}; {steps} norm is 0: nothing moved, or so little that its square is 0 (in float32: less than 1e-19)"
