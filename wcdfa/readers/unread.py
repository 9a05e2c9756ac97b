"""Says of norms in a log that they hold text: such a column is there, and cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from wcdfa.readers.column_choice import LIKED, NoSeries
from wcdfa.readers.column_names import listed, quantity_of
from wcdfa.readers.columns import Column, Run
from wcdfa.readers.errors import LogError
from wcdfa.support.quantity import Quantity
from wcdfa.support.text import shown

CALLED: Mapping[Quantity, str] = {
    "update norm": "a norm ‖ΔW‖",
    "gradient norm": "a gradient norm",
    "displacement": "a displacement",
}
LONGEST = 60  # characters of an example
MOST = 3  # columns that are named


def better_than(run: Run, quantity: Quantity | None = None) -> Iterator[str]:
    """What to say of each column of text that is a norm by its name, and would be taken before a series of this quantity.

    >>> from pathlib import Path
    >>> list(better_than(Run(Path("a.csv"), "", {}, unread={"grad_norm": "12.3%", "host": "a"})))
    ["grad_norm is by its name a gradient norm, but its values are no numbers: the first is '12.3%'"]

    Parameters
    ----------
    run : Run
    quantity : str, optional
        Default: nothing is taken.
    """
    better = LIKED[: LIKED.index(quantity)] if quantity in LIKED else LIKED
    found = [name for name, text in run.unread.items() if text.strip() and name not in run.columns and quantity_of(name) in better]
    for name in found[:MOST]:
        yield (
            f"{shown(name)} is by its name {CALLED[quantity_of(name)]}, but its values are no numbers: the first is "
            f"'{shown(run.unread[name], LONGEST)}'"
        )


def require_plain(columns: Mapping[str, Column], unread: Mapping[str, str]) -> None:
    """Raise a LogError if there is no column of numbers, but one of text that is a norm by its name."""
    if not columns and (text := "; ".join(better_than(Run(Path(), "", columns, unread=unread)))):
        msg = f"{text}. Log plain numbers"
        raise LogError(msg)


def explained(error: NoSeries, run: Run, wanted: Iterable[str]) -> NoSeries:
    """The error if no series is found, which says so if the series that was looked for is there and holds text."""
    wanted = list(wanted)
    asked = [name for name in run.unread if any(name == each or fnmatchcase(name, each) for each in wanted)]
    if asked:
        first = asked[0]
        text = f"the values of {shown(first)} are no numbers: the first is '{shown(run.unread[first], LONGEST)}'"
    elif error.missing and not wanted:
        text = "; ".join(better_than(run))
    else:
        text = ""
    return NoSeries(f"{text}. Log plain numbers; it holds numbers in: {listed(run.columns)}") if text else error
