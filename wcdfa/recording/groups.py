"""Assigns parameters to groups, by their paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import SupportsIndex, TypeGuard

from wcdfa.recording.own_paths import own_paths
from wcdfa.recording.side_series import is_side_series
from wcdfa.support.series_names import ALL

__all__ = ["ALL", "Groups", "Members", "Naming", "checked", "described", "is_allowed", "may_follow", "members_of", "name_of"]

Members = dict[str, tuple[str, ...]]
Naming = Callable[[str], str | None]
Groups = int | Mapping[str, str] | Sequence[str] | Naming | None


def members_of(paths: Sequence[str], groups: Groups) -> Members:
    """List the paths of each group; the group of all parameters comes first.

    >>> paths = ["encoder/0/weight", "encoder/1/weight", "head/weight", "head/bias"]
    >>> members_of(paths, 1)["head"]
    ('head/weight', 'head/bias')
    >>> list(members_of(paths, {"encoder": "^encoder/", "biases": "bias$"}))
    ['all', 'encoder', 'biases']

    Parameters
    ----------
    paths : list of str
        Names of the parameters, with "/" between their parts.
    groups : int, dict, list of str, callable or None
        - An int is a depth: parameters belong together if this many parts at the start of their paths are the same. What wrappers such as
          ``torch.compile`` and DistributedDataParallel add to a path does not count: `wcdfa.recording.own_paths.own_paths`.
        - A dict gives a regular expression for each name of a group. A parameter belongs to the first one that matches in its path,
          without or with what wrappers add.
        - A list gives regular expressions, which are also the names of the groups.
        - A callable takes a path and returns the name of its group, or None.
        - None makes only the group of all parameters.

    Raises
    ------
    ValueError
        If a group has no parameter or is called "all", if the depth is below 1, or if a regular expression is wrong.
    TypeError
        If `groups` is of another type.
    """
    members: dict[str, list[str]] = {ALL: list(paths)}
    name_of, expected = _naming(groups, paths)
    for name in expected:
        _require_allowed(name)
        members[name] = []
    for path in paths:
        if (own := name_of(path)) is not None:
            _require_allowed(own)
            members.setdefault(own, []).append(path)
    empty = [name for name in expected if not members[name]]
    if empty and paths:
        msg = f"no parameter belongs to group {empty[0]!r}; the paths are {', '.join(paths[:8])}{' …' if len(paths) > 8 else ''}"
        raise ValueError(msg)
    return {name: tuple(part) for name, part in members.items()}


def name_of(groups: Groups, paths: Sequence[str]) -> Naming:
    """A function from one of the paths to the name of its group, or to None.

    >>> paths = ["module/encoder/0/weight", "module/head/weight"]
    >>> [name_of(groups, paths)(paths[1]) for groups in (1, {"last": "^head/"}, None)]
    ['head', 'last', None]
    """
    return _naming(groups, paths)[0]


def may_follow(new: Collection[str], old: Collection[str]) -> bool:
    """Whether norms of these groups can go on with those of the others: some groups may have come later, or not come yet.

    >>> may_follow(["all", "encoder", "head"], ["all", "head"]), may_follow(["all", "head"], ["all"])
    (True, False)
    """
    new, old = set(new), set(old)
    return new == old or (min(len(new), len(old)) > 1 and (new <= old or old <= new))


def described(groups: Groups) -> str:
    """Describe the groups in a text that is the same in every process. For a callable it only says that it is one.

    >>> described({"head": "^head"}), described(2), described(None)
    ("{'head': '^head'}", '2', '')
    """
    if groups is None:
        return ""
    return "callable" if callable(groups) else repr(dict(groups) if isinstance(groups, Mapping) else groups)


def checked(groups: Groups) -> Groups:
    """Check groups that a user gave, and return them; raises as `members_of`."""
    for name in _naming(groups)[1]:
        _require_allowed(name)
    return groups


def _naming(groups: Groups, paths: Sequence[str] = ()) -> tuple[Naming, list[str]]:
    """The name of the group of each path, and the names that must have parameters."""
    if groups is None:
        return lambda path: None, []
    if _is_depth(groups):
        return _by_depth(groups.__index__(), own_paths(paths)), []
    if isinstance(groups, Mapping) or (isinstance(groups, Sequence) and not isinstance(groups, (str, bytes))):
        patterns = groups if isinstance(groups, Mapping) else {pattern: pattern for pattern in groups}
        return _by_pattern(patterns, own_paths(paths)), list(patterns)
    if callable(groups):
        return groups, []
    msg = f"groups must be a depth, a dict or list of patterns, or a callable, got {type(groups).__name__}; e.g. groups=1"
    raise TypeError(msg)


def _is_depth(groups: object) -> TypeGuard[SupportsIndex]:
    return isinstance(groups, SupportsIndex) and not isinstance(groups, bool) and not getattr(groups, "ndim", 0)


def _by_depth(depth: int, own: Mapping[str, str]) -> Naming:
    if depth < 1:
        msg = f"a depth of groups must be at least 1, got {depth}; leave groups out for one α of all parameters"
        raise ValueError(msg)
    return lambda path: "/".join(own[path].split("/")[:depth])


def _by_pattern(patterns: Mapping[str, str], own: Mapping[str, str]) -> Naming:
    compiled = {name: _compiled(pattern) for name, pattern in patterns.items()}
    return lambda path: next(
        (name for each in (own[path], path) for name, pattern in compiled.items() if pattern.search(each)), None
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        msg = f"{pattern!r} is not a regular expression: {error}"
        raise ValueError(msg) from error


def is_allowed(name: object) -> bool:
    """Whether a group may be called so.

    >>> is_allowed("head"), is_allowed("all"), is_allowed(3)
    (True, False, False)
    """
    return isinstance(name, str) and bool(name) and name != ALL and not is_side_series(name)


def _require_allowed(name: object) -> None:
    if not is_allowed(name):
        msg = f"a group cannot be called {name!r}: give it a name, and not {ALL!r}, which every parameter belongs to"
        raise ValueError(msg)
