"""Norms whose squares leave float32 are right all the same, from 1e-30 to 1e30 a number."""

from __future__ import annotations

import math

import numpy as np
import pytest

SIZES = [1e-30, 1e-25, 1e-22, 1e-18, 1e-12, 1.0, 1e12, 1e18, 1e22, 1e30]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("dtype", "shape", "recording"),
    [
        ("float32", (3, 4), {"groups": {"every": "."}}),
        ("float32", (300, 100), {}),
        ("float32", (300, 100), {"mode": "sample", "sample": 1 / 4}),
        ("bfloat16", (30, 4), {}),
        ("bfloat16", (300, 100), {"snapshot": "cpu"}),
        ("float64", (300, 100), {}),
    ],
)
def test_norms_gradients_and_cosines_of_any_size(torch, attach, size, dtype, shape, recording):
    dtype = getattr(torch, dtype)
    model = torch.nn.Linear(*shape[::-1], bias=False, dtype=dtype)
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.named_parameters(), lr=1.0)
    handle = attach(optimizer, gradients=True, every=3, **recording)
    signs = torch.randint(0, 2, (8, *shape), generator=torch.Generator().manual_seed(0)) * 2 - 1
    taken = []
    for i, sign in enumerate(signs):
        model.weight.grad = (sign.to(dtype) * size) * (i % 2 + 1)
        before = model.weight.detach().double().clone()
        optimizer.step()
        taken.append(model.weight.detach().double() - before)
    reading = handle.read()
    expected = [float(change.norm()) for change in taken]
    rtol = 1e-5 if reading.stderr is None else 1e-3  # all changes are of one size, so that any sample of them tells it
    np.testing.assert_allclose(reading.norms, expected, rtol=rtol)
    assert (reading.count, reading.skipped) == (len(taken), 0)
    drawn = [float((sign.to(dtype) * size).double().abs().max()) * math.sqrt(sign.numel()) for sign in signs]
    np.testing.assert_allclose(reading.gradients, np.array(drawn) * (np.arange(8) % 2 + 1), rtol=rtol)
    weights = np.cumsum([change.numpy() for change in taken], axis=0)
    if recording.get("mode") != "sample":
        np.testing.assert_allclose(reading.weight_norm, [np.linalg.norm(each) for each in weights], rtol=1e-5)
    pairs = zip(taken[1:], taken[:-1], strict=True)
    cosines = [float((a / a.norm() * (b / b.norm())).sum()) for a, b in pairs]
    np.testing.assert_allclose(reading.cosine[1:], cosines, atol=1e-5)


def test_a_few_large_changes_among_many_small_ones(torch, attach):
    weight = torch.nn.Parameter(torch.zeros(300_000))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    handle = attach(optimizer)
    for one in (1e-20, 1e-14, 1e25):
        weight.grad = torch.full_like(weight, 1e-22)
        weight.grad[7] = one
        with torch.no_grad():
            weight.zero_()
        handle.rebase()
        optimizer.step()
    np.testing.assert_allclose(
        handle.read().norms, [math.hypot(one, 1e-22 * math.sqrt(299_999)) for one in (1e-20, 1e-14, 1e25)], rtol=1e-5
    )
