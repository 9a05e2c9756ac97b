"""Checks the breaks, order and box sizes that a user gives."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Literal, TypeVar

import numpy as np

from wcdfa.support.text import ordinal, several

T = TypeVar("T")
Order = Literal[1, 2, 3, 4]
ORDERS: tuple[Order, ...] = (1, 2, 3, 4)


def check_breaks(breaks: Iterable[object], n: int) -> tuple[int, ...]:
    """Return the lengths of the stretches between breaks; empty without breaks. Raises if breaks are not increasing integers inside the series."""
    places = tuple(_as_integer(b, "breaks") for b in listed(breaks, "breaks"))
    for before, place in pairwise((0, *places, n)):
        if place <= before:
            msg = (
                f"breaks must increase strictly from 1 to {n - 1} (the series has {several(n, 'sample', 'samples')}), got {places}"
            )
            raise ValueError(msg)
    return tuple(b - a for a, b in pairwise((0, *places, n))) if places else ()


@contextmanager
def saying_where_time_runs(shape: tuple[int, ...]) -> Iterator[None]:
    """If a series is too short, and another axis of the array is longer, say that time runs along the last axis.

    >>> with saying_where_time_runs((500, 4)):
    ...     raise ValueError("the series has 4 samples")
    Traceback (most recent call last):
    ValueError: the series has 4 samples. Time runs along the last axis of x, whose shape is (500, 4): give axis=0 if it runs along the first
    """
    try:
        yield
    except ValueError as error:
        longest = max(range(len(shape)), key=lambda i: shape[i], default=0)
        if not shape or shape[longest] <= shape[-1]:
            raise
        place = f"the {ordinal(longest + 1)}" if longest else "the first"
        msg = f"{error}. Time runs along the last axis of x, whose shape is {tuple(shape)}: give axis={longest} if it runs along {place}"
        raise ValueError(msg) from None


def check_order(order: int) -> int:
    """Return `order` as an integer; raises unless it is 1, 2, 3 or 4."""
    try:
        value = operator.index(order)
    except TypeError:
        msg = f"order must be an integer from 1 to 4, got {order!r} ({type(order).__name__})"
        raise TypeError(msg) from None
    if value not in ORDERS:
        msg = f"order must be 1, 2, 3 or 4, got {value}; 1 removes a linear trend of the profile and is the usual choice"
        raise ValueError(msg)
    return value


def check_sizes(sizes: Iterable[object], n: int, order: int) -> tuple[int, ...]:
    """Return `sizes` as a tuple of integers; raises unless they increase and fit the order and the series."""
    checked = tuple(_as_integer(size, "box sizes") for size in listed(sizes, "scales"))
    if not checked:
        msg = "scales is empty; give at least one box size, or leave scales=None for the default"
        raise ValueError(msg)
    for smaller, larger in pairwise(checked):
        if smaller >= larger:
            fault = "is repeated" if smaller == larger else f"comes after {smaller}"
            msg = f"scales must increase strictly, but {larger} {fault}; use sorted(set(scales))"
            raise ValueError(msg)
    if checked[0] < order + 2:
        msg = f"box size {checked[0]} is below {order + 2}, the smallest that order {order} leaves a residual on"
        raise ValueError(msg)
    if checked[-1] > n:
        msg = f"box size {checked[-1]} is above the length of the series, {several(n, 'sample', 'samples')}; use sizes up to {n} (better {n // 4})"
        raise ValueError(msg)
    return checked


def check_moments(moment: object) -> tuple[tuple[float, ...], bool]:
    """Return the moments as a tuple of finite numbers, and whether several were asked for: a list, even of one."""
    several = hasattr(moment, "__iter__") and getattr(moment, "ndim", 1) > 0
    given = listed(moment, "moment") if isinstance(moment, Iterable) and several else (moment,)
    if not given:
        msg = "moment is empty; give at least one, for instance moment=[-3, 0, 2]"
        raise ValueError(msg)
    return tuple(_as_moment(each) for each in given), several


def _as_moment(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # raises unless it is a number
    except Exception as error:  # a string, a traced value: each library has its own error
        msg = f"moment must be a plain number or several, known before tracing; got {value!r} ({type(value).__name__})"
        raise TypeError(msg) from error
    if not math.isfinite(number):
        msg = f"moment must be a finite number, got {number}; 2 is the usual root mean square"
        raise ValueError(msg)
    return number


def listed(values: Iterable[T], name: str) -> tuple[T, ...]:
    """What an iterable gives, which may give it once only; raises a TypeError that names it if it is none."""
    try:
        return tuple(values)
    except Exception as error:  # a traced array raises its library's own error
        msg = f"{name} must be a sequence of plain integers, known before tracing; got {type(values).__name__}"
        raise TypeError(msg) from error


def _as_integer(value: object, name: str) -> int:
    with suppress(Exception):  # a float, a string, a traced value: each library has its own error
        return operator.index(value)  # type: ignore[arg-type]  # raises unless it is an integer
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    msg = f"{name} must be plain integers, known before tracing; got {value!r} ({type(value).__name__})"
    raise TypeError(msg)
