"""Reads files of ``torch.save``: finds their tensors without torch, and without running anything pickled.

Such a file is a zip archive. It holds a pickle, which names the tensors, and the numbers of each storage.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from wcdfa.readers.checkpoints.safe_pickle import Opaque, is_plain
from wcdfa.readers.checkpoints.tensors import MODEL, Contents, Stored, weights
from wcdfa.readers.checkpoints.torch_pickle import TorchPickle
from wcdfa.readers.checkpoints.torch_zip import Storage, opened
from wcdfa.readers.limits import Room

OBSOLETE = b"\x80"  # a bare pickle, as torch < 1.6 wrote
DEEPEST = 64  # dicts and lists in one another
HOLDING = Stored, Opaque, Mapping, list, tuple
ITEM, VISIT, LEAF = 8, 160, 512  # bytes that an item of a part takes, a part with items, and a tensor with its name
Keys = tuple[str, ...]


def open_torch(path: Path, room: Room) -> Contents:
    """The weights in a file.

    Raises
    ------
    ValueError
        If the file is damaged, was written by torch < 1.6, holds objects that are not tensors, or would take too much memory.
    """
    with path.open("rb") as file:
        obsolete = file.read(1) == OBSOLETE
    if obsolete:
        msg = (
            "it is a bare pickle, as torch wrote before 1.6, and cannot be read tensor by tensor: load it with "
            "torch.load(..., weights_only=True) and torch.save it again"
        )
        raise ValueError(msg)
    try:
        with opened(path, room) as archive:
            root = TorchPickle(archive, room).load()
            leaves = dict(_leaves(root, room)) if not isinstance(root, Opaque) else {}
    except zipfile.BadZipFile as error:
        msg = "it is cut off, or was not written by torch.save"
        raise ValueError(msg) from error
    named = [root[key] for key in MODEL if key in root] if isinstance(root, Mapping) else [root]
    bare = next((part for part in named if isinstance(part, (Mapping, Opaque))), None)
    if isinstance(bare, Opaque):
        msg = f"it holds a pickled {bare.what}, which is not loaded, because that runs code: save the state_dict() of the model instead"
        raise ValueError(msg)  # noqa: TRY004 - the fault is in the file, not in an argument
    return weights(leaves)


def _leaves(root: object, room: Room) -> Iterator[tuple[Keys, Stored]]:
    """All tensors in what was pickled, each with the keys that lead to it. Parts may hold one another many times, so each visit counts."""
    waiting: list[tuple[Keys, object]] = [((), root)]
    while waiting:
        path, tree = waiting.pop()
        if isinstance(tree, (Stored, Opaque)):
            room.take(LEAF + 2 * sum(map(len, path)), "the names of its tensors")
            yield path or ("tensor",), tree if isinstance(tree, Stored) else Stored((), tree.what)
            continue
        if len(path) > DEEPEST:
            msg = f"it is nested more than {DEEPEST} levels deep"
            raise ValueError(msg)
        inside = [((*path, key), part) for key, part in _inside(tree, room)]
        room.take((VISIT + 8 * len(path)) * len(inside), "what it holds")
        waiting += reversed(inside)


def _inside(tree: object, room: Room) -> Iterator[tuple[str, object]]:
    """The parts of a part that may hold tensors."""
    if not isinstance(tree, (Mapping, list, tuple)) or isinstance(tree, Storage):
        return
    room.take(ITEM * len(tree), "what it holds")
    if not isinstance(tree, Mapping):
        yield from ((str(i), part) for i, part in enumerate(tree) if isinstance(part, HOLDING))
    elif not {"state", "param_groups"} <= tree.keys():  # skip the state of an optimizer
        for key, part in tree.items():
            if isinstance(part, HOLDING):
                yield (str(key), part) if is_plain(key) else ("?", Opaque("value of an unusual key"))
