"""Checkpoints of orbax, made with tensorstore alone: damaged metadata, files that are absent or damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.fuzz.case import Case
from tests.fuzz.formats.checkpoints import Checkpoints, Weights, damage_bytes, draw, places
from tests.fuzz.plan import Plan

VALUES = (None, 5, "x", [], {}, [1, 2], {"a": 1}, True, 1.5, "../../up", "\x00", "a" * 3000)


def build(folder: Path, plan: Plan) -> Case:
    case = draw(plan.log, folder, kinds=("<f4", "<f8"), most=3)
    case.weights = [dict(list(weights.items())[:2]) for weights in case.weights]  # each is opened on its own, which takes time
    together = bool(plan.log.integers(2))
    for step, weights in zip(case.steps, case.weights, strict=True):
        write(case.path / f"step_{step}", weights, together=together)
    for at, rng, structural in places(case, plan):
        path = case.path / f"step_{case.steps[at]}"
        if structural:
            change(case, at, path, rng)
        else:
            files = sorted(each for each in path.rglob("*") if each.is_file())
            if files:
                damage_bytes(case, at, files[rng.integers(len(files))], rng)
    return case


def write(path: Path, weights: Weights, *, together: bool) -> None:
    """One step, all arrays in one store or each in files of its own."""
    import tensorstore

    path.mkdir()
    tree = {}
    for name, array in weights.items():
        keys = name.split(".")
        base = {"driver": "file", "path": f"{path}/"}
        place = ".".join(keys) + "/"
        kvstore = {"driver": "ocdbt", "base": base, "path": place} if together else base | {"path": f"{path}/{place}"}
        metadata = {"shape": list(array.shape), "dtype": array.dtype.str, "chunks": list(array.shape) or []}
        store = tensorstore.open({"driver": "zarr", "kvstore": kvstore, "metadata": metadata}, create=True, open=True).result()
        store.write(array).result()
        tree[str(tuple(keys))] = {
            "key_metadata": [{"key": key, "key_type": 2} for key in keys],
            "value_metadata": {"value_type": "jax.Array", "skip_deserialize": False},
        }
    told = {"tree_metadata": tree, "use_ocdbt": together, "use_zarr3": False, "store_array_data_equal_to_fill_value": True}
    (path / "_METADATA").write_text(json.dumps(told))


def change(case: Checkpoints, at: int, path: Path, rng: np.random.Generator) -> None:
    """Change the metadata, or take a file away."""
    held = path / "_METADATA"
    if rng.random() < 0.25 or not held.is_file():
        files = sorted(each for each in path.rglob("*") if each.is_file())
        if files:
            gone = files[rng.integers(len(files))]
            gone.unlink()
            case.damage(f"{gone.name} of checkpoint {at} is absent")
    else:
        try:
            told = json.loads(held.read_bytes())
        except ValueError:
            return
        text = json.dumps(_altered(told, rng))
        held.write_text(text)
        case.damage(f"_METADATA of checkpoint {at} is {text[:120]}")
    case.touched.add(at)


def _altered(tree: object, rng: np.random.Generator) -> object:
    """The tree with one value, at any depth, that is another or absent."""
    if not isinstance(tree, (dict, list)) or not tree or rng.random() < 0.15:
        return VALUES[rng.integers(len(VALUES))]
    copy = tree.copy()
    place = list(copy)[rng.integers(len(copy))] if isinstance(copy, dict) else int(rng.integers(len(copy)))
    if rng.random() < 0.15:
        del copy[place]  # type: ignore[arg-type]
    else:
        copy[place] = _altered(copy[place], rng)  # type: ignore[index, call-overload]
    return copy
