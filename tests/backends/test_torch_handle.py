"""The handle of `attach`: its monitor and alarms, its life, and what it refuses."""

from __future__ import annotations

import copy
import gc
import logging
import math
import pickle
import weakref

import numpy as np
import pytest

import wcdfa
from tests.helpers.torch_runs import Seen, batches, loss_of, network, require_norms, trained

CLOSE = 1e-6


def test_weights_that_are_loaded_are_no_step(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle, state = attach(optimizer), copy.deepcopy(model.state_dict())
    seen = trained(model, optimizer, batches(torch, 5))
    model.load_state_dict(state)
    handle.rebase()
    again = trained(model, optimizer, batches(torch, 5))
    require_norms(handle, np.concatenate([seen.norms(), again.norms()]))


def test_numbers_that_are_not_finite_are_gaps(torch, attach):
    weight = torch.nn.Parameter(torch.ones(4))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    handle = attach(optimizer)
    for bad in (None, math.nan, None, math.inf, None):
        weight.grad = torch.full((4,), 0.5 if bad is None else bad)
        optimizer.step()
        if bad is not None:
            weight.data.fill_(1.0)
            handle.rebase()
    np.testing.assert_array_equal(handle.read().norms, [1, np.nan, 1, np.nan, 1])
    assert handle.read().skipped == 0


def test_misuse(torch, attach):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(4))], lr=0.1)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)

    class Wrapper:
        def __init__(self, optimizer):
            self.optimizer = optimizer

    for given, options, error, said in (
        ((), {}, TypeError, "attach needs an optimizer"),
        ((torch.nn.Linear(2, 2),), {}, TypeError, "attach takes optimizers of torch, got Linear"),
        ((optimizer, Wrapper(optimizer)), {}, ValueError, "this SGD is attached already"),
        ((optimizer,), {"mode": "full"}, ValueError, "mode must be 'exact' or 'sample', got 'full'"),
        ((optimizer,), {"snapshot": "disk"}, ValueError, "snapshot must be 'device' or 'cpu', got 'disk'"),
        ((optimizer,), {"mode": "sample", "sample": 0.0}, ValueError, "sample must be a share above 0"),
        ((optimizer,), {"window": 0}, ValueError, "window must be at least 1, got 0"),
        ((optimizer,), {"every": 600}, ValueError, "copied to the host after every=600 steps, but only window=500"),
        ((optimizer,), {"groups": 1}, ValueError, "groups need names: give model="),
    ):
        with pytest.raises(error, match=said):
            attach(*given, **options)
    zero = type("DeepSpeedZeroOptimizer", (Wrapper,), {"__module__": "deepspeed.runtime.zero.stage_1_and_2"})
    with pytest.raises(ValueError, match="DeepSpeed's ZeRO hides which numbers a process holds"):
        attach(zero(optimizer))
    handle = attach(Wrapper(Wrapper(optimizer)))
    for again in (optimizer, Wrapper(optimizer), scheduler):
        assert attach(again) is handle
        with pytest.raises(
            ValueError, match=r"this SGD is attached already, with window=500 instead of 50: use that handle, or detach"
        ):
            attach(again, window=50)
    handle.detach()
    attach(optimizer).detach()
    handle = attach(optimizer)
    handle.detach()
    handle.detach()
    with pytest.raises(RuntimeError, match="this handle is detached"):
        handle.record()
    for made in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match=r"cannot be pickled or copied: save its state_dict\(\), attach again"):
            made(handle)


def test_monitors_that_do_not_fit(torch, attach):
    model = network(torch)
    optimizers = [torch.optim.SGD(layer.named_parameters(), lr=0.1) for layer in (model[0], model[2])]
    grouped = wcdfa.WeightChangeDFA(window=50, groups=1).update(model)
    trained(model, torch.optim.SGD(model.parameters(), lr=0.1), batches(torch, 1))
    grouped.update(model)
    taken = wcdfa.WeightChangeDFA(window=50)
    handle = attach(optimizers[0], monitor=taken)
    for options, error, said in (
        ({"monitor": 3}, TypeError, "monitor must be a WeightChangeDFA, got int"),
        ({"monitor": wcdfa.WeightChangeDFA(groups=1)}, ValueError, "the monitor has groups=, but no groups are recorded"),
        (
            {"monitor": grouped, "groups": 1},
            ValueError,
            "the monitor holds norms of 0, 2, all, but this handle has all, bias, weight: give the groups",
        ),
        ({"monitor": taken}, ValueError, r"the monitor is fed by another handle: detach\(\) that first"),
        ({"alarm": 3}, TypeError, "alarm must be a callable"),
        ({"model": 3}, TypeError, r"model must be the torch.nn.Module"),
        ({"mode": "sample", "sample": "1"}, ValueError, "sample must be a share above 0 and at most 1, got '1'"),
    ):
        with pytest.raises(error, match=said):
            attach(optimizers[1], **options)
    handle.detach()
    attach(optimizers[1], monitor=taken)


def test_a_monitor_that_is_restored(torch, attach, caplog):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = wcdfa.WeightChangeDFA(window=50)
    handle = attach(optimizer, monitor=monitor, every=5)
    seen = trained(model, optimizer, batches(torch, 12))
    states = handle.state_dict(), monitor.state_dict()
    handle.detach()
    for with_handle in (True, False):
        again = wcdfa.WeightChangeDFA(window=50)
        again.load_state_dict(states[1])
        handle = attach(optimizer, monitor=again, every=5)
        if with_handle:
            handle.load_state_dict(states[0])
        with caplog.at_level(logging.WARNING, logger="wcdfa"):
            more = trained(model, optimizer, batches(torch, 5))
        handle.detach()
        expected = np.concatenate([seen.norms(), more.norms()]) if with_handle else more.norms()
        np.testing.assert_allclose(again.get_signal(), expected, rtol=CLOSE)
        assert bool(caplog.records) != with_handle
    assert "after a restart load the state_dict of the handle too" in caplog.text


def test_learning_rates_are_those_of_the_step(torch, attach):
    """Of a round that ends late, and of the group that is trained most."""
    first, second, frozen = (torch.nn.Parameter(torch.zeros(size)) for size in (4, 2, 1))
    often = torch.optim.SGD([{"params": [frozen], "lr": 0.0}, {"params": [first], "lr": 1.0}])
    rarely = torch.optim.SGD([second], lr=5.0)
    schedule = torch.optim.lr_scheduler.ExponentialLR(often, 0.5)
    handle = attach(often, rarely)
    for i in range(6):
        for part in (first, second):
            part.grad = torch.ones_like(part)
        often.step()
        if i % 3 == 2:
            rarely.step()
        schedule.step()
    np.testing.assert_allclose(handle.read().lr, 0.5 ** np.arange(6), rtol=1e-6)


def test_groups_while_parameters_come_and_go(torch, attach):
    model = network(torch)
    model.append(torch.nn.Linear(1, 1))
    named = dict(model.named_parameters())
    optimizer = torch.optim.SGD([{"params": [(name, named[name])]} for name in ("0.weight", "2.weight")], lr=0.1)
    handle = attach(optimizer, groups={"first": "^0/", "last": "^2/"})
    seen = Seen([named["0.weight"], named["2.weight"], named["0.bias"]])

    def steps():
        for x in batches(torch, 3):
            model.zero_grad()
            loss_of(model, x).backward()
            optimizer.step()
            seen.look()

    steps()
    optimizer.add_param_group({"params": [("0.bias", named["0.bias"])]})
    steps()
    del optimizer.param_groups[1]
    steps()
    found = handle.read()
    np.testing.assert_allclose(found.norms, seen.norms(), rtol=CLOSE)
    np.testing.assert_allclose(found.groups["first"], seen.norms([0, 2]), rtol=CLOSE)
    np.testing.assert_allclose(found.groups["last"], seen.norms([1]), rtol=CLOSE)
    assert found.groups["last"][-3:].tolist() == [0, 0, 0]


def test_one_of_several_optimizers_is_deleted(torch, attach):
    models = [network(torch) for _ in range(2)]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
    handle = attach(*optimizers)
    expected = []
    for x in batches(torch, 6):
        if len(expected) == 3:
            del models[1], optimizers[1]
            gc.collect()
        seen = [trained(model, optimizer, [x]).norms()[0] for model, optimizer in zip(models, optimizers, strict=True)]
        expected.append(np.sqrt(np.sum(np.square(seen))))
    require_norms(handle, np.array(expected))


def test_small_norms_many_tensors_and_inference_mode(torch, attach):
    weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    many = [torch.nn.Parameter(torch.zeros(n % 7)) for n in range(300)]
    optimizer = torch.optim.SGD([weight], lr=1.0)
    with torch.inference_mode():
        handle, other = attach(optimizer), attach(together := torch.optim.SGD(many, lr=1.0))
    for size in (1e-25, 1e25):
        weight.grad = torch.full_like(weight, size)
        optimizer.step()
    np.testing.assert_allclose(handle.read().norms, [2e-25, 2e25], rtol=1e-6)
    seen = Seen(many)
    for seed in range(3):
        torch.manual_seed(seed)
        for part in many:
            part.grad = torch.randn_like(part)
        together.step()
        seen.look()
    require_norms(other, seen.norms())


def test_detached_and_deleted(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer)
    seen = trained(model, optimizer, batches(torch, 3))
    copied = copy.deepcopy(optimizer)
    trained(model, copied, batches(torch, 2))  # a copy has no hooks
    handle.rebase()
    handle.detach()
    trained(model, optimizer, batches(torch, 2))
    require_norms(handle, seen.norms())
    handle = attach(optimizer)
    trained(model, optimizer, batches(torch, 2))
    gone, kept = weakref.ref(optimizer), handle.read().norms
    del optimizer, copied
    gc.collect()
    assert gone() is None  # nothing keeps it
    np.testing.assert_array_equal(handle.read().norms, kept)
    with pytest.raises(RuntimeError, match="or its optimizers are gone"):
        handle.record()
    assert handle.read().optimizer == "sgd"
    handle.detach()


def test_a_monitor_is_fed_and_alarms_do_no_harm(torch, attach, caplog):
    norms = np.exp(
        np.concatenate([0.1 * wcdfa.synthetic.white_noise(1500, seed=0), 0.1 * wcdfa.synthetic.random_walk(300, seed=0)])
    )
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    monitor, said = wcdfa.WeightChangeDFA(window=128, stride=25, method="gls"), []

    def alarm(message):
        said.append(message)
        raise RuntimeError("of the user")

    handle = attach(optimizer, monitor=monitor, alarm=alarm, window=200, every=50)
    for norm in norms:
        weight.grad = torch.full_like(weight, norm)
        optimizer.step()
    with caplog.at_level(logging.ERROR, logger="wcdfa"):
        handle.read()
    assert any("α drifted up" in message for message in said)
    assert said == handle.raised
    np.testing.assert_allclose(monitor.get_signal(), norms[-128:], rtol=1e-6)
    one_by_one = wcdfa.WeightChangeDFA(window=128, stride=25, method="gls")
    for norm in norms:
        one_by_one.update(norm, lr=1.0)
    np.testing.assert_allclose(monitor.history, one_by_one.history, atol=1e-4)


def test_nothing_is_read_from_the_device_between_drains(torch, attach):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Guard(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            assert function.overloadpacket.__name__ not in ("_local_scalar_dense", "is_nonzero", "equal", "nonzero"), function
            return function(*args, **(kwargs or {}))

    for mode in ("exact", "sample"):
        model = network(torch, width=1000)
        optimizer = torch.optim.SGD(model.parameters(), lr=torch.tensor(0.1), foreach=False, momentum=0.9)
        handle = attach(optimizer, mode=mode, every=10)
        for x in batches(torch, 12):
            optimizer.zero_grad()
            loss_of(model, x).backward()
            with Guard():
                handle._before(optimizer, (), {})
                handle._after(optimizer, (), {})
        assert handle._ring.recorded == 2  # what was drained is copied, and waited for when it is read


def test_snapshot_on_the_cpu(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, snapshot="cpu")
    require_norms(handle, trained(model, optimizer, batches(torch, 5)).norms())
