"""Half-overlapping boxes in O(n): the same F² as fitting each box, on every array library."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from array_api_extra.testing import lazy_xp_function
from hypothesis import strategies as st

import wcdfa
from tests.helpers.oracle import slow_fluctuations
from wcdfa import fluctuations, synthetic
from wcdfa.kernel import fluctuation
from wcdfa.kernel import half_overlap as halves
from wcdfa.kernel import half_overlap_plan as half_stages
from wcdfa.kernel.half_overlap_plan import on_grid
from wcdfa.scales import half_sizes

lazy_xp_function(fluctuations)

KINDS = {"white": (0, 0.0), "walk": (1, 0.0), "offset": (0, 1e6), "walk of walk": (2, 0.0)}
# around the ends of the blocks of 24 samples and of eight of them
LENGTHS = [
    16,
    17,
    23,
    24,
    25,
    47,
    48,
    49,
    71,
    72,
    73,
    191,
    192,
    193,
    215,
    216,
    217,
    383,
    384,
    385,
    500,
    1024,
    1535,
    1536,
    1537,
    5000,
]


def series(kind: str, n: int, batch: tuple[int, ...] = ()) -> np.ndarray:
    sums, offset = KINDS[kind]
    x = synthetic.white_noise(n, batch=batch, seed=n)
    for _ in range(sums):
        x = np.cumsum(x, axis=-1)
    return x + offset


def grid(n: int, order: int) -> tuple[int, ...]:
    """Every size that `halves` takes, up to the whole series."""
    return tuple(sorted(m << k for k in range(n.bit_length()) for m in (2, 3) if order + 2 <= m << k <= n))


def direct(x: np.ndarray, sizes: tuple[int, ...], order: int) -> np.ndarray:
    return fluctuation.mean_residuals(x, sizes, order, fluctuation.BY_HALVES, np)


def starts(n: int, size: int) -> range:
    return range(0, n - size + 1, size // 2)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_equals_fitting_each_size(n, order):
    """Relative to the rounding of the samples, which an offset of 1e6 and the steep walk of a walk make larger."""
    for kind in KINDS:
        x, sizes = series(kind, n, batch=(2,)), grid(n, order)
        np.testing.assert_allclose(
            halves.mean_squares_by_halves(x, sizes, order, np), direct(x, sizes, order), rtol=1e-8, err_msg=kind
        )


@pytest.mark.parametrize("sizes", [(3, 4), (4, 3072), (48,), (6, 96, 1536), (2048, 4096), (1536, 5000 // 8 * 4)])
def test_some_sizes_only(sizes):
    sizes = tuple(s for s in sizes if on_grid(s))
    x = series("walk", 5000)
    np.testing.assert_allclose(halves.mean_squares_by_halves(x, sizes, 1, np), direct(x, sizes, 1), rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_the_slow_loop(xp, array, kind, order):
    x, sizes = series(kind, 203), grid(203, order)
    got_sizes, got = fluctuations(array(x), scales=sizes, order=order, overlap=0.5)
    np.testing.assert_array_equal(np.asarray(got_sizes), sizes)
    expected = slow_fluctuations(x, sizes, order, starts=starts).astype(float)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-9)


def test_this_path_is_taken_and_only_where_it_applies(monkeypatch):
    x = series("white", 256, batch=(2,))  # a single series has a way of its own, see test_one_series
    options = [{"scales": [4, 6, 8]}, {"scales": [4, 5, 6]}, {"scales": [4, 8], "moment": 1}, {"scales": [4, 8], "backward": True}]
    taken = []
    original = halves.mean_squares_by_halves
    monkeypatch.setattr(halves, "mean_squares_by_halves", lambda x, sizes, *rest: taken.append(sizes) or original(x, sizes, *rest))
    for option in options:
        fluctuations(x, overlap=0.5, **option)
    fluctuations(x, scales=[4, 6, 8])
    wcdfa.dfa(x)
    assert taken == [(4, 6, 8), half_sizes(256, 1)]


@pytest.mark.parametrize("order", [1, 4])
def test_batches_of_every_shape(xp, array, order):
    x, sizes = series("walk", 1000, batch=(2, 3)), grid(1000, order)
    _, got = fluctuations(array(x), scales=sizes, order=order, overlap=0.5)
    assert got.shape == (2, 3, len(sizes))
    expected = np.stack([[np.sqrt(direct(row, sizes, order)) for row in rows] for rows in x])
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-9)


def test_a_batch_larger_than_the_cache_goes_in_slabs(monkeypatch):
    x = series("walk", 500, batch=(7,))
    expected = halves.mean_squares_by_halves(x, half_sizes(500, 2), 2, np)
    for limit in (1, 499, 1000, 1700):
        monkeypatch.setattr(halves, "BATCH", limit)
        monkeypatch.setattr("wcdfa.kernel.side_by_side.BATCH", limit)
        np.testing.assert_allclose(halves.mean_squares_by_halves(x, half_sizes(500, 2), 2, np), expected, rtol=1e-12)
    monkeypatch.undo()
    large = series("white", 500, batch=(halves.BATCH // 500 + 3,))
    assert large.size > halves.BATCH
    found = halves.mean_squares_by_halves(large, (4, 6, 192), 1, np)
    np.testing.assert_allclose(found, direct(large, (4, 6, 192), 1), rtol=1e-10)


def test_smaller_blocks_and_fewer_at_a_time(monkeypatch):
    """What the plan is made of is free: blocks of 12 or 48 samples, gathered by four or sixteen."""
    x = series("walk", 3001)
    expected = direct(x, grid(3001, 2), 2)
    for block, gather in [(12, 8), (48, 4), (24, 16)]:
        half_stages.half_plan.cache_clear()
        wcdfa.kernel.arrays._constant.cache_clear()
        for module in (half_stages, halves):
            monkeypatch.setattr(module, "BLOCK", block)
            monkeypatch.setattr(module, "GATHER", gather)
        np.testing.assert_allclose(halves.mean_squares_by_halves(x, grid(3001, 2), 2, np), expected, rtol=1e-9)
    half_stages.half_plan.cache_clear()
    wcdfa.kernel.arrays._constant.cache_clear()


@pytest.mark.parametrize("kind", ["white", "walk"])
def test_float32_keeps_its_precision(xp, array, kind):
    x = series(kind, 100_000).astype(np.float32)
    sizes = tuple(s for s in grid(100_000, 1) if s <= 25_000)
    _, got = fluctuations(array(x), scales=sizes, overlap=0.5)
    assert "float32" in str(got.dtype)
    _, expected = fluctuations(x.astype(np.float64), scales=sizes, overlap=0.5)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=5e-6)  # 1e-5 of F²


def test_not_finite_under_tracing_gives_nan():
    import jax
    import jax.numpy as jnp

    compiled = jax.jit(lambda v: fluctuation.fluctuations(v, scales=half_sizes(300, 1), overlap=0.5)[1])
    for bad in (np.nan, np.inf, -np.inf):
        x = series("white", 300)
        x[299] = bad  # in no box of some sizes
        assert np.all(np.isnan(np.asarray(compiled(jnp.asarray(x)))))


def test_on_grid():
    assert [s for s in range(100) if on_grid(s)] == [3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96]


settings = hypothesis.settings(max_examples=40, deadline=None)
# whole numbers times 2^-10: sums are exact enough that F = 0 and F > 0 are told apart
values = st.lists(st.integers(-(2**20), 2**20).map(lambda k: k / 1024), min_size=16, max_size=220).map(np.array)
orders = st.integers(1, 4)


def close(a, b, scale):
    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-11 * scale)


def f_of(x, order):
    return np.sqrt(halves.mean_squares_by_halves(x, grid(len(x), order), order, np))


@settings
@hypothesis.given(x=values, order=orders, exponent=st.integers(-40, 40), sign=st.sampled_from([1.0, -1.0]))
def test_scaling(x, order, exponent, sign):
    factor = sign * 2.0**exponent
    close(f_of(x * factor, order) / abs(factor), f_of(x, order), np.abs(x).max())


@settings
@hypothesis.given(x=values, order=orders, shift=st.integers(-(2**20), 2**20))
def test_shifting(x, order, shift):
    close(f_of(x + shift, order), f_of(x, order), np.abs(x).max() + abs(shift))


@settings
@hypothesis.given(x=values, order=orders)
def test_a_trend_that_the_order_removes_changes_nothing(x, order):
    close(f_of(x + 100 * np.linspace(-1, 1, len(x)) ** (order - 1), order), f_of(x, order), np.abs(x).max() + 100)


@settings
@hypothesis.given(x=values, order=orders)
def test_any_series_as_fitting_each_size(x, order):
    close(f_of(x, order), np.sqrt(direct(x, grid(len(x), order), order)), np.abs(x).max())
