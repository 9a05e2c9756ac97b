"""A depth counts the parts of the model itself, whatever wrappers add to the names of its parameters."""

from __future__ import annotations

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa.recording.groups import members_of
from wcdfa.recording.own_paths import own_paths

OWN = ["embed/weight", "layers/0/weight", "layers/0/bias", "layers/1/weight", "head/weight"]
FRONTS = ["module/", "_orig_mod/", "module/_orig_mod/", "_orig_mod/module/", "module/module/", "_fsdp_wrapped_module/", "params/"]
FRONTS += ["base_model/model/", "module/base_model/model/", "base_model/model/_orig_mod/"]


@pytest.mark.parametrize("front", FRONTS)
def test_in_front_of_all(front):
    wrapped = [front + path for path in OWN]
    assert own_paths(wrapped) == dict(zip(wrapped, OWN, strict=True))
    for groups in (1, 2, 9, {"first": "^layers/0/", "rest": "."}, ["^embed", "layers"]):
        plain = {name: tuple(front + path for path in paths) for name, paths in members_of(OWN, groups).items()}
        assert members_of(wrapped, groups) == plain


@pytest.mark.parametrize("added", ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"])
def test_around_parts(added):
    """One layer is compiled, checkpointed or sharded by itself."""
    wrapped = [path.replace("layers/1/", f"layers/1/{added}/") for path in OWN]
    assert list(own_paths(wrapped).values()) == OWN


def test_parts_of_a_model_with_such_names():
    for paths in (
        ["module/weight", "head/weight"],
        ["params/weight", "head/weight"],
        ["encoder/params/weight", "encoder/params/bias"],
        ["base_model/weight", "base_model/bias"],
        ["module", "_orig_mod"],
        ["a/module", "b/module"],
    ):
        assert own_paths(paths) == {path: path for path in paths}
    inside = ["generator/module/0/weight", "critic/module/0/weight", "critic/module/2/weight"]
    assert list(own_paths(inside).values()) == ["generator/0/weight", "critic/0/weight", "critic/2/weight"]


def test_patterns_may_have_the_names_of_the_wrapper():
    wrapped = [f"module/{path}" for path in OWN]
    assert members_of(wrapped, {"first": "^module/layers/0", "head": "^head"})["first"] == (wrapped[1], wrapped[2])


def wrappers(torch):
    """A model in each wrapper, with what has to be done afterwards."""
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    def replicated(model):
        return torch.nn.parallel.DistributedDataParallel(model)

    def parts(model):
        model[0], model[2] = torch.compile(model[0]), checkpoint_wrapper(model[2])
        return model

    return {
        "compiled": torch.compile,
        "replicated": replicated,
        "compiled, replicated": lambda model: torch.compile(replicated(model)),
        "replicated, compiled": lambda model: replicated(torch.compile(model)),
        "data parallel": torch.nn.DataParallel,
        "averaged": torch.optim.swa_utils.AveragedModel,
        "parts": parts,
    }


@pytest.fixture(scope="module")
def one_process():
    """A process group of this process alone, which needs no port."""
    torch = require("torch")
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield torch
    torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("named", ["by the model", "by the optimizer"])
@pytest.mark.parametrize(
    "kind", ["compiled", "replicated", "compiled, replicated", "replicated, compiled", "data parallel", "averaged", "parts"]
)
def test_torch(one_process, kind, named):
    torch = one_process
    from wcdfa.backends.torch import attach

    plain = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    model = wrappers(torch)[kind](plain)
    given = model.parameters() if named == "by the model" else model.named_parameters()
    optimizer = torch.optim.SGD(given, lr=0.1)
    handle = attach(optimizer, groups=1, model=model if named == "by the model" else None)
    assert handle.group_names == ("0", "2")
    for part in model.parameters():
        part.grad = torch.ones_like(part)
    optimizer.step()
    found = handle.read()
    np.testing.assert_allclose([found.groups["0"][0], found.groups["2"][0]], 0.1 * np.sqrt([20, 5]), rtol=1e-5)
    handle.detach()
    named = attach(optimizer, groups={"last": "^2/"}, model=model)
    assert named.group_names == ("last",)
    monitor = wcdfa.WeightChangeDFA(groups=1).update(model)
    optimizer.step()
    assert set(monitor.update(model).reading().groups) == {"0", "2"}


def test_a_frozen_part_shows_what_a_wrapper_is(one_process):
    """Only a part called "module" is trained, so every trained path begins with it."""
    torch = one_process
    from wcdfa.backends.torch import attach

    model = torch.nn.ModuleDict({"module": torch.nn.Linear(2, 2), "head": torch.nn.Linear(2, 1)})
    handle = attach(torch.optim.SGD(model["module"].parameters(), lr=0.1), groups=1, model=model)
    assert handle.group_names == ("module",)


def test_accelerate(tmp_path):
    torch, accelerate = require("torch"), require("accelerate")
    from wcdfa.backends.torch import attach

    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    model, optimizer = accelerate.Accelerator(cpu=True).prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert attach(optimizer, groups=1, model=model).group_names == ("0", "2")


def test_flax():
    """The variables of a linen module have "params" in front."""
    jax, optax = require("jax"), require("optax")
    from wcdfa.backends.optax import monitor, read

    variables = {"params": {"Dense_0": {"kernel": jax.numpy.ones(3)}, "Dense_1": {"kernel": jax.numpy.ones(2)}}}
    tx = monitor(optax.sgd(0.1), groups=1)
    _, state = tx.update(variables, tx.init(variables), variables)
    assert set(read(state).groups) == {"Dense_0", "Dense_1"}
    watched = wcdfa.WeightChangeDFA(groups=1).update(variables)
    assert set(watched.update(jax.tree.map(lambda part: part + 1, variables)).reading().groups) == {"Dense_0", "Dense_1"}
