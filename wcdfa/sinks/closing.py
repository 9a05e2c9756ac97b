"""Sinks that hold something until they are closed."""

from __future__ import annotations

from typing import Self


class Closing:
    """Closed at the end of a with statement."""

    def __enter__(self) -> Self:
        """The sink."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Write what is held; a sink says what else."""
        raise NotImplementedError
