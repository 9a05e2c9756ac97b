"""Reads Arrow tables: feather files, Arrow files and Arrow streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.base import FileReader
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats.arrow import Deferred, pa, places_in
from wcdfa.readers.formats.arrow_footers import Footed
from wcdfa.readers.formats.arrow_tables import damaged, runs_in

if TYPE_CHECKING:
    import pyarrow.ipc as arrow_ipc
else:
    arrow_ipc = Deferred("pyarrow.ipc")

KIND = "an Arrow file"
MAGIC = b"ARROW1"
OLD = b"FEA1"
START = 8  # bytes before the first message of a file that is no stream
CUT = "it is cut off or damaged after row {rows:,}: the rows before were read"


def read_arrow(path: Path) -> Iterator[Run]:
    """Read the numeric columns of an Arrow table; nulls are left out. If it is cut off, the rows before are read."""
    with path.open("rb") as file:
        beginning = file.read(len(MAGIC))
    if beginning.startswith(OLD):
        msg = "a feather file of version 1, of the year 2016: write it anew with pyarrow.feather.write_feather"
        raise LogError(msg)
    try:
        stored = _stored(path, is_file=beginning == MAGIC)
        notes = [CUT.format(rows=stored.count_rows())] if isinstance(stored, Stream) and stored.is_cut else []
        yield from runs_in(path, stored, path.stat().st_size, KIND, notes)
    except (pa.ArrowException, OSError) as error:
        raise damaged(KIND, error) from error


def _stored(path: Path, *, is_file: bool) -> Stream | Footed:
    """The table in a file. Most files hold a whole stream; without its beginning, the footer counts."""
    try:
        return Stream(path, START if is_file else 0)
    except (pa.ArrowException, OSError) as error:
        if not is_file or isinstance(error, PermissionError):
            raise
        return Footed(path)


class Stream:
    """The batches of an Arrow stream, also of one inside an Arrow file, where a footer follows it."""

    def __init__(self, path: Path, start: int) -> None:
        self._path, self._start = path, start
        self._lengths, self.is_cut = list[int](), False
        with arrow_ipc.open_stream(self._file()) as reader:
            self.schema = reader.schema
        with self._opened([]) as reader:
            self.is_cut = not _walk(reader, self._lengths)

    def count_rows(self) -> int:
        """How many rows the whole batches have."""
        return sum(self._lengths)

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of the whole batches."""
        with self._opened(places_in(self.schema, columns)) as reader:
            for _ in self._lengths:
                yield reader.read_next_batch().select(columns)

    def _file(self) -> pa.MemoryMappedFile:
        file = pa.memory_map(str(self._path))
        file.seek(self._start)
        return file

    def _opened(self, places: list[int]) -> pa.RecordBatchStreamReader:
        return arrow_ipc.open_stream(self._file(), options=arrow_ipc.IpcReadOptions(included_fields=places, use_threads=False))


def _walk(reader: pa.RecordBatchStreamReader, lengths: list[int]) -> bool:
    """Note the rows of each batch; return whether the last one is followed by an end."""
    try:
        while True:
            lengths.append(reader.read_next_batch().num_rows)
    except StopIteration:
        return True
    except (pa.ArrowException, OSError):
        return False


def _is_arrow(beginning: bytes) -> bool:
    return beginning.startswith(MAGIC)


READER = FileReader("feather, arrow", (".feather", ".arrow", ".ipc"), read_arrow, extra="cli", recognises=_is_arrow)
