"""Many tensors are measured together: the norms are those of each by itself, whatever their sizes, dtypes and groups."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.torch_runs import Seen

SIZES = [(3,), (5, 7), (4096,), (64, 65), (300, 100), (131, 1009), (1,), (0,), (2, 3, 4), (1009, 131), (100_003,)]


def model_of(torch, dtypes=("float32",), sizes=SIZES):
    torch.manual_seed(0)
    parts = [torch.randn(size).to(getattr(torch, dtype)) for dtype in dtypes for size in sizes]
    return torch.nn.ParameterDict({f"{'ab'[i % 2]}{i}": torch.nn.Parameter(part) for i, part in enumerate(parts)})


def step(torch, optimizer, seed):
    generator = torch.Generator().manual_seed(seed)
    for group in optimizer.param_groups:
        for i, part in enumerate(group["params"]):
            part.grad = ((1 + i) * torch.randn(part.shape, generator=generator)).to(part.dtype)
    optimizer.step()


@pytest.mark.parametrize("dtypes", [("float32",), ("float64", "float32"), ("bfloat16", "float32", "complex64")])
@pytest.mark.parametrize("groups", [None, {"a": "^a", "b": "^b[0-5]"}, 1])
def test_norms_of_all_and_of_groups(torch, attach, dtypes, groups):
    model = model_of(torch, dtypes)
    named = dict(model.named_parameters())
    optimizer = torch.optim.SGD(list(named.items()), lr=0.1)
    handle = attach(optimizer, groups=groups, gradients=True, window=20, every=2)
    seen, drawn = Seen(torch.view_as_real(part) if part.is_complex() else part for part in named.values()), []
    for i in range(5):
        step(torch, optimizer, i)
        seen.look()
        drawn.append(np.sqrt(sum(float(part.grad.abs().double().square().sum()) for part in named.values())))
    reading = handle.read()
    np.testing.assert_allclose(reading.norms, seen.norms(), rtol=2e-7)
    np.testing.assert_allclose(reading.gradients, drawn, rtol=2e-7)
    assert set(reading.groups) >= ({"a", "b"} if isinstance(groups, dict) else set())
    for name, norms in reading.groups.items():
        places = [i for i, path in enumerate(named) if path == name or (isinstance(groups, dict) and _in(name, path))]
        np.testing.assert_allclose(norms, seen.norms(places), rtol=2e-7)


def _in(name, path):
    return path.startswith("a") if name == "a" else path.startswith("b") and path[1] in "012345"


@pytest.mark.parametrize("options", [{}, {"mode": "sample"}, {"direction": False, "groups": {"a": "^a"}}])
def test_a_content_that_is_swapped_is_looked_for_again(torch, attach, options):
    """Some loops give a parameter other memory at each step, with the same numbers in it or with others."""
    model, other = model_of(torch), model_of(torch)
    optimizers = [torch.optim.SGD(list(each.named_parameters()), lr=0.1) for each in (model, other)]
    handles = [attach(optimizer, **options) for optimizer in optimizers]
    for i in range(6):
        for part in model.parameters():
            part.data = part.data.clone()
        for optimizer in optimizers:
            step(torch, optimizer, i)
    swapped, plain = (handle.read() for handle in handles)
    np.testing.assert_array_equal(swapped.norms, plain.norms)
    if plain.cosine is not None:
        np.testing.assert_array_equal(swapped.cosine, plain.cosine)
        np.testing.assert_array_equal(swapped.weight_norm, plain.weight_norm)


def test_a_part_that_shrinks_in_its_own_memory_is_noticed(torch, attach):
    model = model_of(torch)
    optimizer = torch.optim.SGD(list(model.named_parameters()), lr=0.1)
    handle = attach(optimizer)
    step(torch, optimizer, 0)
    first = next(iter(model.values()))
    first.data = first.data[:2]
    step(torch, optimizer, 1)
    seen = Seen(model.parameters())
    step(torch, optimizer, 2)
    seen.look()
    assert handle.read().norms[-1] == pytest.approx(seen.norms()[-1], rel=2e-7)


def test_sampled_tensors_of_many_sizes(torch, attach):
    model = model_of(torch, sizes=[(80, 80), (300, 100), (1009, 131), (7,), (65, 70), (600, 500)])
    optimizer = torch.optim.SGD(list(model.named_parameters()), lr=0.1)
    handle, seen = attach(optimizer, mode="sample", sample=1 / 4, groups={"a": "^a", "b": "^b"}), Seen(model.parameters())
    for i in range(8):
        step(torch, optimizer, i)
        seen.look()
    reading = handle.read()
    exact = seen.norms()
    assert np.all(np.abs(reading.norms / exact - 1) < 5 * reading.stderr)
    assert 1e-4 < np.median(reading.stderr) < 0.02
    for name in "ab":
        places = [i for i, (path, _) in enumerate(model.named_parameters()) if path.startswith(name)]
        np.testing.assert_allclose(reading.groups[name], seen.norms(places), rtol=0.05)


def test_nothing_of_the_parameters_is_held_after_detach(torch, attach):
    import gc
    import weakref

    model = model_of(torch, sizes=[(5, 7), (300, 100)])
    optimizer = torch.optim.SGD(list(model.named_parameters()), lr=0.1)
    handle = attach(optimizer, gradients=True)
    step(torch, optimizer, 0)
    handle.detach()
    storages = [weakref.ref(part.untyped_storage()) for part in model.values()]
    parts = [weakref.ref(part) for part in model.values()]
    del model, optimizer
    gc.collect()
    assert handle.read().count == 1
    assert not any(ref() is not None for ref in parts)
    assert not any(ref() is not None for ref in storages)


@pytest.mark.parametrize("beside", ["no gradient", "float64", "none"])
@pytest.mark.parametrize("size", [1000, 10_000, 16_383, 40_000])
def test_norms_of_gradients_that_are_all_alike_keep_their_digits(torch, attach, size, beside):
    """In float32 a long sum of equal squares loses digits, whichever way the gradients are taken together."""
    parameters = [
        torch.nn.Parameter(torch.zeros(size)),
        torch.nn.Parameter(torch.zeros(3, dtype=torch.float64 if beside == "float64" else None)),
    ]
    optimizer = torch.optim.SGD(parameters, lr=1.0)
    handle = attach(optimizer, gradients=True)
    parameters[0].grad = torch.full((size,), 0.3)
    parameters[1].grad = None if beside == "no gradient" else torch.ones_like(parameters[1])
    square = float((parameters[0].grad.double() ** 2).sum()) + (0 if beside == "no gradient" else 3)
    optimizer.step()
    np.testing.assert_allclose(handle.read().gradients, [square**0.5], rtol=1e-6)
