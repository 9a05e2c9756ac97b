"""Reads parquet tables: single files, and folders of numbered parts, as `wcdfa.sinks.parquet.ParquetSink` writes them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.arrow import arrow_dataset, column_of, is_numeric, pa, require_numbers
from wcdfa.readers.limits import require_room
from wcdfa.readers.magic import is_parquet
from wcdfa.readers.steps import with_steps
from wcdfa.support.text import several, shown

NUMBER = 24  # bytes of memory for a number, while it is read and converted
AT_ONCE = 1 << 24  # bytes of numbers that are read at once, also if only one column is asked for
WIDEST = 2000  # columns that are read at once: Arrow takes up to 50 kB for each, however short it is
KEPT = 8  # such blocks that are kept


def read_parquet(path: Path) -> Iterator[Run]:
    """Read the numeric columns of a parquet file, or of a folder of parts in the order of their names; nulls are left out.

    Hidden files beside the parts, such as locks, are no parts.
    """
    parts = [path] if path.is_file() else sorted(part for part in path.glob("*.parquet") if _is_part(part))
    try:
        sets = [arrow_dataset.dataset(part, format="parquet") for part in parts]
        schema = pa.unify_schemas([each.schema for each in sets], promote_options="permissive")
        whole = arrow_dataset.dataset(parts, format="parquet", schema=schema)
        rows = whole.count_rows()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(error) from error
    names = [field.name for field in schema if is_numeric(field.type)]
    size = sum(part.stat().st_size for part in parts)
    width = min(WIDEST, max(1, AT_ONCE // (8 * max(1, rows))))  # columns in a block
    places = {name: i for i, name in enumerate(names)}

    def load(chosen: list[str]) -> dict[str, Column]:
        require_room(NUMBER * rows, size, f"a column of {rows:,} rows")
        try:
            table = whole.to_table(columns=chosen)
            if len(table) != rows:
                msg = f"it has {several(rows, 'row', 'rows')}, but {len(table):,} in column {shown(chosen[0])!r}"
                raise OSError(msg)
            return {name: column_of(table.column(i)) for i, name in enumerate(chosen)}
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error) from error

    @functools.lru_cache(KEPT)
    def block(start: int) -> dict[str, Column]:
        try:
            return load(names[start : start + width])
        except LogError:  # of one of its columns, perhaps another than the one asked for
            return {}

    def read(name: str) -> Column:
        found = block(places[name] // width * width)
        return found[name] if name in found else load([name])[name]

    columns = Lazy(names, read)
    yield Run(path, "", with_steps(require_numbers(columns, schema.names), others=schema.names))


def _damaged(error: Exception) -> Exception:
    return error if isinstance(error, PermissionError) else LogError(f"not a parquet file: {error}")


def _is_part(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_file()


class _Parquet(FileReader):
    def search(self, folder: Folder) -> Found:
        """Find the folder itself if it holds the numbered parts of one table and nothing else; otherwise each file."""
        return Found([folder.path]) if _are_parts(folder) else super().search(folder)


def _are_parts(folder: Folder) -> bool:
    """Whether all files are named 00000.parquet and so on."""
    return bool(folder.files) and all(file.suffix == ".parquet" and file.stem.isdecimal() for file in folder.files)


READER = _Parquet("parquet", (".parquet",), read_parquet, extra="cli", recognises=is_parquet)
