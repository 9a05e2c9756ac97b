"""Flat stretches, against a slow loop."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcdfa import synthetic
from wcdfa.preprocess.flat import flat_stretches


def by_hand(x, least):
    found, start = [], 0
    for _, run in itertools.groupby(x):
        length = len(list(run))
        if length >= least:
            found.append((start, start + length))
        start += length
    return tuple(found)


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(2, 6))
def test_equals_the_slow_loop(x, least):
    assert flat_stretches(x, least=least) == by_hand(x, least)


@given(st.lists(st.integers(0, 2), max_size=60), st.floats(0.1, 1e6), st.floats(-1e6, 1e6))
def test_unit_and_offset_change_nothing_and_reversal_mirrors(x, scale, offset):
    values = np.array(x, dtype=float)
    found = flat_stretches(values, least=3)
    assert flat_stretches(values * scale + offset, least=3) == found
    assert flat_stretches(values[::-1], least=3) == tuple((len(x) - stop, len(x) - start) for start, stop in reversed(found))


def test_noise_has_none_and_a_constant_is_one():
    assert flat_stretches(synthetic.white_noise(1000, seed=0)) == ()
    assert flat_stretches(np.full(50, 3.7)) == ((0, 50),)
    assert flat_stretches([]) == ()
    assert flat_stretches([1.0] * 7) == ()  # shorter than the default
    assert flat_stretches([np.nan] * 20) == ()


@pytest.mark.parametrize(
    ("x", "least", "error", "message"),
    [
        (np.zeros((2, 9)), 4, ValueError, r"got shape \(2, 9\): take one row at a time"),
        (np.zeros(9), 1, ValueError, "least must be 2 or more equal samples, got 1"),
        (np.zeros(9), 2.5, TypeError, "float"),
    ],
)
def test_misuse(x, least, error, message):
    with pytest.raises(error, match=message):
        flat_stretches(x, least=least)
