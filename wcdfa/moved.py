"""Modules that have moved: the old names go on working, with a DeprecationWarning that gives the new one."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {  # old module: where its names are now
    "backends.torch_handle": ("backends.torch.handle",),
    "comparison": ("analysis.comparison",),
    "core": ("inference.exponent", "inference.legacy", "monitor.monitor", "monitor.epochs"),  # the last two as in 0.1.0
    "current": ("inference.prepared", "recording.reading"),
    "exponent": ("inference.estimators",),
    "findings": ("verdicts.single_window", "verdicts.findings"),
    "groups": ("recording.groups",),
    "regime": ("verdicts.regime", "verdicts.drift"),
    "replay": ("nulls.replay",),
    "ring": ("recording.ring", "recording.reading"),
    "rolling": ("inference.rolling",),
    "rolling_monitor": ("monitor.epochs",),
    "spread": ("inference.fluctuation_spread",),
    "tables": ("inference.calibration_tables",),
    "watch": ("monitor.watch", "monitor.messages"),
    "whittle": ("nulls.whittle",),
    "windows": ("verdicts.windows",),
}


class Finder:
    """Finds a module by its old name, after everything else has failed to."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The spec of a module that has moved; None for any other."""
        return ModuleSpec(name, self) if name.startswith("wcdfa.") and name.removeprefix("wcdfa.") in MOVED else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module under its old name."""
        return under_old_name(spec.name.removeprefix("wcdfa."), stacklevel=3)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: `create_module` has filled the module already."""


def under_old_name(old: str, stacklevel: int) -> ModuleType:
    """A module with all names of the new modules; if two share a name, the first wins. The warning points `stacklevel` frames up."""
    homes = [f"wcdfa.{home}" for home in MOVED[old]]
    warnings.warn(f"wcdfa.{old} has moved to {' and '.join(homes)}", DeprecationWarning, stacklevel=stacklevel)
    module = ModuleType(f"wcdfa.{old}", f"Moved to {', '.join(homes)}.")
    for home in reversed(homes):
        vars(module).update({name: value for name, value in vars(import_module(home)).items() if not name.startswith("__")})
    return module


def imported(old: str, stacklevel: int) -> ModuleType:
    """`under_old_name`, and as if it had been imported, so that it warns once."""
    sys.modules[f"wcdfa.{old}"] = module = under_old_name(old, stacklevel)
    return module


def install() -> None:
    """Make the old names importable."""
    if not any(isinstance(each, Finder) for each in sys.meta_path):
        sys.meta_path.append(Finder())
