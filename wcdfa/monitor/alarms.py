"""..."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

Action = str | Callable[[str], Any] | None


ACTIONS = ("log", "warn", "stop", None)


class DriftWarning(UserWarning):
    """α has left its baseline, or its regime."""


class Alarms:
    """Does with each message what was asked for, and keeps all of them in ``raised``; nothing of it ends a training run by an error.

    >>> said = []
    >>> alarms = Alarms(said.append)
    >>> alarms("regime changed from critical to ordered")
    False
    >>> alarms.raised == said
    True

    Parameters
    ----------
    action : "log", "warn", "stop", callable or None
        Log the message as a warning of the logger "wcdfa", give a `DriftWarning`, log it and have training stopped, call this with it,
        or nothing.

    Raises
    ------
    ValueError, TypeError
        If it is none of these.
    """

    def __init__(self, action: Action) -> None:
        if action not in ACTIONS and not callable(action):
            msg = f"alarms must be one of {', '.join(map(repr, ACTIONS))} or a callable that takes a message, got {action!r}"
            raise ValueError(msg) if isinstance(action, str) else TypeError(msg)
        self.action = action
        self.raised: list[str] = []

    def __call__(self, message: str, *, aloud: bool = True) -> bool:
        """Raise an alarm; returns whether training is to stop. Not aloud, where another process says it, it is only kept."""
        self.raised.append(message)
        if aloud:
            try:
                self._say(message)
            except Exception:  # whatever it is, it must not end the training run
                logging.getLogger("wcdfa").exception("the alarm of a monitor failed; training goes on")
        return self.action == "stop"

    def _say(self, message: str) -> None:
        if callable(self.action):
            self.action(message)
        elif self.action == "warn":
            warnings.warn(message, DriftWarning, stacklevel=4)
        elif self.action is not None:
            logging.getLogger("wcdfa").warning(message)
