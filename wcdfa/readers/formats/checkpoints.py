"""Folders of checkpoints. Their displacements cover many steps and are no step norms, so they count only if there is no log."""

from __future__ import annotations

from pathlib import Path

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.checkpoints.displacement import is_checkpoints, read_checkpoints
from wcdfa.readers.checkpoints.names import entry_of
from wcdfa.readers.checkpoints.order import is_run
from wcdfa.readers.listing import listed


class _Checkpoints(FileReader):
    def search(self, folder: Folder) -> Found:
        """Find the folder itself. Unless the user named it, its checkpoints need numbers in their names."""
        try:
            inside = [path for path in listed(folder.path).folders if _is_checkpoint(path)]
        except OSError:  # it could be read a moment ago
            return Found()
        return Found([folder.path] if is_checkpoints(folder.path, numbered=not folder.given) else [], inside)


def _is_checkpoint(folder: Path) -> bool:
    entry = entry_of(folder)
    return entry is not None and entry.kind != "unreadable" and not is_run(folder)


READER = _Checkpoints("folders of checkpoints (safetensors, torch, orbax)", (), read_checkpoints, last_resort=True)
