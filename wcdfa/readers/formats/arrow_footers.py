"""Reads Arrow files whose description is only in their footer, as polars writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.formats.arrow import Deferred, pa, places_in

if TYPE_CHECKING:
    import pyarrow.ipc as arrow_ipc
else:
    arrow_ipc = Deferred("pyarrow.ipc")


class Footed:
    """The batches of an Arrow file, which its footer lists. Raises `ArrowException` if it has no footer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened([]) as reader:
            self.schema = reader.schema
        with self._opened([0] if len(self.schema) else []) as reader:
            self._rows: int = sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))

    def count_rows(self) -> int:
        """How many rows there are."""
        return self._rows

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns."""
        with self._opened(places_in(self.schema, columns)) as reader:
            for i in range(reader.num_record_batches):
                yield reader.get_batch(i).select(columns)

    def _opened(self, places: list[int]) -> pa.RecordBatchFileReader:
        options = arrow_ipc.IpcReadOptions(included_fields=places, use_threads=False)
        return arrow_ipc.open_file(pa.memory_map(str(self._path)), options=options)
