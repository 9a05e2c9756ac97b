"""Streams: F(s) of everything so far, against the whole series."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wcdfa
from wcdfa import Stream
from wcdfa.inference.calibration_tables import calibration_for
from wcdfa.inference.estimators import calibrated_estimate
from wcdfa.inference.moments import log_mean_square
from wcdfa.scales import default_sizes
from wcdfa.streaming import pieces
from wcdfa.synthetic import arfima

NOISE = np.random.default_rng(0).standard_normal(20_000)
SMALL = 256  # samples of a portion, so that short series have many


@pytest.fixture(autouse=True)
def small_portions(monkeypatch):
    monkeypatch.setattr(pieces, "PORTION", SMALL)
    monkeypatch.setattr(pieces, "ROOM", SMALL + 128)


def streamed(x, *, order=1, start=0, cuts=()):
    stream = Stream(order, start)
    for part in np.split(np.asarray(x), sorted(cuts)):
        stream.push(part)
    return stream


def by_definition(x, size, order, start=0):
    """F(s) by least squares in each box, one after the other."""
    begins = range(-start % size, len(x) - size + 1, size)
    squares = []
    for begin in begins:
        profile = np.cumsum(x[begin : begin + size] - np.mean(x[begin : begin + size]))
        t = np.linspace(-1, 1, size)
        squares.append(
            np.mean((profile - np.polynomial.polynomial.polyval(t, np.polynomial.polynomial.polyfit(t, profile, order))) ** 2)
        )
    return np.sqrt(np.mean(squares))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [64, 255, 256, 257, 1000, 20_000])
def test_a_stream_has_the_fluctuations_of_the_whole_series(order, n):
    sizes, F = streamed(NOISE[:n], order=order, cuts=[n // 3, n // 2]).fluctuations()
    wanted, reference = wcdfa.fluctuations(NOISE[:n], order=order)
    assert sizes.tolist() == wanted.tolist()
    np.testing.assert_allclose(F, reference, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("start", [0, 1, 100, 12_345])
def test_boxes_lie_on_the_grid_of_the_whole_series(order, start):
    x = NOISE[:700]
    sizes, F = streamed(x, order=order, start=start, cuts=[13, 300]).fluctuations()
    np.testing.assert_allclose(F, [by_definition(x, int(size), order, start) for size in sizes], rtol=1e-9)


@given(
    n=st.integers(28, 2000),
    cuts=st.lists(st.floats(0, 1), max_size=6),
    start=st.integers(0, 3000),
    alpha=st.sampled_from([0.5, 1.5]),
)
def test_how_a_series_is_cut_into_blocks_does_not_matter(n, cuts, start, alpha):
    x = NOISE[:n] if alpha < 1 else np.cumsum(NOISE[:n])
    whole = streamed(x, start=start)
    assert streamed(x, start=start, cuts=[int(cut * n) for cut in cuts]) == whole
    assert whole.n == n


def test_samples_may_come_one_by_one():
    one_by_one = Stream(start=5)
    for value in NOISE[:1000].tolist():
        one_by_one.push(value)
    assert one_by_one == streamed(NOISE[:1000], start=5)


def test_more_may_be_pushed_after_a_look():
    stream = Stream()
    for i in range(0, 2000, 37):
        stream.push(NOISE[i : min(i + 37, 2000)])
        if stream.n >= 28:
            stream.fluctuations()
    assert stream == streamed(NOISE[:2000])


@given(log_c=st.floats(-100, 100), offset=st.floats(-1e6, 1e6))
def test_scale_and_offset(log_c, offset):
    x, c = NOISE[:500], 10**log_c
    reference = streamed(x).fluctuations()[1]
    np.testing.assert_allclose(streamed(c * x).fluctuations()[1], c * reference, rtol=1e-12)
    np.testing.assert_allclose(streamed(x + offset).fluctuations()[1], reference, rtol=1e-8)


def test_an_offset_costs_no_digits():
    noise = np.round(NOISE * 2**20) / 2**20  # so that adding the offset rounds nothing
    np.testing.assert_allclose(streamed(noise + 1e6).fluctuations()[1], streamed(noise).fluctuations()[1], rtol=1e-12)


def test_a_far_excursion_costs_no_digits_afterwards():
    """A global sum would keep the rounding error of the excursion; boxes of later samples know nothing of it."""
    later = streamed(NOISE[:4096], start=1 << 14)
    far = streamed(np.linspace(0, 1e15, 1 << 14) % 1e15) + later
    assert far.fluctuations(scales=[4])[1] > 1e3
    chains = [far._pieces.chains[0].waiting[-1].box, later._pieces.settled().chains[0].waiting[-1].box]
    np.testing.assert_array_equal(*chains)


def test_indices_may_be_far_beyond_any_memory():
    start = 10**15
    F = streamed(NOISE[:3000], start=start).fluctuations(scales=[4, 7, 160])[1]
    np.testing.assert_allclose(F, [by_definition(NOISE[:3000], size, 1, start % (size << 20)) for size in (4, 7, 160)], rtol=1e-9)


def test_any_array_is_pushed(xp, array):
    stream = Stream()
    stream.push(array(NOISE[:300]))
    stream.push(array(np.arange(30)))
    assert stream == streamed(np.concatenate([NOISE[:300], np.arange(30.0)]))


def test_numbers_of_any_kind_are_pushed():
    stream = Stream()
    for value in (1.5, 2, np.float32(0.5), np.int64(3), np.array(4.0), [5.0], (6,), []):
        stream.push(value)
    assert stream == streamed([1.5, 2, 0.5, 3, 4, 5, 6])


@pytest.mark.parametrize(
    ("bad", "error", "said"),
    [
        (float("nan"), ValueError, "sample 50 is nan: leave it out"),
        (-float("inf"), ValueError, "sample 50 is -inf"),
        (10**400, ValueError, "sample 50 is beyond 1e\\+120.*larger unit"),
        ([1.0, 2.0, float("nan")], ValueError, "index 2 of the block, sample 52 of the series, is nan"),
        ([1e121], ValueError, "index 0 of the block, sample 50 of the series, is beyond"),
        (np.ones((2, 3)), ValueError, r"one axis, got shape \(2, 3\)"),
        ("a", TypeError, "real numbers"),
        (None, TypeError, "real numbers, got NoneType"),
        ([1j], TypeError, "real numbers, got list of dtype complex128: take the absolute values"),
        (True, TypeError, "real numbers, got bool: give the numbers themselves"),
        (np.True_, TypeError, "real numbers, got bool"),
        ([False, True], TypeError, "real numbers, got list of dtype bool"),
        (np.ones(3, dtype=bool), TypeError, "real numbers, got ndarray of dtype bool"),
        ({}, TypeError, "real numbers, got dict: convert them"),
        ([[1.0, 2.0], [3.0]], TypeError, "real numbers, got list: convert them"),
        (np.array([{}, 1]), TypeError, "real numbers, got ndarray of dtype object: convert them"),
        (np.ma.masked_array([1.0, 2.0], [False, True]), TypeError, "no gaps, so push values.compressed"),
    ],
)
def test_what_is_no_series_is_refused_and_nothing_of_it_counts(bad, error, said):
    stream = streamed(NOISE[:50])
    with pytest.raises(error, match=said) as raised:
        stream.push(bad)
    assert not {"x", "dfa"} & set(re.findall(r"\w+", str(raised.value)))  # words of other functions
    assert stream == streamed(NOISE[:50])


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"order": 5}, ValueError, "order must be 1, 2, 3 or 4"),
        ({"start": -1}, ValueError, "got -1"),
        ({"start": 1 << 63}, ValueError, "start must be from 0"),
        ({"start": 1.5}, TypeError, "start must be an integer.*float"),
    ],
)
def test_settings_are_checked(arguments, error, said):
    with pytest.raises(error, match=said):
        Stream(**arguments)


@pytest.mark.parametrize(
    ("scales", "said"),
    [
        ([9], "boxes of 4, 5, 6, 7 samples and their doublings, not of 9"),
        ([4, 64], "no box of 64 samples is complete in samples 10 to 109"),
        ([3, 4], "doublings, not of 3"),
        ([4, 128], "box size 128 is above the length of the stream, 100 samples; push more"),
        ([8, 4], "increase"),
    ],
)
def test_sizes_are_checked(scales, said):
    with pytest.raises(ValueError, match=said):
        streamed(NOISE[:100], start=10).fluctuations(scales=scales)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_short_stream_says_how_many_samples_it_needs(order):
    enough = next(n for n in range(200) if _has_default_sizes(n, order))
    for n in (0, 1, 2 * order + 1, 2 * order + 2, enough - 1):
        said = f"the stream has {n} samples?, and its default box sizes of order {order} need at least {enough}: push more"
        stream = streamed(NOISE[:n], order=order)
        with pytest.raises(ValueError, match=said) as raised:
            stream.fluctuations()
        assert ("scales=" in str(raised.value)) == (n >= 2 * order + 2)  # no box is as small as fewer
        with pytest.raises(ValueError, match=said + "$"):
            stream.exponent()
    with pytest.raises(ValueError, match="box size 12 is above the length of the stream, 0 samples"):
        Stream(order).fluctuations(scales=[12])
    assert len(streamed(NOISE[:enough], order=order).fluctuations()[0]) >= 4


def _has_default_sizes(n, order):
    try:
        return bool(default_sizes(n, order))
    except ValueError:
        return False


@pytest.mark.parametrize("n", [256, 1024, 4096, 20_000])
@pytest.mark.parametrize("alpha", [0.5, 1.2])
def test_the_exponent_is_that_of_dfa(n, alpha):
    x = arfima(n, d=alpha - 0.5, seed=1) if alpha < 1 else np.cumsum(arfima(n, d=alpha - 1.5, seed=1))
    result, reference = streamed(x).exponent(confidence=0.9), wcdfa.dfa(x, method="ols", confidence=0.9)
    for name in ("alpha", "stderr", "low", "high", "r_squared", "adequacy", "fluctuations"):
        accuracy = {"atol": 1e-5} if name in ("low", "high") else {}  # for which a stream counts that of the calibration too
        np.testing.assert_allclose(getattr(result, name), getattr(reference, name), rtol=1e-9, err_msg=name, **accuracy)
    assert result.scales.tolist() == reference.scales.tolist()
    assert result.reason is None


def test_the_exponent_of_a_range_of_sizes():
    result = streamed(NOISE).exponent(16, 512)
    sizes = [size for size in default_sizes(len(NOISE), 1) if 16 <= size <= 512]
    reference = wcdfa.dfa(NOISE, method="ols", scales=sizes)
    assert result.scales.tolist() == sizes
    np.testing.assert_allclose(result[:4], reference[:4], rtol=1e-9, atol=1e-5)
    assert result.stderr < streamed(NOISE).exponent(16).stderr


@pytest.mark.parametrize("alpha", [0.4999, 0.5, 0.73, 1.1])
def test_an_interval_for_a_billion_samples(alpha):
    """Where the standard error is far below the step of the calibration's grid, α is found between its points."""
    n, sizes = 10**9, tuple(size for size in default_sizes(10**9, 1) if 16 <= size <= 4096)
    table = calibration_for(n, sizes, 1, "ols")
    found = calibrated_estimate(np.exp(log_mean_square(sizes, 1, alpha)), np.zeros(len(sizes)), table, 1.96, np)
    assert abs(found.alpha - alpha) < 3e-4
    assert found.low < found.alpha < found.high < found.low + 2e-3


@pytest.mark.parametrize(
    ("low", "high", "said"), [(100, 100, "from 100 to 100"), (None, 4, "from 4 to 4"), (3000, None, "there are 4 to")]
)
def test_a_range_needs_two_sizes(low, high, said):
    with pytest.raises(ValueError, match=said):
        streamed(NOISE[:1000]).exponent(low, high)


def test_a_constant_has_no_exponent():
    result = streamed(np.full(300, 1 / 3)).exponent()
    assert np.isnan(result.alpha)
    assert result.reason == "the series is constant, so it does not fluctuate at any scale"


def test_a_polynomial_that_detrending_removes_has_no_exponent():
    result = streamed(np.arange(256.0) / 3, order=2).exponent()
    assert np.isnan(result.alpha)
    assert "only rounding error is left" in result.reason


def test_repr():
    assert repr(streamed(NOISE[:12], order=2, start=7)) == "Stream(order=2, start=7, n=12)"
    assert (streamed(NOISE[:12]).order, streamed(NOISE[:12], start=7).start) == (1, 7)
