"""Checkpoints of ``torch.save``, made without torch: arguments of other types, hostile pickles, storages that do not fit."""

from __future__ import annotations

import io
import struct
import zipfile
from math import prod
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.formats.checkpoints import Weights, damage_bytes, draw, places
from tests.fuzz.formats.hostile_pickles import hostile
from tests.fuzz.formats.pickles import Call, Global, Persistent, dumps
from tests.fuzz.plan import Plan

STORAGES = {"<f2": "HalfStorage", "<f4": "FloatStorage", "<f8": "DoubleStorage"}
REBUILD = Global("torch._utils", "_rebuild_tensor_v2")
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
ODD = (
    1.5,
    -1,
    2**40,
    2**70,
    None,
    "3",
    True,
    (),
    [],
    (1, 1),
    (2.5,),
    ("a",),
    (None,),
    (0,),
    (-1, 3),
    (2**62, 2**62),
    {"a": 1},
    b"x",
    (1,) * 2000,
)
ODD_KEYS = (None, 3, 1.5, b"x", (1, 2), True, "", "\x00", "a/b", "é\ud800", "x" * 5000)


class Saved:
    """What one file holds, while it is changed."""

    def __init__(self, weights: Weights, rng: np.random.Generator) -> None:
        self.tensors: dict[object, list[object]] = {}
        """The arguments of each tensor: storage, offset, shape, strides, and whether it needs gradients."""
        self.storages: dict[str, bytes] = {}
        self.method = zipfile.ZIP_STORED
        self.root: object | None = None
        """Another content than the weights."""
        self.others: dict[str, bytes] = {}
        self.code: bytes | None = None
        """Another pickle."""
        for i, (name, array) in enumerate(weights.items()):
            kind = Global("torch", STORAGES[array.dtype.str])
            self.storages[str(i)] = array.tobytes()
            pid: object = ("storage", kind, str(i), "cpu", array.size)
            stride = tuple(prod(array.shape[j + 1 :]) for j in range(array.ndim))
            self.tensors[name] = [pid, 0, array.shape, stride, False]

    def tree(self) -> object:
        """The whole content."""
        held = {name: Call(REBUILD, (Persistent(pid), *rest, {})) for name, (pid, *rest) in self.tensors.items()}
        return held if self.root is None else self.root

    def zipped(self, wrapped: bool) -> bytes:
        """As torch has written since 1.6."""
        tree = self.tree()
        code = dumps({"model": tree, "optimizer": {"state": {}, "param_groups": []}, "step": 3} if wrapped else tree)
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as file:
            file.writestr(zipfile.ZipInfo("archive/data.pkl"), self.code or code, self.method)
            file.writestr(zipfile.ZipInfo("archive/byteorder"), b"little")
            for key, data in self.storages.items():
                file.writestr(zipfile.ZipInfo(f"archive/data/{key}"), data, self.method)
            file.writestr(zipfile.ZipInfo("archive/version"), b"3\n")
            for name, data in self.others.items():
                file.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        return held.getvalue()

    def legacy(self) -> bytes:
        """As torch wrote before 1.6: pickles one after another, and then the numbers."""
        for arguments in self.tensors.values():
            if isinstance(arguments[0], tuple):
                arguments[0] = (*arguments[0], None)
        info = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
        pickles = [
            dumps(MAGIC),
            dumps(PROTOCOL),
            dumps(info, ordered=False),
            self.code or dumps(self.tree()),
            dumps(list(self.storages)),
        ]
        width = 4
        return b"".join(pickles) + b"".join(struct.pack("<q", len(data) // width) + data for data in self.storages.values())


def build(folder: Path, plan: Plan, kind: str) -> Case:
    name = str(plan.log.choice(["model_{:05d}.pt", "epoch=0-step={}.ckpt", "step{}.bin"]))
    case = draw(plan.log, folder)
    files = [Saved(weights, plan.log) for weights in case.weights]
    damaged = []
    for at, rng, structural in places(case, plan):
        if structural:
            case.damage(f"checkpoint {at}: {change(files[at], rng, folder)}")
            case.touched.add(at)
        else:
            damaged.append((at, rng))
    wrapped = bool(plan.log.integers(2))
    for step, saved in zip(case.steps, files, strict=True):
        (case.path / name.format(step)).write_bytes(saved.zipped(wrapped) if kind == "zip" else saved.legacy())
    for at, rng in damaged:
        damage_bytes(case, at, case.path / name.format(case.steps[at]), rng)
    if kind == "legacy":  # which may be refused
        case.damaged, case.touched = True, set(range(len(case.steps)))
    return case


def change(saved: Saved, rng: np.random.Generator, folder: Path) -> str:
    """Change one file, and say what was changed."""
    kinds = (_argument, _argument, _argument, _pid, _key, _strides, _storage, _member, _content, _content)
    return kinds[rng.integers(len(kinds))](saved, rng, folder)


def _some(saved: Saved, rng: np.random.Generator) -> list[object]:
    names = list(saved.tensors)
    return saved.tensors[names[rng.integers(len(names))]]


def _argument(saved: Saved, rng: np.random.Generator, _: Path) -> str:
    at, odd = int(rng.integers(0, 5)), ODD[rng.integers(len(ODD))]
    _some(saved, rng)[at] = odd
    return f"argument {at} of a tensor is {str(odd)[:30]}"


def _pid(saved: Saved, rng: np.random.Generator, _: Path) -> str:
    tensor = _some(saved, rng)
    if isinstance(tensor[0], tuple) and tensor[0]:
        parts = list(tensor[0])
        at = int(rng.integers(len(parts)))
        odd = (*ODD, Global("torch", "NoStorage"), Global("torch", "LongStorage"), Global("os", "system"), "../version", "9")[
            rng.integers(len(ODD) + 5)
        ]
        parts[at : at + int(rng.integers(1, 3))] = [odd]
        tensor[0] = tuple(parts)
    return f"a storage is {str(tensor[0])[:60]}"


def _key(saved: Saved, rng: np.random.Generator, _: Path) -> str:
    odd = ODD_KEYS[rng.integers(len(ODD_KEYS))]
    saved.tensors = {odd if i == 0 else name: value for i, (name, value) in enumerate(saved.tensors.items())}
    return f"the key {str(odd)[:10]!r}"


def _strides(saved: Saved, rng: np.random.Generator, _: Path) -> str:
    tensor = _some(saved, rng)
    kinds = (
        ((3, 3), (1, 1)),
        ((1000, 1000, 1000), (0, 0, 0)),
        ((100_000, 100_000), (1, 0)),
        ((2,) * 64, (1,) * 64),
        ((5,), (-1,)),
        ((30_000, 30_000), (1, 1)),
    )
    tensor[2], tensor[3] = kinds[rng.integers(len(kinds))]
    return f"shape {str(tensor[2])[:20]} and strides {str(tensor[3])[:20]}"


def _storage(saved: Saved, rng: np.random.Generator, _: Path) -> str:
    key = str(rng.choice(list(saved.storages)))
    data = saved.storages.pop(key)
    if rng.random() < 0.6:
        saved.storages[key] = data[: int(rng.integers(len(data)))] if rng.random() < 0.7 else data + rng.bytes(9)
    return f"another storage {key}"


def _member(saved: Saved, rng: np.random.Generator, _: Path) -> str:
    name = str(
        rng.choice(["archive/constants.pkl", "archive/byteorder", "data.pkl", "x/y/data.pkl", "archive/data/0", "../data.pkl"])
    )
    saved.others[name] = (b"big", b"", b"\x80\x02.", bytes(30_000_000))[rng.choice(4, p=[0.3, 0.3, 0.3, 0.1])]
    if rng.random() < 0.3:
        saved.method = zipfile.ZIP_DEFLATED
    return f"a member {name} of {len(saved.others[name])} bytes"


def _content(saved: Saved, rng: np.random.Generator, folder: Path) -> str:
    saved.code, what = hostile(dumps(saved.tree()), rng, folder / "executed")
    return what
