"""Decompresses files block by block, so that no block can fill the memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from wcdfa.readers.errors import LogError

BLOCK = 1 << 18  # bytes
PIECE = 1 << 10  # compressed bytes; the package zstandard unpacks whatever they hold at once, at most 32 MB
LARGEST_WINDOW = 1 << 27  # bytes that zstandard may keep in memory, as its own command line does
CUT = "it is cut off, or still being written: what was before was read"
DAMAGED = "it is damaged: what was before was read"


def gzipped(packed: BinaryIO) -> Iterator[bytes]:
    """The content of a .gz file, which may have several parts one after the other."""
    with gzip.open(packed) as file:
        yield from iter(lambda: file.read1(BLOCK), b"")


def bzipped(packed: BinaryIO) -> Iterator[bytes]:
    """The content of a .bz2 file."""
    with bz2.open(packed) as file:
        yield from iter(lambda: file.read1(BLOCK), b"")


def xzipped(packed: BinaryIO) -> Iterator[bytes]:
    """The content of an .xz file."""
    with lzma.open(packed) as file:
        yield from iter(lambda: file.read1(BLOCK), b"")


def zstandard(packed: BinaryIO) -> Iterator[bytes]:
    """The content of a .zst file, by the module of Python from 3.14 on, before that by the package zstandard."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore] # noqa: PLC0415
    except ModuleNotFoundError:
        yield from _by_package(packed)
        return
    with zstd.open(packed) as file:
        yield from iter(lambda: file.read1(BLOCK), b"")


def _by_package(packed: BinaryIO) -> Iterator[bytes]:
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415 - of the extra

    unpacker = ZstdDecompressor(max_window_size=LARGEST_WINDOW)
    part, begun = unpacker.decompressobj(), False
    try:
        while piece := packed.read(PIECE):
            while piece:
                begun = True
                yield part.decompress(piece)
                piece = part.unused_data if part.eof else b""
                if part.eof:
                    part, begun = unpacker.decompressobj(), False
    except ZstdError as error:
        raise zlib.error(str(error)) from error
    if begun:
        raise EOFError


Unpacker = Callable[[BinaryIO], Iterator[bytes]]
KINDS: dict[str, tuple[bytes, Unpacker]] = {
    ".gz": (b"\x1f\x8b", gzipped),
    ".bz2": (b"BZh", bzipped),
    ".xz": (b"\xfd7zXZ\0", xzipped),
    ".zst": (b"\x28\xb5\x2f\xfd", zstandard),
}
"""The first bytes of each kind of compressed file, and what decompresses it."""
ENDINGS = (*KINDS, ".zip")


def unpacker_of(head: bytes) -> Unpacker | None:
    """What decompresses a file that begins so; None if it is not compressed."""
    return next((unpack for magic, unpack in KINDS.values() if head.startswith(magic)), None)


def decompressed(packed: BinaryIO, unpack: Unpacker, notes: list[str]) -> Iterator[bytes]:
    r"""The content of a compressed file, block by block. If it is cut off or damaged, the part before, and a note.

    >>> from io import BytesIO
    >>> notes = []
    >>> b"".join(decompressed(BytesIO(gzip.compress(b'{"step": 1}\n')[:-8]), gzipped, notes)), notes
    (b'{"step": 1}\n', ['it is cut off, or still being written: what was before was read'])

    Raises
    ------
    LogError
        If there is nothing before the damage.
    """
    some = False
    try:
        for block in unpack(packed):
            some = some or bool(block)
            yield block
    except EOFError as error:
        _noted(CUT, some, notes, error)
    except (gzip.BadGzipFile, zlib.error, lzma.LZMAError, ValueError) as error:
        _noted(f"{DAMAGED}: {error}", some, notes, error)
    except OSError as error:  # of bz2, which has no error of its own
        if error.errno is not None:
            raise
        _noted(f"{DAMAGED}: {error}", some, notes, error)


def _noted(note: str, some: bool, notes: list[str], error: Exception) -> None:
    if not some:
        msg = f"nothing in it can be unpacked: {error or 'it is cut off'}"
        raise LogError(msg) from error
    notes.append(note)
