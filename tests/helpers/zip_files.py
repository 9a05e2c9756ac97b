"""Zip archives that are damaged in a way that no library writes."""

from __future__ import annotations

import struct


def write_long_list(path, length=30_000_000):
    """Write an archive whose list of members is so many bytes long."""
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(length)
        file.seek(length)
        file.write(b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, length, 0, 0))
