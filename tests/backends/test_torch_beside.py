"""What `attach` records beside ‖ΔW‖: gradients, hyperparameters that vary, steps taken before, and why an optimizer is unknown."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.helpers.torch_runs import batches, loss_of, network


def norm_of(tensors):
    return float(np.sqrt(sum(float(part.grad.double().square().sum()) for part in tensors if part.grad is not None)))


def run(torch, optimizer, model, steps, change=lambda: None, closure=False):
    """Train; returns ‖g‖ of each step as the optimizer saw it."""
    found = []
    for x in batches(torch, steps):

        def compute(x=x):
            optimizer.zero_grad()
            loss = loss_of(model, x)
            loss.backward()
            change()
            return loss

        if closure:
            optimizer.step(compute)
            found.append(norm_of(model.parameters()))
        else:
            compute()
            found.append(norm_of(model.parameters()))
            optimizer.step()
    return found


@pytest.mark.parametrize("closure", [False, True], ids=["plain", "closure"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_are_those_of_the_step_after_clipping(torch, attach, closure, dtype):
    model = network(torch, getattr(torch, dtype), width=5000)
    optimizer = torch.optim.SGD(model.named_parameters(), lr=0.01)
    handle = attach(optimizer, gradients=True, groups=1, every=4)
    expected = [norm for x in batches(torch, 10, getattr(torch, dtype)) for norm in [stepped(torch, optimizer, model, x, closure)]]
    reading = handle.read()
    np.testing.assert_allclose(reading.gradients, expected, rtol=1e-5)
    assert list(reading.groups) == list(dict.fromkeys(name.partition(".")[0] for name, _ in model.named_parameters()))
    assert max(expected) <= 0.0101


def stepped(torch, optimizer, model, x, closure):
    def compute():
        optimizer.zero_grad()
        loss = loss_of(model, x)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        return loss

    if closure:
        optimizer.step(compute)
        return norm_of(model.parameters())
    compute()
    found = norm_of(model.parameters())
    optimizer.step()
    return found


def test_a_sample_of_the_gradients_is_unbiased(torch, attach):
    model = network(torch, width=20_000)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    handle = attach(optimizer, mode="sample", sample=1 / 16, gradients=True)
    expected = run(torch, optimizer, model, 20)
    reading = handle.read()
    np.testing.assert_allclose(reading.gradients, expected, rtol=0.1)
    assert np.any(np.abs(reading.gradients / expected - 1) > 1e-4)  # it is a sample


def test_without_the_option_there_are_none(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    handle = attach(optimizer)
    run(torch, optimizer, model, 3)
    assert handle.read().gradients is None
    with pytest.raises(TypeError, match="gradients must be True or False"):
        attach(torch.optim.SGD(model.parameters(), lr=0.01), gradients=3)


def test_gradients_of_several_optimizers_count_once(torch, attach):
    shared, own, other = (torch.nn.Parameter(torch.ones(3)) for _ in range(3))
    first = torch.optim.SGD([shared, own], lr=0.1)
    second = torch.optim.SGD([shared, other], lr=0.1)
    handle = attach(first, second, gradients=True)
    for _ in range(2):
        for part, value in ((shared, 3.0), (own, 4.0), (other, 12.0)):
            part.grad = torch.tensor([value, 0.0, 0.0])
        first.step()
        second.step()
    np.testing.assert_allclose(handle.read().gradients, [13.0, 13.0])


def test_gradients_that_are_sparse_or_missing(torch, attach):
    table, idle = torch.nn.Embedding(7, 2, sparse=True), torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([*table.parameters(), idle], lr=0.1)
    handle = attach(optimizer, gradients=True)
    table(torch.tensor([3, 3, 1])).sum().backward()  # row 3 twice: 2, 2, and row 1 once: 1, 1
    optimizer.step()
    np.testing.assert_allclose(handle.read().gradients, [np.sqrt(10)])


def test_gradients_are_unscaled_for_a_fused_optimizer(torch, attach):
    """Such an optimizer gets scaled gradients and the scale from the GradScaler, and divides by itself."""
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight], lr=0.1, fused=True)
    handle = attach(optimizer, gradients=True)
    weight.grad = torch.tensor([300.0, 400.0])
    optimizer.grad_scale, optimizer.found_inf = torch.tensor(100.0), torch.tensor(0.0)
    optimizer.step()
    np.testing.assert_allclose(handle.read().gradients, [5.0])


def test_recorded_by_hand(torch, attach):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    handle = attach(optimizer, gradients=True)
    weight.grad = torch.tensor([3.0, 4.0])
    with torch.no_grad():
        weight.sub_(0.1 * weight.grad)
    handle.record()
    reading = handle.read()
    np.testing.assert_allclose(reading.gradients, [5.0])
    assert reading.taken is None  # no hook has seen the optimizer before its step


def test_no_step_waits_for_the_gradients(torch, attach):
    from torch.utils._python_dispatch import TorchDispatchMode

    waited = []

    class Guard(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if function.overloadpacket.__name__ in ("_local_scalar_dense", "is_nonzero", "equal", "nonzero"):
                waited.append(function)
            return function(*args, **(kwargs or {}))

    for options in ({}, {"mode": "sample", "sample": 0.5}):
        weight = torch.nn.Parameter(torch.ones(1 << 13))
        optimizer = torch.optim.SGD([weight], lr=0.1)
        handle = attach(optimizer, gradients=True, every=100, **options)
        weight.grad = torch.ones(1 << 13)
        with Guard():
            for _ in range(20):
                optimizer.step()
        assert not waited
        np.testing.assert_allclose(handle.read().gradients, np.sqrt(1 << 13), rtol=1e-3)


def cycled(torch, attach, kind, steps=40, **options):
    weight = torch.nn.Parameter(torch.zeros(5))
    optimizer = kind([weight])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, steps)
    handle, used = attach(optimizer, **options), []
    for i in range(steps):
        weight.grad = torch.full((5,), float(i + 1))
        group = optimizer.param_groups[0]
        used.append(group.get("momentum", group.get("betas")))
        optimizer.step()
        schedule.step()
    return handle, used


def test_cycled_momentum_and_betas_are_those_of_each_step(torch, attach):
    handle, used = cycled(torch, attach, lambda part: torch.optim.SGD(part, lr=0.1, momentum=0.9), every=7)
    reading = handle.read()
    assert list(reading.varying) == ["momentum"]
    np.testing.assert_allclose(reading.varying["momentum"], used, rtol=1e-6)
    assert np.ptp(used) > 0.09
    handle, used = cycled(torch, attach, torch.optim.AdamW, window=25, every=7)
    betas = handle.read().varying["betas"]
    assert betas.shape == (25, 2)
    np.testing.assert_allclose(betas, used[-25:], rtol=1e-6)


def test_betas_on_a_device_and_steps_that_are_skipped(torch, attach):
    weight = torch.nn.Parameter(torch.zeros(5))
    betas = torch.tensor(0.9), torch.tensor(0.99)
    optimizer = torch.optim.Adam([weight], lr=0.1, betas=betas, foreach=False)
    handle = attach(optimizer, every=3)
    for i in range(10):
        weight.grad = torch.ones(5) if i != 4 else None
        betas[0].fill_(0.9 - 0.05 * (i % 2))  # in place
        optimizer.step()
    reading = handle.read()
    assert (reading.count, reading.skipped) == (9, 1)
    expected = [0.9 - 0.05 * (i % 2) for i in range(10) if i != 4]
    np.testing.assert_allclose(reading.varying["betas"][:, 0], expected, rtol=1e-6)


def test_constant_hyperparameters_do_not_vary(torch, attach):
    weight = torch.nn.Parameter(torch.zeros(5))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    handle = attach(optimizer)
    weight.grad = torch.ones(5)
    for _ in range(5):
        optimizer.step()
    assert handle.read().varying == {}


@pytest.mark.parametrize("mode", ["exact", "sample"])
def test_a_restart_keeps_all_of_it(torch, attach, mode):
    whole, _ = cycled(torch, attach, torch.optim.AdamW, mode=mode, gradients=True)
    first, _ = cycled(torch, attach, torch.optim.AdamW, mode=mode, gradients=True)
    state = first.state_dict()
    again = attach(torch.optim.AdamW([torch.nn.Parameter(torch.zeros(5))]), mode=mode, gradients=True)
    again.load_state_dict(state)
    for name in ("gradients", "norms"):
        np.testing.assert_array_equal(getattr(again.read(), name), getattr(whole.read(), name))
    np.testing.assert_array_equal(again.read().varying["betas"], whole.read().varying["betas"])
    assert again.read().taken == whole.read().taken == 0


def test_states_of_earlier_releases_load(torch, attach):
    """They have the names alone where the notes are now; shapes and keys are theirs unless gradients are recorded."""
    handle, _ = cycled(torch, attach, torch.optim.AdamW)
    state = handle.state_dict()
    assert set(state) == {"version", "groups", "norms", "lr", "steps", "counts"}
    assert state["norms"].shape == (1, 500)
    old = {**state, "groups": json.dumps(["all"])}
    for options in ({}, {"gradients": True}):
        again = attach(torch.optim.AdamW([torch.nn.Parameter(torch.zeros(5))]), **options)
        again.load_state_dict(old)
        reading = again.read()
        np.testing.assert_array_equal(reading.norms, handle.read().norms)
        assert reading.varying == {}
        assert reading.taken is None
        assert reading.gradients is None or np.isnan(reading.gradients).all()


def trained(torch, optimizer, weight, steps):
    for _ in range(steps):
        weight.grad = torch.ones(3)
        optimizer.step()


@pytest.mark.parametrize(
    ("make", "late"),
    [
        (lambda torch, parts: torch.optim.AdamW(parts), 7),
        (lambda torch, parts: torch.optim.SGD(parts, lr=0.1, momentum=0.9), None),  # a momentum does not tell its age
        (lambda torch, parts: torch.optim.SGD(parts, lr=0.1), 0),  # nothing to remember
    ],
    ids=["AdamW", "SGD with momentum", "SGD"],
)
def test_steps_taken_before(torch, attach, make, late):
    weight = torch.nn.Parameter(torch.zeros(3))
    optimizer = make(torch, [weight])
    fresh = attach(optimizer, window=5)
    assert fresh.read().taken is None
    trained(torch, optimizer, weight, 3)
    assert fresh.read().taken == 0
    trained(torch, optimizer, weight, 4)
    assert fresh.read().taken == 2
    fresh.detach()
    handle = attach(optimizer, window=5)
    trained(torch, optimizer, weight, 2)
    assert handle.read().taken == late
    trained(torch, optimizer, weight, 4)
    assert handle.read().taken == (None if late is None else late + 1)


def test_an_optimizer_that_is_loaded_after_attach(torch, attach):
    weight = torch.nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.Adam([weight])
    trained(torch, optimizer, weight, 6)
    again = torch.optim.Adam([weight])
    handle = attach(again)
    again.load_state_dict(optimizer.state_dict())
    trained(torch, again, weight, 2)
    assert handle.read().taken == 6


def test_why_an_optimizer_is_unknown(torch, attach):
    first, second = (torch.nn.Parameter(torch.zeros(3)) for _ in range(2))

    def told(*optimizers):
        handle = attach(*optimizers)
        for part in (first, second):
            part.grad = torch.ones(3)
        for optimizer in optimizers:
            optimizer.step()
        reading = handle.read()
        handle.detach()
        assert reading.optimizer is None
        return reading.unknown

    class SAM(torch.optim.SGD):
        pass

    assert told(SAM([first], lr=0.1)) == "SAM is not an optimizer that wcdfa can replay"
    groups = [{"params": [first], "betas": (0.9, 0.95)}, {"params": [second]}]
    assert told(torch.optim.AdamW(groups)) == "the parameter groups have different betas: (0.9, 0.95) and (0.9, 0.999)"
    assert (
        told(torch.optim.RMSprop([first], centered=True)) == "RMSprop with centered=True is not an optimizer that wcdfa can replay"
    )
    two = torch.optim.SGD([first], lr=0.1), torch.optim.AdamW([second])
    assert told(*two) == "the optimizers differ: SGD and AdamW"
    same = [torch.optim.SGD([part], lr=0.1, momentum=momentum) for part, momentum in ((first, 0.9), (second, 0.5))]
    assert told(*same) == "the optimizers have different momentum: 0.9 and 0.5"
    assert told(torch.optim.SGD([first], lr=0.1, momentum=1.0)).startswith("SGD cannot be replayed: momentum")
    optimizer = torch.optim.AdamW([first])
    handle = attach(optimizer)
    optimizer.step()
    assert (handle.read().optimizer, handle.read().unknown) == ("adamw", None)
