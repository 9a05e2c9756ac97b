"""Reads the zip archive of ``torch.save``. Nothing in it is compressed, so nothing in it is larger than the file."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from wcdfa.readers.limits import Room
from wcdfa.readers.zip_lists import ListedFile
from wcdfa.support.text import shown


class Storage(NamedTuple):
    """A block of numbers in a file."""

    key: str
    offset: int
    size: int  # bytes


@contextmanager
def opened(path: Path, room: Room) -> Iterator[TorchZip]:
    """Open the archive in a file.

    Raises
    ------
    zipfile.BadZipFile
        If it is cut off.
    LogError
        If its list of members is too long.
    ValueError
        If it does not come from ``torch.save``.
    """
    with ListedFile(path, room) as file, file.archive() as archive:
        yield TorchZip(path, file, archive, room)


class TorchZip:
    """The members of an archive."""

    def __init__(self, path: Path, file: BinaryIO, archive: zipfile.ZipFile, room: Room) -> None:
        self.path, self._file, self._archive, self._room = path, file, archive, room
        self._size = path.stat().st_size
        self._storages: dict[str, Storage] = {}
        pickles = [name for name in archive.namelist() if name.endswith("data.pkl")]
        if not pickles:
            msg = "it holds no data.pkl, and was not written by torch.save"
            raise ValueError(msg)
        self._folder = min(pickles, key=len).removesuffix("data.pkl")

    def __contains__(self, name: str) -> bool:
        """Whether there is such a member."""
        return self._folder + name in self._archive.NameToInfo

    def read(self, name: str) -> bytes:
        """The content of a member."""
        info = self._stored(name)
        self._room.take(2 * info.file_size, name)
        return self._archive.read(info)

    def storage(self, key: str) -> Storage:
        """Find the numbers of a storage in the file."""
        if key not in self._storages:
            info = self._stored(f"data/{key}")
            self._file.seek(info.header_offset + 26)
            offset = info.header_offset + 30 + sum(struct.unpack("<HH", self._file.read(4)))  # after its name and padding
            if offset + info.file_size > self._size:
                msg = f"storage {shown(key)} is beyond the end of the file"
                raise ValueError(msg)
            self._storages[key] = Storage(key, offset, info.file_size)
        return self._storages[key]

    def _stored(self, name: str) -> zipfile.ZipInfo:
        info = self._archive.getinfo(self._folder + name)
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            msg = f"{shown(name)} is compressed, which torch.save never does"
            raise ValueError(msg)
        if info.file_size > self._size:
            msg = f"{shown(name)} would be longer than the file"
            raise ValueError(msg)
        return info
