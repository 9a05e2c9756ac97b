"""Acts on the messages of a watch: logs them, gives warnings, stops training, or calls a function of the user."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Literal

Action = Literal["log", "warn", "stop"] | Callable[[str], object] | None
ACTIONS = ("log", "warn", "stop", None)


class DriftWarning(UserWarning):
    """The regime has changed, α has left its baseline, or the diagnosis has found something."""


class DiagnosisMessage(str):
    """A message of the diagnosis, which stops no training.

    >>> MessageAction("stop")(DiagnosisMessage("the run changed"), aloud=False)
    False
    """

    __slots__ = ()


class MessageAction:
    """Acts on each message as the user asked. If the action fails, the error is logged and training goes on.

    >>> received = []
    >>> act = MessageAction(received.append)
    >>> act("regime changed from critical to ordered")
    False
    >>> act.messages == received
    True

    Parameters
    ----------
    action : "log", "warn", "stop", callable or None
        "log" writes the message to the logger "wcdfa", as a warning. "warn" gives a `DriftWarning`. "stop" logs it, and stops training if
        the message is about α: what the diagnosis says (`DiagnosisMessage`) never stops a training.
        A callable is called with the message. None does nothing.

    Raises
    ------
    ValueError
        If the action is a string other than these.
    TypeError
        If the action is of another type.
    """

    def __init__(self, action: Action) -> None:
        if action not in ACTIONS and not callable(action):
            msg = f"alarms must be one of {', '.join(map(repr, ACTIONS))} or a callable that takes a message, got {action!r}"
            raise ValueError(msg) if isinstance(action, str) else TypeError(msg)
        self.action = action
        self.messages: list[str] = []
        """All messages so far, oldest first."""

    @property
    def raised(self) -> list[str]:
        """Earlier name of `messages`."""
        return self.messages

    def __call__(self, message: str, *, aloud: bool = True) -> bool:
        """Keep a message and act on it. Returns whether training should stop.

        With ``aloud=False`` the message is only kept: another process of the same training acts on it.
        """
        self.messages.append(message)
        if aloud:
            try:
                self._act(message)
            except Exception:  # no error here may end the training run
                logging.getLogger("wcdfa").exception("the alarm of a monitor failed; training goes on")
        return self.action == "stop" and not isinstance(message, DiagnosisMessage)

    def _act(self, message: str) -> None:
        if callable(self.action):
            self.action(message)
        elif self.action == "warn":
            warnings.warn(message, DriftWarning, stacklevel=4)
        elif self.action is not None:
            logging.getLogger("wcdfa").warning(message)


Alarms = MessageAction  # its earlier name
