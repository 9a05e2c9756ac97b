"""Numbers on devices: as exact together as one by one, and not looked at before α is due."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

import wcdfa
from tests.conftest import require
from wcdfa.recording import pending
from wcdfa.recording.transfers import fetched

NORMS = np.exp(0.1 * np.random.default_rng(0).standard_normal(300))


def scalars_of_jax():
    jnp = require("jax.numpy")
    plain = [jnp.asarray(norm, dtype=jnp.float32) for norm in NORMS]
    return [
        *plain,
        *(norm.astype(jnp.bfloat16) for norm in plain[:20]),
        *(jnp.asarray([norm]) for norm in plain[:20]),
        *map(jnp.asarray, range(9)),
    ]


def scalars_of_torch():
    torch = require("torch")
    return [
        *map(torch.tensor, NORMS.tolist()),
        *(torch.tensor([norm], dtype=torch.bfloat16) for norm in NORMS[:20]),
        *map(torch.tensor, range(9)),
    ]


@pytest.mark.parametrize("made", [scalars_of_jax, scalars_of_torch])
@pytest.mark.parametrize("count", [1, 3, 4, 16, 17, 100, 129, None])
def test_together_as_one_by_one(made, count):
    given = made()[:count]
    assert fetched([*given, 0.5]) == [*(float(each.item()) for each in given), 0.5]


def test_in_one_transfer(monkeypatch):
    require("jax")
    from wcdfa.backends.jax import transfers

    copied = []
    stacked = transfers._stacked
    monkeypatch.setattr(transfers, "_stacked", lambda *numbers: copied.append(len(numbers)) or stacked(*numbers))
    fetched(scalars_of_jax()[:100])
    assert copied == [128]


def test_what_is_deleted_is_a_gap(caplog):
    given = scalars_of_jax()[:10]
    given[3].delete()
    found = fetched(given)
    assert math.isnan(found[3])
    assert [each for i, each in enumerate(found) if i != 3] == [
        float(norm) for i, norm in enumerate(NORMS[:10].astype(np.float32)) if i != 3
    ]
    assert "recorded as a gap" in caplog.text


def test_a_step_copies_nothing(monkeypatch):
    """All that is on a device stays there until α is due or asked for."""
    monitor = wcdfa.WeightChangeDFA(window=100, stride=50)
    copies = []
    monkeypatch.setattr(pending, "fetched", lambda given: copies.extend([len(given)] if given else []) or fetched(given))
    given = scalars_of_jax()[:199]
    for step, norm in enumerate(given, 1):
        monitor.update(norm, lr=norm)
        assert len(copies) == step // 50
    assert copies == [100, 100, 100]  # each with the learning rate
    np.testing.assert_array_equal(monitor.get_signal(), NORMS[99:199].astype(np.float32))


@pytest.mark.parametrize("made", [scalars_of_jax, scalars_of_torch])
def test_the_same_from_devices_as_from_floats(made):
    given = made()[:300]
    told = ([], [])
    one, other = (
        wcdfa.WeightChangeDFA(window=100, log_every=7, logger=lambda *each, said=said: said.append(each)) for said in told
    )
    for norm in given:
        one.update(norm, lr=0.1, gradient_norm=norm)
        other.update(float(norm.item()), lr=0.1, gradient_norm=float(norm.item()))
    assert one.state_dict() == other.state_dict()
    assert repr(told[0]) == repr(told[1])
    assert len(told[0]) == 42


@pytest.mark.parametrize(("made", "library"), [(scalars_of_jax, "jax"), (scalars_of_torch, "torch")])
def test_a_copier_that_is_missing_is_an_error_and_no_slow_copy(made, library, monkeypatch):
    given = made()[:10]
    monkeypatch.setitem(sys.modules, f"wcdfa.backends.{library}.transfers", None)
    with pytest.raises(ModuleNotFoundError):
        fetched(given)
