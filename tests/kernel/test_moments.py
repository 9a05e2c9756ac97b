"""Many moments at once: against a slow loop, against each moment alone, against other packages; flat boxes."""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pytest
from array_api_extra.testing import lazy_xp_function
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from tests.helpers.oracle import slow_fluctuations
from wcdfa import fluctuations, synthetic
from wcdfa.kernel import box_residuals, evenly_spaced_moments, moments
from wcdfa.kernel.boxes import Layout, box_mean_squares
from wcdfa.kernel.fluctuation import fluctuation_moments

lazy_xp_function(fluctuations)

EVEN = tuple(np.linspace(-5, 5, 21))
UNEVEN = (-20.0, -5.0, -1.5, -1e-3, 0.0, 1e-9, 0.5, 2.0, 7.3, 20.0)
SIZES = (5, 6, 10, 13, 20, 40, 70, 147)
LAYOUTS = {
    "forward": ({}, lambda n, s: range(0, n - s + 1, s)),
    "backward": ({"backward": True}, lambda n, s: [*range(0, n - s + 1, s), *range(n - s, -1, -s)]),
    "half": ({"overlap": 0.5}, lambda n, s: range(0, n - s + 1, s // 2)),
    "half, final box left out": ({"overlap": 0.5, "final_box": False}, lambda n, s: range(0, max(1, n - s), s // 2)),
}
each_layout = pytest.mark.parametrize("layout", LAYOUTS)
each_q = pytest.mark.parametrize("q", [EVEN, UNEVEN], ids=["even", "uneven"])


def bursts(n: int, seed: int) -> np.ndarray:
    """Noise whose size itself varies a thousandfold: boxes of very different residuals."""
    return synthetic.white_noise(n, seed=seed) * np.exp(3 * synthetic.random_walk(n, seed=seed + 1) / np.sqrt(n))


def slow(x, sizes, q, starts, order=1) -> np.ndarray:
    """The slow loop takes the exact root of the mean; near q = 0 its digits are those of extended precision."""
    return np.stack([slow_fluctuations(x, sizes, order, starts=starts, moment=one).astype(float) for one in q])


@each_layout
@each_q
def test_agree_with_the_slow_loop(layout, q):
    options, starts = LAYOUTS[layout]
    x = bursts(147, 1)
    sizes, got = fluctuations(x, scales=SIZES, moment=q, **options)
    np.testing.assert_array_equal(sizes, SIZES)
    assert got.shape == (len(q), len(SIZES))
    np.testing.assert_allclose(got, slow(x, SIZES, q, starts), rtol=1e-9)


@pytest.mark.parametrize("layout", ["backward", "half"])
def test_every_library(xp, array, layout):
    options, starts = LAYOUTS[layout]
    x, q, sizes = bursts(147, 1), (-20.0, -1e-3, 0.0, 0.5, 20.0), (5, 10, 13, 40)
    _, got = fluctuations(array(x), scales=sizes, moment=q, **options)
    assert isinstance(got, type(array(x)))
    np.testing.assert_allclose(np.asarray(got), slow(x, sizes, q, starts), rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("n", [1003, 1280])
def test_residuals_of_boxes_equal_those_fitted_one_by_one(order, backward, n):
    sizes = tuple(s for m in (6, 7, 11) for s in (m << k for k in range(8)) if s <= n)
    for sums in range(2):
        x = np.cumsum(bursts(n, 2)) if sums else bursts(n, 3) + 100
        got = box_residuals.box_residuals(x, tuple(sorted(sizes)), order, Layout(backward=backward))
        for size, found in zip(sorted(sizes), got, strict=True):
            spans = Layout(backward=backward).starts(n, size)
            spans = spans[:1] if n % size == 0 else spans  # boxes from both ends coincide
            expected = np.concatenate([box_mean_squares(x, size, order, span, np) for span in spans])
            np.testing.assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("options", [*(o for o, _ in LAYOUTS.values()), {"breaks": (300,), "backward": True}, {"order": 2}])
@each_q
def test_each_row_is_that_moment_alone(options, q):
    x = np.stack([bursts(900, 4), synthetic.random_walk(900, seed=5)]).reshape(1, 2, 900)
    _, together = fluctuations(x, moment=q, **options)
    assert together.shape[:3] == (1, 2, len(q))
    for i, one in enumerate(q):
        np.testing.assert_allclose(together[..., i, :], fluctuations(x, moment=one, **options)[1], rtol=1e-10)
    assert fluctuations(x, moment=[2], **options)[1].shape == together[..., :1, :].shape
    np.testing.assert_array_equal(fluctuations(x, moment=[2], **options)[1][..., 0, :], fluctuations(x, **options)[1])


def test_breaks_count_every_box_once():
    """Where the boxes from both ends of one stretch coincide, they still count as often as those of the other stretch."""
    x, size, cut = bursts(30, 6), 10, 17  # 17 and 13 samples: one box from either end of each
    _, got = fluctuations(x, scales=[size], moment=[-1, 3], backward=True, breaks=(cut,))
    starts = [0, cut - size, cut, 30 - size]
    np.testing.assert_allclose(got, slow(x, [size], [-1, 3], lambda *_: starts), rtol=1e-10)
    _, got = fluctuations(x, scales=[size], moment=[-1, 3], backward=True, breaks=(10,))  # one whole box, and one that coincides
    np.testing.assert_allclose(got, slow(x, [size], [-1, 3], lambda *_: [0, 0, 10, 20, 20, 10]), rtol=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1e-150, 1e-40, 1e40, 1e150]), st.sampled_from([EVEN, (-20.0, 0.0, 20.0)]))
def test_the_unit_changes_nothing_else(seed, scale, q):
    x = bursts(300, seed)
    _, expected = fluctuations(x, moment=q)
    _, got = fluctuations(x * scale, moment=q)
    np.testing.assert_allclose(got / scale, expected, rtol=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-1e3, 1e3))
def test_an_offset_changes_nothing_and_means_rise_with_the_moment(seed, offset):
    x = bursts(300, seed)
    _, got = fluctuations(x, moment=UNEVEN)
    np.testing.assert_allclose(fluctuations(x + offset, moment=UNEVEN)[1], got, rtol=1e-5)
    assert np.all(np.diff(got, axis=0) >= -1e-12 * got[1:])  # the inequality of generalised means


def test_a_permutation_of_the_batch_permutes_the_result():
    x = synthetic.white_noise(500, batch=(4,), seed=8)
    _, got = fluctuations(x, moment=EVEN)
    np.testing.assert_array_equal(fluctuations(x[::-1], moment=EVEN)[1], got[::-1])
    for row, expected in zip(x, got, strict=True):
        np.testing.assert_allclose(fluctuations(row, moment=EVEN)[1], expected, rtol=1e-12)


def test_no_series_at_all():
    assert fluctuations(np.zeros((0, 100)), scales=[4, 8], moment=EVEN)[1].shape == (0, 21, 2)


def test_products_equal_powers():
    """Powers of 121 moments from products differ from those taken one by one by rounding only, in batches and in groups of sizes."""
    q = tuple(np.linspace(-20, 20, 121))
    residuals = [np.random.default_rng(i).lognormal(sigma=2, size=(3, count)) for i, count in enumerate((20_000, 9_000, 500, 8, 1))]
    spacing = evenly_spaced_moments.spacing_of(q)
    assert spacing is not None
    for found, each in zip(evenly_spaced_moments.means_of_evenly_spaced(residuals, [None] * 5, spacing), residuals, strict=True):
        np.testing.assert_allclose(found, moments._of_one_size(each, q, None, np), rtol=2e-13)


@pytest.mark.parametrize("q", [(1, 2, 3), (-2, -1, 0, 1, 2, 4), (-0.4, -0.2, 1e-4, 0.2, 0.4, 0.6), (1,) * 7])
def test_what_is_not_evenly_spaced(q):
    assert evenly_spaced_moments.spacing_of(tuple(map(float, q))) is None


def test_boxes_of_very_different_size():
    """Ratios of residuals whose powers leave the range of numbers."""
    x = synthetic.white_noise(400, seed=9) * np.repeat([1.0, 1e-70], 200)
    _, got = fluctuations(x, scales=[10, 20], moment=np.linspace(-20, 20, 21), flat="keep")
    expected = slow(x, [10, 20], np.linspace(-20, 20, 21), None)
    np.testing.assert_allclose(got[11:], expected[11:], rtol=1e-10)  # q > 0
    assert np.all(np.isfinite(got))
    assert np.all(got > 0)


def test_float32(xp, array):
    x = bursts(2000, 10).astype(np.float32)
    _, got = fluctuations(array(x), scales=SIZES, moment=UNEVEN)
    assert "float32" in str(got.dtype)
    np.testing.assert_allclose(np.asarray(got), fluctuations(x.astype(float), scales=SIZES, moment=UNEVEN)[1], rtol=1e-3)


def with_a_flat_stretch(n: int = 2000) -> np.ndarray:
    x = synthetic.white_noise(n, seed=11)
    x[384:448] = x[384]
    return x


@each_q
def test_flat_boxes_are_left_out_of_moments_up_to_0(q):
    of_flat_boxes(np.asarray, q, (8, 16, 32, 64))


def test_flat_boxes_in_every_library(xp, array):
    of_flat_boxes(array, (-3.0, 0.0, 0.5), (8, 16))


def of_flat_boxes(array, q, sizes):
    """At q ≤ 0 as if the 64 equal samples, which are whole boxes of every size, were not there; without the option they decide F."""
    x = with_a_flat_stretch()
    left_out, kept = (np.asarray(fluctuations(array(x), scales=sizes, moment=q, flat=flat)[1]) for flat in ("omit", "keep"))
    _, without = fluctuations(np.delete(x, np.s_[384:448]), scales=sizes, moment=q)
    positive = np.array(q) > 0
    np.testing.assert_allclose(left_out[~positive], without[~positive], rtol=1e-10)
    assert np.all(kept[np.array(q) < -0.5] < 1e-5 * without[np.array(q) < -0.5])
    np.testing.assert_allclose(left_out[positive], kept[positive], rtol=1e-14)


def test_flat_boxes_by_hand():
    x = with_a_flat_stretch()
    found = fluctuation_moments(x, scales=(8, 16, 50), moments=(-2.0, 0.0, 2.0))
    assert found.boxes == (250, 125, 40)
    assert found.flat.tolist() == [8, 4, 0]
    for size, got in zip((8, 16, 50), found.fluctuations.T, strict=True):
        residuals = box_mean_squares(x, size, 1, range(0, 2000 - size + 1, size), np)
        left = residuals[residuals > 1e-20]
        expected = [np.mean(1 / left) ** -0.5, np.exp(np.mean(np.log(left)) / 2), np.mean(residuals) ** 0.5]
        np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("backward", [False, True])
def test_flat_boxes_far_from_zero_are_counted_the_same(offset, backward):
    x = np.stack([with_a_flat_stretch() + offset, synthetic.random_walk(2000, seed=1) + offset])
    sizes = (4, 8, 16, 32, 9, 21)
    found = fluctuation_moments(x, scales=sorted(sizes), moments=(-1.0,), layout=Layout(backward=backward))
    twice = [1 + (backward and 2000 % s > 0) for s in sorted(sizes)]
    at_least = [64 // s - 1 for s in sorted(sizes)]
    assert np.all(found.flat[0] >= np.array(twice) * at_least)
    assert np.all(found.flat[0] <= np.array(twice) * (64 // np.array(sorted(sizes))))
    assert not found.flat[1].any()


@pytest.mark.parametrize("flat", ["omit", "keep"])
def test_a_constant_does_not_fluctuate(xp, array, flat):
    for value in (0.0, 3.7):
        _, got = fluctuations(array(np.full(100, value)), scales=(5, 10, 21), moment=(-3, 0, 1e-5, 4), flat=flat)
        np.testing.assert_allclose(np.asarray(got), 0, atol=1e-14)
        np.testing.assert_allclose(fluctuations(np.full(100, value), moment=EVEN, flat=flat)[1], 0, atol=1e-14)


def test_jit_and_vmap():
    jax, jnp = require("jax"), require("jax.numpy")
    jax.config.update("jax_enable_x64", True)
    x = np.stack([bursts(200, 12), with_a_flat_stretch(800)[300:500]])
    of_one = lambda v: wcdfa.kernel.fluctuation.fluctuations(v, scales=(5, 10, 20, 33), moment=(-3, 0, 0.5, 2), backward=True)[1]
    np.testing.assert_allclose(jax.jit(jax.vmap(of_one))(jnp.asarray(x)), of_one(x), rtol=1e-11)
    assert np.all(np.isnan(jax.jit(of_one)(jnp.asarray(x[0]).at[7].set(jnp.nan))))
    with pytest.raises(TypeError, match="known before tracing"):
        jax.jit(lambda v, q: wcdfa.kernel.fluctuation.fluctuations(v, moment=q)[1])(jnp.asarray(x[0]), jnp.asarray([1.0, 2.0]))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"moment": []}, ValueError, r"moment is empty; give at least one, for instance moment=\[-3, 0, 2\]"),
        ({"moment": [1, np.inf]}, ValueError, "moment must be a finite number, got inf"),
        ({"moment": ["two"]}, TypeError, r"moment must be a plain number or several, known before tracing; got 'two' \(str\)"),
        ({"moment": "two"}, TypeError, "got 't'"),
        ({"moment": None}, TypeError, "got None"),
        ({"moment": [2], "flat": "drop"}, ValueError, 'flat must be "omit" or "keep", got \'drop\''),
    ],
)
def test_misuse(options, error, message):
    with pytest.raises(error, match=message):
        fluctuations(synthetic.white_noise(100, seed=0), **options)


def test_any_sequence_of_moments():
    x = synthetic.white_noise(100, seed=0)
    _, expected = fluctuations(x, moment=[-1.0, 0.0, 2.0])
    for q in ((-1, 0, 2), np.array([-1, 0, 2]), (q for q in (-1, 0, 2)), iter([-1.0, 0.0, 2.0])):
        np.testing.assert_array_equal(fluctuations(x, moment=q)[1], expected)
    for q in (-1, np.float32(-1), np.array(-1.0)):
        np.testing.assert_allclose(fluctuations(x, moment=q)[1], expected[0], rtol=1e-12)


def peer(name):
    require(name.partition(".")[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


IHLEN = np.rint(2 ** np.linspace(4, 10, 19)).astype(int)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("backward", [False, True])
def test_fathon(order, backward):
    x = bursts(3003, 13)
    profile = peer("fathon.fathonUtils").toAggregated(x)
    q = [-5.0, -3.0, -1.0, 0.0, 1.0, 3.0, 5.0]
    _, f = peer("fathon").MFDFA(profile).computeFlucVec(IHLEN, np.array(q), revSeg=backward, polOrd=order)
    np.testing.assert_allclose(fluctuations(x, scales=IHLEN, moment=q, order=order, backward=backward)[1], f, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_mfdfa(order):
    x, q = bursts(3003, 14), np.array([q for q in EVEN if q])
    lag, f = peer("MFDFA").MFDFA(x, lag=IHLEN, q=q, order=order)
    np.testing.assert_array_equal(lag, IHLEN)
    np.testing.assert_allclose(fluctuations(x, scales=IHLEN, moment=q, order=order, backward=True)[1], f.T, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_neurokit2(order):
    x, q = 1 + bursts(1500, 15), [-5.0, -3.0, -1.0, 1.0, 3.0, 5.0]
    sizes = IHLEN[:15]
    _, info = peer("neurokit2").fractal_dfa(x, scale=sizes, overlap=False, order=order, multifractal=True, q=q)
    np.testing.assert_allclose(fluctuations(x, scales=sizes, moment=q, order=order)[1], info["Fluctuations"].T, rtol=1e-9)
