"""Folders of checkpoints, whose displacements over many steps are no norms of steps: they count where there is no log."""

from __future__ import annotations

from pathlib import Path

from wcdfa.readers.base import FileReader, Folder, Found
from wcdfa.readers.checkpoints.displacement import is_checkpoints, read_checkpoints
from wcdfa.readers.checkpoints.names import entry_of
from wcdfa.readers.checkpoints.order import is_run


class _Checkpoints(FileReader):
    def search(self, folder: Folder) -> Found:
        """The folder itself, whose checkpoints need numbers in their names unless it was named by the user."""
        try:
            inside = [path for path in folder.path.iterdir() if path.is_dir() and _is_checkpoint(path)]
        except OSError:  # it could be read a moment ago
            return Found()
        return Found([folder.path] if is_checkpoints(folder.path, numbered=not folder.given) else [], inside)


def _is_checkpoint(folder: Path) -> bool:
    return entry_of(folder) is not None and not is_run(folder)


READER = _Checkpoints("folders of checkpoints (safetensors, torch, orbax)", (), read_checkpoints, last_resort=True)
