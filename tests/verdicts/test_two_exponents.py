"""Two exponents of a window: looked for where it is long enough, and no error is taken for too short a window."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wcdfa
from wcdfa.scales import half_sizes, shortest
from wcdfa.synthetic import ar1, white_noise
from wcdfa.verdicts import two_exponents as module
from wcdfa.verdicts.criteria import Criteria


def of_length(n):
    return wcdfa.prepare(white_noise(500, seed=0), log=False)._replace(values=white_noise(n, seed=0))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_shortest_length_has_sizes_and_a_shorter_one_has_none(order):
    assert len(half_sizes(shortest(order), order)) >= 4
    with pytest.raises(ValueError, match="the default box sizes of order"):
        half_sizes(shortest(order) - 1, order)


@pytest.mark.parametrize("n", [10, 15, 16, 20, 40])
def test_windows_from_the_shortest_length_on_are_looked_at(n):
    assert (module.two_exponents(of_length(n), Criteria()) is None) == (n < 16)


@pytest.mark.parametrize("every", [12, 15, 16, 30])
def test_breaks_leave_room_or_not(every):
    prepared = wcdfa.prepare(white_noise(120, seed=0), log=False)._replace(breaks=tuple(range(every, 120, every)))
    assert (module.two_exponents(prepared, Criteria()) is None) == (every < 16)


def test_the_next_order_needs_more_samples():
    assert math.isnan(module._at_next_order(of_length(20), 1))
    assert math.isnan(module._at_next_order(of_length(500), 4))
    assert module._at_next_order(wcdfa.prepare(ar1(500, phi=0.9, seed=0), log=False), 1) > 0


def test_an_error_is_not_hidden(monkeypatch):
    def broken(*_, **__):
        raise ValueError("something else")

    prepared = wcdfa.prepare(np.cumsum(white_noise(100, seed=0)), log=False)
    for name in ("crossovers", "first_p_values"):
        monkeypatch.setattr(module, name, broken)
        with pytest.raises(ValueError, match="something else"):
            module._at_next_order(prepared, 1) if name == "first_p_values" else module.two_exponents(prepared, Criteria())
