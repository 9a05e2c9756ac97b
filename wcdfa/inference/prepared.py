"""α of the norms that a ring holds, group by group, whatever they are."""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from wcdfa.inference.exponent import DFAResult, DFAWarning, dfa
from wcdfa.preprocess.preparation import Prepared

K = TypeVar("K")


class Outcome(NamedTuple):
    """The result of a window, and why it is NaN where it is."""

    result: DFAResult
    reason: str | None


def measured(prepared: Mapping[K, Prepared | str], n: int, settings: Mapping[str, Any]) -> dict[K, Outcome]:
    """`dfa` of what has been prepared, once for all whose boxes are alike; NaN for what could not be, which was n long."""
    found: dict[K, Outcome] = {}
    failed = {name: part for name, part in prepared.items() if isinstance(part, str)}
    alike: dict[tuple[int, tuple[int, ...]], dict[K, Any]] = defaultdict(dict)
    for name, part in prepared.items():
        if isinstance(part, Prepared):
            alike[len(part.values), part.cuts][name] = part.values
    for (_, cuts), series in alike.items():
        x = np.stack(list(series.values()))
        result = _quietly(lambda x=x, cuts=cuts: dfa(x, breaks=cuts, **settings))
        if isinstance(result, str):
            failed |= dict.fromkeys(series, result)
            continue
        for i, name in enumerate(series):
            own = DFAResult(**{key: part if key == "scales" else part[i] for key, part in result._asdict().items()})
            found[name] = Outcome(own, _reason(x[i], cuts, settings) if math.isnan(own.alpha) else None)
    nothing: Any = _quietly(lambda: dfa(np.zeros(n), **settings)) if failed else None
    found |= {name: Outcome(nothing, reason) for name, reason in failed.items()}
    return {name: found[name] for name in prepared}


def _reason(x: Any, breaks: tuple[int, ...], settings: Mapping[str, Any]) -> str:
    """What `dfa` says of a series without an exponent."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DFAWarning)
        dfa(x, breaks=breaks, **settings)
    return str(caught[-1].message) if caught else "the norms do not fluctuate"


def _quietly(compute: Any) -> Any:
    """What it computes, or the reason why not."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return compute()
        except (ValueError, ArithmeticError) as error:
            return str(error)
