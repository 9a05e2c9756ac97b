"""The direction of the weight change in torch: against a slow loop in float64, and where there is none."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest

from tests.conftest import require
from tests.helpers.torch_runs import Seen, batches, changes_of, loss_of, network, require_direction, slow_cosines, trained


@pytest.fixture(autouse=True)
def torch():
    return require("torch")


@pytest.fixture
def attach():
    from wcdfa.backends.torch.hooks import attach

    return attach


@pytest.mark.parametrize("options", [{}, {"mode": "sample", "sample": 0.25}, {"snapshot": "cpu"}], ids=["exact", "sample", "cpu"])
@pytest.mark.parametrize(
    "make",
    [
        lambda torch, parts: torch.optim.SGD(parts, lr=0.1, momentum=0.9),
        lambda torch, parts: torch.optim.AdamW(parts, lr=0.01, fused=True),
        lambda torch, parts: torch.optim.AdamW(parts, lr=0.01, foreach=True),
    ],
    ids=["SGD", "fused", "foreach"],
)
def test_against_a_slow_loop(torch, attach, make, options):
    model = network(torch, width=700)  # one tensor is large enough to be sampled
    optimizer = make(torch, model.parameters())
    handle = attach(optimizer, model=model, groups=1, window=20, every=4, **options)
    seen = trained(model, optimizer, batches(torch, 11))
    require_direction(handle.read(), seen, {"0": [0, 1], "2": [2, 3]})


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16", "complex64"])
def test_other_types_of_numbers(torch, attach, dtype):
    weight = torch.nn.Parameter(torch.randn(30, 8, generator=torch.Generator().manual_seed(0)).to(getattr(torch, dtype)))
    optimizer = torch.optim.SGD([weight], lr=0.25, momentum=0.5)
    handle = attach(optimizer)

    seen = Seen([torch.view_as_real(weight.detach()) if weight.is_complex() else weight])
    generator = torch.Generator().manual_seed(1)
    for _ in range(6):
        weight.grad = torch.randn(30, 8, generator=generator, dtype=torch.complex64 if weight.is_complex() else None).to(
            weight.dtype
        )
        optimizer.step()
        seen.look()
    require_direction(handle.read(), seen, atol=1e-6)


def white(torch, optimizer, parts, steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for part in parts:
            part.grad = torch.randn(part.shape, generator=generator)
        optimizer.step()


@pytest.mark.parametrize("mode", ["exact", "sample"])
@pytest.mark.parametrize("rows", [200, 2000], ids=["all", "a sample"])
def test_white_gradients_give_the_momentum(torch, attach, mode, rows):
    weight = torch.nn.Parameter(torch.zeros(rows, 100))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    handle = attach(optimizer, mode=mode)
    white(torch, optimizer, [weight], 150)
    reading = handle.read()
    assert reading.cosine[50:].mean() == pytest.approx(0.9, abs=0.002)
    # of the velocity v: ⟨βv + g, v⟩ / (‖βv + g‖ ‖v‖), whose squares are those of 1, 1 + β², …
    squares = np.cumsum(0.81 ** np.arange(151))
    np.testing.assert_allclose(reading.cosine[1:], 0.9 * np.sqrt(squares[:149] / squares[1:150]), atol=0.03)


def test_a_sample_against_all(torch, attach):
    """Of more than 65,536 numbers: within what a sample of independent numbers may be apart."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(300, 700), torch.nn.Linear(700, 300))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    exact, seen = attach(optimizer, window=20, model=model, groups=1), Seen(model.parameters())
    for i in range(6):
        white(torch, optimizer, list(model.parameters()), 1, seed=i)
        seen.look()
    reading, changes = exact.read(), changes_of(seen.history)
    whole = [math.nan, *(float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b)) for a, b in itertools.pairwise(changes))]
    size = exact._direction._layout.sample.size
    assert size < 420_000 / 6
    np.testing.assert_allclose(reading.cosine, whole, atol=4 / math.sqrt(size))
    np.testing.assert_allclose(
        reading.weight_norm, [math.sqrt(sum(np.sum(part**2) for part in weights)) for weights in seen.history[1:]], rtol=1e-6
    )
    for column in reading.sketch.T:  # each is one of the numbers
        assert min(np.abs(np.array(changes) - column[:, None]).max(axis=0)) < 1e-6
    still = torch.optim.SGD(model.parameters(), lr=0.1)
    sampled = attach(still, mode="sample")
    sampled.record()
    assert sampled.read().skipped == 1
    white(torch, optimizer, list(model.parameters()), 1)
    sampled.record()
    assert sampled.read().weight_norm[0] == pytest.approx(exact.read().weight_norm[-1], rel=0.01)


@pytest.mark.parametrize(("size", "dtype"), [(1e-24, "float64"), (1e-21, "float32"), (1e12, "float32")])
def test_changes_whose_squares_leave_float32(torch, attach, size, dtype):
    weight = torch.nn.Parameter(torch.zeros(50, dtype=getattr(torch, dtype)))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.9)
    handle, seen = attach(optimizer), Seen([weight])
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        weight.grad = size * torch.randn(50, generator=generator).to(weight.dtype)
        optimizer.step()
        seen.look()
    np.testing.assert_allclose(handle.read().cosine, slow_cosines(changes_of(seen.history)), atol=1e-6)


def stepped(torch, handle_options, gradients, size=50, attach=None):
    """Steps with these gradients: numbers that all directions are multiplied by."""
    weight = torch.nn.Parameter(torch.zeros(size))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    handle = attach(optimizer, **handle_options)
    generator = torch.Generator().manual_seed(0)
    for factor in gradients:
        weight.grad = factor * (1 + torch.rand(size, generator=generator))
        optimizer.step()
    return handle


def test_an_update_of_zero_is_passed_over(torch, attach):
    reading = stepped(torch, {}, [1, 1, 0, 0, 1, 1], attach=attach).read()
    assert (reading.count, reading.skipped) == (4, 2)
    assert np.isnan(reading.cosine[0])
    assert (reading.cosine[1:] > 0.8).all()  # over the zeros too: with the last that was recorded


@pytest.mark.parametrize("mode", ["exact", "sample"])
@pytest.mark.parametrize("every", [1, 2, 100])
def test_after_what_is_not_finite(torch, attach, mode, every):
    weight = torch.nn.Parameter(torch.zeros(400, 300))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    handle = attach(optimizer, every=every, mode=mode)
    for step in range(6):
        weight.grad = torch.ones_like(weight)
        if step == 2:
            weight.grad[0] = math.inf  # some of the sample, and some of what is not in it
        optimizer.step()
        if step == 2:
            with torch.no_grad():
                weight.zero_()
            handle.rebase()
    np.testing.assert_array_equal(np.isnan(handle.read().cosine), [True, False, True, True, False, False])
    assert np.isnan(handle.read().weight_norm).sum() == 1


@pytest.mark.parametrize("every", [1, 100])
def test_a_norm_that_is_not_finite_where_the_sample_is(torch, attach, every):
    """Numbers that are not in the sample move so far that the norm is infinite: both cosines with this change are unknown."""
    weight = torch.nn.Parameter(torch.zeros(400, 300))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    handle = attach(optimizer, every=every)
    sample = handle._direction._layout.sample
    for step in range(6):
        weight.grad = torch.ones_like(weight)
        if step == 2:
            weight.grad.view(-1)[sample.firsts["0"] + 1 : sample.firsts["0"] + 3] = 3e38
        optimizer.step()
    reading = handle.read()
    assert sample.every > 1
    assert np.isnan(reading.norms).tolist() == [False, False, True, False, False, False]
    assert np.isnan(reading.cosine).tolist() == [True, False, True, True, False, False]
    assert np.isfinite(reading.sketch).all()


def test_tensors_that_come_and_go(torch, attach):
    first, second = torch.nn.Parameter(torch.zeros(100)), torch.nn.Parameter(torch.zeros(5))
    optimizer = torch.optim.SGD([second], lr=1.0)
    handle = attach(optimizer)
    white(torch, optimizer, [second], 3)
    optimizer.add_param_group({"params": [first]})
    white(torch, optimizer, [first, second], 3)
    del optimizer.param_groups[1]
    white(torch, optimizer, [second], 2)
    reading = handle.read()
    np.testing.assert_array_equal(np.isnan(reading.cosine), [True, False, False, True, False, False, True, False])
    assert reading.sketch.shape == (8, 5)
    assert np.isfinite(reading.sketch).all()


def test_converted_meanwhile(torch, attach):
    weight = torch.nn.Linear(20, 3)
    optimizer = torch.optim.SGD(weight.parameters(), lr=1.0)
    handle = attach(optimizer)
    white(torch, optimizer, list(weight.parameters()), 2)
    weight.to(torch.float64)
    for part in weight.parameters():
        part.grad = torch.ones_like(part)
    optimizer.step()
    handle.record()
    optimizer.step()
    reading = handle.read()
    assert (reading.count, reading.skipped) == (4, 1)
    assert np.isnan(reading.cosine).tolist() == [True, False, True, False]
    with torch.no_grad():
        weight.float()
        weight.weight.add_(1)
    handle.record()  # of what does not fit: a gap and no error
    assert np.isnan(handle.read().cosine[-1])
    assert np.isnan(handle.read().weight_norm[-1])


def test_closures_sparse_gradients_and_several_optimizers(torch, attach):
    model = network(torch)
    embedding = torch.nn.Embedding(30, 6, sparse=True)
    dense, sparse = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=2), torch.optim.SGD(embedding.parameters(), lr=0.1)
    handle, seen = attach(dense, sparse), Seen([*model.parameters(), *embedding.parameters()])
    for i in range(4):
        x = embedding(torch.arange(i, i + 10))

        def closure(x=x):
            dense.zero_grad()
            loss = loss_of(model, x.detach())
            loss.backward()
            return loss

        dense.step(closure)
        loss_of(model, x).backward()
        sparse.step()
        embedding.zero_grad()
        seen.look()
    require_direction(handle.read(), seen, atol=1e-4)


def test_a_group_that_has_no_sampled_number(torch, attach):
    tiny, large = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1000, 1000))
    optimizer = torch.optim.SGD([("large", large), ("tiny", tiny)], lr=1.0)
    handle = attach(optimizer, groups=1)
    white(torch, optimizer, [tiny, large], 3)
    reading = handle.read()
    assert (handle._direction._layout.sample.counts["1"], len(reading.groups["tiny"])) == (0, 3)
    assert np.isnan(reading.cosines["tiny"]).all()
    assert np.isfinite(reading.cosine[1:]).all()


def test_off_is_as_before(torch, attach):
    readings, states = [], []
    for options in ({}, {"direction": False}):
        model = network(torch)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        handle = attach(optimizer, window=20, model=model, groups=1, **options)
        trained(model, optimizer, batches(torch, 8))
        readings.append(handle.read())
        states.append(handle.state_dict())
    whole, off = readings
    assert (off.cosine, off.weight_norm, off.sketch, off.cosines) == (None, None, None, {})
    np.testing.assert_array_equal(off.norms, whole.norms)
    for name in ("norms", "lr", "steps", "counts"):
        np.testing.assert_array_equal(states[0][name], states[1][name])
    assert states[0].keys() == states[1].keys()
    assert "direction" not in states[1]["groups"]


def test_no_operation_waits_for_the_device(torch, attach):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Guard(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            assert function.overloadpacket.__name__ not in ("_local_scalar_dense", "is_nonzero", "equal", "nonzero"), function
            return function(*args, **(kwargs or {}))

    for mode in ("exact", "sample"):
        parts = [torch.nn.Parameter(torch.zeros(size)) for size in (100_000, 50)]
        optimizer = torch.optim.SGD(list(zip("ab", parts, strict=True)), lr=0.1)
        handle = attach(optimizer, every=3, mode=mode, groups=1)
        white(torch, optimizer, parts, 1)
        with Guard():
            for _ in range(7):
                handle.record()
    with pytest.raises(AssertionError, match="_local_scalar_dense"), Guard():
        float(parts[0][0])


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"direction": 1}, TypeError, "direction must be True or False, got 1"),
        ({"coordinates": 0}, ValueError, "coordinates must be at least 1, got 0"),
        ({"coordinates": "64"}, TypeError, "coordinates must be a whole number of coordinates"),
    ],
)
def test_options_that_are_refused(torch, attach, options, error, said):
    with pytest.raises(error, match=said):
        attach(torch.optim.SGD(network(torch).parameters(), lr=0.1), **options)


def test_a_restart_with_other_settings(torch, attach):
    def made(**options):
        model = network(torch)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return model, optimizer, attach(optimizer, window=20, **options)

    model, optimizer, handle = made()
    trained(model, optimizer, batches(torch, 4))
    state = handle.state_dict()
    with pytest.raises(ValueError, match="the state holds 64 coordinates of each weight change, and this handle keeps 16: attach"):
        made(coordinates=16)[2].load_state_dict(state)
    off = made(direction=False)
    off[2].load_state_dict(state)
    assert off[2].read().cosine is None
    model, optimizer, again = made()
    again.load_state_dict(off[2].state_dict())  # without the direction
    trained(model, optimizer, batches(torch, 3))
    assert np.isnan(again.read().cosine).tolist() == [True] * 5 + [False] * 2
    assert np.isnan(again.read().sketch[:4]).all()
    assert np.isfinite(again.read().sketch[4:]).all()


@pytest.mark.parametrize("order", ["model first", "model last"])
def test_goes_on_over_a_restart(torch, attach, order):
    """Whichever is loaded first, and also if `rebase` is called before the next step."""

    def made():
        model = network(torch)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        return model, optimizer, attach(optimizer, window=20, mode="sample")

    model, optimizer, handle = made()
    trained(model, optimizer, batches(torch, 4))
    states = [copy.deepcopy(part.state_dict()) for part in (model, optimizer, handle)]
    trained(model, optimizer, batches(torch, 4, seed=2))
    again = made()
    pairs = list(zip(again, states, strict=True))
    for part, state in pairs if order == "model first" else reversed(pairs):
        part.load_state_dict(state)
    again[2].rebase()
    trained(*again[:2], batches(torch, 4, seed=2))
    for name in ("cosine", "weight_norm", "sketch"):
        np.testing.assert_array_equal(getattr(again[2].read(), name), getattr(handle.read(), name))


def test_other_weights_begin_anew(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    handle = attach(optimizer)
    trained(model, optimizer, batches(torch, 3))
    model.load_state_dict(network(torch).state_dict())
    handle.rebase()
    trained(model, optimizer, batches(torch, 2))
    assert np.isnan(handle.read().cosine).tolist() == [True, False, False, True, False]
