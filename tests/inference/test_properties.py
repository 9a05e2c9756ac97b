"""What must hold for any series, on every array library."""

from __future__ import annotations

import hypothesis
import hypothesis.extra.numpy as arrays
import numpy as np
from array_api_extra.testing import lazy_xp_function
from hypothesis import strategies as st

import wcdfa
from wcdfa import fluctuations

lazy_xp_function(fluctuations)

settings = hypothesis.settings(
    max_examples=25,
    deadline=None,  # the first call compiles
    # the fixtures hold a namespace and a converter, which no example changes
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
# whole numbers times 2^-10: sums are exact enough that F = 0 and F > 0 are told apart
values = arrays.arrays(np.float64, st.integers(60, 200), elements=st.integers(-(2**20), 2**20).map(lambda k: k / 1024))
orders = st.integers(1, 4)
SIZES = (6, 7, 12, 14, 24, 28, 33, 60)


def few_lengths(xp, x):
    """JAX compiles for each length: there it gets 60 or 131 samples; the others get any number."""
    return np.resize(x, 131 if len(x) > 130 else 60) if "jax" in xp.__name__ else x


def close(a, b, scale):
    """Equal to rounding, where rounding is that of values as large as `scale`."""
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-8, atol=1e-11 * scale)


@settings
@hypothesis.given(x=values, order=orders, exponent=st.integers(-40, 40), sign=st.sampled_from([1.0, -1.0]))
def test_scaling(xp, array, x, order, exponent, sign):
    x = few_lengths(xp, x)
    factor = sign * 2.0**exponent
    _, f = fluctuations(array(x), scales=SIZES, order=order)
    _, scaled = fluctuations(array(x * factor), scales=SIZES, order=order)
    close(np.asarray(scaled) / abs(factor), f, np.abs(x).max())


@settings
@hypothesis.given(x=values, order=orders, shift=st.integers(-(2**20), 2**20))
def test_shifting(xp, array, x, order, shift):
    x = few_lengths(xp, x)
    _, f = fluctuations(array(x), scales=SIZES, order=order)
    _, shifted = fluctuations(array(x + shift), scales=SIZES, order=order)
    close(shifted, f, np.abs(x).max() + abs(shift))


@settings
@hypothesis.given(x=values, order=orders)
def test_reversal(xp, array, x, order):
    """Boxes laid from both ends are their own mirror image.

    Detrending removes the level of the profile, and with it the first sample of each box: the mirror image of x[0], x[1] … x[n-1]
    is x[0], x[n-1] … x[1].
    """
    x = few_lengths(xp, x)
    _, f = fluctuations(array(x), scales=SIZES, order=order, backward=True)
    _, mirrored = fluctuations(array(np.roll(x[::-1], 1)), scales=SIZES, order=order, backward=True)
    close(mirrored, f, np.abs(x).max())


@settings
@hypothesis.given(x=values, order=orders)
def test_a_trend_that_the_order_removes_changes_nothing(xp, array, x, order):
    x = few_lengths(xp, x)
    trend = np.linspace(-1, 1, len(x)) ** (order - 1) * 100
    _, f = fluctuations(array(x), scales=SIZES, order=order)
    _, with_trend = fluctuations(array(x + trend), scales=SIZES, order=order)
    close(with_trend, f, np.abs(x).max() + 100)


@settings
@hypothesis.given(x=values, order=orders)
def test_batch_equals_loop_and_library_equals_library(xp, array, x, order):
    x = few_lengths(xp, x)
    rows = np.stack([x, x[::-1], np.roll(x, 5)])
    _, batched = fluctuations(array(rows), scales=SIZES, order=order)
    _, reference = wcdfa.kernel.fluctuation.fluctuations(rows, scales=SIZES, order=order)
    one_by_one = [np.asarray(fluctuations(array(row), scales=SIZES, order=order)[1]) for row in rows]
    close(batched, np.stack(one_by_one), np.abs(x).max())
    close(batched, reference, np.abs(x).max())


@settings
@hypothesis.given(x=values, order=orders)
def test_both_paths_agree(x, order):
    """Sizes that double are merged; asking for their backward boxes too, on a series they tile exactly, fits each one."""
    x = np.resize(x, 6 * 28)
    sizes = (6, 7, 12, 14, 28, 42, 84)
    _, merged = fluctuations(x, scales=sizes, order=order)
    _, fitted = fluctuations(x, scales=sizes, order=order, backward=True)
    close(merged, fitted, np.abs(x).max())


@settings
@hypothesis.given(x=values, order=orders)
def test_jit_equals_eager(x, order):
    import jax

    jax.config.update("jax_enable_x64", True)
    x = few_lengths(jax.numpy, x)
    _, eager = wcdfa.kernel.fluctuation.fluctuations(jax.numpy.asarray(x), scales=SIZES, order=order)
    _, jitted = jax.jit(wcdfa.kernel.fluctuation.fluctuations, static_argnames=("scales", "order"))(x, scales=SIZES, order=order)
    close(jitted, eager, np.abs(x).max())
