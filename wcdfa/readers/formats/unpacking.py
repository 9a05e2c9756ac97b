"""Unpacks members of zip archives block by block: for bz2 and lzma, zipfile unpacks whatever a block holds at once."""

from __future__ import annotations

import bz2
import copy
import io
import lzma
import zipfile
import zlib
from typing import IO

from wcdfa.readers.errors import LogError

BLOCK = 1 << 16  # bytes
DICTIONARY = 1 << 26  # largest dictionary of lzma, in bytes; the usual one is an eighth of it


def opened_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member for reading. Its checksum is checked at its end.

    >>> file = io.BytesIO()
    >>> with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
    ...     archive.writestr("a", "text")
    ...     opened_member(archive, archive.infolist()[0]).read()
    b'text'
    """
    if info.compress_type not in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        return archive.open(info)
    packed = copy.copy(info)
    packed.compress_type, packed.file_size = zipfile.ZIP_STORED, info.compress_size
    del packed.CRC  # it is of the content
    raw = archive.open(packed)
    unpacker = bz2.BZ2Decompressor() if info.compress_type == zipfile.ZIP_BZIP2 else _lzma(raw)
    return io.BufferedReader(_Unpacked(raw, unpacker, info), BLOCK)


def _lzma(raw: IO[bytes]) -> lzma.LZMADecompressor:
    """The decompressor that the header of a member describes."""
    kind, *size = raw.read(9)[4:]
    dictionary = int.from_bytes(bytes(size), "little")
    if dictionary > DICTIONARY:
        msg = f"a dictionary of {dictionary >> 20:,} MB; at most {DICTIONARY >> 20} MB are used"
        raise LogError(msg)
    settings = {"id": lzma.FILTER_LZMA1, "lc": kind % 9, "lp": kind // 9 % 5, "pb": kind // 45, "dict_size": max(dictionary, 4096)}
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[settings])


class _Unpacked(io.RawIOBase):
    def __init__(self, raw: IO[bytes], unpacker: bz2.BZ2Decompressor | lzma.LZMADecompressor, info: zipfile.ZipInfo) -> None:
        self._raw, self._unpacker, self._info = raw, unpacker, info
        self._left, self._checksum = info.file_size, 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override] # any buffer that can be written
        """Fill the buffer, and return the number of bytes."""
        room, data = min(len(buffer), self._left), b""
        while room and not data and not self._unpacker.eof:
            packed = self._raw.read(BLOCK) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                break
            data = self._unpacker.decompress(packed, room)
        self._left -= len(data)
        self._checksum = zlib.crc32(data, self._checksum)
        if data and not self._left and self._checksum != self._info.CRC:
            msg = f"bad checksum of {self._info.filename}"
            raise zipfile.BadZipFile(msg)
        buffer[: len(data)] = data
        return len(data)
