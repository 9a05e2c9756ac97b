"""Translates messages of the library for the command line: Python arguments become options."""

from __future__ import annotations

import re
from collections.abc import Collection
from errno import EIO, ENOSPC

from wcdfa.readers.errors import LogError

# arguments in texts of the library; they come after a space, and never inside a path such as "runs/lr=0.1"
ARGUMENT = re.compile(
    r"(?<![^\s(])(?:column=|pattern=|optimizer=|quantity=|epoch_length|spacing=\d*|steps=\(first, last\)|dimension=\(rows, columns\)|window=|baseline=\d+|momentum=|betas=|lr=|order=\d|log=(?:True|False))(?=[\s,.;:)]|$)"
)

FOR_PYTHON = re.compile(r", or give scales= yourself \(sizes from \d+ to \d+\)| \(gradients=True\)")  # which no command takes


def of_error(error: Exception) -> str:
    """Translate the message of an error.

    >>> from wcdfa.readers.errors import Option
    >>> print(of_error(LogError("which column? It holds: a, b. Choose one with", Option("column"))))
    which column? It holds: a, b. Choose one with --column
    """
    if isinstance(error, LogError):
        return error.text if error.option is None else f"{error.text} {_option(error.option.name, *map(str, error.option.values))}"
    if isinstance(error, OSError) and error.strerror and error.filename is None:  # of a stream, or a sentence of its own
        return f"the output cannot be written: {error.strerror}" if error.errno in (ENOSPC, EIO) else of_text(error.strerror)
    return of_text(str(error))


def of_text(text: str) -> str:
    """Translate a note, or a message that another process sent as text.

    >>> print(of_text("norm 0 is -1, and a logarithm needs norms above 0; log=False takes any series"))
    norm 0 is -1, and a logarithm needs norms above 0; --no-log takes any series
    >>> print(of_text("runs/steps=100: steps are unevenly spaced: choose a stretch with steps=(first, last)"))
    runs/steps=100: steps are unevenly spaced: choose a stretch with --steps FIRST LAST
    >>> print(of_text("give a larger window, or no epoch_length"))
    give a larger window, or no --epoch-length
    """
    return ARGUMENT.sub(lambda found: _option(*re.findall(r"\w+", found[0])), FOR_PYTHON.sub("", text))


def in_options(text: str, names: Collection[str]) -> str:
    """The message of an error in which these arguments of Python are written as options.

    >>> print(in_options("sgd has no hyperparameter 'betas'; it takes lr, weight_decay", ["betas", "lr", "weight_decay"]))
    sgd has no hyperparameter --betas; it takes --lr, --weight-decay
    """
    if not names:
        return text
    known = "|".join(sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![\w.=/(-])(['\"]?)({known})\1(?![\w(-])", lambda found: _option(found[2]), text)


def _option(name: str, *values: str) -> str:
    words = [value.upper() for value in values]
    if words in (["TRUE"], ["FALSE"]):
        return f"--{name}" if words == ["TRUE"] else f"--no-{name}"
    return " ".join([f"--{name.replace('_', '-')}", *words])
