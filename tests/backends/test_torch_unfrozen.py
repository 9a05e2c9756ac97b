"""Parameters that are unfrozen during training: their norms are right from the first step on, and groups appear or are named."""

from __future__ import annotations

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


@pytest.mark.parametrize("options", [{}, {"mode": "sample", "gradients": True}, {"direction": False}], ids=str)
@pytest.mark.parametrize("groups", [1, lambda path: f"layer {path[0]}"])
def test_groups_that_no_one_has_named_before(torch, attach, caplog, groups, options):
    """They appear, with NaN before, and their cosines too."""
    seen, handle = unfrozen(torch, attach, groups, listed=False, **options)
    require_norms(handle, moves(seen, 8))
    first, last = ("0", "2") if groups == 1 else ("layer 0", "layer 2")
    reading = handle.read()
    assert list(reading.groups) == [last, first] == list(handle.group_names)
    np.testing.assert_allclose(reading.groups[last], moves(seen, 8, [2, 3]), rtol=1e-6)
    np.testing.assert_allclose(reading.groups[first][8:], moves(seen, 8, [0, 1])[8:], rtol=1e-6)
    assert np.isnan(reading.groups[first][:8]).all()
    if options.get("direction", True):
        assert list(reading.cosines) == [last, first]
        assert np.isnan(reading.cosines[first][:9]).all()
        assert np.isfinite(reading.cosines[first][9:]).all()
        both = np.isfinite(reading.cosines[first])
        squares = {name: reading.groups[name].astype(float) for name in reading.groups}
        products = sum(reading.cosines[name][1:] * norms[1:] * norms[:-1] for name, norms in squares.items())
        np.testing.assert_allclose((products / reading.norms[1:] / reading.norms[:-1])[both[1:]], reading.cosine[both], rtol=1e-5)
    assert caplog.records == []


def grown(torch, attach, steps, *, state=None, at=10, new_at=None, window=40, **options):
    """A model that gets a layer after some steps, and a third later; its handle, and the norms of each layer."""
    layers = torch.nn.ModuleList([torch.nn.Linear(6, 6)])
    optimizer = torch.optim.SGD([{"params": list(layers[0].named_parameters("0"))}], lr=0.05)
    handle = attach(optimizer, groups=1, window=window, every=4, **options)
    if state is not None:
        handle.load_state_dict(state)
    seen = []
    for number, x in enumerate(batches(torch, steps)):
        if number in (at, new_at):
            layers.append(torch.nn.Linear(6, 6))
            place = len(layers) - 1
            optimizer.add_param_group({"params": list(layers[place].named_parameters(str(place)))})
        optimizer.zero_grad()
        out = x
        for layer in layers:
            out = layer(out)
        out.square().mean().backward()
        before = [torch.nn.utils.parameters_to_vector(layer.parameters()).detach() for layer in layers]
        optimizer.step()
        after = [torch.nn.utils.parameters_to_vector(layer.parameters()).detach() for layer in layers]
        seen.append([float((b - a).norm()) for a, b in zip(before, after, strict=True)])
    return handle, np.array([each + [np.nan] * (3 - len(each)) for each in seen])


def test_layers_that_come_one_after_the_other(torch, attach):
    handle, seen = grown(torch, attach, 30, at=7, new_at=18)
    reading = handle.read()
    assert list(reading.groups) == ["0", "1", "2"]
    for place, name in enumerate(reading.groups):
        np.testing.assert_allclose(reading.groups[name], seen[:, place], rtol=1e-5)
    np.testing.assert_allclose(reading.norms, np.sqrt(np.nansum(seen**2, axis=1)), rtol=1e-5)


@pytest.mark.parametrize(("first", "second"), [((20, 5), (15, 99)), ((20, 5), (15, 0)), ((20, 99), (15, 3)), ((20, 5), (15, 6))])
@pytest.mark.parametrize("options", [{}, {"mode": "sample", "sample": 1 / 2}, {"direction": False}], ids=str)
def test_a_run_that_goes_on_before_or_after_a_group_came(torch, attach, first, second, options):
    """The state holds more groups than the new handle, or fewer."""
    steps, at = first
    handle, seen = grown(torch, attach, steps, at=at, **options)
    more, at = second
    again, then = grown(torch, attach, more, at=at, state=handle.state_dict(), **options)
    reading, expected = again.read(), np.concatenate([seen, then])
    assert int(reading.count) == steps + more
    assert again.steps == steps + more
    np.testing.assert_allclose(reading.norms, np.sqrt(np.nansum(expected**2, axis=1)), rtol=1e-5)
    assert set(reading.groups) == {"0", "1"}
    for place, name in enumerate(("0", "1")):
        np.testing.assert_allclose(reading.groups[name], expected[:, place], rtol=1e-5)
    third, _ = grown(torch, attach, 0, state=again.state_dict(), **options)
    np.testing.assert_array_equal(third.read().groups["1"], reading.groups["1"])


def test_a_state_of_other_groups_is_refused_all_the_same(torch, attach):
    handle, _ = grown(torch, attach, 5, at=2)
    model = network(torch)
    for groups in (2, {"a": "^0/"}, None):
        other = attach(torch.optim.SGD(model.parameters(), lr=0.1), model=model, groups=groups, window=40)
        with pytest.raises(ValueError, match="the state holds all, 0, 1 with window=40, and this handle all"):
            other.load_state_dict(handle.state_dict())


def test_a_verdict_on_a_group_that_came_later(torch, attach):
    """It is judged from its first step on, as a run that begins there."""
    handle, _ = grown(torch, attach, 100, at=80, window=100)
    assert str(handle.read().verdict("1")) == "no α: too few steps yet (20 of 28)"
    handle, _ = grown(torch, attach, 100, at=60, window=100)
    reading = handle.read()
    found, own = reading.verdict("1", replicates=50), reading._replace(norms=reading.groups["1"][60:], groups={}, taken=0)
    expected = own._replace(**{name: getattr(reading, name)[60:] for name in ("lr", "steps")}).verdict(replicates=50)
    assert np.isfinite(found.alpha)
    assert (found.alpha, found.low, found.p_value) == (expected.alpha, expected.low, expected.p_value)


def test_a_name_that_no_group_can_have_ends_no_run(torch, attach, caplog):
    model = network(torch)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.01)
    handle = attach(optimizer, model=model, groups=lambda path: "all" if path[0] == "0" else "last")
    optimizer.add_param_group({"params": model[0].parameters()})
    trained(model, optimizer, batches(torch, 5))
    assert list(handle.read().groups) == ["last"]
    assert [record.getMessage() for record in caplog.records] == [
        "parameters came for a group that cannot be called 'all', so they count in the norm of all parameters only"
    ]


@pytest.mark.parametrize("groups", [1, BY_NAME], ids=["depth", "named"])
def test_a_monitor_takes_a_group_that_comes_later(torch, attach, caplog, groups):
    first, last = ("0", "2") if groups == 1 else ("first", "last")
    monitor = wcdfa.WeightChangeDFA(window=50, stride=10, method="gls")
    model = network(torch)
    model[0].requires_grad_(False)
    optimizer = torch.optim.AdamW(model[2].parameters(), lr=0.01)
    handle = attach(optimizer, model=model, groups=groups, monitor=monitor, window=50, every=5)
    given = batches(torch, 160)
    trained(model, optimizer, given[:100])
    handle.read()
    assert np.isnan(monitor.alphas.get(first, np.nan))
    assert np.isfinite([monitor.alphas["all"], monitor.alphas[last]]).all()
    model[0].requires_grad_(True)
    optimizer.add_param_group({"params": model[0].parameters()})
    trained(model, optimizer, given[100:110])
    handle.read()
    assert np.isnan(monitor.alphas[first])
    assert "no α" in str(monitor.verdict(first))
    again = wcdfa.WeightChangeDFA(window=50, stride=10, method="gls")
    again.load_state_dict(monitor.state_dict())
    trained(model, optimizer, given[110:])
    handle.read()
    for each in (monitor, again.update(handle.read())):
        assert np.isfinite([*each.alphas.values()]).all()
        assert set(each.alphas) == {"all", first, last}
    assert [repr(each) for each in again.histories[first]] == [repr(each) for each in monitor.histories[first]]
    came = 1 if groups == 1 else len(monitor.histories["all"])  # a group that no one has named has no α before
    assert came <= len(monitor.histories[first]) <= len(monitor.histories["all"])
    assert caplog.records == []


def test_a_pattern_that_no_parameter_of_the_model_has(torch, attach):
    model = network(torch)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.01)
    with pytest.raises(ValueError, match="no parameter belongs to group 'head'"):
        attach(optimizer, model=model, groups={"last": "^2/", "head": "^head/"})
