"""An optimizer that is attached again, as happens in a notebook, has the same handle; with other settings it is an error."""

from __future__ import annotations

import gc
import logging
import weakref

import numpy as np
import pytest

import wcdfa
from tests.helpers.torch_runs import batches, network, require_norms, trained


def made(torch, kind="SGD"):
    model = network(torch)
    return model, getattr(torch.optim, kind)(model.parameters(), lr=0.01)


def first_part(path):
    return f"part {path[0]}"


@pytest.mark.parametrize(
    "options",
    [
        dict,
        lambda: {"groups": 1, "window": 30},
        lambda: {"groups": {"last": "^2/"}, "mode": "sample", "sample": 0.5},
        lambda: {"groups": lambda path: f"part {path[0]}"},  # another function each time
        lambda: {"direction": False, "gradients": True, "every": 7, "seed": 3},
        lambda: {"monitor": wcdfa.WeightChangeDFA(window=50)},
        lambda: {"alarm": print},
    ],
)
def test_the_same_settings_give_the_same_handle(torch, attach, caplog, options):
    model, optimizer = made(torch)
    handle = attach(optimizer, model=model, **options())
    seen = trained(model, optimizer, batches(torch, 6))
    assert caplog.records == []
    given = options()
    assert attach(optimizer, model=model, **given) is handle
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("SGD is attached already, so this is the same handle, with 6 steps so far")
    more = trained(model, optimizer, batches(torch, 5))
    require_norms(handle, np.concatenate([seen.norms(), more.norms()])[-handle.window :])
    assert len(caplog.records) == 1
    if "monitor" in given:
        assert handle.monitor is given["monitor"]
        np.testing.assert_allclose(given["monitor"].get_signal(), np.concatenate([seen.norms(), more.norms()]), rtol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "differs"),
    [
        ({}, {"window": 200}, "window=500 instead of 200: use"),
        ({"window": 60, "every": 5}, {"window": 60}, "every=5 instead of 12"),
        ({"mode": "sample"}, {}, "mode='sample' instead of 'exact': use"),
        ({"mode": "sample"}, {"mode": "sample", "sample": 0.5}, "sample=0.015625 instead of 0.5"),
        ({"groups": 1}, {"groups": 2}, "groups=1 instead of 2"),
        ({"groups": first_part}, {"groups": lambda path: path}, r"groups=first_part\(\) instead of .*<lambda>\(\)"),
        ({"groups": {"last": "^2/"}}, {"groups": ["^2/"]}, r"groups={'last': '\^2/'} instead of \['\^2/'\]"),
        ({"gradients": True, "seed": 2}, {}, "gradients=True instead of False and seed=2 instead of 0"),
        ({"direction": False}, {"coordinates": 9}, "direction=False instead of True: use"),
        ({}, {"snapshot": "cpu"}, "snapshot='device' instead of 'cpu'"),
    ],
)
def test_other_settings_are_an_error_with_the_way_out(torch, attach, first, second, differs):
    model, optimizer = made(torch)
    handle = attach(optimizer, model=model, **first)
    with pytest.raises(ValueError, match=rf"this SGD is attached already, with {differs}") as refused:
        attach(optimizer, model=model, **second)
    assert "use that handle, or detach() it first. To get the handle, attach again as the first time" in str(refused.value)
    attach(optimizer, model=model, **first).detach()
    assert attach(optimizer, model=model, **second) is not handle


def test_several_optimizers(torch, attach):
    pairs = [made(torch, kind) for kind in ("SGD", "AdamW", "Adam")]
    one, two, three = (optimizer for _, optimizer in pairs)
    handle = attach(one, two)
    assert attach(one, two) is attach(two, one) is handle
    for others in ((one,), (two, three), (one, two, three)):
        with pytest.raises(ValueError, match="is attached already, but not together with the same others: use that handle"):
            attach(*others)
    single = attach(three)
    with pytest.raises(ValueError, match="this SGD is attached already, but not together"):
        attach(one, three)
    assert (attach(three), single.steps) == (single, 0)


def test_a_monitor_that_another_handle_feeds_is_refused(torch, attach):
    (model, one), (_, two) = made(torch), made(torch)
    monitor = wcdfa.WeightChangeDFA(window=50)
    handle = attach(one, monitor=monitor)
    other = attach(two)
    with pytest.raises(ValueError, match="the monitor is fed by another handle"):
        attach(two, monitor=monitor)
    later = wcdfa.WeightChangeDFA(window=50)
    assert attach(one, monitor=later) is handle
    assert attach(two, monitor=monitor) is other  # the first is free now
    trained(model, one, batches(torch, 5))
    handle.read()
    assert (len(later.get_signal()), len(monitor.get_signal())) == (5, 0)
    assert attach(one).monitor is later


def test_what_is_shown(torch, attach):
    model, optimizer = made(torch, "AdamW")
    handle = attach(optimizer, model=model, groups=1, window=40)
    assert repr(handle) == "Handle(AdamW, 0 steps, window 40, groups 0, 2)"
    trained(model, optimizer, batches(torch, 1))
    assert repr(handle) == "Handle(AdamW, 1 step, window 40, groups 0, 2)"
    state = handle.state_dict()
    handle.detach()
    assert repr(handle) == "Handle(AdamW, 1 step, window 40, groups 0, 2, detached)"
    with torch.no_grad():
        model[0].weight.grad = None
    again = attach(optimizer, model=model, groups=1, window=40)
    again.load_state_dict(state)
    trained(model, optimizer, batches(torch, 1200))
    assert repr(again) == "Handle(AdamW, 1,201 steps, window 40, groups 0, 2)"
    del optimizer
    assert repr(again) == "Handle(no optimizer, 1,201 steps, window 40, groups 0, 2, detached)"


@pytest.mark.parametrize("detached", [True, False])
def test_a_callable_for_groups_does_not_keep_its_optimizer_alive(torch, attach, detached):
    model, optimizer = made(torch)
    gone = [weakref.ref(optimizer), weakref.ref(model[0].weight)]

    def groups(path, held=optimizer):
        return f"{type(held).__name__} {path[0]}"

    handle = attach(optimizer, model=model, groups=groups)
    trained(model, optimizer, batches(torch, 3))
    if detached:
        handle.detach()
    del handle, groups, optimizer, model
    gc.collect()
    assert [each() for each in gone] == [None, None]


def test_gradients_do_not_keep_parameters_alive(torch, attach):
    model, optimizer = made(torch)
    handle = attach(optimizer, gradients=True)
    trained(model, optimizer, batches(torch, 3))
    gone = weakref.ref(model[0].weight)
    del optimizer, model
    gc.collect()
    assert gone() is None
    assert handle.read().count == 3
