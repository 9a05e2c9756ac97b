"""What a reader is: which logs are of its kind, and the runs in one. A new kind of log is one module in ``formats``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from wcdfa.readers.columns import Run


class Folder(NamedTuple):
    """A folder in which logs are looked for."""

    path: Path
    files: Sequence[Path]
    """Its files in the order of their names, without those whose names begin with a dot."""
    given: bool
    """Whether it is the folder that the user named; else it lies below that one."""


class Found(NamedTuple):
    """What a reader finds in a folder."""

    logs: Sequence[Path] = ()
    """Files, or the folder itself where several files in it are one log."""
    searched: Sequence[Path] = ()
    """Folders in it in which no reader has to look any more."""


class Reader(Protocol):
    """One kind of log.

    To add a kind, write one module in ``wcdfa/readers/formats`` that holds its reader under the name ``READER``. It is then found in
    folders, read, and listed in the help and in the errors. Most kinds are files that their endings tell, for which `FileReader` does
    all but the reading::

        def read_hdf5(path: Path) -> Iterator[Run]:
            import h5py

            with h5py.File(path) as file:
                yield Run(path, "", with_steps({name: Column(np.asarray(file[name], float)) for name in file}))

        READER = FileReader("hdf5", (".h5",), read_hdf5, extra="hdf5")

    - Import a library only inside a function: all modules of ``formats`` are imported to look for logs.
    - Give every number as it was logged, NaN among them, in the order written. `wcdfa.readers.steps.with_steps` finds the steps of
      rows, and `wcdfa.readers.formats.rows.Rows` collects rows.
    - Raise a ValueError that says what is wrong with a damaged log; the path is put before it. Where a log is cut off, as while it is
      still written, give what is whole, and a note.
    - Show that it works: a writer for ``tests/helpers/log_files.py``, which puts it through the tests of all kinds.
    """

    @property
    def description(self) -> str:
        """What it reads, in a few words for a list: "csv, tsv"."""

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of its files, in lower case with their dots; empty where endings do not tell."""

    @property
    def extra(self) -> str | None:
        """The extra that installs what it needs, as in ``pip install 'wcdfa[extra]'``; None where it needs nothing."""

    @property
    def many_runs(self) -> bool:
        """Whether one file may hold many runs, so that several processes should share it."""

    @property
    def last_resort(self) -> bool:
        """Whether it looks into folders only where no other reader finds a log."""

    def claims(self, path: Path) -> bool:
        """Whether a file that the user named is of this kind. A reader that knows more than the ending goes before one that does not."""

    def search(self, folder: Folder) -> Found:
        """The logs of this kind in a folder; the folders in it are searched after."""

    def runs(self, path: Path) -> Iterator[Run]:
        """The runs in a log that it has claimed or found.

        Raises
        ------
        ValueError
            If the log is damaged.
        """


@dataclass(frozen=True)
class FileReader:
    """A `Reader` of files that their endings tell, each a log of its own.

    >>> reader = FileReader("notes", (".txt",), lambda path: iter([]))
    >>> reader.claims(Path("notes.TXT")), reader.claims(Path("notes.csv"))
    (True, False)
    """

    description: str
    endings: tuple[str, ...]
    read: Callable[[Path], Iterator[Run]]
    extra: str | None = None
    many_runs: bool = False
    last_resort: bool = False

    def claims(self, path: Path) -> bool:
        """Whether the file has one of the endings, in any case."""
        return path.suffix.lower() in self.endings

    def search(self, folder: Folder) -> Found:
        """Each file that it claims."""
        return Found([file for file in folder.files if self.claims(file)])

    def runs(self, path: Path) -> Iterator[Run]:
        """What `read` gives."""
        return self.read(path)
