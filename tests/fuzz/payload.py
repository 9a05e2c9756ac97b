"""What is pickled to see whether a reader executes it."""

from __future__ import annotations


class Marker:
    """Makes an empty file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")
