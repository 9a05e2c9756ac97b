"""Reads parquet tables: single files, and folders of numbered parts, as `wcdfa.sinks.parquet.ParquetSink`, Spark or Dask write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.columns import Run
from wcdfa.readers.formats.arrow import Deferred, arrow_dataset, pa
from wcdfa.readers.formats.arrow_tables import damaged, runs_in
from wcdfa.readers.magic import is_parquet

if TYPE_CHECKING:
    import pyarrow.parquet as arrow_parquet
else:
    arrow_parquet = Deferred("pyarrow.parquet")

KIND = "a parquet file"
ROWS, BUFFER = 1 << 16, 1 << 18  # rows and bytes that are read at once
ENDINGS = (".parquet", ".pq")
# 00000, part-00000-<uuid>-c000.snappy (Spark), part.0 (Dask), <uuid>-0 (pyarrow)
PART = re.compile(r"(?P<before>part[-_.]?|[0-9a-f]{32}-|)(?P<number>\d{1,18})(?P<after>[-_.].*)?")


def read_parquet(path: Path) -> Iterator[Run]:
    """Read the numeric columns of a parquet file, or of a folder of parts in the order of their numbers; nulls are left out.

    Hidden files beside the parts, such as locks, are no parts.
    """
    parts = [path] if path.is_file() else sorted((part for part in path.iterdir() if _is_part(part)), key=_order)
    try:
        sets = [arrow_dataset.dataset(part, format="parquet") for part in parts]
        schema = pa.unify_schemas([each.schema for each in sets], promote_options="permissive")
        yield from runs_in(path, Parts(parts, schema), sum(part.stat().st_size for part in parts), KIND)
    except (pa.ArrowException, OSError) as error:
        raise damaged(KIND, error) from error


class Parts:
    """The table in some files, of which a few rows are held at a time: a dataset holds all rows of a group."""

    def __init__(self, parts: Sequence[Path], schema: pa.Schema) -> None:
        self._parts, self.schema = parts, schema

    def count_rows(self) -> int:
        """How many rows all parts have."""
        return int(arrow_dataset.dataset(self._parts, format="parquet", schema=self.schema).count_rows())

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns, which are null in parts without them."""
        wanted = pa.schema([self.schema.field(name) for name in columns])
        for part in self._parts:
            with arrow_parquet.ParquetFile(part, buffer_size=BUFFER, pre_buffer=False) as file:
                names = set(file.schema_arrow.names)
                held = [name for name in columns if name in names]
                if not held:
                    nulls = [pa.nulls(file.metadata.num_rows, field.type) for field in wanted]
                    yield pa.RecordBatch.from_arrays(nulls, schema=wanted)
                    continue
                for batch in file.iter_batches(ROWS, columns=held, use_threads=False):
                    yield pa.RecordBatch.from_arrays(_filled(batch, wanted), schema=wanted)


def _filled(batch: pa.RecordBatch, wanted: pa.Schema) -> list[pa.Array]:
    """The wanted columns of a batch, with the types that they have in all parts; nulls for those that it lacks."""
    found = dict(zip(batch.schema.names, batch.columns, strict=True))
    held = [found.get(field.name) for field in wanted]
    return [
        pa.nulls(len(batch), field.type) if column is None else column if column.type == field.type else column.cast(field.type)
        for column, field in zip(held, wanted, strict=True)
    ]


def _is_part(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith((".", "_")) and path.is_file()


def _order(path: Path) -> tuple[int, str]:
    number = PART.fullmatch(path.stem)
    return int(number["number"]) if number else -1, path.name


class _Parquet(FileReader):
    def search(self, folder: Folder) -> Found:
        """Find the folder itself if its tables are the numbered parts of one; otherwise each file."""
        files = [file for file in super().search(folder).logs if not file.name.startswith("_")]
        return Found([folder.path] if _are_parts(files) else files)


def _are_parts(files: Iterable[Path]) -> bool:
    """Whether the names are those of parts, numbered by one program."""
    found = [PART.fullmatch(file.stem) for file in files]
    named = [each for each in found if each is not None]
    numbers = {each["number"] for each in named}
    return len(named) == len(found) == len(numbers) > 0 and len({each["before"] for each in named}) == 1


READER = _Parquet("parquet", ENDINGS, read_parquet, extra="cli", recognises=is_parquet)
