"""Reads the JSON that describes a checkpoint."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from wcdfa.readers.limits import Room
from wcdfa.support.text import shown

AMPLE = 36  # bytes of memory that a byte of JSON may take: an empty object has three bytes and takes 72


def read_json(path: Path, room: Room) -> dict[str, object]:
    """The object in a JSON file.

    Raises
    ------
    ValueError, OSError
        If it cannot be read, or would take too much memory.
    """
    if not path.is_file():  # a pipe would wait forever
        msg = f"{path.name} is not a file"
        raise ValueError(msg)
    room.take(path.stat().st_size, path.name)
    return parsed(path.read_bytes(), room, path.name)


def parsed(raw: bytes, room: Room, what: str, *, strict: bool = False) -> dict[str, object]:
    """The object that JSON describes. If it is strict, no key may come twice, and no number may be NaN or infinite.

    >>> parsed(b'{"a": 1, "a": 2}', Room(16), "the header", strict=True)
    Traceback (most recent call last):
    ValueError: the header is damaged: a comes twice

    Raises
    ------
    ValueError
        If it is damaged, holds no object, or would take too much memory.
    """
    room.take(AMPLE * len(raw), what)
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once if strict else None, parse_constant=_refused if strict else None)
    except RecursionError as error:
        msg = f"{what} is nested too deeply"
        raise ValueError(msg) from error
    except ValueError as error:
        msg = f"{what} is damaged: {error}"
        raise ValueError(msg) from error
    if not isinstance(found, dict):
        msg = f"{what} is of {type(found).__name__} and not an object"
        raise ValueError(msg)  # noqa: TRY004 - the type is wrong in a file, not in an argument
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        msg = f"{shown(Counter(key for key, _ in pairs).most_common(1)[0][0])} comes twice"
        raise ValueError(msg)
    return found


def _refused(constant: str) -> float:
    msg = f"{constant} is no number of JSON"
    raise ValueError(msg)
