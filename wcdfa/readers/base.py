"""The protocol of a reader: it recognises one kind of log, and reads the runs in it. A new kind is one module in ``formats``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from wcdfa.readers.columns import Run


class Folder(NamedTuple):
    """A folder that is searched for logs."""

    path: Path
    files: Sequence[Path]
    """Its files, sorted by name; names that begin with a dot are left out."""
    given: bool
    """Whether it is the folder that the user named, and not one below it."""


class Found(NamedTuple):
    """What a reader finds in a folder."""

    logs: Sequence[Path] = ()
    """Files, or the folder itself if several files in it form one log."""
    searched: Sequence[Path] = ()
    """Folders in it that no reader needs to search any more."""


class Reader(Protocol):
    """One kind of log.

    To add a kind, write one module in ``wcdfa/readers/formats`` that holds its reader under the name ``READER``. It is then found in
    folders, read, and listed in the help and in the errors. Most kinds are files with an ending of their own; for these, `FileReader`
    does everything but the reading::

        from wcdfa.readers.base import FileReader
        from wcdfa.readers.columns import Column, Run
        from wcdfa.readers.steps import with_steps

        def read_hdf5(path: Path) -> Iterator[Run]:
            import h5py

            with h5py.File(path) as file:
                yield Run(path, "", with_steps({name: Column(np.asarray(file[name], float)) for name in file}))

        READER = FileReader("hdf5", (".h5",), read_hdf5, extra="hdf5")

    - If it needs a library, add the extra, here ``hdf5 = ["h5py"]``, to ``[project.optional-dependencies]`` in pyproject.toml and to ``test``.
    - Import a library only inside a function: all modules of ``formats`` are imported to look for logs.
    - Give every number as logged, including NaN, in the order written. `wcdfa.readers.steps.with_steps` finds the steps of
      rows, and `wcdfa.readers.formats.rows.Rows` collects rows.
    - Raise a ValueError that says what is wrong with a damaged log; the path is put before it. If a log is cut off, for example because
      it is still being written, give the complete part, and a note.
    - If the first bytes of a file tell what it is, say so with ``recognises``.
    - Test it: add a writer to ``tests/helpers/log_files.py``, and the tests of all kinds run on it.
    """

    @property
    def description(self) -> str:
        """The formats it reads, in a few words for a list: "csv, tsv"."""

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of its files, in lower case and with the dot; empty if they cannot be recognised by an ending."""

    @property
    def extra(self) -> str | None:
        """The extra that installs the libraries it needs, as in ``pip install 'wcdfa[extra]'``; None if it needs none."""

    @property
    def many_runs(self) -> bool:
        """Whether one file may hold many runs, so that several processes should share it."""

    @property
    def last_resort(self) -> bool:
        """Whether it searches folders only if no other reader finds a log."""

    @property
    def recognises(self) -> Callable[[bytes], bool] | None:
        """Tells from the first 64 KiB of a file whether it is surely of this kind; all of it, if there is less. None if nothing tells.

        A named file that no reader claims by its name, or that only another reader is sure of, is read by the one that recognises it.
        In folders, files with an ending that tells nothing, such as ``.txt``, or without one are found so.
        """

    @property
    def doubtful(self) -> bool:
        """Whether its endings are also those of many other files, so that files in folders count only if it recognises them."""

    def claims(self, path: Path) -> bool:
        """Whether a file that the user named is of this kind. A reader that checks more than the ending comes first."""

    def search(self, folder: Folder) -> Found:
        """Find the logs of this kind in a folder; the folders in it are searched afterwards."""

    def runs(self, path: Path) -> Iterator[Run]:
        """Read the runs in a log that it has claimed or found.

        Raises
        ------
        ValueError
            If the log is damaged.
        """


@dataclass(frozen=True)
class FileReader:
    """A `Reader` for files with known endings, each of which is a log of its own.

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
    recognises: Callable[[bytes], bool] | None = None
    doubtful: bool = False

    def claims(self, path: Path) -> bool:
        """Whether the file has one of the endings, in any case."""
        return path.suffix.lower() in self.endings

    def search(self, folder: Folder) -> Found:
        """Find each file that it claims, unless its endings are in doubt."""
        return Found([] if self.doubtful else [file for file in folder.files if self.claims(file)])

    def runs(self, path: Path) -> Iterator[Run]:
        """Call `read`."""
        return self.read(path)
