"""Finds data that ships with the package, which may lie in a zip."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path


def shipped(package: str, path: Path) -> Path | BytesIO | None:
    """A file in a folder of a package: its path, or what it holds if the package lies in a zip; None if there is no such file.

    >>> import wcdfa.nulls
    >>> folder = Path(wcdfa.nulls.__file__).parent
    >>> shipped("wcdfa.nulls", folder / "tables" / "nothing.npz") is None
    True
    """
    if path.exists():
        return path
    if path.parent.exists():
        return None
    from importlib.resources import files  # noqa: PLC0415 - importing wcdfa would pay for it

    inside = files(package).joinpath(path.parent.name, path.name)
    return BytesIO(inside.read_bytes()) if inside.is_file() else None
