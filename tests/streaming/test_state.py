"""The state of a stream as bytes."""

from __future__ import annotations

import copy
import pickle
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.streaming.test_stream import NOISE, small_portions, streamed
from wcdfa import Stream
from wcdfa.streaming.state import HEADER

__all__ = ["small_portions"]

WHOLE = streamed(NOISE[:1000], start=11).to_bytes()


def with_check(data):
    return data + zlib.crc32(data).to_bytes(4, "little")


@given(n=st.integers(0, 2500), start=st.integers(0, 300), order=st.integers(1, 4))
def test_bytes_give_the_stream_back(n, start, order):
    stream = streamed(NOISE[:n], start=start, order=order)
    again = Stream.from_bytes(stream.to_bytes())
    assert again == stream
    assert (again.n, again.start, again.order) == (n, start, order)


@given(first=st.integers(0, 2000), second=st.integers(0, 2000), start=st.integers(0, 300))
def test_a_restored_stream_goes_on(first, second, start):
    x = NOISE[: first + second + 200]
    stream = Stream.from_bytes(streamed(x[:first], start=start).to_bytes())
    stream.push(x[first:])
    whole = streamed(x, start=start)
    np.testing.assert_allclose(stream.fluctuations()[1], whole.fluctuations()[1], rtol=1e-12)
    merged = Stream.from_bytes(streamed(x[:first], start=start).to_bytes()) + streamed(x[first:], start=start + first)
    np.testing.assert_allclose(merged.fluctuations()[1], whole.fluctuations()[1], rtol=1e-12)


def test_pickle_and_copy():
    stream = streamed(NOISE[:1000])
    for again in (pickle.loads(pickle.dumps(stream)), copy.copy(stream), copy.deepcopy(stream)):
        assert again == stream
        again.push(1.0)
        assert again != stream
    assert stream != 1
    assert stream != streamed(NOISE[:1000], order=2)


def test_the_state_grows_with_the_logarithm():
    sizes = [len(streamed(NOISE[:n]).to_bytes()) for n in (200, 2_000, 20_000)]
    assert sizes[2] - sizes[1] <= 2 * (sizes[1] - sizes[0])
    assert sizes[2] < 4000
    assert len(streamed(NOISE[:200], start=(1 << 61) + 12_345).to_bytes()) < 4000


@given(st.binary(max_size=400))
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match="not a stream"):
        Stream.from_bytes(data)


@given(place=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_damage_is_seen(place, bit):
    damaged = bytearray(WHOLE)
    damaged[place] ^= 1 << bit
    with pytest.raises(ValueError, match=r"not a stream|damaged|not a whole stream|version"):
        Stream.from_bytes(bytes(damaged))


@given(length=st.integers(0, len(WHOLE) - 1))
def test_bytes_that_are_cut_off_are_refused(length):
    with pytest.raises(ValueError, match=r"not a stream|not a whole stream"):
        Stream.from_bytes(WHOLE[:length])


@given(changes=st.lists(st.tuples(st.integers(12, len(WHOLE) - 5), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_forged_state_does_no_harm(changes):
    """With a right check sum: it is refused, or it is some stream, whose numbers are wrong and which still works."""
    forged = bytearray(WHOLE[:-4])
    for place, value in changes:
        forged[place] = value
    try:
        stream = Stream.from_bytes(with_check(bytes(forged)))
    except ValueError:
        return
    with np.errstate(all="ignore"):
        stream.push(1.0)
        assert stream.n == 1001


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ((1, 1, 0, (1 << 64) - 1), "damaged: order 1, start 0"),
        ((1, 1, (1 << 62) - 1, 2), "damaged"),
        ((1, 7, 0, 10), "damaged: order 7"),
        ((9, 1, 0, 10), "version 9 of the format"),
        ((1, 1, 0, 1 << 61), "has 34 bytes"),
    ],
)
def test_headers_that_cannot_be(header, said):
    with pytest.raises(ValueError, match=said):
        Stream.from_bytes(with_check(HEADER.pack(b"wcdfa.stream", *header)))


@pytest.mark.parametrize(("number", "value"), [(0, np.nan), (3, np.inf), (-1, -np.inf)])
def test_numbers_that_are_not_finite_are_refused(number, value):
    numbers = np.frombuffer(WHOLE[HEADER.size : -4]).copy()
    numbers[number] = value
    with pytest.raises(ValueError, match="not finite"):
        Stream.from_bytes(with_check(WHOLE[: HEADER.size] + numbers.tobytes()))


def test_only_bytes_are_read():
    with pytest.raises(TypeError, match="bytes"):
        Stream.from_bytes("wcdfa.stream")
    assert Stream.from_bytes(bytearray(WHOLE)) == Stream.from_bytes(memoryview(WHOLE)) == Stream.from_bytes(WHOLE)
