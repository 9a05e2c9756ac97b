"""The state of a recorder, in a checkpoint of torch or a model of Keras, that is damaged in some part: one error that says so."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.conftest import require
from wcdfa.readers.formats.keras_states import read_keras_state
from wcdfa.readers.formats.torch_states import read_torch_state

WINDOW = 60
NOTES = {
    "names": ["all", "head"],
    "before": 0,
    "beside": {"wcdfa_momentum": [[0.9, 40], [None, 20]]},
    "direction": {"series": {}},
}
DAMAGED = "the state of its recorder is damaged: "


def state(torch, **changed):
    own = {
        "version": 1,
        "groups": json.dumps(NOTES),
        "norms": torch.rand(2, WINDOW),
        "lr": torch.full((WINDOW,), 0.1),
        "steps": torch.arange(1, WINDOW + 1),
        "counts": torch.tensor([WINDOW, 0]),
        "gradients": torch.rand(WINDOW),
    }
    return {"callbacks": {"WeightChangeCallback": {"handle": own | changed, "monitor": {}}}}


def noted(**changed):
    return {"groups": json.dumps(NOTES | changed)}


TORCH = {
    "no JSON": lambda torch: {"groups": "{"},
    "no names": lambda torch: {"groups": "{}"},
    "a number": lambda torch: {"groups": "3"},
    "nothing": lambda torch: {"groups": "null"},
    "too deep": lambda torch: {"groups": "[" * 100_000},
    "names are a number": lambda torch: noted(names=3),
    "a name too few": lambda torch: noted(names=["all"]),
    "beside is a list": lambda torch: noted(beside=[1]),
    "beside is nothing": lambda torch: noted(beside=None),
    "beside holds numbers": lambda torch: noted(beside={"wcdfa_beta1": [1, 2]}),
    "beside is short": lambda torch: noted(beside={"wcdfa_beta1": [[0.9, 3]]}),
    "beside is long": lambda torch: noted(beside={"wcdfa_beta1": [[0.9, 10**12]]}),
    "beside goes back": lambda torch: noted(beside={"wcdfa_beta1": [[0.9, 90], [0.9, -30]]}),
    "beside is infinitely long": lambda torch: {"groups": json.dumps(NOTES | {"beside": {"wcdfa_beta1": [[0.9, np.inf]]}})},
    "the direction is a list": lambda torch: noted(direction=[1]),
    "the direction holds a number": lambda torch: noted(direction={"series": {"wcdfa_cosine": 3}}),
    "the direction is no base64": lambda torch: noted(direction={"series": {"wcdfa_cosine": "a"}}),
    "steps too few": lambda torch: {"steps": torch.arange(3)},
    "steps of two dimensions": lambda torch: {"steps": torch.zeros(2, WINDOW, dtype=torch.int64)},
    "counts of nothing": lambda torch: {"counts": torch.zeros(0, dtype=torch.int64)},
    "a count below 0": lambda torch: {"counts": torch.tensor([-5, 0])},
    "a count that is infinite": lambda torch: {"counts": torch.tensor([torch.inf, 0.0])},
    "a count that is NaN": lambda torch: {"counts": torch.tensor([torch.nan, 0.0])},
    "one rate": lambda torch: {"lr": torch.tensor(0.1)},
    "rates too few": lambda torch: {"lr": torch.zeros(5)},
    "norms of one dimension": lambda torch: {"norms": torch.rand(2)},
    "norms too few": lambda torch: {"norms": torch.rand(2, 5)},
    "norms of a kind without arithmetic": lambda torch: {"norms": torch.zeros(2, WINDOW, dtype=torch.complex64)},
    "a text for norms": lambda torch: {"norms": "gone"},
    "gradients too few": lambda torch: {"gradients": torch.rand(5)},
    "one gradient": lambda torch: {"gradients": torch.tensor(1.0)},
}


def test_what_is_not_damaged_is_read(torch, tmp_path):
    torch.save(state(torch), tmp_path / "a.ckpt")
    (run,) = read_torch_state(tmp_path / "a.ckpt")
    assert run.columns["wcdfa/update_norm"].values.shape == (WINDOW,)


@pytest.mark.parametrize("damage", TORCH)
def test_of_torch(torch, tmp_path, damage):
    torch.save(state(torch, **TORCH[damage](torch)), tmp_path / "a.ckpt")
    with pytest.raises(ValueError, match=DAMAGED):
        next(read_torch_state(tmp_path / "a.ckpt"))


KERAS = {
    "a group for a series": {"series": None},
    "a group for counts": {"counts": None},
    "one dimension": {"series": np.ones(WINDOW)},
    "a count alone": {"counts": np.array([3])},
    "no rows": {"series": np.ones((0, WINDOW))},
    "a count below 0": {"counts": np.array([-3, 0])},
    "a count that is infinite": {"counts": np.array([np.inf, 0.0])},
    "texts": {"series": np.full((3, WINDOW), b"gone")},
    "a group for the direction": {"direction": None},
}


@pytest.mark.parametrize("damage", KERAS)
def test_of_keras(tmp_path, damage):
    h5py, path = require("h5py"), tmp_path / "a.weights.h5"
    whole = {"series": np.ones((3, WINDOW)), "counts": np.array([WINDOW, 0]), "direction": np.ones((2, WINDOW))}
    for parts in (whole, whole | KERAS[damage]):
        path.unlink(missing_ok=True)
        with h5py.File(path, "w") as file:
            group = file.create_group("optimizer/recorder")
            for name, part in parts.items():
                if part is None:
                    group.create_group(name)
                else:
                    group[name] = part
        if parts is whole:
            (run,) = read_keras_state(path)
            assert run.columns["wcdfa/update_norm"].values.shape == (WINDOW,)
    with pytest.raises(ValueError, match=DAMAGED):
        next(read_keras_state(path))
