"""What changes the weights between two steps is not recorded as a step, and is said once if it is worth a word."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from tests.helpers.torch_runs import batches, changes_of, host, loss_of, network, require_norms, slow_cosines


class Steps:
    """How far each step moves the weights, from its beginning to its end."""

    def __init__(self, model, optimizer):
        self.model, self.optimizer, self.changes = model, optimizer, []

    def take(self, x):
        self.optimizer.zero_grad()
        loss_of(self.model, x).backward()
        before = host(self.model.parameters())
        self.optimizer.step()
        self.changes += changes_of([before, host(self.model.parameters())])

    def norms(self):
        return np.array([np.linalg.norm(change) for change in self.changes])


def said(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "wcdfa"]


def averaged(torch, model):
    """Weights are swapped for their average and back, through copies."""
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))

    def between(i):
        average.update_parameters(model)
        if i % 5 == 4:
            own = [part.detach().clone() for part in model.parameters()]
            with torch.no_grad():
                for part, other in zip(model.parameters(), average.parameters(), strict=True):
                    part.copy_(other)
                loss_of(model, torch.ones(10, 6, dtype=model[0].weight.dtype))
                for part, other in zip(model.parameters(), own, strict=True):
                    part.copy_(other)

    return between


def swapped_content(torch, model):
    """Weights are swapped for others and back, as the content of the parameters."""

    def between(i):
        own = [part.data for part in model.parameters()]
        for part in model.parameters():
            part.data = torch.zeros_like(part)
        loss_of(model, torch.ones(10, 6, dtype=model[0].weight.dtype))
        for part, data in zip(model.parameters(), own, strict=True):
            part.data = data if i % 2 else data.clone()

    return between


def loaded(torch, model):
    """The average stays in the model, at the end of a stretch."""

    def between(i):
        if i == 9:
            model.load_state_dict({name: 1.5 * values for name, values in model.state_dict().items()})

    return between


def clipped(torch, model):
    def between(i):
        with torch.no_grad():
            for part in model.parameters():
                part.clamp_(-0.3, 0.3)

    return between


def replaced_content(torch, model):
    def between(i):
        if i == 9:
            model[0].weight.data = model[0].weight.detach() + 1

    return between


@pytest.mark.parametrize(
    "recording",
    [{"groups": 1}, {"mode": "sample", "sample": 1.0}, {"snapshot": "cpu", "gradients": True}, {"direction": False}],
    ids=lambda recording: next(iter(recording)),
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("change", "message"),
    [(averaged, None), (swapped_content, None), (loaded, "step 11"), (clipped, "step "), (replaced_content, "step 11")],
)
def test_a_change_between_steps_is_left_out(torch, attach, caplog, change, message, dtype, recording):
    dtype = getattr(torch, dtype)
    model = network(torch, dtype)
    optimizer = torch.optim.AdamW(model.named_parameters(), lr=0.01)
    handle = attach(optimizer, every=7, **recording)
    steps = Steps(model, optimizer)
    between = change(torch, model)
    for i, x in enumerate(batches(torch, 25, dtype)):
        steps.take(x)
        between(i)
    require_norms(handle, steps.norms(), rtol=1e-5)
    if recording.get("direction", True):
        np.testing.assert_allclose(handle.read().cosine, slow_cosines(steps.changes), atol=1e-5)
    if message is None:
        assert not said(caplog)
    else:
        (only,) = said(caplog)
        assert message in only
        assert "between two steps" in only


def test_a_large_sampled_tensor_is_measured_from_the_new_weights(torch, attach, caplog):
    model = torch.nn.Linear(128, 64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    handle = attach(optimizer, mode="sample", sample=1 / 8)
    expected = []
    for i, x in enumerate(torch.randn(20, 16, 128, generator=torch.Generator().manual_seed(0))):
        model.zero_grad()
        model(x).square().mean().backward()
        before = host(model.parameters())
        optimizer.step()
        expected.append(np.linalg.norm(changes_of([before, host(model.parameters())])[0]))
        if i == 9:
            with torch.no_grad():
                model.weight.mul_(3)
    reading = handle.read()
    assert np.all(np.abs(reading.norms / expected - 1) < 5 * reading.stderr + 1e-6)
    assert len(said(caplog)) == 1


def test_several_optimizers_together(torch, attach, caplog):
    """What changes between the steps of a round is left out as well, as far as it concerns weights whose step is still to come."""
    model = network(torch)
    optimizers = [torch.optim.SGD(layer.parameters(), lr=0.1) for layer in (model[0], model[2])]
    handle, expected = attach(*optimizers), []
    for i, x in enumerate(batches(torch, 12)):
        model.zero_grad()
        loss_of(model, x).backward()
        squares = 0.0
        for optimizer, layer in zip(optimizers, (model[0], model[2]), strict=True):
            before = host(layer.parameters())
            optimizer.step()
            squares += float(np.sum(changes_of([before, host(layer.parameters())])[0] ** 2))
            if i == 5:
                with torch.no_grad():
                    model[2].weight.add_(1 if layer is model[0] else -0.5)
        expected.append(np.sqrt(squares))
    np.testing.assert_allclose(handle.read().norms[:5], expected[:5], rtol=1e-5)
    np.testing.assert_allclose(handle.read().norms[6:], expected[6:], rtol=1e-5)
    assert len(said(caplog)) == 1


def test_two_optimizers_that_take_turns_at_the_same_weights(torch, attach):
    """Each has its own steps only."""
    model = network(torch)
    optimizers = [torch.optim.SGD(model.parameters(), lr=lr) for lr in (0.1, 0.03)]
    handles = [attach(each) for each in optimizers]
    steps = [Steps(model, each) for each in optimizers]
    for i, x in enumerate(batches(torch, 14)):
        steps[i % 2].take(x)
    for handle, own in zip(handles, steps, strict=True):
        require_norms(handle, own.norms(), rtol=1e-5)


@pytest.mark.parametrize("name", ["AdamWScheduleFree", "SGDScheduleFree", "RAdamScheduleFree"])
@pytest.mark.parametrize("recording", [{}, {"mode": "sample"}])
def test_optimizers_without_a_schedule_swap_weights_to_evaluate(torch, attach, caplog, name, recording):
    schedulefree = require("schedulefree")
    model = network(torch)
    optimizer = getattr(schedulefree, name)(model.parameters(), lr=0.02)
    optimizer.train()
    steps, given = Steps(model, optimizer), batches(torch, 60)
    for x in given[:20]:
        steps.take(x)
    optimizer.eval()
    handle = attach(optimizer, every=3, **recording)
    for i, x in enumerate(given[20:]):
        if i % 10 == 0:
            optimizer.eval()
            optimizer.train()
        steps.take(x)
    require_norms(handle, steps.norms()[20:], rtol=1e-5)
    np.testing.assert_allclose(handle.read().cosine[1:], slow_cosines(steps.changes[20:])[1:], atol=1e-4)
    assert not said(caplog)  # attached while the average was in place, and training begins after the swap


def step_on_ones(torch, model, optimizer):
    optimizer.zero_grad()
    model(torch.ones(3, 4)).square().mean().backward()
    optimizer.step()


def test_weights_loaded_before_the_first_step_are_where_training_begins(caplog):
    torch = require("torch")
    from wcdfa.backends.torch import attach

    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer)
    other = torch.nn.Linear(4, 2)
    model.load_state_dict(other.state_dict())
    moved = []
    for _ in range(5):
        before = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
        step_on_ones(torch, model, optimizer)
        moved.append(float((torch.nn.utils.parameters_to_vector(model.parameters()).detach() - before).norm()))
    np.testing.assert_allclose(handle.read().norms, moved, rtol=1e-5)
    assert not said(caplog)
    with torch.no_grad():
        model.weight.add_(1.0)
    step_on_ones(torch, model, optimizer)
    handle.read()
    assert "between two steps (before step 6)" in caplog.text


def test_a_thread_may_read_while_another_trains():
    torch = require("torch")
    from wcdfa.backends.torch import attach

    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    monitor = wcdfa.WeightChangeDFA(window=500)
    handle = attach(optimizer, every=3, monitor=monitor)
    done, counts = threading.Event(), []

    def read():
        while not done.wait(0.0001):  # which lets the other thread go on: without a wait each switch takes 5 ms
            counts.append(int(handle.read().count))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(400):
            step_on_ones(torch, model, optimizer)
    finally:
        done.set()
        reader.join()
    assert int(handle.read().count) + int(handle.read().skipped) == 400
    assert int(monitor.reading().count) == int(handle.read().count)
    assert counts == sorted(counts)
    assert len(set(counts)) > 2  # it was read while it trained
