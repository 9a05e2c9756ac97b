"""Finds which rows of several processes belong to the same step, if some of the processes took fewer steps than others."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wcdfa.support.text import several

SHOWN = 8  # processes in a message
Step = tuple[int, int]
"""How many backward passes had been seen before a step, and which of the steps after the same pass it is."""


class Taken(NamedTuple):
    """The steps that one process took since the last reading, in order."""

    passes: list[int]  # backward passes before each step
    rates: list[float]
    beside: list[dict[str, object]]  # momentum and betas
    dropped: int  # how many steps before these were forgotten, because nobody read them
    forgotten: int  # backward passes before the last step that was forgotten; -1 if none was


class Common(NamedTuple):
    """The steps that at least one process took."""

    steps: list[Step]
    unknown: list[bool]  # whether it cannot be known which steps of the processes belong together
    unread: list[bool]  # whether that is so because a process has forgotten its row
    rates: list[float]
    beside: list[dict[str, object]]
    dropped: int


def numbered(passes: Sequence[int]) -> list[Step]:
    """Number the steps after the same backward pass.

    >>> numbered([1, 2, 2, 4])
    [(1, 0), (2, 0), (2, 1), (4, 0)]
    """
    seen: Counter[int] = Counter()
    steps = []
    for each in passes:
        steps.append((each, seen[each]))
        seen[each] += 1
    return steps


def common_steps(taken: Mapping[int, Taken]) -> Common:
    """The steps of all processes, by their ranks.

    >>> one, other = (Taken(passes, [0.1] * len(passes), [{}] * len(passes), 0, -1) for passes in ([1, 2, 3], [1, 3]))
    >>> common_steps({0: one, 1: other}).steps
    [(1, 0), (2, 0), (3, 0)]

    After a pass that one process took several steps after, and another fewer, it is unknown which of them belong together.
    """
    counts = [Counter(each.passes) for each in taken.values()]
    most = {number: max(count[number] for count in counts) for number in sorted(set().union(*counts))}
    forgotten = max(each.forgotten for each in taken.values())
    known = {number: number > forgotten and (n == 1 or all(count[number] == n for count in counts)) for number, n in most.items()}
    told = {
        step: (rate, beside)
        for each in reversed(list(taken.values()))
        for step, rate, beside in zip(numbered(each.passes), each.rates, each.beside, strict=True)
    }
    steps = [(number, i) for number, n in most.items() for i in range(n)]
    return Common(
        steps,
        [not known[number] for number, _ in steps],
        [number <= forgotten for number, _ in steps],
        [told[step][0] for step in steps],
        [told[step][1] for step in steps],
        max(each.dropped for each in taken.values()),
    )


def tell_differences(taken: Mapping[int, Taken], common: Common) -> None:
    """Log which processes took fewer steps, and what becomes of the norms."""
    total = len(common.steps)
    counts = {rank: len(each.passes) for rank, each in taken.items() if len(each.passes) < total or any(common.unknown)}
    told = ", ".join(f"process {rank} has {count:,}" for rank, count in list(counts.items())[:SHOWN])
    more = f", …, {len(counts):,} processes in all" if len(counts) > SHOWN else ""
    logging.getLogger("wcdfa").warning("of %s read now, %s%s: %s", several(total, "step", "steps"), told, more, _outcome(common))


def _outcome(common: Common) -> str:
    """What becomes of the norms."""
    if not any(common.unknown):
        return "at a step that a process left out, its parameters count as unmoved and its gradient and direction as unknown"
    gaps = several(sum(common.unknown), "norm is a gap", "norms are gaps")
    if all(unread for unread, unknown in zip(common.unread, common.unknown, strict=True) if unknown):
        return f"the others waited too long for a read(), so {gaps}"
    return f"no backward pass tells which of them belong together, so {gaps}"
