"""The norm of a fixed sample of coordinates: unbiased, with an honest standard error, in a fraction of the memory."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.torch_runs import Seen


def moved(torch, seed, *, sample=1 / 16, shape=(200, 128)):
    """A step of random size in each coordinate: the sampled norm, its standard error, and the norm itself."""
    from wcdfa.backends.torch.hooks import attach

    generator = torch.Generator().manual_seed(7)
    weight = torch.nn.Parameter(torch.zeros(shape))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    handle, seen = attach(optimizer, mode="sample", sample=sample, seed=seed), Seen([weight])
    weight.grad = torch.randn(shape, generator=generator) * torch.rand(shape[1], generator=generator)
    optimizer.step()
    seen.look()
    reading = handle.read()
    return reading.norms[0], reading.stderr[0], seen.norms()[0]


def test_unbiased_and_its_standard_error_is_honest(torch):
    found = np.array([moved(torch, seed) for seed in range(17)])  # all places that the sample can begin at
    sampled, stderr, exact = found.T
    squares = np.unique(np.round(sampled.astype(np.float64) ** 2 / exact**2, 6))
    assert len(squares) >= 8  # some seeds have the same place
    relative = np.abs(sampled / exact - 1)
    assert np.mean(relative / stderr < 2) > 0.85
    assert 0.3 < np.sqrt(np.mean((relative / stderr) ** 2)) < 2
    assert np.mean(stderr) < 0.03


def test_every_place_once_adds_up_to_the_whole(torch):
    """Unbiased: the mean over all places is exact."""
    from wcdfa.backends.torch.parts import Part, sampled_every

    tensor = torch.nn.Parameter(torch.zeros(100, 64))
    stride = sampled_every(tensor, 1 / 16)
    assert stride == 17  # no divisor of 64: every column is visited
    parts = [Part(tensor, stride, offset, on_cpu=False) for offset in range(stride)]
    with torch.no_grad():
        tensor.copy_(torch.randn(100, 64))
        squares = [float(part.moved().square) for part in parts]
        total = float(tensor.detach().square().sum())
    assert np.mean(squares) == pytest.approx(total, rel=1e-6)


def test_small_tensors_are_whole_and_memory_is_a_fraction(torch):
    from wcdfa.backends.torch.hooks import attach

    model = torch.nn.Sequential(torch.nn.Linear(600, 500), torch.nn.LayerNorm(500), torch.nn.Linear(500, 600))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, mode="sample")
    held = sum(part.old.numel() for part in handle._snapshot.parts)
    assert held < 0.02 * sum(part.numel() for part in model.parameters())
    assert handle._snapshot.parts[1].stride == handle._snapshot.parts[2].stride == 1
    exact = attach(torch.optim.SGD(model.parameters(), lr=0.1))
    assert exact.read().stderr is None


def test_changes_that_leave_float32(torch):
    """Fourth powers of small and large changes: the standard error is still one."""
    from wcdfa.backends.torch.hooks import attach

    for size in (1e-12, 1e10):
        weight = torch.nn.Parameter(torch.zeros(200, 100))
        optimizer = torch.optim.SGD([weight], lr=1.0)
        handle = attach(optimizer, mode="sample", sample=1 / 8)
        weight.grad = size * torch.randn(200, 100)
        optimizer.step()
        assert 0.005 < handle.read().stderr[0] < 0.05


def test_steps_of_the_log_norm(torch):
    """The same coordinates each time, so that errors are the same and differences of log norms small."""
    from wcdfa.backends.torch.hooks import attach

    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(1000, 500))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    handle, seen = attach(optimizer, mode="sample"), Seen([weight])
    scale = torch.rand(1000, 1)
    for i in range(20):
        weight.grad = scale * torch.randn_like(weight) * (1 + 0.1 * i)
        optimizer.step()
        seen.look()
    error = np.diff(np.log(handle.read().norms) - np.log(seen.norms()))
    assert np.sqrt(np.mean(error**2)) < 0.03  # of white noise, the worst there is: each step draws anew
