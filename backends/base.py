"""Functions that the callbacks of all trainers share."""

from __future__ import annotations

from wcdfa.monitor.monitor import SMALLEST_WINDOW, WeightChangeDFA


def require_one_source(monitor: WeightChangeDFA | None, options: dict[str, object]) -> None:
    """Raise an error unless a callback was given a monitor, or options that make one, or neither.

    Options are tried at once, so that a misspelled one is told of where it is written and not when training begins.

    >>> require_one_source(WeightChangeDFA(), {"order": 2})
    Traceback (most recent call last):
        ...
    TypeError: order=2 belongs to the monitor: give it to the WeightChangeDFA that is passed as monitor=, or leave that out

    Raises
    ------
    TypeError, ValueError
        As `WeightChangeDFA`; or if both are given.
    """
    if monitor is not None and not isinstance(monitor, WeightChangeDFA):
        msg = f"monitor must be a WeightChangeDFA, got {type(monitor).__name__}; leave it out for one of 500 norms"
        raise TypeError(msg)
    if monitor is not None and options:
        named = ", ".join(f"{name}={value!r}" for name, value in options.items())
        msg = f"{named} belongs to the monitor: give it to the WeightChangeDFA that is passed as monitor=, or leave that out"
        raise TypeError(msg)
    if options:
        WeightChangeDFA(**options)  # type: ignore[arg-type]  # it checks them


def monitor_of(window: int, options: dict[str, object]) -> WeightChangeDFA:
    """Make a monitor for a recorder that keeps this many norms, if the user gave none; `options` are passed on to it.

    >>> monitor_of(10, {"order": 2}), monitor_of(500, {"window": 128})
    (WeightChangeDFA(not ready, samples=0/50), WeightChangeDFA(not ready, samples=0/128))

    Raises
    ------
    TypeError, ValueError
        As `WeightChangeDFA`.
    """
    return WeightChangeDFA(**{"window": max(window, SMALLEST_WINDOW), **options})  # type: ignore[arg-type]
