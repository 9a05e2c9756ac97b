"""Parameters that are unfrozen during training: their norms are right from the first step on, and groups appear or are named."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import wcdfa
from tests.helpers.torch_runs import Seen, batches, network, require_norms, trained

BY_NAME = {"first": "^0/", "last": "^2/"}


def unfrozen(torch, attach, groups, *, listed, when=8, **options):
    """What was seen of all parameters, and a handle; the first layer is frozen for so many of 20 steps, and in the optimizer or not."""
    model = network(torch)
    seen = Seen(model.parameters())
    model[0].requires_grad_(False)
    held = model.parameters() if listed else model[2].parameters()
    optimizer = torch.optim.AdamW(held, lr=0.01)
    handle = attach(optimizer, model=model, groups=groups, window=30, every=3, **options)
    given = batches(torch, 20)
    trained(model, optimizer, given[:when], seen)
    with torch.no_grad():  # weights that are loaded before they are trained
        for part in model[0].parameters() if not listed else ():
            part += 1
    model[0].requires_grad_(True)
    seen.tensors = seen.tensors[:]
    before = len(seen.history) - 1
    seen.history[before] = [np.array(part.detach().double().numpy()) for part in seen.tensors]
    if not listed:
        optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.003})
    trained(model, optimizer, given[when:], seen)
    return seen, handle


@pytest.mark.parametrize("mode", ["exact", "sample"])
@pytest.mark.parametrize("when", [1, 8, 19])
@pytest.mark.parametrize("listed", [False, True], ids=["added", "in the optimizer"])
def test_norms_are_right_from_the_first_step_on(torch, attach, listed, when, mode):
    seen, handle = unfrozen(torch, attach, BY_NAME, listed=listed, when=when, mode=mode)
    expected, first, last = (moves(seen, when, places) for places in (None, [0, 1], [2, 3]))
    require_norms(handle, expected)
    reading = handle.read()
    np.testing.assert_allclose(reading.groups["last"], last, rtol=1e-6)
    np.testing.assert_allclose(reading.groups["first"][when:], first[when:], rtol=1e-6)
    np.testing.assert_array_equal(reading.groups["first"][:when], [0.0 if listed else np.nan] * when)
    assert expected[when] < 10 * expected[when - 1]  # no jump


def moves(seen, when, places=None):
    """The norms of all steps; frozen weights were set before the step with this number."""
    norms = seen.norms(places)
    frozen = [place for place in ([2, 3] if places is None else places) if place > 1]
    return np.concatenate([seen.norms(frozen)[:when] if frozen else np.zeros(when), norms[when:]])


@pytest.mark.parametrize("groups", [1, lambda path: f"layer {path[0]}"])
def test_groups_that_no_one_has_named_before(torch, attach, caplog, groups):
    """They count in the norm of all parameters, and a warning names them once."""
    with caplog.at_level(logging.WARNING, logger="wcdfa"):
        seen, handle = unfrozen(torch, attach, groups, listed=False)
    require_norms(handle, moves(seen, 8))
    name = "0" if groups == 1 else "layer 0"
    assert name not in handle.read().groups
    said = f"the parameters of {name} came after attach, so they count in the norm of all parameters only: name the group in "
    assert [record.getMessage().startswith(said) for record in caplog.records] == [True]


def test_a_monitor_takes_a_group_that_comes_later(torch, attach, caplog):
    monitor = wcdfa.WeightChangeDFA(window=50, stride=10, method="gls")
    model = network(torch)
    model[0].requires_grad_(False)
    optimizer = torch.optim.AdamW(model[2].parameters(), lr=0.01)
    handle = attach(optimizer, model=model, groups=BY_NAME, monitor=monitor, window=50, every=5)
    given = batches(torch, 160)
    trained(model, optimizer, given[:100])
    handle.read()
    assert np.isnan(monitor.alphas["first"])
    assert np.isfinite([monitor.alphas["all"], monitor.alphas["last"]]).all()
    model[0].requires_grad_(True)
    optimizer.add_param_group({"params": model[0].parameters()})
    trained(model, optimizer, given[100:])
    handle.read()
    assert np.isfinite([*monitor.alphas.values()]).all()
    assert len(monitor.histories["first"]) == len(monitor.histories["all"])
    assert caplog.records == []


def test_a_pattern_that_no_parameter_of_the_model_has(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.01)
    with pytest.raises(ValueError, match="no parameter belongs to group 'head'"):
        attach(optimizer, model=model, groups={"last": "^2/", "head": "^head/"})
