"""The door of the commands: what is wrong with a call is said once, before any log is read, with exit status 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wcdfa.cli.wording import in_options


class WrongCall(ValueError):
    """The call itself is wrong, whatever the logs hold."""


@contextmanager
def door(*names: str) -> Iterator[None]:
    """Make an error that an option causes a `WrongCall`, in which these arguments of Python are options.

    >>> with door("momentum"):
    ...     raise TypeError("momentum must be a number, got 'x'")
    Traceback (most recent call last):
    wcdfa.cli.door.WrongCall: --momentum must be a number, got 'x'
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        raise WrongCall(in_options(str(error), names)) from error
