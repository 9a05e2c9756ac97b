"""Reads files of ``torch.save``: finds their tensors without torch, and without running anything pickled.

Such a file is a zip archive. It holds a pickle, which names the tensors, and the numbers of each storage.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from wcdfa.readers.checkpoints.tensors import MODEL, Contents, Stored, weights
from wcdfa.readers.checkpoints.torch_pickle import Opaque, Storage, TorchPickle

OBSOLETE = b"\x80"  # a bare pickle, as torch < 1.6 wrote


def open_torch(path: Path) -> Contents:
    """The weights in a file.

    Raises
    ------
    ValueError
        If the file is damaged, was written by torch < 1.6, or holds objects that are not tensors.
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
        with zipfile.ZipFile(path) as archive:
            root = TorchPickle(path, archive).load()
            leaves = dict(_leaves(root)) if not isinstance(root, Opaque) else {}
    except zipfile.BadZipFile as error:
        msg = "it is cut off, or was not written by torch.save"
        raise ValueError(msg) from error
    except Exception as error:  # damaged pickles raise anything
        msg = f"{type(error).__name__}: {error}"
        raise ValueError(msg) from error
    named = [root[key] for key in MODEL if key in root] if isinstance(root, Mapping) else [root]
    bare = next((part for part in named if isinstance(part, (Mapping, Opaque))), None)
    if isinstance(bare, Opaque):
        msg = f"it holds a pickled {bare.what}, which is not loaded, because that runs code: save the state_dict() of the model instead"
        raise ValueError(msg)  # noqa: TRY004 - the fault is in the file, not in an argument
    return weights(leaves)


def _leaves(tree: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Stored]]:
    if isinstance(tree, Stored):
        yield path or ("tensor",), tree
    elif isinstance(tree, Opaque):
        yield path, Stored((), tree.what)
    elif isinstance(tree, Mapping):
        if not {"state", "param_groups"} <= tree.keys():  # skip the state of an optimizer
            for key, part in tree.items():
                yield from _leaves(part, (*path, str(key)))
    elif isinstance(tree, (list, tuple)) and not isinstance(tree, Storage):
        for i, part in enumerate(tree):
            yield from _leaves(part, (*path, str(i)))
