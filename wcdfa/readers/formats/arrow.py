"""Apache Arrow for tables. It takes a while to import, so it is imported when a table is read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.readers.column_names import listed
from wcdfa.readers.columns import Column

__all__ = ["arrow_compute", "arrow_csv", "arrow_dataset", "column_of", "is_numeric", "pa", "require_numbers"]


class Deferred:
    """A module that is imported when it is first used.

    >>> Deferred("math").floor(2.5)
    2
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as arrow_compute
    import pyarrow.csv as arrow_csv
    import pyarrow.dataset as arrow_dataset
else:
    pa, arrow_compute = Deferred("pyarrow"), Deferred("pyarrow.compute")
    arrow_csv, arrow_dataset = Deferred("pyarrow.csv"), Deferred("pyarrow.dataset")


def column_of(read: pa.Array | pa.ChunkedArray) -> Column:
    """Convert an array to float64 numbers with their rows; nulls are left out."""
    numbers = read if pa.types.is_float64(read.type) else arrow_compute.cast(read, pa.float64(), safe=False)
    if not read.null_count:
        return Column(numbers.to_numpy())
    return Column(numbers.drop_null().to_numpy(), rows=np.flatnonzero(read.is_valid()))


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column of this type is read."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def require_numbers(columns: Mapping[str, Column], held: list[str]) -> Mapping[str, Column]:
    """Return the columns, if there is at least one.

    Raises
    ------
    ValueError
        If there is none: the message lists all columns that the table holds.
    """
    if not columns:
        msg = f"no column of numbers; it holds: {listed(held)}"
        raise ValueError(msg)
    return columns
