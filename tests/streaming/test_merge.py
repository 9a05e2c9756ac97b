"""Streams of neighbouring parts: merged in any order, they are the stream of the whole series."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wcdfa
from tests.streaming.test_stream import NOISE, small_portions, streamed
from wcdfa import Stream

__all__ = ["small_portions"]

SPARSE = [4, 5, 6, 7, 8, 14, 24, 40, 64, 112]


def parts_of(x, cuts, *, start=0, order=1):
    places = [0, *sorted(cuts), len(x)]
    return [streamed(x[a:b], start=start + a, order=order) for a, b in pairwise(places)]


def merged_at_random(parts, rng):
    parts = list(parts)
    while len(parts) > 1:
        i = int(rng.integers(len(parts) - 1))
        parts[i : i + 2] = [parts[i].merge(parts[i + 1])]
    return parts[0]


def same(one, other, rtol=1e-12):
    assert (one.n, one.start, one.order) == (other.n, other.start, other.order)
    for (sizes, F), (wanted, reference) in [(one.fluctuations(), other.fluctuations())]:
        assert sizes.tolist() == wanted.tolist()
        np.testing.assert_allclose(F, reference, rtol=rtol)


@given(
    n=st.integers(130, 3000),
    start=st.integers(0, 2000),
    order=st.integers(1, 4),
    cuts=st.lists(st.floats(0, 1), max_size=20),
    near=st.integers(0, 2990),
    seed=st.integers(0, 1 << 20),
)
def test_any_tree_of_any_parts_is_the_whole(n, start, order, cuts, near, seed):
    x = NOISE[:n]
    close = [min(near + i, n) for i in (0, 1, 3, 10)]  # parts that are shorter than a box
    parts = parts_of(x, [int(cut * n) for cut in cuts] + close, start=start, order=order)
    same(merged_at_random(parts, np.random.default_rng(seed)), streamed(x, start=start, order=order))


@given(first=st.integers(0, 800), second=st.integers(0, 800), third=st.integers(150, 800), start=st.integers(0, 500))
def test_merging_is_associative(first, second, third, start):
    x = np.cumsum(NOISE[: first + second + third])
    a, b, c = parts_of(x, [first, first + second], start=start)
    same((a + b) + c, a + (b + c))


def test_a_merged_stream_goes_on():
    x = NOISE[:4000]
    a, b = parts_of(x[:2500], [1111])
    joint = a + b
    for i in range(2500, 4000, 100):
        joint.push(x[i : i + 100])
    same(joint, streamed(x))


def test_merging_changes_neither():
    a, b = parts_of(NOISE[:3000], [1000])
    before = a.to_bytes(), b.to_bytes()
    joint = a + b
    joint.push(np.ones(500))
    assert (a.to_bytes(), b.to_bytes()) == before
    a.push(1.0)
    assert joint.n == 3500


def test_a_thousand_parts_of_unequal_length():
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.choice(len(NOISE), 999, replace=False)).tolist()
    same(merged_at_random(parts_of(NOISE, cuts), rng), streamed(NOISE))
    np.testing.assert_allclose(
        merged_at_random(parts_of(NOISE, cuts), rng).fluctuations()[1], wcdfa.fluctuations(NOISE)[1], rtol=1e-12
    )


def test_an_offset_and_a_drift_cost_no_digits():
    x = np.round(NOISE * 2**20) / 2**20
    plain, far = (merged_at_random(parts_of(each, range(0, len(x), 777)), np.random.default_rng(2)) for each in (x, x + 1e6))
    np.testing.assert_allclose(far.fluctuations()[1], plain.fluctuations()[1], rtol=1e-11)


def test_empty_streams_merge():
    whole = streamed(NOISE[:500], start=7)
    assert Stream(start=7) + whole == whole
    assert whole + Stream(start=507) == whole
    assert (Stream(start=3) + Stream(start=3)).n == 0


def test_streams_that_are_no_neighbours_do_not_merge():
    with pytest.raises(ValueError, match="starts at 7, and the first ends at 10"):
        streamed(NOISE[:10]) + Stream(start=7)
    with pytest.raises(ValueError, match="have 1 and 2"):
        streamed(NOISE[:10]) + Stream(order=2, start=10)
    with pytest.raises(TypeError):
        streamed(NOISE[:10]) + 1


def test_the_extremes_merge():
    """A stream of one constant and another is not constant."""
    both = streamed(np.zeros(300)) + streamed(np.ones(300), start=300)
    assert np.isfinite(both.exponent(4, 100).alpha)


def test_the_sum_of_streams_is_their_merger():
    x = np.random.default_rng(0).standard_normal(900)
    parts = [Stream(start=start) for start in (0, 250, 600)]
    for part, samples in zip(parts, np.split(x, [250, 600]), strict=True):
        part.push(samples)
    assert sum(parts) == parts[0].merge(parts[1]).merge(parts[2])
    with pytest.raises(TypeError):
        1 + parts[0]
