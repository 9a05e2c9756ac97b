"""What a study consists of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pandas as pd

FOLDER = Path(__file__).resolve().parent.parent
NAMES = ("grokking", "hebbian", "plasticity", "regimes", "instability", "captured", "biology")
REPLICATES, NOT, ARTEFACT, UNTESTABLE, UNDECIDED = (
    "replicates",
    "does not replicate",
    "artefact of ",
    "not testable here",
    "undecided",
)

Settings = Mapping[str, str | float | bool | None]
"""Of one run: flat, as JSON can hold it."""
Value = str | float | list[float] | list[str] | None


class StudyError(ValueError):
    """What the person who runs a study can mend: the message says how."""


class Claim(NamedTuple):
    """A claim that a study tests."""

    key: str
    says: str
    source: str
    name: str = ""
    """A few words for tables."""


class Outcome(NamedTuple):
    """What came out for a claim."""

    claim: str
    """The key of the claim."""
    verdict: str
    """As the rule of the protocol gives it: replicates, does not replicate, artefact of …, not testable here, undecided."""
    line: str
    """One sentence, with the figure."""
    effect: str
    """The effect with its interval."""
    null: str
    """What it was compared with, and what that gave."""
    seeds: int


class Study(NamedTuple):
    """A study: what to run, and what to make of the runs."""

    name: str
    title: str
    about: str
    """What was done, and what the words of the page mean, in a few sentences for a reader who knows machine learning."""
    claims: tuple[Claim, ...]
    settings: Callable[[bool], list[dict[str, str | float | bool | None]]]
    """The settings of each run, the most needed first; if true is given, those of a quick trial."""
    run: Callable[..., dict[str, Value]]
    """One run; the result follows from its settings alone."""
    outcomes: Callable[[pd.DataFrame], list[Outcome]]
    """One for each claim, from the table of runs: settings and results are its columns."""
    tables: Callable[[pd.DataFrame], list[tuple[str, pd.DataFrame]]]
    picture: Callable[[pd.DataFrame, Path], None]
    not_done: Callable[[pd.DataFrame], list[str]]
    needs: tuple[str, ...] = ()
    """Modules that the runs need beyond those of the extra `test`."""

    @property
    def folder(self) -> Path:
        """Where the protocol and the results are."""
        return FOLDER / self.name

    @property
    def missing(self) -> list[str]:
        """Modules that the runs need and that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]


def load(name: str) -> Study:
    """Import a study by its name.

    Raises
    ------
    StudyError
        If no study has this name.
    """
    if name not in NAMES:
        msg = f"no study is called {name!r}; there are {', '.join(NAMES)}"
        raise StudyError(msg)
    study: Study = import_module(f"studies.{name}.run").STUDY
    return study


def check_verdict(verdict: str) -> None:
    """Raise a ValueError if the verdict is none of the words that a study may use."""
    if verdict not in {REPLICATES, NOT, UNTESTABLE, UNDECIDED} and not (
        verdict.startswith(ARTEFACT) and len(verdict) > len(ARTEFACT)
    ):
        msg = f"{verdict!r} is no verdict: use {REPLICATES!r}, {NOT!r}, {ARTEFACT + '…'!r}, {UNTESTABLE!r} or {UNDECIDED!r}"
        raise ValueError(msg)
