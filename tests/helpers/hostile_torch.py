"""Files as ``torch.save`` writes them, put together from instructions of pickle, so that they may hold anything. They need no torch."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np

NUMBERS = np.arange(6, dtype="<f4")


def held(value):
    """The instructions for a plain value."""
    return pickle.dumps(value, 2)[2:-1]


def many(*parts):
    """The instructions for a tuple."""
    return b"(" + b"".join(parts) + b"t"


def mapping(*pairs):
    """The instructions for a dict."""
    return b"}(" + b"".join(part for pair in pairs for part in pair) + b"u"


ZERO, FIRST, SHAPE, STRIDE, NOTHING = held(0), held("0"), held((2, 3)), held((3, 1)), held(())


def storage(key=FIRST, kind=b"ctorch\nFloatStorage\n"):
    return many(held("storage"), kind, key, held("cpu"), held(6)) + b"Q"


STORAGE = storage()


def tensor(shape=SHAPE, stride=STRIDE, start=ZERO, storage=STORAGE):
    """The instructions for a tensor; by default of the six numbers of storage 0."""
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + many(storage, start, shape, stride, held(False), held(None)) + b"R"


def typed(dtype):
    """The instructions for a tensor that names its dtype."""
    parts = [storage(), held(0), held((2, 3)), held((3, 1)), held(False), held(None), dtype]
    return b"ctorch._utils\n_rebuild_tensor_v3\n" + many(*parts) + b"R"


def weights(*more):
    """The instructions for a dict of a tensor w, and more."""
    return mapping((held("w"), tensor()), *more)


def laughs(times=60, start=NOTHING):
    """Pairs of pairs of pairs …: few instructions, and 2**times parts."""
    return start + b"2\x86" * times


def write(path, instructions, numbers=NUMBERS, *, compressed=zipfile.ZIP_STORED, members=()):
    """Write a file; `members` are names of further members, and what they hold."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + instructions + b".", compressed)
        archive.writestr("archive/data/0", numbers.astype("<f4").tobytes())
        for name, content in members:
            archive.writestr(name, content)
