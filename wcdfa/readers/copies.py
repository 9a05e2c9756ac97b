"""Reads logs from copies in temporary folders, as if they were where the user named them."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from wcdfa.readers.base import Folder, Found, Reader
from wcdfa.readers.columns import Run
from wcdfa.readers.errors import LogError
from wcdfa.support.temporary_folders import TemporaryFolder

Content = TypeVar("Content")


class Copying:
    """Writes copies block by block, with a limit to their size.

    Parameters
    ----------
    folder : TemporaryFolder
    most : int
        Bytes that all copies may take, at most half of the free space of the disk.
    what : str
        What is copied, for the error: "unpacked, it".
    """

    def __init__(self, folder: TemporaryFolder, most: int, what: str) -> None:
        self.folder, self._what = folder, what
        self._free = shutil.disk_usage(folder.path).free // 2
        self._most, self._taken = most, 0

    def write(self, name: str, blocks: Iterable[bytes]) -> Path:
        """Write a copy under this name, which may have folders in it.

        Raises
        ------
        LogError
            If it would be too large.
        """
        place = self.folder.path / inside(name)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                for block in blocks:
                    self.require(len(block))
                    file.write(block)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST):
                raise
            msg = f"no copy of {name[:100]!r} can be written to the folder for temporary files: {error.strerror}"
            raise LogError(msg) from error
        return place

    def require(self, more: int) -> None:
        """Count bytes that are to be written; raise a LogError if they are too many."""
        self._taken += more
        if self._taken > self._most:
            msg = f"{self._what} would take more than {self._most / 1e6:,.0f} MB of the disk, which is not read"
            raise LogError(msg)
        if self._taken > self._free:
            msg = (
                f"{self._what} would take more than {self._free / 1e6:,.0f} MB, half of what is free in the folder for temporary files: "
                "name a larger one with TMPDIR"
            )
            raise LogError(msg)


def inside(name: str) -> Path:
    r"""The name of a file in an archive or a store as a path that leads nowhere else.

    >>> inside("../../etc\\./passwd").as_posix(), inside("/runs/a.csv").as_posix()
    ('etc/passwd', 'runs/a.csv')
    """
    parts = [part.replace(":", "_") for part in name.replace("\\", "/").replace("\0", "").split("/") if part not in ("", ".", "..")]
    return Path(*parts) if parts else Path("log")


class Kept(Mapping[str, Content]):
    """Columns of a copy, which keep its folder, because they may be read on demand."""

    def __init__(self, columns: Mapping[str, Content], folder: TemporaryFolder) -> None:
        self._columns, self._folder = columns, folder

    def __iter__(self) -> Iterator[str]:
        """The names of the columns."""
        return iter(self._columns)

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self._columns)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a column; it is not read."""
        return name in self._columns

    def __getitem__(self, name: str) -> Content:
        """Read the column."""
        return self._columns[name]


def of_copy(run: Run, path: Path, folder: TemporaryFolder, name: str = "", notes: Sequence[str] = ()) -> Run:
    """A run that was read from a copy, with the path that the user knows. The folder of the copy stays until its columns are gone.

    `name` is put before that of the run.
    """
    said = run.notes
    if notes and isinstance(said, list):
        said[:0] = notes  # the same list, to which notes may be added while columns are read
    elif notes:
        said = (*notes, *said)
    return run._replace(
        path=path,
        name=" ".join(filter(None, [name, run.name])),
        columns=Kept(run.columns, folder),
        texts=Kept(run.texts, folder),
        unread=Kept(run.unread, folder),
        notes=said,
    )


@dataclass(frozen=True)
class CopyReader:
    """Reads a log from a copy in a temporary folder, which stays as long as this reader or a run that it gave."""

    reader: Reader
    copy: Path
    folder: TemporaryFolder

    @property
    def description(self) -> str:
        """That of the reader of the copy, as all that follows."""
        return self.reader.description

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of its files."""
        return self.reader.endings

    @property
    def extra(self) -> str | None:
        """The extra that it needs."""
        return self.reader.extra

    @property
    def many_runs(self) -> bool:
        """Whether one file may hold many runs."""
        return self.reader.many_runs

    @property
    def last_resort(self) -> bool:
        """Whether it reads only where there is nothing else."""
        return self.reader.last_resort

    @property
    def recognises(self) -> Callable[[bytes], bool] | None:
        """Tells from its beginning what a file is."""
        return self.reader.recognises

    @property
    def doubtful(self) -> bool:
        """Whether its endings are in doubt."""
        return self.reader.doubtful

    def claims(self, path: Path) -> bool:
        """Nothing: a copy is made of what the user named."""
        return False

    def search(self, folder: Folder) -> Found:
        """Find nothing."""
        return Found()

    def runs(self, path: Path) -> Iterator[Run]:
        """Read the runs in the copy, as those at this path."""
        if not self.copy.exists():
            msg = "it was copied to another machine, and cannot be read here: give a path or a URL that all machines reach"
            raise LogError(msg)
        for run in self.reader.runs(self.copy):
            yield of_copy(run, path, self.folder)
