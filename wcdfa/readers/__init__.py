"""Recorded series: one small file for each kind of log, and the choice among what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from wcdfa.readers.lines import read_lines
from wcdfa.readers.numpy_files import read_numpy
from wcdfa.readers.tables import read_delimited, read_parquet

READERS = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_lines,
    ".ndjson": read_lines,
    ".npy": read_numpy,
    ".npz": read_numpy,
    ".parquet": read_parquet,
}
# what people call ‖ΔW‖, best first; a gradient norm is another quantity, and only taken where it is named
RATES = ("lr", "learning_rate", "train/lr", "train/learning_rate")
NAMES = ("wcdfa/update_norm", "update_norm", "update_norms", "delta_norm", "norms", "norm", "value")


class RecordedSeries(NamedTuple):
    """A series as it was logged."""

    path: Path
    column: str
    values: Any  # (n,)
    empty: int  # rows without a value in this column, which are left out
    lr: Any = None  # (n,), the learning rate of each row, where the file holds one


def read_series(path: str | Path, column: str | None = None) -> RecordedSeries:
    """Read one series from a csv, tsv, jsonl, npy, npz or parquet file.

    Without `column`: the only one there is, or the one named as update norms usually are.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is unknown, the file damaged, or no column can be chosen: the message lists those it holds.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        msg = f"{path}: unknown format {path.suffix or '(no ending)'!r}; known are {', '.join(READERS)}"
        raise ValueError(msg)
    if not path.is_file():
        msg = f"{path}: no such file"
        raise FileNotFoundError(msg)
    columns = reader(path)
    chosen = _choose(path, list(columns), column)
    values = columns[chosen]
    if not values.size:
        msg = f"{path}: column {chosen!r} is empty"
        raise ValueError(msg)
    longest = max(len(c) for c in columns.values()) if path.suffix not in {".npz", ".npy"} else len(values)
    empty = longest - len(values)
    # columns leave out their empty rows each for itself: only two that have none are sure to belong together
    rates = [
        columns[name] for name in RATES if name in columns and name != chosen and len(columns[name]) == len(values) and not empty
    ]
    return RecordedSeries(path, chosen, values, empty, rates[0] if rates else None)


def _choose(path: Path, columns: list[str], column: str | None) -> str:
    held = ", ".join(columns) or "none"
    if column is not None:
        if column in columns:
            return column
        msg = f"{path}: no column of numbers named {column!r}; it holds: {held}"
        raise ValueError(msg)
    if len(columns) == 1:
        return columns[0]
    named = [name for name in NAMES if name in columns]
    if named:
        return named[0]
    msg = f"{path}: which column? It holds: {held}. Choose one with --column"
    raise ValueError(msg)
