"""Apache Arrow for tables. It takes a while to import, so it is imported when a table is read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from wcdfa.readers.column_names import listed
from wcdfa.readers.columns import Column, Integers
from wcdfa.readers.errors import NothingLogged

__all__ = [
    "arrow_compute",
    "arrow_csv",
    "arrow_dataset",
    "codes_of",
    "column_of",
    "is_numeric",
    "is_text",
    "pa",
    "places_in",
    "require_numbers",
]


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


def codes_of(texts: pa.Array | pa.ChunkedArray, places: dict[str | bytes, int]) -> Integers:
    """The place of each text in `places`, to which new texts are added; -1 for a null.

    >>> places = {}
    >>> codes_of(pa.array(["b", "a", None, "b"]), places), places
    (array([ 0,  1, -1,  0]), {'b': 0, 'a': 1})
    """
    encoded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    if not len(encoded):
        return np.zeros(0, np.int64)
    known = [-1 if word is None else places.setdefault(word, len(places)) for word in encoded.dictionary.to_pylist()]
    codes: Integers = np.array([*known, -1])[
        arrow_compute.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    ]
    return codes


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text, or something that is written as text, such as dates."""
    held = kind.value_type if pa.types.is_dictionary(kind) else kind
    texts = pa.types.is_string(held) or pa.types.is_large_string(held) or pa.types.is_string_view(held)  # as polars writes it
    return bool(texts or pa.types.is_boolean(held) or pa.types.is_date(held) or pa.types.is_timestamp(held))


def places_in(schema: pa.Schema, names: list[str]) -> list[int]:
    """The places of columns. Raises an ArrowInvalid if one of the names is that of several."""
    places = [schema.get_field_index(name) for name in names]
    if -1 in places:
        msg = "duplicate field names"
        raise pa.ArrowInvalid(msg)
    return places


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column of this type is read."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def require_numbers(columns: Mapping[str, Column], held: list[str], *, empty: bool = False) -> Mapping[str, Column]:
    """Return the columns, if there is at least one.

    Raises
    ------
    NothingLogged
        If there is none, because the table is empty.
    ValueError
        If there is none: the message lists all columns that the table holds.
    """
    if not columns:
        msg = f"no column of numbers; it holds: {listed(held)}"
        raise NothingLogged(msg) if empty else ValueError(msg)
    return columns
