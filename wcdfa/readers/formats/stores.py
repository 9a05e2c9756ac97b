"""Opens SQLite stores for reading: nothing in one or beside it is changed, and what it asks for is bounded by its size."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wcdfa.readers.errors import LogError
from wcdfa.readers.limits import Deadline, most_memory
from wcdfa.support.temporary_folders import TemporaryFolder

WRITER = 18  # position of the byte that tells how a store is written
LONGEST = (1 << 31) - 1  # bytes in a value or row; the most that SQLite can be told
OFTEN = 10_000  # instructions of SQLite between two looks at the clock
LIKE = 100  # most characters in a pattern of LIKE, which a constraint may use
SAFE = ("PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON", "PRAGMA mmap_size = 0")


class Store:
    """A store to read, together with its write-ahead log. One connection serves all readings, and its deadline counts their time."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()  # the write-ahead log is beside the file, not beside a link to it
        self._deadline, self._lock = Deadline(_size(self._path)), threading.RLock()
        self._open: sqlite3.Connection | None = None
        self._copy: TemporaryFolder | None = None

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Read in it.

        Raises
        ------
        LogError
            If it is damaged, cannot be read, or takes too long.
        """
        with self._lock:
            self._deadline.go_on()
            try:
                self._open = self._open or self._begun()
                yield self._open
            except (sqlite3.Error, OverflowError) as error:
                self._deadline.check()
                msg = f"not a store that can be read: {error}{_interrupted(self._path)}"
                raise LogError(msg) from error
            finally:
                self._deadline.pause()

    def _begun(self) -> sqlite3.Connection:
        store = self._connected()
        weakref.finalize(self, store.close)
        store.set_progress_handler(_check(self._deadline), OFTEN)
        store.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(LONGEST, most_memory(_size(self._path)) // 8))
        store.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, LIKE)
        store.text_factory = _text
        for each in SAFE:
            store.execute(each)
        (page,) = store.execute("PRAGMA page_size").fetchone()
        if self._path.stat().st_size % page:
            msg = f"it is cut off: it does not end at a page of {page:,} bytes"
            raise LogError(msg)
        return store

    def _connected(self) -> sqlite3.Connection:
        path = self._path
        if not _has_log(path) and not _size_of_log(path):
            return _read_only(path)
        if not _size_of_log(path):  # SQLite would leave files beside the store, unless told that nobody writes to it
            return _read_only(path, immutable=not _beside(path, "-shm").exists())
        if not _beside(path, "-shm").exists():
            return self._copied()
        store = _read_only(path)
        try:
            store.execute("PRAGMA schema_version").fetchone()
        except sqlite3.OperationalError:  # the folder is read-only
            store.close()
            return self._copied()
        return store

    def _copied(self) -> sqlite3.Connection:
        """Open a copy of the store and its log: whoever reads a log without an index writes one, and may remove the log at the end."""
        if self._copy is None:
            self._copy = TemporaryFolder()
            for each in (self._path, _beside(self._path, "-wal")):
                shutil.copyfile(each, self._copy.path / each.name)
        return sqlite3.connect(self._copy.path / self._path.name, check_same_thread=False)


def _check(deadline: Deadline) -> Callable[[], bool]:
    return lambda: deadline.passed  # without a reference to the store, which would keep it


def _read_only(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro{'&immutable=1' if immutable else ''}", uri=True, check_same_thread=False)


def _has_log(path: Path) -> bool:
    """Whether the store uses a write-ahead log."""
    with path.open("rb") as file:
        return file.read(WRITER + 1)[WRITER:] == b"\x02"


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}{ending}")


def _size_of_log(path: Path) -> int:
    log = _beside(path, "-wal")
    return log.stat().st_size if log.is_file() else 0


def _size(path: Path) -> int:
    return path.stat().st_size + _size_of_log(path)


def _interrupted(path: Path) -> str:
    if not _beside(path, "-journal").exists():
        return ""
    return "; a change to it may have been interrupted, which a program that may write to it undoes: open it once, as in sqlite3 FILE .tables"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
