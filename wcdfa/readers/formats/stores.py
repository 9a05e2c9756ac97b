"""Opens SQLite stores for reading: nothing in one or beside it is changed, and what it asks for is bounded by its size."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from wcdfa.readers.errors import LogError
from wcdfa.readers.limits import Deadline, most_memory

WRITER = 18  # position of the byte that tells how a store is written
LONGEST = (1 << 31) - 1  # bytes in a value or row; the most that SQLite can be told
OFTEN = 10_000  # instructions of SQLite between two looks at the clock
LIKE = 100  # most characters in a pattern of LIKE, which a constraint may use
NO_LOCKS = "win32-none" if os.name == "nt" else "unix-none"
SAFE = ("PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON", "PRAGMA mmap_size = 0")


@contextmanager
def opened_store(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a store for reading, together with its write-ahead log.

    Raises
    ------
    LogError
        If it is damaged, cannot be read, or takes too long.
    """
    path = path.resolve()  # the write-ahead log is beside the file, not beside a link to it
    deadline = Deadline(_size(path))
    try:
        with closing(_connected(path)) as store:
            store.set_progress_handler(lambda: deadline.passed, OFTEN)
            store.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(LONGEST, most_memory(_size(path)) // 8))
            store.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, LIKE)
            store.text_factory = _text
            for each in SAFE:
                store.execute(each)
            (page,) = store.execute("PRAGMA page_size").fetchone()
            if path.stat().st_size % page:
                msg = f"it is cut off: it does not end at a page of {page:,} bytes"
                raise LogError(msg)
            yield store
    except (sqlite3.Error, OverflowError) as error:
        deadline.check()
        msg = f"not a store that can be read: {error}{_interrupted(path)}"
        raise LogError(msg) from error


def _connected(path: Path) -> sqlite3.Connection:
    uri = path.as_uri()
    if not _has_log(path):
        return sqlite3.connect(f"{uri}?mode=ro", uri=True)
    if not _size_of_log(path):  # SQLite would leave files beside the store, unless told that nobody writes to it
        return sqlite3.connect(f"{uri}?mode=ro{'' if _beside(path, '-shm').exists() else '&immutable=1'}", uri=True)
    if not _beside(path, "-shm").exists():
        return _alone(uri)
    store = sqlite3.connect(f"{uri}?mode=ro", uri=True)
    try:
        store.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:  # the folder is read-only
        store.close()
        return _alone(uri)
    return store


def _alone(uri: str) -> sqlite3.Connection:
    """Open a store to which nobody writes. The index of its write-ahead log is kept in memory, and no file is made."""
    store = sqlite3.connect(f"{uri}?mode=ro&vfs={NO_LOCKS}", uri=True)
    store.execute("PRAGMA locking_mode = EXCLUSIVE")
    return store


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
