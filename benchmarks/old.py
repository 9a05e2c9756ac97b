"""wcdfa 0.1.0, to measure against: its sdist has the two modules in two folders, and does not import as it is."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any


def monitor_of_old(folder: str) -> Any:
    """Its class WeightChangeDFA, from the folder of the unpacked sdist (pip download --no-deps --no-binary :all:)."""
    package = types.ModuleType("wcdfa_0_1_0")
    package.__path__ = []
    sys.modules[package.__name__] = package
    for name in ("dfa", "core"):
        spec = importlib.util.spec_from_file_location(f"{package.__name__}.{name}", next(Path(folder).rglob(f"{name}.py")))
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module.WeightChangeDFA
