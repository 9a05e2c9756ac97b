"""To add an optimizer is to write its class and name it in the table: everything else takes it from there."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import partial
from typing import ClassVar, get_args, get_type_hints

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa.nulls import nulls
from wcdfa.nulls.optimizer import Optimizer, described
from wcdfa.nulls.settling import Normal
from wcdfa.nulls.spelling import Spelling
from wcdfa.nulls.update_rules import OPTIMIZERS, named


@dataclass(frozen=True, kw_only=True)
class Slow(Optimizer):
    """A mean of gradients, in its own words."""

    slowness: float = field(default=0.9, metadata=described("What is left of the mean after a step."))
    name: ClassVar[str] = "slow"
    title: ClassVar[str] = "Slow"
    remembers: ClassVar[tuple[str, ...]] = ("mean",)
    spellings: ClassVar[tuple[Spelling, ...]] = (
        Spelling("torch.Slow", {"slowness": "inertia"}, only={"maximize": False}),
        Spelling("keras.Slow", {"slowness": "inertia"}),
        Spelling("optax.ema", {"slowness": "decay"}, only={"debias": True}, ignored=frozenset({"accumulator_dtype"})),
    )

    def __str__(self):
        return f"{self.title}({self.slowness:g})"

    def _decays(self):
        return (self.slowness,)

    def _step(self, memory, weights, gradient, lr, count):
        mean = self.slowness * memory["mean"] + (1 - self.slowness) * self._decayed(gradient, weights)
        return -lr * mean, {"mean": mean}

    def _settled(self, at):
        return {"weights": Normal(0.0), "mean": Normal(at.scale * ((1 - self.slowness) / (1 + self.slowness)) ** 0.5)}


@pytest.fixture
def slow(monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "slow", Slow)


@pytest.mark.usefixtures("slow")
def test_the_replay_has_it():
    assert str(named("slow", {"slowness": 0.8})) == "Slow(0.8)"
    momentum = nulls.optimizer_alphas(200, optimizer="sgd", momentum=0.9, replicates=100, method="ols")
    slow = nulls.optimizer_alphas(200, optimizer="slow", replicates=100, method="ols")
    assert abs(slow.mean() - momentum.mean()) < 4 * slow.std() / 7
    norms = wcdfa.nulls.replay.optimizer_norms(200, optimizer="slow", replicates=1)[0]
    found = wcdfa.verdict(norms, optimizer="slow", replicates=50)
    assert found.compared == "Slow(0.9) on gradients without memory"
    assert found.p_value > 0.05
    assert any(each.text.startswith(f"{found.compared}: white ones give") for each in found.findings)
    with pytest.raises(ValueError, match=r"must be one of .*'slow', got 'slwo'"):
        named("slwo", {})


@pytest.mark.usefixtures("slow")
def test_jax_compiles_it():
    require("jax")
    from wcdfa.backends.jax.null import optimizer_alphas

    compiled = np.asarray(optimizer_alphas(200, optimizer="slow", replicates=100, method="ols"))
    replayed = nulls.optimizer_alphas(200, optimizer="slow", replicates=100, method="ols")
    assert abs(compiled.mean() - replayed.mean()) < 5 * replayed.std() / 7


@pytest.mark.usefixtures("slow")
def test_the_command_line_offers_it():
    require("cyclopts")
    from wcdfa.cli.options import hyperparameters_type, optimizer_type

    assert get_args(optimizer_type(OPTIMIZERS)) == tuple(OPTIMIZERS)
    options = hyperparameters_type(OPTIMIZERS)
    assert options(slowness=0.5).slowness == 0.5
    kind, parameter = get_args(get_type_hints(options, include_extras=True)["slowness"])
    assert kind == float | None
    assert parameter.help == "What is left of the mean after a step. For slow."


@pytest.mark.usefixtures("slow")
def test_torch_recognises_it():
    torch = require("torch")
    from wcdfa.backends.torch.hyperparameters import described as known

    theirs = type("Slow", (torch.optim.Optimizer,), {"__module__": "torch.optim.slow"})
    weights = [torch.nn.Parameter(torch.zeros(2))]
    assert known(theirs(weights, {"inertia": 0.8, "maximize": False})) == ("slow", {"slowness": 0.8})
    assert known(theirs(weights, {"inertia": 0.8, "maximize": True})) == (None, {})
    assert known(theirs(weights, {"inertia": 1.0, "maximize": False})) == (None, {})


@pytest.mark.usefixtures("slow")
def test_keras_recognises_it():
    keras = require("keras")
    from wcdfa.backends.keras.hyperparameters import described as known

    theirs = type("Slow", (keras.optimizers.SGD,), {"__module__": "keras.src.optimizers.slow"})
    optimizer = theirs(0.1)
    optimizer.inertia = 0.8
    assert known(optimizer) == ("slow", {"slowness": 0.8})


@pytest.mark.usefixtures("slow")
def test_optax_recognises_it():
    optax, jnp = require("optax"), require("jax").numpy
    from wcdfa.backends.optax.recorder import monitor, read

    for debias, expected in ((True, ("slow", {"slowness": 0.8})), (False, (None, {}))):
        tx = monitor(optax.inject_hyperparams(optax.ema)(decay=0.8, debias=debias))
        found = read(tx.init({"w": jnp.zeros(2)}))
        assert (found.optimizer, found.hyperparameters) == expected


def test_optimizers_describe_a_hyperparameter_in_the_same_types_and_every_one_in_words():
    kinds = {}
    for rule in OPTIMIZERS.values():
        for each in fields(rule):
            assert each.metadata["help"].endswith(".")
            kinds.setdefault(each.name, set()).add(str(each.type))
    assert {name: kind for name, kind in kinds.items() if len(kind) > 1} == {}


def test_the_command_line_takes_the_shape_of_matrices(tmp_path):
    require("cyclopts")
    from tests.helpers.commands import run

    np.savez(tmp_path / "run.npz", update_norm=nulls.optimizer_norms(200, optimizer="muon", dimension=(3, 8), replicates=1)[0])
    analyze = partial(run, "analyze", tmp_path / "run.npz", "--window", 200, "--method", "ols", cwd=tmp_path)
    said = " ".join(analyze("--optimizer", "muon", "--dimension", 3, 8).stdout.split())
    assert "on gradients without memory, on a matrix of 3 × 8: white ones give" in said
    said = " ".join(analyze("--optimizer", "lion").stdout.split())
    assert "Lion(0.9, 0.99) alone has no α: its changes are signs" in said
    assert "not compared: Lion(0.9, 0.99) alone has no α" in said
