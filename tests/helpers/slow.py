"""Which tests are slow without a mark: those that start a process, whose imports alone take a second or more."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.helpers import commands, processes

STARTERS = [subprocess, processes.start, commands.start, commands.run_process]


def starts_a_process(item: pytest.Item) -> bool:
    """Whether a test, a fixture that it asks for, or a function of their own modules names what starts a process."""
    if not isinstance(item, pytest.Function):
        return False
    fixtures = (each.func for found in item._fixtureinfo.name2fixturedefs.values() for each in found)
    return any(_names_a_starter(function, set()) for function in (item.function, *fixtures))


def _names_a_starter(function: Any, seen: set[Any]) -> bool:
    if not isinstance(function, FunctionType) or function in seen:
        return False
    seen.add(function)
    named = [function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__]
    near = [each for each in named if getattr(each, "__module__", None) == function.__module__]
    return any(each in STARTERS for each in named if callable(each) or each is subprocess) or any(
        _names_a_starter(each, seen) for each in near
    )


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
