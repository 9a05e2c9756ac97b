"""What `wcdfa.sinks.base.Sink` promises, every sink does."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import pytest

from wcdfa import sinks
from wcdfa.sinks.base import Sink

SHARED = {"base", "buffer", "keys", "layouts"}
TRACKERS = [module.name for module in pkgutil.iter_modules(sinks.__path__) if module.name not in SHARED]


@pytest.mark.parametrize("name", TRACKERS)
def test_every_module_has_one_sink(name):
    try:
        module = import_module(f"wcdfa.sinks.{name}")
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    (sink,) = [each for each in vars(module).values() if inspect.isclass(each) and each.__name__.endswith("Sink")]
    for method in ("__call__", "alert"):
        assert inspect.signature(getattr(sink, method)) == inspect.signature(getattr(Sink, method)), method
    assert f"`wcdfa.sinks.{name}.{sink.__name__}`" in sinks.__doc__
