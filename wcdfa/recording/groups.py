"""Which parameters belong to which group, by the paths of their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

ALL = "all"
"""The group that every parameter belongs to; it is always there."""

Members = dict[str, tuple[str, ...]]
Groups = int | Mapping[str, str] | Sequence[str] | Callable[[str], str | None] | None


def members_of(paths: Sequence[str], groups: Groups) -> Members:
    """The paths of each group, that of all first.

    >>> paths = ["encoder/0/weight", "encoder/1/weight", "head/weight", "head/bias"]
    >>> members_of(paths, 1)["head"]
    ('head/weight', 'head/bias')
    >>> list(members_of(paths, {"encoder": "^encoder/", "biases": "bias$"}))
    ['all', 'encoder', 'biases']

    Parameters
    ----------
    paths : list of str
        Names of the parameters, their parts joined by "/".
    groups : int, dict, list of str, callable or None
        A depth: parameters whose paths begin with the same so many parts. A dict of regular expressions by name, or a list of them
        that are their own names: a parameter belongs to the first that is found in its path. A callable: from a path to the name of
        its group, or None.

    Raises
    ------
    ValueError
        If a group has no parameter, or is called "all", or the depth is below 1.
    TypeError
        If groups are none of these.
    """
    members: dict[str, list[str]] = {ALL: list(paths)}
    name_of, expected = _naming(groups)
    for name in expected:
        _allowed(name)
        members[name] = []
    for path in paths:
        if (own := name_of(path)) is not None:
            _allowed(own)
            members.setdefault(own, []).append(path)
    empty = [name for name in expected if not members[name]]
    if empty and paths:
        msg = f"no parameter belongs to group {empty[0]!r}; the paths are {', '.join(paths[:8])}{' …' if len(paths) > 8 else ''}"
        raise ValueError(msg)
    return {name: tuple(part) for name, part in members.items()}


def name_of(groups: Groups) -> Callable[[str], str | None]:
    """From a path to the name of its group, or None.

    >>> name_of({"head": "^head/"})("head/weight"), name_of(1)("encoder/0/weight"), name_of(None)("head/weight")
    ('head', 'encoder', None)
    """
    return _naming(groups)[0]


def described(groups: Groups) -> str:
    """The groups in words that are the same in another process; of a callable, that it is one.

    >>> described({"head": "^head"}), described(2), described(None)
    ("{'head': '^head'}", '2', '')
    """
    if groups is None:
        return ""
    return "callable" if callable(groups) else repr(dict(groups) if isinstance(groups, Mapping) else groups)


def checked(groups: Any) -> Groups:
    """The groups themselves, once they can be any."""
    for name in _naming(groups)[1]:
        _allowed(name)
    named: Groups = groups
    return named


def _naming(groups: Any) -> tuple[Callable[[str], str | None], list[str]]:
    if groups is None:
        return lambda path: None, []
    if hasattr(groups, "__index__") and not isinstance(groups, bool) and np.ndim(groups) == 0:
        groups = groups.__index__()
        if groups < 1:
            msg = f"a depth of groups must be at least 1, got {groups}; leave groups out for one α of all parameters"
            raise ValueError(msg)
        return lambda path: "/".join(path.split("/")[:groups]), []
    if isinstance(groups, Mapping) or (isinstance(groups, Sequence) and not isinstance(groups, (str, bytes))):
        named = dict(groups) if isinstance(groups, Mapping) else {pattern: pattern for pattern in groups}
        patterns = {name: _compiled(pattern) for name, pattern in named.items()}
        return lambda path: next((name for name, pattern in patterns.items() if pattern.search(path)), None), list(patterns)
    if callable(groups):
        return groups, []
    msg = f"groups must be a depth, a dict or list of patterns, or a callable, got {type(groups).__name__}; e.g. groups=1"
    raise TypeError(msg)


def _compiled(pattern: Any) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        msg = f"{pattern!r} is no regular expression: {error}"
        raise ValueError(msg) from error


def _allowed(name: Any) -> None:
    if not isinstance(name, str) or not name or name == ALL:
        msg = f"a group cannot be called {name!r}: give it a name, and not {ALL!r}, which every parameter belongs to"
        raise ValueError(msg)
