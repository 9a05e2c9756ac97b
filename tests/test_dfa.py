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

lazy_xp_function(dfa)

WHITE = synthetic.white_noise(500, seed=3)


def line(sizes, values):
    """Slope and R² by NumPy's own fit."""
    log_s, log_f = np.log(sizes), np.log(values)
    slope, intercept = np.polyfit(log_s, log_f, 1)
    residual = log_f - slope * log_s - intercept
    return slope, 1 - np.sum(residual**2) / np.sum((log_f - log_f.mean()) ** 2)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_alpha_is_the_slope_of_log_f(xp, array, order):
    result = dfa(array(WHITE), order=order)
    slope, r_squared = line(np.asarray(result.scales), np.asarray(result.fluctuations))
    np.testing.assert_allclose(float(result.alpha), slope, rtol=1e-12)
    np.testing.assert_allclose(float(result.r_squared), r_squared, rtol=1e-11)


def test_result_stays_in_the_library_and_keeps_the_batch_shape(xp, array):
    result = dfa(array(synthetic.white_noise(200, batch=(2, 3), seed=0)), axis=-1)
    kind = type(array(WHITE))
    assert all(isinstance(part, kind) for part in result)
    assert all(getattr(result, name).shape == (2, 3) for name in ("alpha", "stderr", "low", "high", "r_squared", "adequacy"))
    assert result.fluctuations.shape == (2, 3, result.scales.shape[0])
    assert xp.all(xp.isnan(result.stderr))
    assert xp.all(xp.isnan(result.low) & xp.isnan(result.high) & xp.isnan(result.adequacy))
    one = dfa(array(WHITE))
    assert one.alpha.shape == ()


@pytest.mark.parametrize(("generate", "alpha"), [("white_noise", 0.5), ("pink", 1.0), ("random_walk", 1.5)])
def test_theory(generate, alpha):
    """Mean α of 100 series of 10,000 on sizes 16 … n/4 is within 0.02 of theory; its standard error is below 0.005."""
    n = 10_000
    x = (
        synthetic.arfima(n, d=0.5, batch=(100,), seed=1)
        if generate == "pink"
        else getattr(synthetic, generate)(n, batch=(100,), seed=1)
    )
    found = dfa(x, scales=wcdfa.scales.dyadic(16, n // 4)).alpha
    assert found.std() / 10 < 0.005
    assert abs(found.mean() - alpha) < 0.02


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_integers_become_the_default_float(xp, array, dtype):
    counts = np.random.default_rng(0).integers(0, 200, 300)
    result = dfa(array(counts, dtype))
    np.testing.assert_allclose(float(result.alpha), dfa(counts.astype(float)).alpha, rtol=1e-5)


def test_half_precision_is_computed_in_float32():
    jnp, torch = require("jax.numpy"), require("torch")
    x16 = WHITE.astype(np.float16)
    expected = dfa(x16.astype(np.float32))
    for x in (x16, jnp.asarray(x16), torch.asarray(x16)):
        result = dfa(x)
        assert str(result.alpha.dtype).endswith("float32")
        np.testing.assert_allclose(float(result.alpha), expected.alpha, rtol=1e-5)
    for x in (jnp.asarray(WHITE, dtype=jnp.bfloat16), torch.asarray(WHITE).to(torch.bfloat16)):
        assert abs(float(dfa(x).alpha) - float(dfa(WHITE).alpha)) < 0.01
        assert str(dfa(x).fluctuations.dtype).endswith("float32")


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


def test_jit_vmap_and_grad():
    jax, jnp = require("jax"), require("jax.numpy")
    jax.config.update("jax_enable_x64", True)
    x = jnp.asarray(synthetic.arfima(300, d=0.3, batch=(4,), seed=0))
    expected = np.asarray(wcdfa.core.dfa(np.asarray(x)).alpha)
    np.testing.assert_allclose(jax.jit(lambda v: wcdfa.core.dfa(v).alpha)(x), expected, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(lambda v: wcdfa.core.dfa(v).alpha)(x), expected, rtol=1e-12)
    np.testing.assert_allclose(
        jax.vmap(lambda v: wcdfa.core.dfa(v, order=2).alpha, in_axes=1)(x.T), wcdfa.core.dfa(x, order=2).alpha
    )
    gradient = jax.grad(lambda v: wcdfa.core.dfa(v).alpha)(x[0])
    step = 1e-6
    for i in (0, 7, 150, 299):
        up, down = (np.asarray(x[0]) + sign * step * (np.arange(300) == i) for sign in (1, -1))
        numeric = (wcdfa.core.dfa(up).alpha - wcdfa.core.dfa(down).alpha) / (2 * step)
        np.testing.assert_allclose(gradient[i], numeric, atol=1e-8)
    result = jax.jit(wcdfa.core.dfa)(x)
    assert isinstance(result, wcdfa.DFAResult)
    assert np.all(np.isfinite(jax.grad(lambda v: wcdfa.core.dfa(v).alpha)(jnp.asarray(np.r_[x[0, :200], np.zeros(100)]))))


def test_gradient_in_torch():
    torch = require("torch")
    x = torch.asarray(WHITE).requires_grad_()
    dfa(x).alpha.backward()
    jax, jnp = require("jax"), require("jax.numpy")
    jax.config.update("jax_enable_x64", True)
    np.testing.assert_allclose(
        x.grad.numpy(), jax.grad(lambda v: wcdfa.core.dfa(v).alpha)(jnp.asarray(WHITE)), rtol=1e-8, atol=1e-14
    )


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
        x = wcdfa.synthetic.white_noise(2000, seed=0)
        result = jax.jit(wcdfa.dfa)(x.astype(np.float32))
        eager = wcdfa.dfa(jax.numpy.asarray(x))
        assert result.alpha.dtype == eager.alpha.dtype == np.float32, result.alpha.dtype
        assert abs(float(result.alpha) - wcdfa.dfa(x).alpha) < 2e-6, result.alpha
        assert abs(float(eager.alpha) - wcdfa.dfa(x).alpha) < 2e-6
        assert np.isfinite(jax.grad(lambda v: wcdfa.dfa(v).alpha)(jax.numpy.asarray(x))).all()
        print("float32")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.stdout == "float32\n", done.stderr


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_ramp_reaches_the_ceiling_and_no_more(order):
    assert abs(dfa(np.arange(1000.0)).alpha - 2.0) < 0.05
    x = np.cumsum(np.cumsum(np.cumsum(np.cumsum(np.cumsum(synthetic.white_noise(4000, seed=0))))))
    assert order + 0.8 < dfa(x, order=order, scales=wcdfa.scales.dyadic(32, 1000)).alpha < order + 1.1


CONSTANTS = [3.7, 0.0, 0.1, 1e6 / 3, -1e-300, 1e200]


@pytest.mark.parametrize("value", CONSTANTS)
def test_a_constant_has_no_exponent(xp, array, value):
    x = array(np.full(100, value))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = dfa(x)
    assert np.isnan(float(result.alpha))
    assert np.isnan(float(result.r_squared))
    if not caught:  # under tracing the value is unknown
        assert "jax" in type(x).__module__
    else:
        assert [w.category for w in caught] == [DFAWarning]
        assert "the series is constant" in str(caught[0].message)


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("n", [100, 500, 4000, 100_000])
def test_a_polynomial_that_detrending_removes_has_no_exponent(degree, n):
    x = np.polynomial.Polynomial([0.3, 0.1, -0.7, 0.013][: degree + 1])(np.linspace(-1, 2, n))
    assert np.isfinite(dfa(x, order=degree).alpha)
    with pytest.warns(DFAWarning, match="rounding error"):
        assert np.isnan(dfa(x, order=degree + 1).alpha)


def test_one_constant_series_does_not_spoil_the_batch():
    x = synthetic.white_noise(100, batch=(3,), seed=0)
    expected = dfa(x).alpha
    x[1] = 2.5
    with pytest.warns(DFAWarning, match="NaN for 1 of 3 series: the series is constant"):
        found = dfa(x).alpha
    np.testing.assert_array_equal(found, np.where([True, False, True], expected, np.nan))


def test_nan_in_gives_nan_out_under_jit():
    jax, jnp = require("jax"), require("jax.numpy")
    for place in (0, 250, 499):
        for bad in (np.nan, np.inf):
            x = WHITE.copy()
            x[place] = bad
            assert np.isnan(jax.jit(wcdfa.core.dfa)(jnp.asarray(x)).alpha)


def test_empty_batch(xp, array):
    assert dfa(array(np.zeros((0, 100)))).alpha.shape == (0,)


def test_input_is_never_changed(xp, array):
    x = array(WHITE.copy())
    dfa(x)
    np.testing.assert_array_equal(np.asarray(x), WHITE)


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        ([], {}, ValueError, r"the series is empty \(shape \(0,\)"),
        (np.zeros((3, 0)), {}, ValueError, "the series is empty"),
        (WHITE[:27], {}, ValueError, "the series has 27 samples; the default box sizes of order 1 need at least 28"),
        (WHITE[:39], {"order": 2}, ValueError, "39 samples.*order 2 need at least 40"),
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
        (np.ma.masked_less(WHITE, 0), {}, TypeError, "masked array"),
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
        (WHITE, {"method": "magic"}, ValueError, "method must be one of 'ols', got 'magic'"),
        (WHITE, {"confidence": 95}, ValueError, "confidence must be between 0 and 1, got 95"),
    ],
)
def test_bad_input(x, options, error, message):
    with pytest.raises(error, match=message):
        wcdfa.core.dfa(x, **options)


def test_sizes_may_be_an_integer_array_or_whole_floats(xp, array):
    expected = wcdfa.core.dfa(WHITE, scales=[4, 8, 16]).alpha
    for sizes in (np.array([4, 8, 16]), np.array([4.0, 8.0, 16.0]), (s for s in (4, 8, 16)), array(np.array([4, 8, 16]))):
        assert wcdfa.core.dfa(WHITE, scales=sizes).alpha == expected


def test_a_traced_size_is_refused_clearly():
    jax, jnp = require("jax"), require("jax.numpy")
    with pytest.raises(TypeError, match="known before tracing"):
        jax.jit(lambda x, s: wcdfa.core.dfa(x, scales=s).alpha)(jnp.asarray(WHITE), jnp.asarray([4, 8]))
