"""F(s) of series with gaps: against a slow loop over boxes, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import Library
from tests.helpers.eager import fluctuations
from wcdfa import synthetic
from wcdfa.kernel.gapped import LEAST, Gaps

X = synthetic.random_walk(300, seed=1)
RNG = np.random.default_rng(5)
PATTERNS = {
    "at random": RNG.random(300) > 0.4,
    "one burst": ~((np.arange(300) >= 90) & (np.arange(300) < 170)),
    "every third": np.arange(300) % 3 > 0,
    "only a tenth left": RNG.random(300) < 0.1,
}
each_pattern = pytest.mark.parametrize("present", PATTERNS.values(), ids=PATTERNS)
LAYOUTS = {"side by side": {}, "half": {"overlap": 0.5}, "both ways": {"overlap": 0.3, "backward": True, "final_box": False}}


def with_nan(x, present):
    return np.where(present, x, np.nan)


def by_hand(x, present, size, order, q=2, breaks=(), overlap=0.0, backward=False, final_box=True):
    """Each box on its own, with polynomials fitted by NumPy at the samples that are present."""
    boxes = []
    for start, stop in zip((0, *breaks), (*breaks, len(x)), strict=True):
        n, step = stop - start, max(1, int(size * (1 - overlap)))
        firsts = [b for b in range(0, n - size + 1, step) if final_box or b + size < n or n == size]
        boxes += [start + b for b in (*firsts, *([n - size - b for b in firsts] if backward else ()))]
    counts = np.array([present[b : b + size].sum() for b in boxes])
    squares = []
    for b, count in zip(boxes, counts, strict=True):
        if count < max(order + 2, LEAST * counts.mean()):
            continue
        t, there = np.linspace(-1, 1, size), present[b : b + size]
        values = x[b : b + size] - x[b]
        trend = np.polynomial.Polynomial.fit(t[there], values[there], order - 1)
        profile = np.cumsum(np.where(there, values - trend(t), 0.0))
        fit = np.polynomial.Polynomial.fit(t[there], profile[there], order)
        squares.append(np.mean((profile - fit(t))[there] ** 2))
    squares = np.array(squares)
    if not len(squares):
        return np.nan
    return np.mean(squares ** (q / 2)) ** (1 / q) if q else np.exp(np.mean(np.log(squares)) / 2)


@each_pattern
@pytest.mark.parametrize("layout", LAYOUTS)
def test_f_is_the_mean_over_the_boxes_that_count(present, layout):
    present = present.copy()
    present[[0, -1]] = True  # so that boxes begin where the series does
    for order, sizes, breaks in [(1, (3, 8, 33, 100), ()), (2, (6, 25, 90), (41, 200))]:
        _, got = fluctuations(
            with_nan(X, present), missing="omit", scales=sizes, order=order, breaks=breaks, moment=[2, 0, 1, -3], **LAYOUTS[layout]
        )
        expected = [[by_hand(X, present, s, order, q, breaks, **LAYOUTS[layout]) for s in sizes] for q in (2, 0, 1, -3)]
        np.testing.assert_allclose(got, expected, rtol=1e-8)
        assert np.isfinite(got[:, -1]).all()


def test_without_gaps_it_is_the_usual_f():
    for order in (1, 2, 3, 4):
        sizes, expected = fluctuations(X, order=order, overlap=0.5)
        batch = np.stack([X, X])
        batch[1, 100:120] = np.nan  # so that the other row is computed by the same code
        found, got = fluctuations(batch, missing="omit", order=order, overlap=0.5)
        np.testing.assert_array_equal(found, sizes)
        np.testing.assert_allclose(got[0], expected, rtol=1e-10)


@each_pattern
def test_masked_arrays_and_nan_say_the_same(present):
    expected = fluctuations(with_nan(X, present), missing="omit")[1]
    np.testing.assert_array_equal(fluctuations(np.ma.masked_array(X, ~present))[1], expected)
    np.testing.assert_array_equal(fluctuations(np.ma.masked_array(with_nan(X, present), ~present))[1], expected)


def test_a_mask_is_not_a_licence_for_nan():
    x = np.ma.masked_array(X.copy(), np.arange(300) == 4)
    x[50] = np.nan
    with pytest.raises(ValueError, match=r"first is nan at index 50 .*missing=\"omit\""):
        fluctuations(x)
    assert np.isfinite(fluctuations(x, missing="omit")[1]).all()
    with pytest.raises(ValueError, match="first is inf at index 7"):
        fluctuations(np.where(np.arange(300) == 7, np.inf, x.filled(np.nan)), missing="omit")


def test_the_mask_lies_along_the_axis_of_time():
    mask = np.zeros((300, 2), dtype=bool)
    mask[40:60, 1] = True
    x = np.ma.masked_array(np.stack([X, X[::-1]], axis=1), mask)
    got = fluctuations(x, axis=0)[1]
    np.testing.assert_allclose(got[0], fluctuations(X)[1], rtol=1e-10)
    np.testing.assert_array_equal(got[1], fluctuations(x[:, 1])[1])


@each_pattern
def test_a_trend_that_the_order_removes_is_removed_exactly(present):
    t = np.arange(300) / 300
    for order, trend in [(1, 5.0), (2, 5 + 100 * t), (3, 5 + 100 * t - 300 * t**2)]:
        got = [fluctuations(with_nan(x, present), missing="omit", order=order)[1] for x in (X, X + trend)]
        np.testing.assert_allclose(got[1], got[0], rtol=1e-8)


@given(
    present=st.lists(st.booleans(), min_size=40, max_size=60),
    scale=st.sampled_from([1e-150, 1e-3, 7.0, 1e150]),
    offset=st.floats(-1e3, 1e3),
)
@settings(deadline=None, max_examples=40)
def test_unit_and_offset(present, scale, offset):
    present = np.array(present)
    x = with_nan(X[: len(present)], present)
    sizes, plain = fluctuations(x, missing="omit", overlap=0.5)
    options = {"missing": "omit", "scales": sizes.tolist(), "overlap": 0.5}
    np.testing.assert_allclose(fluctuations(x * scale, **options)[1] / scale, plain, rtol=1e-9)
    np.testing.assert_allclose(fluctuations(x + offset, **options)[1], plain, rtol=1e-6, atol=1e-9)


def test_many_patterns_in_one_batch():
    batch = np.stack([with_nan(X, present) for present in PATTERNS.values()])
    batch[:, [0, -1]] = X[[0, -1]]
    got = fluctuations(batch.reshape(2, 2, 300), missing="omit")[1].reshape(4, -1)
    for row, expected in zip(got, batch, strict=True):
        np.testing.assert_array_equal(row, fluctuations(expected, missing="omit")[1])
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(fluctuations(batch[order], missing="omit")[1], got[order])


def test_what_is_missing_at_the_ends_does_not_count():
    wide = np.full(400, np.nan)
    wide[60:360] = with_nan(X, PATTERNS["one burst"])
    sizes, expected = fluctuations(with_nan(X, PATTERNS["one burst"]), missing="omit", breaks=(50,))
    found, got = fluctuations(wide, missing="omit", breaks=(30, 110, 380))
    np.testing.assert_array_equal(found, sizes)
    np.testing.assert_array_equal(got, expected)


def test_where_nothing_is_left_f_is_nan():
    sizes, f = fluctuations(np.full((2, 300), np.nan), missing="omit", moment=[0, 2])
    assert f.shape == (2, 2, len(sizes))
    assert np.isnan(f).all()
    single = np.full(300, np.nan)
    single[17] = 1.0
    assert np.isnan(fluctuations(single, missing="omit")[1]).all()
    few = fluctuations(with_nan(X, np.arange(300) % 2 == 0), missing="omit", scales=[4, 8])[1]
    assert np.isnan(few[0])  # two samples in each box
    assert few[1] > 0
    assert fluctuations(np.zeros((0, 300)), missing="omit", scales=[4, 8])[1].shape == (0, 2)


@each_pattern
def test_every_library(array, xp, library, present):
    x = np.stack([with_nan(X, present), with_nan(X[::-1], present)])
    _, expected = fluctuations(x, missing="omit")
    _, got = fluctuations(array(x), missing="omit")
    assert isinstance(got, type(array(x)))
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-9)
    _, single = fluctuations(array(x, "float32"), missing="omit")
    assert str(single.dtype).endswith("float32")
    np.testing.assert_allclose(np.asarray(single), expected, rtol=2e-3)
    if library is Library.JAX:
        traced = xp.asarray(x)
        jax = pytest.importorskip("jax")
        assert bool(xp.isnan(jax.jit(lambda each: fluctuations(each, missing="omit")[1])(traced)).all())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"missing": "drop"}, r"missing must be one of 'raise', 'omit', got 'drop'; with 'omit' NaN are gaps"),
        ({"spacing": 2.0}, r"spacing=2.0 is that of a time grid; give the times= of the samples too"),
        ({"missing": "omit", "scales": [4, 400]}, "box size 400 is above the length of the series, 300 samples"),
        ({"missing": "omit", "breaks": [0]}, "breaks must increase strictly"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        fluctuations(with_nan(X, PATTERNS["one burst"]), **options)


def test_other_functions_say_who_takes_gaps():
    with pytest.raises(
        TypeError,
        match=r"x is a masked array, with .* masked, the first at index .*fill what is missing .dfa takes gaps of one series",
    ):
        wcdfa.cross_fluctuations(np.ma.masked_array(X, X > 0), X)


def test_a_part_of_a_pattern_keeps_its_breaks():
    gaps = Gaps.of(PATTERNS["at random"], (100, 50, 150))
    part = gaps.part(80, 180)
    assert part.stretches == (20, 50, 30)
    np.testing.assert_array_equal(part.present(), PATTERNS["at random"][80:180])
