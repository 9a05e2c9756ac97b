"""Judges a run by all of its windows or groups together: with many tests, some p-values are small by chance alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from wcdfa.support.text import probability
from wcdfa.verdicts.evidence import Evidence
from wcdfa.verdicts.findings import LEVEL, trending
from wcdfa.verdicts.single_window import Verdict, weighed


class RunVerdict(NamedTuple):
    """What the windows or groups of a run say together; printing it gives one line."""

    compared: int
    """How many were compared with the optimizer."""
    p_value: float
    """The p-value of the run, from all tests together (Simes). NaN if nothing was compared."""
    differing: tuple[int, ...]
    """Positions of those that differ from the optimizer by more than chance among so many tests."""
    alone: int
    """How many have a p-value below 0.05 by themselves."""
    parts: str = "windows"
    against: str = "the optimizer"
    names: tuple[str, ...] = ()
    """Names of the parts; without them they are numbered."""

    def __str__(self) -> str:
        """One line."""
        if not self.compared:
            return f"no {self.parts[:-1]} was compared with {self.against}"
        if self.differing and self.compared == 1:
            return f"the only {self.parts[:-1]} that was compared differs from {self.against} ({probability(self.p_value)})"
        if self.differing:
            differ = "differs" if len(self.differing) == 1 else "differ"
            named = [self.names[place] if self.names else str(place + 1) for place in self.differing[:5]]
            which = ("" if self.names else "number ") + ", ".join(named) + (" …" if len(self.differing) > 5 else "")
            return f"{len(self.differing)} of {self.compared} {self.parts} {differ} from {self.against} ({which}; {probability(self.p_value)} for the run)"
        if self.compared == 1:
            return f"the only {self.parts[:-1]} that was compared does not differ from {self.against} ({probability(self.p_value)})"
        are = "is" if self.alone == 1 else "are"
        chance = f": {self.alone} of {self.compared} {self.parts} below 0.05 {are} no more than chance" if self.alone else ""
        return f"no difference from {self.against} over all {self.compared} {self.parts} ({probability(self.p_value)} for the run){chance}"


def across(p_values: npt.ArrayLike, *, dependent: bool = False, parts: str = "windows") -> RunVerdict:
    """Join p-values of the windows or groups of a run, at a rate of false findings of 5 % for the run. NaN is left out.

    >>> print(across([0.03, 0.4, 0.7, 0.2, 0.9]))
    no difference from the optimizer over all 5 windows (p = 0.15 for the run): 1 of 5 windows below 0.05 is no more than chance
    >>> across([0.0001, 0.4, 0.7, 0.2, 0.9]).differing
    (0,)

    Parameters
    ----------
    p_values : numbers of shape (tests,)
    dependent : bool
        Whether the tests may depend on each other, as groups of parameters and overlapping windows do: then the thresholds are those of
        Benjamini and Yekutieli, else those of Benjamini and Hochberg.
    parts : str
        What was tested, in the plural.

    References
    ----------
    Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57, 289 (1995), doi:10.1111/j.2517-6161.1995.tb02031.x; Y. Benjamini and D. Yekutieli,
    Ann. Stat. 29, 1165 (2001), doi:10.1214/aos/1013699998.
    """
    p = np.asarray(p_values, dtype=np.float64)
    places = np.flatnonzero(np.isfinite(p))
    count = len(places)
    if not count:
        return RunVerdict(0, math.nan, (), 0, parts)
    order = places[np.argsort(p[places], kind="stable")]
    ranks = np.arange(1, count + 1)
    cost = float(np.sum(1 / ranks)) if dependent else 1.0
    adjusted = np.minimum.accumulate((p[order] * count * cost / ranks)[::-1])[::-1]
    differing = tuple(sorted(int(place) for place in order[adjusted < LEVEL]))
    return RunVerdict(count, float(min(1.0, adjusted[0])), differing, int(np.sum(p[places] < LEVEL)), parts)


def together(evidence: Sequence[Evidence], *, dependent: bool = False) -> list[Verdict]:
    """Weigh windows or groups that were tested together. One that differs only by chance says so."""
    p_values = [math.nan if trending(each) else each.p_value for each in evidence]  # a trend, as of a schedule, explains them
    found = across(p_values, dependent=dependent)
    sizes = across([math.nan if each.gradients is None else each.gradients.p_value for each in evidence], dependent=dependent)
    verdicts = []
    for place, one in enumerate(evidence):
        if p_values[place] < LEVEL and place not in found.differing:
            one = replace(one, among=found.compared)
        if one.gradients is not None and one.gradients.p_value < LEVEL and place not in sizes.differing:
            one = replace(one, gradients=one.gradients._replace(among=sizes.compared))
        verdicts.append(weighed(one))
    return verdicts


def across_groups(verdicts: Mapping[str, Verdict]) -> RunVerdict:
    """`across` for the verdicts on groups of parameters, by name; that on all parameters together, "all", is left out if there are others."""
    groups = {name: each for name, each in verdicts.items() if name != "all" or len(verdicts) == 1}
    return across([each.p_value for each in groups.values()], dependent=True, parts="groups")._replace(names=tuple(groups))
