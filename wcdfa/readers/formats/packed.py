"""Reads compressed logs, and zip archives of logs, by unpacking them into a temporary folder."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from wcdfa.readers.base import FileReader, Folder, Found, Reader
from wcdfa.readers.column_names import listed
from wcdfa.readers.columns import Run
from wcdfa.readers.copies import Copying, inside, of_copy
from wcdfa.readers.discovery import Source, sources
from wcdfa.readers.errors import LogError
from wcdfa.readers.formats import readers
from wcdfa.readers.formats.decompressing import BLOCK, ENDINGS, KINDS, Unpacker, decompressed, unpacker_of
from wcdfa.readers.formats.own_patterns import reader_with
from wcdfa.readers.formats.unpacking import opened_member
from wcdfa.readers.limits import Deadline
from wcdfa.readers.magic import NAME, ZIP
from wcdfa.readers.recognition import HEAD, TRAINING, UNSURE, head_of, reader_of
from wcdfa.readers.wanted import is_named_as_log, may_be_log
from wcdfa.support.temporary_folders import TemporaryFolder
from wcdfa.support.text import shown

TIMES, ALWAYS = 64, 256 << 20  # what is unpacked may take this many times the space of the archive, and this many bytes in any case
MANY = 10_000  # files from one archive


def read_packed(path: Path, pattern: str | None = None) -> Iterator[Run]:
    """Unpack a file, or the logs in a zip archive, and read what is in it. In an archive of several logs, each run is named by its file.

    `pattern` is that of `wcdfa.readers.discovery.sources`.
    """
    size, folder = path.stat().st_size, TemporaryFolder()
    copying = Copying(folder, max(TIMES * size, ALWAYS), "unpacked, it")
    if (unpack := unpacker_of(head_of(path))) is not None:
        yield from _single(path, unpack, copying, Deadline(size), pattern)
    elif is_zip(head_of(path)):
        yield from _archive(path, copying, Deadline(size), pattern)
    else:
        msg = f"not a file of this kind: it begins with {head_of(path)[:6]!r}"
        raise LogError(msg)


def is_packed(head: bytes) -> bool:
    r"""Whether what begins so is compressed, and surely a log; or a zip archive whose first file may be one, by its name.

    >>> of = b"PK\x03\x04" + bytes(22)
    >>> is_packed(of + b"\x07\0\0\0run.csv"), is_packed(of + b"\x10\0\0\0archive/data.pkl"), is_packed(b"step,norm")
    (True, False, False)
    """
    if is_zip(head):
        name = head[NAME][: int.from_bytes(head[26:28], "little")].decode(errors="replace")
        return name.endswith("/") or is_named_as_log(Path(name), _others())
    return (unpack := unpacker_of(head)) is not None and _of(_beginning(head, unpack)) is not None


def compressed(head: bytes) -> bool:
    """Whether what begins so is compressed, or a zip archive, whatever is in it."""
    return is_zip(head) or unpacker_of(head) is not None


def is_zip(head: bytes) -> bool:
    """Whether it begins as a zip archive, even an empty one."""
    return head.startswith((ZIP, b"PK\x05\x06"))


class _Packed(FileReader):
    def search(self, folder: Folder) -> Found:
        """Find the compressed files that are logs by their names without the ending, and archives in which there are some."""
        return Found([file for file in folder.files if self.claims(file) and _counts(file)])


READER = _Packed("each also as .gz, .bz2, .xz, .zst or .zip", ENDINGS, read_packed, extra="cli", recognises=is_packed)


def packed_with(pattern: str) -> Reader:
    """The reader of compressed texts by a pattern of the user."""
    return replace(READER, read=partial(read_packed, pattern=pattern))


def _single(path: Path, unpack: Unpacker, copying: Copying, deadline: Deadline, pattern: str | None) -> Iterator[Run]:
    notes: list[str] = []
    name = path.stem if path.suffix.lower() in KINDS else path.name
    with path.open("rb") as file:
        copy = copying.write(name, _timed(decompressed(file, unpack, notes), deadline))
    reader = reader_of(copy, head_of(copy), _others()) if pattern is None else reader_with(pattern)
    if reader is None:
        msg = f"it holds {shown(name)!r}, whose format is unknown; an archive in an archive has to be unpacked first"
        raise LogError(msg)
    try:
        for run in _runs(Source(copy, reader)):
            yield of_copy(run, path, copying.folder, notes=notes)
    except LogError as error:
        msg = "; ".join([str(error), *notes])
        raise LogError(msg) from error


def _archive(path: Path, copying: Copying, deadline: Deadline, pattern: str | None) -> Iterator[Run]:
    """The runs of the logs in an archive; if one of these is damaged, the error comes after the others."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            wanted = [each for each in members if may_be_log(inside(each.filename), _others())]
            if not 0 < len(wanted) <= MANY:
                msg = f"{len(wanted):,} files in it may be logs, and at most {MANY:,} are read; it holds {listed(each.filename for each in members)}"
                raise LogError(msg)
            for each in wanted:
                copying.write(each.filename, _timed(_blocks(archive, each), deadline))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:  # also of a password
        msg = f"it cannot be unpacked: {error}; a zip archive that is cut off lacks its table, which is at its end"
        raise LogError(msg) from error
    yield from _below(path, copying.folder, pattern)


def _below(path: Path, folder: TemporaryFolder, pattern: str | None) -> Iterator[Run]:
    found, wrong = sources(folder.path, pattern), None
    for source in found:
        name = source.path.relative_to(folder.path).as_posix() if len(found) > 1 else ""
        try:
            for run in _runs(source):
                yield of_copy(run, path, folder, name)
        except ValueError as error:
            wrong = wrong or LogError(f"{shown(name)}: {error}" if name else str(error))
    if wrong is not None:
        raise wrong


def _runs(source: Source) -> Iterator[Run]:
    """The runs of a copy; errors do not name it, because it is a temporary file."""
    try:
        yield from source.runs()
    except ValueError as error:
        raise LogError(str(error).removeprefix(f"{shown(source.path)}: ")) from error


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with opened_member(archive, member) as file:
        yield from iter(lambda: file.read(BLOCK), b"")


def _timed(blocks: Iterator[bytes], deadline: Deadline) -> Iterator[bytes]:
    for block in blocks:
        deadline.check()
        yield block


def _others() -> list[Reader]:
    return [reader for reader in readers() if reader is not READER]


def _counts(path: Path) -> bool:
    """Whether a compressed file in a folder is a log: by the name without the ending, or, if that tells nothing, by its beginning."""
    try:
        if path.suffix.lower() not in KINDS:
            with zipfile.ZipFile(path) as archive:
                return any(is_named_as_log(inside(name), _others()) for name in archive.namelist())
        inner = Path(path.stem)
        return is_named_as_log(inner, _others()) if inner.suffix.lower() not in UNSURE else _recognised(path)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def _recognised(path: Path) -> bool:
    unpack = unpacker_of(head := head_of(path))
    inner = b"" if unpack is None else _beginning(head, unpack)
    return (b"\0" in inner or TRAINING.search(inner) is not None) and _of(inner) is not None


def _beginning(head: bytes, unpack: Unpacker) -> bytes:
    """The first 64 KiB of the content of a compressed file, or what its own first 64 KiB hold of them."""
    inner = b""
    with suppress(LogError):
        for block in decompressed(io.BytesIO(head), unpack, []):
            inner += block[: HEAD - len(inner)]
            if len(inner) == HEAD:
                break
    return inner


def _of(head: bytes) -> Reader | None:
    """The reader that is sure of what begins so, whatever its name."""
    return reader_of(Path(), head, [reader for reader in _others() if reader.recognises is not None])
