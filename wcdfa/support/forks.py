"""Tells objects that their process is forked, so that a child does not go on with what belongs to its parent."""

from __future__ import annotations

import os
import weakref


class Forked:
    """Has something to do when its process is forked."""

    def before_fork(self) -> None:
        """Prepare for a fork; called in the parent."""

    def after_fork(self) -> None:
        """Let go of what belongs to the parent; called in the child."""


_told: weakref.WeakSet[Forked] = weakref.WeakSet()


def tell(one: Forked) -> None:
    """Call the object's `before_fork` and `after_fork` at each fork, as long as the object lives.

    >>> class Counter(Forked):
    ...     def after_fork(self):
    ...         self.count = 0
    >>> counter = Counter()
    >>> tell(counter)
    """
    _told.add(one)


def _before() -> None:
    for one in list(_told):
        one.before_fork()


def _after() -> None:
    for one in list(_told):
        one.after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_before, after_in_child=_after)
