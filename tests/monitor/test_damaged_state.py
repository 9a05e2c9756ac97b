"""States that are damaged: an error that says so, and the monitor stays as it is."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wcdfa

NORMS = np.exp(np.random.default_rng(0).standard_normal(150))


def new():
    return wcdfa.WeightChangeDFA(window=64, stride=16)


@pytest.fixture(scope="module")
def state():
    monitor = new()
    for norm in NORMS:
        monitor.update(float(norm), lr=0.1)
    return monitor.state_dict()


def text(monitor):
    return json.dumps(monitor.state_dict())


ODD = [None, "abc", "", -5, 2**70, 1.5, [], [1.5], ["a"], [[1]], {"a": 1}, True, 1j, b"x", np.zeros(3, "M8[s]"), np.zeros((2, 2))]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_every_field_may_be_anything(state, odd):
    """Each is refused by an error of value, or the monitor goes on."""
    refused = 0
    for name in state:
        monitor = new()
        before = text(monitor)
        try:
            monitor.load_state_dict(state | {name: odd})
        except ValueError:
            assert text(monitor) == before
            refused += 1
        else:
            for norm in NORMS[:40]:
                monitor.update(float(norm))
            monitor.metrics()
            text(monitor)
    assert refused > len(state) / 2


def test_the_error_names_the_field(state):
    with pytest.raises(ValueError, match=r"^passed of the state is \[3 4\], and not an integer: it is damaged"):
        new().load_state_dict(state | {"passed": [3, 4]})


def test_parts_that_do_not_fit_each_other(state):
    with pytest.raises(ValueError, match="the state is damaged, its parts do not fit each other"):
        new().load_state_dict(state | {"steps": state["steps"][:-1]})
