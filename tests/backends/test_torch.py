"""‖ΔW‖ of torch tensors and modules as they are, against float64 arithmetic in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from wcdfa.backends import numpy as numpy_backend


@pytest.fixture
def backend(torch):
    from wcdfa.backends.torch import hooks as backend

    return backend


def host(tensor):
    tensor = tensor.detach()
    return tensor.to("cpu", dtype=None if tensor.is_complex() else __import__("torch").float64).numpy()


DTYPES = ["float32", "float64", "bfloat16", "float16", "complex64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 7, 1000, (1 << 18) + 3, 3_000_000])
def test_delta_norm(backend, torch, dtype, size):
    dtype = getattr(torch, dtype)
    generator = torch.Generator().manual_seed(0)
    old = torch.randn(size, generator=generator).to(dtype)
    new = (old + 1e-2 * torch.randn(size, generator=generator)).to(dtype)
    found = backend.delta_norm({"a": new, "b": [new[:3]]}, {"a": old, "b": [old[:3]]})
    expected = numpy_backend.delta_norm([host(new), host(new[:3])], [host(old), host(old[:3])])
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    np.testing.assert_allclose(float(found), expected, rtol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=4), st.floats(-5, 5), st.integers(0, 1000))
def test_scaling_and_order_do_not_matter(sizes, power, seed):
    torch = require("torch")
    from wcdfa.backends.torch.hooks import delta_norm

    generator = torch.Generator().manual_seed(seed)
    new, old = ([torch.randn(size, generator=generator) for size in sizes] for _ in range(2))
    norm, scale = float(delta_norm(new, old)), 10.0**power
    assert float(delta_norm(old, new)) == norm
    scaled = delta_norm([scale * part for part in new], [scale * part for part in old])
    assert float(scaled) == pytest.approx(scale * norm, rel=1e-5)
    assert float(delta_norm(new[::-1], old[::-1])) == pytest.approx(norm, rel=1e-6)


def test_layouts_in_memory(backend, torch):
    """Transposed, strided, expanded, in channels_last: the same numbers, each once."""
    x = torch.randn(4, 6, 5, 3)
    kinds = [x, x.to(memory_format=torch.channels_last), x.transpose(0, 2).contiguous().transpose(0, 2), x.flip(0).flip(0)]
    wide = torch.empty(4, 6, 5, 6)
    wide[..., ::2] = x
    kinds.append(wide[..., ::2])
    for a in kinds:
        for b in kinds:
            assert float(backend.delta_norm(a, b)) == 0
            assert float(backend.delta_norm(a + 1, b)) == pytest.approx(np.sqrt(x.numel()), rel=1e-6)
    assert float(backend.delta_norm(torch.ones(1).expand(5), torch.zeros(1).expand(5))) == pytest.approx(np.sqrt(5))


def test_errors_name_the_place(backend, torch):
    one = {"layers": [torch.ones(2)], "head": torch.ones(3)}
    for other, error, said in (
        (
            {"layers": [torch.ones(3)], "head": torch.ones(3)},
            ValueError,
            r"parameters\['layers'\]\[0\]: shape \(2,\) against \(3,\)",
        ),
        ({"layers": [torch.ones(2)]}, ValueError, "key\\(s\\) head in one tree only"),
        ({"layers": [], "head": torch.ones(3)}, ValueError, "1 parts against 0"),
        ({"layers": [2.0], "head": torch.ones(3)}, TypeError, "must be a tensor, got float"),
    ):
        with pytest.raises(error, match=said):
            backend.delta_norm(one, other)
    assert float(backend.delta_norm({}, {})) == 0


def test_the_monitor_takes_modules(backend, torch):
    """As wcdfa 0.1.0: what is trained, the first call sets the reference; state dicts and lists of tensors too."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    model[0].bias.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitors = {
        "module": wcdfa.WeightChangeDFA(window=50, groups=1),
        "list": wcdfa.WeightChangeDFA(window=50),
        "dict": wcdfa.WeightChangeDFA(window=50),
    }
    expected, old = [], None
    for _ in range(6):
        trained = {name: part for name, part in model.named_parameters() if part.requires_grad}
        monitors["module"].update(model)
        monitors["list"].update(list(trained.values()))
        monitors["dict"].update(trained)
        new = {name: host(part).copy() for name, part in trained.items()}
        if old is not None:
            expected.append(numpy_backend.delta_norm(new, old))
        old = new
        model(torch.randn(5, 3)).square().sum().backward()
        optimizer.step()
    for monitor in monitors.values():
        np.testing.assert_allclose(monitor.get_signal(), expected, rtol=1e-6)
    groups = [monitors["module"].get_signal(name) for name in ("0", "1", "2")]
    np.testing.assert_allclose(np.sqrt(np.sum(np.square(groups), axis=0)), expected, rtol=1e-6)
    model[0].bias.requires_grad_(True)
    with pytest.raises(ValueError, match="parameter '0/bias' is new since the last update"):
        monitors["module"].update(model)
    with pytest.raises(ValueError, match="Linear has no trained parameter"):
        wcdfa.WeightChangeDFA().update(torch.nn.Linear(2, 2).requires_grad_(False))


def test_a_norm_stays_where_it_is(backend, torch):
    monitor = wcdfa.WeightChangeDFA(window=50)
    norm = backend.delta_norm(torch.ones(4), torch.zeros(4))
    assert norm.grad_fn is None
    assert monitor.update(norm).get_signal().tolist() == [2.0]
