"""`dfa` on every array library: what it returns, what it refuses, and what it says of input without an exponent."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from array_api_extra.testing import lazy_xp_function

import wcdfa
from tests.conftest import require
from wcdfa import DFAWarning, dfa, synthetic
from wcdfa.inference.exponent import CONSTANT, REASONS, ROUNDING, measure

lazy_xp_function(dfa)
lazy_xp_function(measure)

WHITE = synthetic.white_noise(500, seed=3)
# a folder of calibrations is kept between runs, but the first run computes them: 128, 256 and 500 samples ship for orders 1 to 3
each_method = pytest.mark.parametrize("method", ["robust", "gls", "ols"])
BATCH_PARTS = ("alpha", "stderr", "low", "high", "r_squared", "adequacy", "saturated")


def line(sizes, values):
    """Slope and R² by NumPy's own fit."""
    log_s, log_f = np.log(sizes), np.log(values)
    slope, intercept = np.polyfit(log_s, log_f, 1)
    residual = log_f - slope * log_s - intercept
    return slope, 1 - np.sum(residual**2) / np.sum((log_f - log_f.mean()) ** 2)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_alpha_of_ols_is_the_slope_of_log_f(xp, array, order):
    result = dfa(array(WHITE), order=order, method="ols")
    slope, r_squared = line(np.asarray(result.scales), np.asarray(result.fluctuations))
    np.testing.assert_allclose(float(result.alpha), slope, rtol=1e-12)
    np.testing.assert_allclose(float(result.r_squared), r_squared, rtol=1e-11)


@pytest.mark.parametrize("method", ["robust", "gls"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_calibrated_alpha_is_the_same_in_every_library(xp, array, method, order):
    """That NumPy's is right is for test_exponent.py to say."""
    x = WHITE[:128]
    result, expected = dfa(array(x), order=order, method=method), wcdfa.inference.exponent.dfa(x, order=order, method=method)
    for name in BATCH_PARTS:
        np.testing.assert_allclose(float(getattr(result, name)), getattr(expected, name), rtol=1e-9, err_msg=name)
    assert result.low < result.alpha < result.high
    assert 0 <= result.adequacy <= 1
    np.testing.assert_allclose(np.asarray(result.fluctuations), expected.fluctuations, rtol=1e-12)
    _, r_squared = line(np.asarray(result.scales), np.asarray(result.fluctuations))
    np.testing.assert_allclose(float(result.r_squared), r_squared, rtol=1e-11)


def test_robust_is_the_default():
    assert dfa(WHITE).alpha == dfa(WHITE, method="robust").alpha != dfa(WHITE, method="gls").alpha


@each_method
def test_result_stays_in_the_library_and_keeps_the_batch_shape(xp, array, method):
    x = synthetic.white_noise(128, batch=(2, 3), seed=0)
    result = dfa(array(x), axis=-1, method=method)
    kind = type(array(WHITE))
    assert all(isinstance(part, kind) for part in result)
    assert all(getattr(result, name).shape == (2, 3) for name in BATCH_PARTS)
    assert all(getattr(result, name).dtype == xp.float64 for name in BATCH_PARTS if name != "saturated")
    assert result.saturated.dtype == xp.bool
    assert xp.isdtype(result.scales.dtype, "integral")
    assert result.fluctuations.shape == (2, 3, result.scales.shape[0])
    assert xp.all(result.low < result.high)
    assert xp.all(result.stderr > 0)
    assert not xp.any(result.saturated)
    one = dfa(array(WHITE), method=method)
    assert all(getattr(one, name).shape == () for name in BATCH_PARTS)
    singles = [[wcdfa.inference.exponent.dfa(row, method=method) for row in rows] for rows in x]
    for axis in (0, 1):
        moved = dfa(array(np.moveaxis(x, -1, axis)), axis=axis, method=method)
        for name in BATCH_PARTS:
            expected = np.array([[getattr(single, name) for single in row] for row in singles])
            for found in (result, moved):
                np.testing.assert_allclose(np.asarray(getattr(found, name)).astype(float), expected, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize(("generate", "alpha"), [("white_noise", 0.5), ("pink", 1.0), ("random_walk", 1.5)])
def test_theory(generate, alpha):
    """Mean α of 100 series of 10,000 on sizes 16 … n/4 is within 0.02 of theory; its standard error is below 0.005."""
    n = 10_000
    x = (
        synthetic.arfima(n, d=0.5, batch=(100,), seed=1)
        if generate == "pink"
        else getattr(synthetic, generate)(n, batch=(100,), seed=1)
    )
    found = dfa(x, scales=wcdfa.scales.dyadic(16, n // 4), method="ols").alpha
    assert found.std() / 10 < 0.005
    assert abs(found.mean() - alpha) < 0.02
    for method in ("robust", "gls"):
        found = dfa(x[:, :2500], method=method).alpha
        assert found.std() / 10 < 0.005
        assert abs(found.mean() - alpha) < 0.02


@each_method
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_integers_become_the_default_float(xp, array, dtype, method):
    counts = np.random.default_rng(0).integers(0, 200, 256)
    result = dfa(array(counts, dtype), method=method)
    np.testing.assert_allclose(float(result.alpha), dfa(counts.astype(float), method=method).alpha, rtol=1e-5)


@each_method
def test_half_precision_is_computed_in_float32(method):
    jnp, torch = require("jax.numpy"), require("torch")
    x16 = WHITE.astype(np.float16)
    expected = dfa(x16.astype(np.float32), method=method)
    for x in (x16, jnp.asarray(x16), torch.asarray(x16)):
        result = dfa(x, method=method)
        assert str(result.alpha.dtype).endswith("float32")
        np.testing.assert_allclose(float(result.alpha), expected.alpha, rtol=1e-5)
    for x in (jnp.asarray(WHITE, dtype=jnp.bfloat16), torch.asarray(WHITE).to(torch.bfloat16)):
        assert abs(float(dfa(x, method=method).alpha) - float(dfa(WHITE, method=method).alpha)) < 0.01
        assert str(dfa(x, method=method).fluctuations.dtype).endswith("float32")


def test_anything_that_converts_is_taken_as_numpy():
    pandas, polars, tensorflow = require("pandas"), require("polars"), require("tensorflow")

    class OnlyDLPack:
        def __dlpack__(self, **options):
            return WHITE.copy().__dlpack__(**options)

        def __dlpack_device__(self):
            return WHITE.__dlpack_device__()

    expected = dfa(WHITE).alpha
    for x in (
        WHITE.tolist(),
        tuple(WHITE),
        pandas.Series(WHITE),
        polars.Series(WHITE),
        tensorflow.constant(WHITE),
        tensorflow.Variable(WHITE),
        memoryview(WHITE),
        OnlyDLPack(),
    ):
        result = dfa(x)
        assert isinstance(result.fluctuations, np.ndarray)
        assert result.alpha == expected
    assert dfa(WHITE.astype(np.longdouble)).alpha == expected


@each_method
def test_float32_loses_nothing_that_matters(xp, array, method):
    """α within 1e-4 of that of the same numbers in float64, with an offset of 1,000 steps on a random walk too."""
    for x in (WHITE, np.cumsum(WHITE), np.cumsum(WHITE) + 1e3):
        single = x.astype(np.float32)
        result, expected = dfa(array(single), method=method), wcdfa.inference.exponent.dfa(single.astype(float), method=method)
        assert all("float32" in str(getattr(result, name).dtype) for name in (*BATCH_PARTS[:-1], "fluctuations"))
        for name in ("alpha", "stderr", "low", "high"):
            assert abs(float(getattr(result, name)) - getattr(expected, name)) < 1e-4, name
        assert abs(float(result.adequacy) - expected.adequacy) < 1e-3


@each_method
def test_any_magnitude(xp, array, method):
    expected = wcdfa.inference.exponent.dfa(WHITE, method=method)
    for factor in (1e-300, 1e-150, -1.0, 1e150, 1e300):
        result = dfa(array(WHITE * factor), method=method)
        for name in BATCH_PARTS:
            np.testing.assert_allclose(float(getattr(result, name)), getattr(expected, name), rtol=1e-9, err_msg=name)


@pytest.mark.slow
@each_method
def test_jit_vmap_and_grad(method):
    jax, jnp = require("jax"), require("jax.numpy")
    jax.config.update("jax_enable_x64", True)
    alpha = lambda v, **options: wcdfa.inference.exponent.dfa(v, method=method, **options).alpha
    x = jnp.asarray(synthetic.arfima(256, d=0.3, batch=(4,), seed=0))
    expected = np.asarray(alpha(np.asarray(x)))
    result = jax.jit(lambda v: wcdfa.inference.exponent.dfa(v, method=method))(x)
    np.testing.assert_allclose(result.alpha, expected, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(alpha)(x), expected, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(lambda v: alpha(v, order=2), in_axes=1)(x.T), alpha(x, order=2))
    slopes = jax.jit(jax.grad(alpha))
    gradient = slopes(x[0])
    step = 1e-6
    for i in (0, 7, 150, 255):
        up, down = (np.asarray(x[0]) + sign * step * (np.arange(256) == i) for sign in (1, -1))
        numeric = (alpha(up) - alpha(down)) / (2 * step)
        np.testing.assert_allclose(gradient[i], numeric, atol=1e-8)
    assert isinstance(result, wcdfa.DFAResult)
    eager = wcdfa.inference.exponent.dfa(np.asarray(x), method=method)
    for found, wanted in zip(result, eager, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert np.all(np.isfinite(slopes(jnp.asarray(np.r_[x[0, :156], np.zeros(100)]))))


@each_method
def test_gradient_in_torch(method):
    torch = require("torch")
    x = torch.asarray(WHITE).requires_grad_()
    dfa(x, method=method).alpha.backward()
    jax, jnp = require("jax"), require("jax.numpy")
    jax.config.update("jax_enable_x64", True)
    expected = jax.jit(jax.grad(lambda v: wcdfa.inference.exponent.dfa(v, method=method).alpha))(jnp.asarray(WHITE))
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-8, atol=1e-14)


def test_on_a_torch_gpu():
    torch = require("torch")
    if not torch.cuda.is_available():
        assert dfa(torch.asarray(WHITE, device="cpu")).alpha.device.type == "cpu"
        return
    result = dfa(torch.asarray(WHITE, device="cuda"))
    assert {part.device.type for part in result} == {"cuda"}
    np.testing.assert_allclose(float(result.alpha), dfa(WHITE).alpha, rtol=1e-10)


def test_jax_as_it_comes_is_float32():
    """Without x64, in a process of its own; strict promotion would refuse any silent float64."""
    program = """
        import warnings; warnings.simplefilter("error")
        import jax, numpy as np, wcdfa
        jax.config.update("jax_numpy_dtype_promotion", "strict")
        white = wcdfa.synthetic.white_noise(256, seed=0)
        walk = np.cumsum(white) + 1000
        for method in ("robust", "gls", "ols"):
            alpha = lambda v, **options: wcdfa.dfa(v, method=method, **options).alpha
            assert np.isfinite(jax.jit(jax.grad(alpha))(jax.numpy.asarray(white))).all()
            split = jax.jit(lambda v: alpha(v, breaks=[128]))(walk.astype(np.float32))
            assert split.dtype == np.float32
            assert abs(float(split) - alpha(walk, breaks=[128])) < 1e-4
            compiled = jax.jit(lambda v: wcdfa.dfa(v, method=method))
            for x, tolerance in (white, 2e-6), (walk, 1e-4):
                result = compiled(x.astype(np.float32))
                eager = wcdfa.dfa(jax.numpy.asarray(x), method=method)
                assert result.alpha.dtype == eager.alpha.dtype == np.float32, result.alpha.dtype
                assert abs(float(result.alpha) - alpha(x)) < tolerance, (method, result.alpha, alpha(x))
                assert abs(float(eager.alpha) - alpha(x)) < tolerance
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                assert np.isnan(alpha(jax.numpy.full(128, 2.5)))
            assert [w.category for w in caught] == [wcdfa.DFAWarning], [str(w.message) for w in caught]
        print("float32")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.stdout == "float32\n", done.stderr


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_ramp_reaches_the_ceiling_and_no_more(order):
    assert abs(dfa(np.arange(1000.0), method="ols").alpha - 2.0) < 0.05
    x = np.cumsum(np.cumsum(np.cumsum(np.cumsum(np.cumsum(synthetic.white_noise(512, seed=0))))))
    assert order + 0.8 < dfa(x, order=order, scales=wcdfa.scales.dyadic(16, 128), method="ols").alpha < order + 1.1


@pytest.mark.parametrize("method", ["robust", "gls"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_calibrated_alpha_of_a_trend_is_the_ceiling_of_the_table(xp, array, method, order):
    trend = np.linspace(1, 2, 128) ** 6
    result = dfa(array(trend), order=order, method=method)
    assert abs(float(result.alpha) - (order + 0.95)) < 1e-12
    assert bool(result.saturated)
    assert float(result.low) <= float(result.alpha)
    assert not bool(dfa(array(WHITE[:128]), order=order, method=method).saturated)


CONSTANTS = [3.7, 0.0, 0.1, 1e6 / 3, -1e-300, 1e200]


@each_method
@pytest.mark.parametrize("value", CONSTANTS)
def test_a_constant_has_no_exponent(xp, array, value, method):
    x = array(np.full(128, value))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = dfa(x, method=method)
    assert all(np.isnan(float(getattr(result, name))) for name in BATCH_PARTS if name != "saturated")
    assert not bool(result.saturated)
    if not caught:  # under tracing the value is unknown
        assert "jax" in type(x).__module__
    else:
        assert [w.category for w in caught] == [DFAWarning]
        assert "the series is constant" in str(caught[0].message)


def polynomial(degree, n):
    return np.polynomial.Polynomial([0.3, 0.1, -0.7, 0.013][: degree + 1])(np.linspace(-1, 2, n))


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("n", [100, 500, 1000, 100_000])
def test_a_polynomial_that_detrending_removes_has_no_exponent(degree, n):
    x = polynomial(degree, n)
    assert np.isfinite(dfa(x, order=degree, method="ols").alpha)
    with pytest.warns(DFAWarning, match="rounding error"):
        assert np.isnan(dfa(x, order=degree + 1, method="ols").alpha)


@pytest.mark.parametrize("method", ["robust", "gls"])
@pytest.mark.parametrize(("degree", "n"), [(1, 128), (2, 128), (3, 128), (1, 500), (2, 500), (1, 2048), (2, 2048)])
def test_a_polynomial_that_detrending_removes_has_no_calibrated_exponent(degree, n, method):
    """Low and high sizes differ in rounding: one size at the floor is enough."""
    x = polynomial(degree, n)
    assert dfa(x, order=degree, method=method).saturated
    with pytest.warns(DFAWarning, match="rounding error"):
        result = dfa(x, order=degree + 1, method=method)
    assert all(np.isnan(getattr(result, name)) for name in BATCH_PARTS if name != "saturated")


@each_method
def test_one_constant_series_does_not_spoil_the_batch(method):
    x = synthetic.white_noise(128, batch=(3,), seed=0)
    expected = dfa(x, method=method)
    x[1] = 2.5
    with pytest.warns(DFAWarning, match="NaN for 1 of 3 series: the series is constant"):
        found = dfa(x, method=method)
    for name in BATCH_PARTS[:-1]:
        np.testing.assert_array_equal(getattr(found, name), np.where([True, False, True], getattr(expected, name), np.nan))


@each_method
def test_nan_in_gives_nan_out_under_jit(method):
    jax, jnp = require("jax"), require("jax.numpy")
    compiled = jax.jit(lambda v: wcdfa.inference.exponent.dfa(v, method=method))
    for place in (0, 250, 499):
        for bad in (np.nan, np.inf):
            x = WHITE.copy()
            x[place] = bad
            result = compiled(jnp.asarray(x))
            assert all(np.isnan(getattr(result, name)) for name in BATCH_PARTS if name != "saturated")


@each_method
def test_empty_batch(xp, array, method):
    result = dfa(array(np.zeros((0, 128))), method=method)
    assert all(getattr(result, name).shape == (0,) for name in BATCH_PARTS)
    assert result.fluctuations.shape == (0, result.scales.shape[0])


@each_method
def test_input_is_never_changed(xp, array, method):
    x = array(WHITE.copy())
    dfa(x, method=method)
    dfa(x, method=method, breaks=[250])
    np.testing.assert_array_equal(np.asarray(x), WHITE)


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        ([], {}, ValueError, r"the series is empty \(shape \(0,\)"),
        (np.zeros((3, 0)), {}, ValueError, "the series is empty"),
        (WHITE[:15], {}, ValueError, "the series has 15 samples; the default box sizes of order 1 need at least 16"),
        (WHITE[:23], {"order": 2}, ValueError, "23 samples.*order 2 need at least 24"),
        (WHITE[:31], {"order": 4, "method": "gls"}, ValueError, "31 samples.*order 4 need at least 32"),
        (WHITE[:27], {"method": "ols"}, ValueError, "the series has 27 samples; the default box sizes of order 1 need at least 28"),
        (WHITE[:39], {"order": 2, "method": "ols"}, ValueError, "39 samples.*order 2 need at least 40"),
        (WHITE[:10], {"scales": [4, 11]}, ValueError, "box size 11 is above the length of the series, 10 samples"),
        (
            np.where(np.arange(500) == 7, np.nan, WHITE),
            {},
            ValueError,
            r"1 value\(s\) that are not finite, the first is nan at index 7",
        ),
        (np.where(np.arange(500) > 8, -np.inf, WHITE), {}, ValueError, r"491 value\(s\).*the first is -inf at index 9"),
        (np.where(np.eye(60) > 0, np.nan, 1.0), {}, ValueError, r"first is nan at index \(0, 0\)"),
        (WHITE + 0j, {}, TypeError, "dtype complex128; dfa needs real numbers: take abs"),
        (WHITE.astype(object), {}, TypeError, "dtype object; dfa needs real numbers"),
        (WHITE > 0, {}, TypeError, "dtype bool"),
        (np.array(["a"] * 60), {}, TypeError, "dtype <U1"),
        ([[1.0, 2.0], [3.0]], {}, TypeError, "cannot be read as an array of numbers"),
        (np.float64(3.0), {}, ValueError, r"x is a single value \(0-d"),
        (3.0, {}, ValueError, r"x is a single value \(0-d"),
        (np.array(3.0), {}, ValueError, r"x is a single value \(0-d"),
        (WHITE, {"axis": 1}, IndexError, "axis 1 is out of bounds for an array of dimension 1"),
        (WHITE, {"order": 0}, ValueError, "order must be 1, 2, 3 or 4, got 0"),
        (WHITE, {"order": 5}, ValueError, "got 5"),
        (WHITE, {"order": 1.5}, TypeError, r"order must be an integer from 1 to 4, got 1\.5 \(float\)"),
        (WHITE, {"scales": [2, 8]}, ValueError, "box size 2 is below 3, the smallest that order 1 leaves a residual on"),
        (WHITE, {"scales": [4, 8], "order": 3}, ValueError, "box size 4 is below 5"),
        (WHITE, {"scales": [4, 501]}, ValueError, "box size 501 is above the length of the series, 500 samples"),
        (WHITE, {"scales": [8, 4]}, ValueError, "scales must increase strictly, but 4 comes after 8"),
        (WHITE, {"scales": [4, 4]}, ValueError, "4 is repeated"),
        (WHITE, {"scales": [4.5, 8]}, TypeError, r"box sizes must be plain integers.*got 4\.5"),
        (WHITE, {"scales": ["4", 8]}, TypeError, "got '4'"),
        (WHITE, {"scales": []}, ValueError, "scales is empty"),
        (WHITE, {"scales": 8}, TypeError, "scales must be a sequence of plain integers"),
        (WHITE, {"scales": [8]}, ValueError, "a line needs at least two box sizes"),
        (WHITE, {"method": "magic"}, ValueError, "method must be one of 'robust', 'gls', 'ols', got 'magic'"),
        (WHITE, {"confidence": 0}, ValueError, "confidence must be between 0 and 1, got 0"),
        (WHITE, {"confidence": 1.0}, ValueError, r"confidence must be between 0 and 1, got 1\.0"),
        (WHITE, {"breaks": [0]}, ValueError, r"breaks must increase strictly from 1 to 499 .*500 samples\), got \(0,\)"),
        (WHITE, {"breaks": [500]}, ValueError, r"got \(500,\)"),
        (WHITE, {"breaks": [100, 100]}, ValueError, r"got \(100, 100\)"),
        (WHITE, {"breaks": [1.5]}, TypeError, r"breaks must be plain integers, known before tracing; got 1\.5"),
        (WHITE, {"breaks": 5}, TypeError, "breaks must be a sequence of plain integers"),
        (WHITE, {"breaks": range(10, 500, 10)}, ValueError, "the longest has 10 samples; the default box sizes"),
        (WHITE, {"breaks": [250], "scales": [4, 300]}, ValueError, "box size 300 is above the length of the series, 250 samples"),
        (WHITE, {"confidence": 95}, ValueError, "confidence must be between 0 and 1, got 95"),
    ],
)
def test_bad_input(x, options, error, message):
    with pytest.raises(error, match=message):
        wcdfa.inference.exponent.dfa(x, **options)


@each_method
@pytest.mark.parametrize(("order", "least"), [(1, 16), (2, 24), (3, 32), (4, 32)])
def test_the_shortest_series(method, order, least):
    least = {"robust": least, "gls": least, "ols": {1: 28, 2: 40, 3: 56, 4: 64}[order]}[method]
    result = dfa(WHITE[:least], order=order, method=method)
    assert np.isfinite(result.alpha)
    assert result.low < result.high
    assert len(result.scales) == 4
    with pytest.raises(ValueError, match=f"need at least {least}"):
        dfa(WHITE[: least - 1], order=order, method=method)


SIZES = {
    "two": [4, 8],
    "two, the first of the default": [3, 4],
    "odd": [5, 7, 11, 21, 33],
    "spaced evenly": list(wcdfa.scales.logarithmic(4, 60, 9)),
    "up to all of it": [4, 16, 128],
    "some of the default": [8, 16, 32, 64],
}


@each_method
@pytest.mark.parametrize("name", SIZES)
def test_any_sizes_are_calibrated(name, method):
    """Of 300 white-noise series the median α is 1/2 within 0.02 and five standard errors, and nine of ten intervals hold it."""
    sizes = SIZES[name]
    x = synthetic.white_noise(128, batch=(300,), seed=8)
    result = dfa(x, scales=sizes, method=method, confidence=0.9)
    alpha, low, high = result.alpha, result.low, result.high
    np.testing.assert_array_equal(result.scales, sizes)
    assert np.all(low <= high)
    # 2.9 standard errors of 0.017 below, 3.5 above; "robust" on few sizes is wide for the short memory that is not there
    assert 0.85 < np.mean((low <= 0.5) & (high >= 0.5)) <= (1.0 if method == "robust" else 0.96)
    if method != "ols":
        assert np.all((low <= alpha) & (alpha <= high))
        # two neighbouring sizes leave α at an end of the table now and then, on either side
        assert abs(np.median(alpha) - 0.5) < 0.02 + 5 * 1.25 * alpha.std() / np.sqrt(300)
    np.testing.assert_array_equal(np.isnan(result.adequacy), len(sizes) == 2)


@each_method
@pytest.mark.parametrize("name", ["two", "odd"])
def test_any_sizes_in_every_library(xp, array, name, method):
    result, expected = (
        f(x, scales=SIZES[name], method=method) for f, x in ((dfa, array(WHITE)), (wcdfa.inference.exponent.dfa, WHITE))
    )
    for part in BATCH_PARTS:
        np.testing.assert_allclose(float(getattr(result, part)), getattr(expected, part), rtol=1e-9, err_msg=part)


def test_sizes_may_be_an_integer_array_or_whole_floats(xp, array):
    expected = wcdfa.inference.exponent.dfa(WHITE, scales=[4, 8, 16]).alpha
    for sizes in (np.array([4, 8, 16]), np.array([4.0, 8.0, 16.0]), (s for s in (4, 8, 16)), array(np.array([4, 8, 16]))):
        assert wcdfa.inference.exponent.dfa(WHITE, scales=sizes).alpha == expected


def test_a_traced_size_is_refused_clearly():
    jax, jnp = require("jax"), require("jax.numpy")
    with pytest.raises(TypeError, match="known before tracing"):
        jax.jit(lambda x, s: wcdfa.inference.exponent.dfa(x, scales=s).alpha)(jnp.asarray(WHITE), jnp.asarray([4, 8]))


def test_the_reason_is_a_value_of_the_result(xp, array):
    result = measure(array(np.stack([np.ones(128), WHITE[:128], np.arange(128.0)])), order=2)
    assert [int(each) for each in result.cause] == [CONSTANT, 0, ROUNDING]
    assert result.reason == REASONS[ROUNDING]
    assert result.at(0).reason == REASONS[CONSTANT]
    assert result.at(1).reason is None
