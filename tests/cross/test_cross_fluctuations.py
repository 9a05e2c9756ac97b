"""F²xy(s): against a loop over boxes, against fathon, in every array library, and the symmetries that it must have."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from array_api_extra.testing import lazy_xp_function
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import require
from wcdfa import cross_fluctuations, fluctuations, synthetic

lazy_xp_function(cross_fluctuations)

X = synthetic.random_walk(400, seed=1) + 50
Y = 0.3 * X + synthetic.white_noise(400, seed=2)
LAYOUTS = [{}, {"overlap": 0.5}, {"overlap": 0.6, "backward": True}, {"breaks": (130, 300), "overlap": 0.5}]


def by_hand(x, y, sizes, order=1, overlap=0.0, backward=False, breaks=()):
    """The mean product of residuals over all boxes, each profile fitted on its own."""
    means = []
    for size in sizes:
        products = []
        for start, stop in zip((0, *breaks), (*breaks, len(x)), strict=True):
            n, step = stop - start, max(1, int(size * (1 - overlap)))
            firsts = [*range(0, n - size + 1, step), *(range(n - size, -1, -step) if backward else ())]
            for b in firsts:
                own = slice(start + b, start + b + size)
                products.append(np.mean(residual(x[own], order) * residual(y[own], order)))
        means.append(np.mean(products))
    return np.array(means)


def residual(x, order):
    t, profile = np.linspace(-1, 1, len(x)), np.cumsum(x - x.mean())
    return profile - np.polynomial.legendre.Legendre.fit(t, profile, order)(t)


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_it_is_the_mean_product_of_residuals(layout, order):
    sizes = (6, 8, 16, 25, 64)
    _, found = cross_fluctuations(X, Y, scales=sizes, order=order, **layout)
    unit = np.prod([fluctuations(each, scales=sizes, order=order, **layout)[1] for each in (X, Y)], axis=0)
    np.testing.assert_allclose(found / unit, by_hand(X, Y, sizes, order, **layout) / unit, atol=1e-12)


def test_fathon():
    fathon = pytest.importorskip("fathon", reason="it has no wheel for this system")
    aggregated = importlib.import_module("fathon.fathonUtils").toAggregated
    theirs, sizes = fathon.DCCA(aggregated(X), aggregated(Y)), np.array([8, 16, 32, 100])
    _, found = cross_fluctuations(X, Y, scales=sizes)
    np.testing.assert_allclose(found, theirs.computeFlucVec(sizes, polOrd=1, absVals=False)[1], rtol=1e-9)
    rho = found / np.prod([fluctuations(each, scales=sizes)[1] for each in (X, Y)], axis=0)
    np.testing.assert_allclose(rho, theirs.computeRho(sizes, polOrd=1)[1], rtol=1e-9)
    # its overlapping boxes start at every sample, hold one more and are divided by one less
    _, one_more = cross_fluctuations(X, Y, scales=sizes + 1, overlap=1 - 1e-9)
    overlapping = theirs.computeFlucVec(sizes, polOrd=1, absVals=False, overlap=True)[1]
    np.testing.assert_allclose(one_more, overlapping * (sizes - 1) / (sizes + 1), rtol=1e-9)


def test_every_library(xp, array):
    x, y = np.stack([X, Y, X[::-1]]), np.stack([Y, X, Y])
    sizes, found = cross_fluctuations(array(x), array(y))
    assert isinstance(found, type(array(x)))
    assert found.dtype == array(x).dtype
    np.testing.assert_allclose(np.asarray(found), [cross_fluctuations(a, b)[1] for a, b in zip(x, y, strict=True)], rtol=1e-10)
    np.testing.assert_array_equal(np.asarray(sizes), fluctuations(X)[0])


def test_single_precision(xp, array):
    unit = np.prod([fluctuations(each)[1] for each in (X, Y)], axis=0)
    _, found = cross_fluctuations(array(X, "float32"), array(Y, "float32"))
    assert str(found.dtype).endswith("float32")
    np.testing.assert_allclose(np.asarray(found) / unit, cross_fluctuations(X, Y)[1] / unit, atol=2e-5)


def test_vmap_gives_what_a_batch_gives():
    jax = require("jax")
    with jax.enable_x64(True):
        rows = jax.numpy.stack([X, Y]), jax.numpy.stack([Y, Y])
        found = jax.vmap(lambda x, y: cross_fluctuations(x, y, scales=[4, 8, 16, 32])[1])(*rows)
        np.testing.assert_allclose(found, cross_fluctuations(*map(np.asarray, rows), scales=[4, 8, 16, 32])[1], rtol=1e-10)


def test_batches_broadcast_and_lists_join_the_other_library():
    torch = require("torch")
    _, found = cross_fluctuations(np.stack([X, Y])[:, None], np.stack([X, Y, X + Y]))
    assert found.shape == (2, 3, len(fluctuations(X)[0]))
    np.testing.assert_allclose(found[1, 2], cross_fluctuations(Y, X + Y)[1])
    _, mixed = cross_fluctuations(list(X), torch.asarray(Y))
    assert isinstance(mixed, torch.Tensor)
    np.testing.assert_allclose(mixed, cross_fluctuations(X, Y)[1], rtol=1e-12)
    _, along = cross_fluctuations(np.stack([X, Y], axis=1), np.stack([Y, X], axis=1), axis=0)
    np.testing.assert_allclose(along[0], cross_fluctuations(X, Y)[1])


def test_of_a_series_with_itself_it_is_f_squared():
    for x in (X, Y, 1e-100 * X):
        np.testing.assert_allclose(cross_fluctuations(x, x)[1], fluctuations(x)[1] ** 2)
    np.testing.assert_allclose(cross_fluctuations(1e-160 * X, 1e160 * X)[1], fluctuations(X)[1] ** 2)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(-150, 150), st.floats(-150, 150), st.floats(-1e3, 1e3))
def test_symmetries(seed, first, second, offset):
    x, y = np.random.default_rng(seed).standard_normal((2, 64)).cumsum(axis=1)
    y = y + 0.5 * x
    _, found = cross_fluctuations(x, y)
    unit = np.prod([fluctuations(each)[1] for each in (x, y)], axis=0)
    same = [cross_fluctuations(y, x)[1], -cross_fluctuations(-x, y)[1], cross_fluctuations(x + offset, y - offset)[1]]
    scaled = cross_fluctuations(x * 10**first, y * 10**second)[1] / 10**first / 10**second
    for each in (*same, scaled):
        np.testing.assert_allclose(each / unit, found / unit, atol=1e-9)


def test_misuse_says_which_series_and_what_to_do():
    with pytest.raises(ValueError, match="x has 400 samples and y 399; give both at the same steps"):
        cross_fluctuations(X, Y[1:])
    with pytest.raises(ValueError, match=r"y holds 1 value.* nan at index 7"):
        cross_fluctuations(X, np.where(np.arange(400) == 7, np.nan, Y))
    with pytest.raises(TypeError, match="y has dtype <U1"):
        cross_fluctuations(X, np.array(["a"] * 400))
    with pytest.raises(ValueError, match="overlap must be from 0 to below 1"):
        cross_fluctuations(X, Y, overlap=1)
    torch, jax = require("torch"), require("jax")
    with pytest.raises(TypeError, match=r"torch and y one of jax.numpy; convert one"):
        cross_fluctuations(torch.asarray(X), jax.numpy.asarray(Y))
