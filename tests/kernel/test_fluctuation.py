"""F(s) against a slow loop in extended precision and against theory, on every array library."""

from __future__ import annotations

import numpy as np
import pytest
from array_api_extra.testing import lazy_xp_function

import wcdfa
from tests.helpers.oracle import slow_fluctuations
from wcdfa import fluctuations
from wcdfa.kernel import boxes
from wcdfa.kernel import side_by_side as merging
from wcdfa.kernel import side_by_side_plan as stages
from wcdfa.scales import default_sizes

lazy_xp_function(fluctuations)

KINDS = {"white": (0, 0.0), "walk": (1, 0.0), "offset": (0, 1e6), "walk of walk": (2, 0.0)}


def series(kind: str, n: int, batch: tuple[int, ...] = ()) -> np.ndarray:
    sums, offset = KINDS[kind]
    x = wcdfa.synthetic.white_noise(n, batch=batch, seed=n)
    for _ in range(sums):
        x = np.cumsum(x, axis=-1)
    return x + offset


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_arbitrary_sizes_agree_with_the_slow_loop(xp, array, kind, order):
    x = series(kind, 203)
    sizes = [order + 2, 7, 11, 20, 65, 101, 203]
    got_sizes, got = fluctuations(array(x), scales=sizes, order=order)
    np.testing.assert_array_equal(np.asarray(got_sizes), sizes)
    np.testing.assert_allclose(np.asarray(got), slow_fluctuations(x, sizes, order).astype(float), rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_default_sizes_agree_with_the_slow_loop(xp, array, kind, order):
    x = series(kind, 1001)
    sizes, got = fluctuations(array(x), order=order)
    expected = slow_fluctuations(x, [int(s) for s in np.asarray(sizes)], order).astype(float)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-9)


@pytest.mark.parametrize("n", [28, 57, 112, 500, 512, 513, 1279, 5003, 20_011])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_merging_equals_fitting_each_size(n, order):
    try:
        sizes = default_sizes(n, order)
    except ValueError:
        sizes = (order + 2, 2 * order + 4, 4 * order + 8)
        sizes = tuple(s for s in sizes if s <= n)
    for kind in KINDS:
        x = series(kind, n, batch=(2,))
        each = [boxes.box_mean_squares(x, s, order, boxes.box_starts(n, s)[0], np).mean(axis=-1) for s in sizes]
        np.testing.assert_allclose(merging.mean_squares_side_by_side(x, sizes, order, np), np.stack(each, axis=-1), rtol=2e-9)


def test_merging_in_one_stage_or_many_slabs(monkeypatch):
    x = series("walk", 40_003)
    sizes = default_sizes(len(x), 2)
    expected = merging.mean_squares_side_by_side(x, sizes, 2, np)
    for slab, first, doublings in [(1 << 10, 32, 2), (1 << 20, 128, 3), (64, 64, 1)]:
        stages.plan.cache_clear()
        wcdfa.kernel.arrays._constant.cache_clear()
        monkeypatch.setattr(merging, "SLAB", slab)
        monkeypatch.setattr(stages, "FIRST_BLOCK", first)
        monkeypatch.setattr(stages, "DOUBLINGS", doublings)
        np.testing.assert_allclose(merging.mean_squares_side_by_side(x, sizes, 2, np), expected, rtol=1e-12)
    stages.plan.cache_clear()
    wcdfa.kernel.arrays._constant.cache_clear()


LAYOUTS = {
    "backward": ({"backward": True}, lambda n, s: [*range(0, n - s + 1, s), *range(n - s, -1, -s)]),
    "half": ({"overlap": 0.5}, lambda n, s: range(0, n - s + 1, s // 2)),
    "half, final box left out": ({"overlap": 0.5, "final_box": False}, lambda n, s: range(0, n - s, s // 2)),
    "eighth": ({"overlap": 0.875}, lambda n, s: range(0, n - s + 1, max(1, s // 8))),
    "maximal, both ways": ({"overlap": 0.999, "backward": True}, lambda n, s: [*range(n - s + 1), *range(n - s, -1, -1)]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("moment", [2, 1, 0, -2, 4])
def test_layouts_and_moments_agree_with_the_slow_loop(xp, array, layout, moment):
    options, starts = LAYOUTS[layout]
    x = series("white", 147)
    sizes = [4, 6, 12, 37, 70]
    _, got = fluctuations(array(x), scales=sizes, moment=moment, **options)
    expected = slow_fluctuations(x, sizes, starts=starts, moment=moment).astype(float)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-10)


def test_batch_and_axis(xp, array):
    x = series("walk", 120, batch=(2, 3))
    expected = np.stack([[fluctuations(row)[1] for row in rows] for rows in x])
    for axis, moved in [(-1, x), (0, np.moveaxis(x, -1, 0)), (1, np.moveaxis(x, -1, 1)), (-2, np.moveaxis(x, -1, -2))]:
        _, got = fluctuations(array(moved), axis=axis)
        assert got.shape == (2, 3, expected.shape[-1])
        np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-10)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_smallest_box(xp, array, order):
    x = series("white", 40)
    _, got = fluctuations(array(x), scales=[order + 2], order=order)
    np.testing.assert_allclose(np.asarray(got), slow_fluctuations(x, [order + 2], order).astype(float), rtol=1e-11)


def test_white_noise_has_its_exact_expectation():
    """E F²(s) = (s² - 4) / (15 s), within five standard errors of 2,000 series."""
    x = wcdfa.synthetic.white_noise(512, batch=(2000,), seed=5)
    sizes, got = fluctuations(x, scales=[3, 4, 5, 6, 8, 10, 16, 32, 64, 128])
    squares = got**2
    error = squares.std(axis=0) / np.sqrt(len(x))
    assert np.all(np.abs(squares.mean(axis=0) - (sizes**2 - 4) / (15 * sizes)) < 5 * error)


@pytest.mark.parametrize("kind", ["white", "walk"])
def test_float32_keeps_its_precision(xp, array, kind):
    x = series(kind, 50_000).astype(np.float32)
    sizes, got = fluctuations(array(x))
    assert "float32" in str(got.dtype)
    _, expected = fluctuations(x.astype(np.float64))
    np.testing.assert_allclose(np.asarray(got), expected, rtol=5e-6)
    _, direct = fluctuations(array(x), scales=[int(s) for s in np.asarray(sizes)], backward=True)
    _, expected = fluctuations(x.astype(np.float64), backward=True)
    np.testing.assert_allclose(np.asarray(direct), expected, rtol=2e-5)


@pytest.mark.parametrize("factor", [1e-150, 1e-30, 1e30, 1e140])
def test_any_magnitude(xp, array, factor):
    x = series("white", 300, batch=(2,))
    x[1] *= factor
    _, got = fluctuations(array(x))
    _, expected = fluctuations(series("white", 300, batch=(2,)))
    np.testing.assert_allclose(np.asarray(got)[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(np.asarray(got)[1] / factor, expected[1], rtol=1e-10)


def test_small_magnitudes_in_float32(xp, array):
    x = series("white", 300)
    _, got = fluctuations(array((x * 1e-25).astype(np.float32)))
    _, expected = fluctuations(x)
    np.testing.assert_allclose(np.asarray(got).astype(float) * 1e25, expected, rtol=1e-5)


def test_not_finite_under_tracing_gives_nan():
    import jax
    import jax.numpy as jnp

    x = series("white", 300)
    for bad in (np.nan, np.inf, -np.inf):
        spoiled = x.copy()
        spoiled[299] = bad  # in the remainder of most sizes
        _, got = jax.jit(fluctuations)(jnp.asarray(spoiled))
        assert np.all(np.isnan(np.asarray(got)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": 1.0}, r"overlap must be from 0 to below 1, got 1\.0"),
        ({"overlap": -0.1}, r"got -0\.1"),
        ({"moment": float("nan")}, "moment must be a finite number, got nan"),
    ],
)
def test_bad_layout(options, message):
    with pytest.raises(ValueError, match=message):
        fluctuations(series("white", 100), **options)
