"""All checks of one window against the named optimizer.

To add one, write a function that takes the window and yields a `wcdfa.verdicts.checked_window.Check`, put it into `CHECKS`, and name its
statistic in `wcdfa.verdicts.signatures`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wcdfa.verdicts.checked_window import Check, Window
from wcdfa.verdicts.direction_checks import cosine, memory_of_norms, vector_alpha
from wcdfa.verdicts.gradient_checks import few_steps, gradient_size, neighbours, next_step, rhythm
from wcdfa.verdicts.momentum_checks import identity, lost_memory
from wcdfa.verdicts.rounding import rounding

CHECKS: tuple[Callable[[Window], Iterator[Check]], ...] = (
    cosine,
    vector_alpha,
    memory_of_norms,
    neighbours,
    few_steps,
    next_step,
    gradient_size,
    identity,
    lost_memory,
    rhythm,
    rounding,
)
"""All checks, in the order in which they are listed."""
