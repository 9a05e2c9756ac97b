"""Reads parquet tables: single files, and folders of numbered parts, as `wcdfa.sinks.parquet.ParquetSink` writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Column, Lazy, Run
from wcdfa.readers.formats.arrow import arrow_dataset, column_of, is_numeric, pa, require_numbers
from wcdfa.readers.steps import with_steps
from wcdfa.support.text import shown


def read_parquet(path: Path) -> Iterator[Run]:
    """Read the numeric columns of a parquet file, or of a folder of parts in the order of their names; nulls are left out."""
    try:
        parts = [path] if path.is_file() else sorted(path.glob("*.parquet"))
        sets = [arrow_dataset.dataset(part, format="parquet") for part in parts]
        schema = pa.unify_schemas([each.schema for each in sets], promote_options="permissive")
        whole = arrow_dataset.dataset(parts, format="parquet", schema=schema)
        rows = whole.count_rows()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(error) from error

    def read(name: str) -> Column:
        try:
            column = whole.to_table(columns=[name]).column(0)
            if len(column) != rows:
                msg = f"it has {rows:,} rows, but {len(column):,} in column {shown(name)!r}"
                raise OSError(msg)
            return column_of(column)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(error) from error

    columns = Lazy([field.name for field in schema if is_numeric(field.type)], read)
    yield Run(path, "", with_steps(require_numbers(columns, schema.names)))


def _damaged(error: Exception) -> Exception:
    return error if isinstance(error, PermissionError) else ValueError(f"not a parquet file: {error}")


class _Parquet(FileReader):
    def search(self, folder: Folder) -> Found:
        """Find the folder itself if it holds the numbered parts of one table and nothing else; otherwise each file."""
        return Found([folder.path]) if _are_parts(folder) else super().search(folder)


def _are_parts(folder: Folder) -> bool:
    """Whether all files are named 00000.parquet and so on."""
    return bool(folder.files) and all(file.suffix == ".parquet" and file.stem.isdecimal() for file in folder.files)


READER = _Parquet("parquet", (".parquet",), read_parquet, extra="cli")
