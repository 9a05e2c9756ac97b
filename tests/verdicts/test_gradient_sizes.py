"""Where gradients were recorded, the verdict parts what is in their size from what the optimizer adds and from what is left."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wcdfa import synthetic
from wcdfa.nulls.families import Setting, member_norms
from wcdfa.nulls.gradients import Gradients
from wcdfa.nulls.measured_gradients import KINDS, driven_by
from wcdfa.nulls.null_tables import Treatment
from wcdfa.nulls.replay import optimizer_norms
from wcdfa.nulls.update_rules import named
from wcdfa.verdicts.single_window import verdict

N = 256
OPTIONS = {"optimizer": "sgd", "momentum": 0.9, "start": 5000, "replicates": 100}


def run(sizes, seed):
    """Norms of SGD(0.9) on gradients of these sizes."""
    return optimizer_norms(N, optimizer="sgd", momentum=0.9, gradient_norm=sizes, replicates=1, seed=seed)[0]


def finding(found, kind):
    return next((each for each in found.findings if each.kind == kind), None)


@pytest.fixture(scope="module")
def wandering():
    """Sizes of gradients with long memory."""
    logs = synthetic.arfima(N, d=0.8, seed=2)
    return np.exp(0.4 * (logs - logs.mean()) / logs.std())


def test_memory_in_the_sizes_is_named(wandering):
    found = verdict(run(wandering, 1), gradient_norm=wandering, **OPTIONS)
    sizes = finding(found, "gradients")
    alpha = verdict(wandering, quantity="gradient norm", start=None).alpha
    assert sizes.figure == pytest.approx(alpha)
    assert "the size of the gradients has memory of its own" in sizes.text
    assert found.p_value > 0.05
    assert "explained by optimizer and the size of the gradients" in str(found)


def test_sizes_without_memory_are_said_to_have_none():
    white = np.exp(0.2 * synthetic.white_noise(N, seed=3))
    found = verdict(run(white, 4), gradient_norm=white, **OPTIONS)
    assert "no memory is seen in their size" in finding(found, "gradients").text
    assert found.p_value > 0.05
    assert "size of the gradients" not in str(found)


def test_what_is_left_is_found(wandering):
    more = run(wandering, 1) * np.exp(0.3 * synthetic.arfima(N, d=0.5, seed=5))
    found = verdict(more, gradient_norm=wandering, **OPTIONS)
    assert found.p_value < 0.05
    assert found.compared == "SGD(momentum 0.9) on gradients without memory of the sizes that were recorded"
    assert f"not explained by {found.compared}" in str(found) or f"less memory than {found.compared}" in str(found)
    assert finding(found, "gradients") is not None


def test_without_recorded_sizes_nothing_is_said_of_them(wandering):
    assert finding(verdict(run(wandering, 1), **OPTIONS), "gradients") is None
    unknown = np.where(np.arange(N) == 9, math.nan, wandering)
    assert finding(verdict(run(wandering, 1), gradient_norm=unknown, **OPTIONS), "gradients") is None
    assert finding(verdict(wandering, quantity="gradient norm", optimizer="sgd", gradient_norm=wandering), "optimizer") is None


def test_the_replay_has_gradients_of_these_sizes_exactly(wandering):
    """SGD without momentum and with a rate of 1 moves by the gradient itself: every replay is the series."""
    setting = Setting(rule=named("sgd", {}), n=N, lr=1.0, replicates=20)
    table = driven_by(wandering, setting, Treatment(spikes=None))
    assert len(table.members) == len(KINDS)
    logs = np.log(wandering)
    for member in table.members:
        assert member.test.least_spread == pytest.approx(logs.std(), rel=1e-3)
        assert member.alphas["gls"][0] == pytest.approx(member.alphas["gls"][-1], abs=1e-3)


def test_momentum_is_that_of_each_step(wandering):
    """With a momentum that falls to 0, norms become as rough as the gradients."""
    falling = tuple(named("sgd", {"momentum": each}) for each in np.linspace(0.95, 0.0, N).tolist())
    setting = Setting(rule=named("sgd", {"momentum": 0.95}), n=N, start=None, replicates=30)
    constant, varying = (driven_by(np.ones(N), each, Treatment(spikes=None)) for each in (setting, _with(setting, falling)))
    assert varying.members[0].test.rises[1] < constant.members[0].test.rises[0]


def _with(setting, rules):
    return Setting(**{**vars(setting), "rules": rules})


def test_sizes_of_1_are_nearly_white_gradients():
    """Of many coordinates the norm of white gradients hardly varies."""
    setting = Setting(rule=named("sgd", {"momentum": 0.9}), n=N, replicates=60, dimension=2000)
    table = driven_by(np.ones(N), setting, Treatment(spikes=None))
    free = np.log(member_norms(setting, Gradients(), [3]))
    assert table.members[0].test.least_spread == pytest.approx(free.std(axis=1).min(), rel=0.3)
    assert len(table.members) < len(KINDS)  # the number of coordinates is known
