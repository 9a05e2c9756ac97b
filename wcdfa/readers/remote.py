"""Fetches logs from object stores and web servers through fsspec."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wcdfa.readers.column_names import listed
from wcdfa.readers.copies import Copying, inside
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats import readers
from wcdfa.readers.places import Url, file_name, without_secrets
from wcdfa.readers.recognition import UNSURE
from wcdfa.readers.wanted import may_be_log
from wcdfa.support.extras import way_out
from wcdfa.support.temporary_folders import TemporaryFolder
from wcdfa.support.text import shown

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

BLOCK = 1 << 20  # bytes
MOST = 4 << 30  # bytes that are fetched at most
DOUBTFUL = 256 << 20  # bytes of a file whose name does not tell that it is a log; larger ones in folders are left out
MANY = 100_000  # files below a URL
DRIVERS = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "hf": "huggingface_hub",
}
PUBLIC = """; for a public bucket, set FSSPEC_S3='{"anon": true}'"""
NOR_ALLOWED = ", or the server does not let you read it"
WEB = ("http", "https")  # whose folders are pages for people


def fetch(url: Url, folder: TemporaryFolder) -> Path:
    """Copy the file at a URL, or the files below it that a reader might read, into a folder; returns where the copy is.

    Raises
    ------
    FileNotFoundError
        If there is nothing at the URL.
    LogError
        If a driver is not installed, the store cannot be reached, or there is too much to fetch.
    """
    store, root = _store(url)
    copying = Copying(folder, MOST, "fetched, it")
    with _telling(url):
        store.invalidate_cache()
        if url.protocol in WEB or store.isfile(root):
            with store.open(root, "rb") as file:
                return copying.write(file_name(url) or "log", iter(lambda: file.read(BLOCK), b""))
        found = {name: about["size"] for name, about in store.find(root, detail=True).items()}
        if not found:
            raise FileNotFoundError
        wanted = {name: _below(name, root) for name, size in found.items() if _is_wanted(_below(name, root), size)}
        _require_some(wanted, found, root)
        copying.require(sum(found[name] or 0 for name in wanted))
        places = [folder.path / each for each in wanted.values()]
        for parent in {place.parent for place in places}:
            parent.mkdir(parents=True, exist_ok=True)
        store.get(list(wanted), [str(place) for place in places])
    return folder.path


def _store(url: Url) -> tuple[AbstractFileSystem, str]:
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - of the extra
    except ModuleNotFoundError as error:
        raise LogError(way_out("reading a URL", "wcdfa[remote]", error)) from error
    try:
        store, root = url_to_fs(url.whole)
    except ImportError as error:
        driver = DRIVERS.get(url.protocol)
        msg = f"reading {url.protocol}:// needs {driver}, which is not installed: pip install {driver}" if driver else str(error)
        raise LogError(msg) from error
    return store, root.rstrip("/")


@contextmanager
def _telling(url: Url) -> Iterator[None]:
    """Any error of a driver in a sentence; each has its own kinds."""
    try:
        yield
    except LogError:
        raise
    except FileNotFoundError as error:
        msg = f"{shown(url)}: no such file or folder{NOR_ALLOWED if url.protocol in WEB else ''}"
        raise FileNotFoundError(msg) from error
    except Exception as error:
        public = PUBLIC if type(error).__name__ == "NoCredentialsError" else ""
        msg = f"it cannot be fetched: {type(error).__name__}: {shown(without_secrets(str(error)))}{public}"
        raise LogError(msg) from error


def _below(name: str, root: str) -> Path:
    return inside(name.removeprefix(root))


def _is_wanted(path: Path, size: int | None) -> bool:
    known = [reader for reader in readers() if not reader.last_resort]
    told = path.suffix.lower() not in (*UNSURE, ".zip")
    return may_be_log(path, known) and (told or (size or 0) <= DOUBTFUL)


def _require_some(wanted: Collection[str], found: Collection[str], root: str) -> None:
    if not wanted:
        msg = f"no log in this folder; it holds {listed(_below(name, root).as_posix() for name in found)}"
        raise LogError(msg)
    if len(wanted) > MANY:
        msg = f"{len(wanted):,} files below it may be logs, and at most {MANY:,} are fetched: name a folder further down"
        raise LogError(msg)
