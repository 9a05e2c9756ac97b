"""One module for each kind of log. A module with a ``READER`` is in the table; `wcdfa.readers.base.Reader` says how to add one."""

from __future__ import annotations

import functools
import pkgutil
from importlib import import_module

from wcdfa.readers.base import Reader

__all__ = ["described", "known", "readers"]


@functools.cache
def readers() -> tuple[Reader, ...]:
    """The readers of all kinds, in the order of their modules.

    >>> [reader.description for reader in readers()][:2]
    ['folders of checkpoints (safetensors, torch, orbax)', 'csv, tsv']
    """
    modules = (import_module(f"{__name__}.{name}") for name in sorted(found.name for found in pkgutil.iter_modules(__path__)))
    return tuple(module.READER for module in modules if hasattr(module, "READER"))


def described() -> str:
    """All kinds in a few words, for the help of a command and the docs."""
    return ", ".join(reader.description for reader in sorted(readers(), key=lambda reader: reader.last_resort))


def known() -> str:
    """The endings, and the kinds without an ending of their own, for an error message."""
    endings = [ending for reader in readers() for ending in reader.endings]
    return ", ".join([*endings, *(reader.description for reader in readers() if not reader.endings)])
