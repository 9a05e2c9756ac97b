"""Errors that name the argument that solves the problem. Text and argument are separate, so that the command line can name its option."""

from __future__ import annotations

from typing import NamedTuple, Self


class Option(NamedTuple):
    """An argument of `wcdfa.readers.series.read_series`, with suggested values if they are known.

    >>> print(Option("column"), Option("spacing", (10,)), Option("steps", ("first", "last")))
    column= spacing=10 steps=(first, last)
    """

    name: str
    values: tuple[int | str, ...] = ()

    def __str__(self) -> str:
        values = ", ".join(map(str, self.values))
        return f"{self.name}=({values})" if len(self.values) > 1 else f"{self.name}={values}"


class LogError(ValueError):
    """Something is wrong with a log, or with a request about it.

    >>> error = LogError("which column? It holds: a, b. Choose one with", Option("column"))
    >>> print(error.of("run.csv"))
    run.csv: which column? It holds: a, b. Choose one with column=
    """

    def __init__(self, text: str, option: Option | None = None) -> None:
        super().__init__(text if option is None else f"{text} {option}")
        self.text = text
        """The message without the option at its end."""
        self.option = option

    def of(self, where: str) -> Self:
        """The same error, with the place put before the message."""
        return type(self)(f"{where}: {self.text}", self.option)


class NothingLogged(LogError):
    """A log without a number: its run has not begun, or it holds only hyperparameters. In a folder it is no failure."""
