"""`dfa` and `fluctuations` for tests of what cannot be traced: other modules mark the functions themselves to run jitted."""

from __future__ import annotations

from typing import Any

import wcdfa


def dfa(*args: Any, **options: Any) -> wcdfa.DFAResult:
    return wcdfa.dfa(*args, **options)


def fluctuations(*args: Any, **options: Any) -> tuple[Any, Any]:
    return wcdfa.fluctuations(*args, **options)
