"""`dfa` of one NumPy series has a way of its own: it gives what the same series gives among many, and leaves what needs care."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from wcdfa import DFAWarning, dfa, synthetic
from wcdfa.inference.exponent import _one_estimate


def kinds(n: int) -> dict[str, np.ndarray]:
    white = np.random.default_rng(n).standard_normal(n)
    walk = np.cumsum(white)
    return {
        "white": white,
        "walk": walk,
        "at the ceiling": np.cumsum(np.cumsum(walk)),
        "below the grid": np.diff(white, n=2, append=[0.0, 0.0]),
        "spikes": white + 30.0 * (np.arange(n) % 50 == 0),
        "period": np.sin(np.arange(n) / 3) + 1e-3 * white,
    }


SHIPPED = [(1, "ols"), *((order, method) for order in (1, 2, 3) for method in ("robust", "gls"))]


@pytest.mark.parametrize(("order", "method"), SHIPPED)
def test_equals_the_result_among_many(order, method):
    for n in (128, 500, 1024):
        for kind, x in kinds(n).items():
            for confidence in (0.5, 0.95):
                alone = dfa(x, order=order, method=method, confidence=confidence)
                among = dfa(np.stack([x, x]), order=order, method=method, confidence=confidence).at(1)
                for name in alone._fields:
                    a, b = getattr(alone, name), getattr(among, name)
                    assert np.asarray(a).dtype == np.asarray(b).dtype
                    np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-12, err_msg=f"{n} {kind} {confidence} {name}")


def test_of_several_roots_takes_that_of_least_misfit():
    """An estimating equation that falls through zero twice, which no series of the package's tests has."""
    compute, _, _ = _one_estimate(500, 1, "gls", 0.95)
    outputs = np.zeros(compute._offset.shape)
    points = len(compute._rows)
    outputs[:points] = [1.0] * 5 + [-1.0] * 5 + [1.0] * 5 + [-1.0] * (points - 15)
    white = outputs[points:-2].reshape(points, -1)
    white[4], white[14] = 3.0, 1.0
    assert compute._interval(outputs, points) == 14
    white[14] = 5.0
    assert compute._interval(outputs, points) == 4


@pytest.mark.parametrize("method", ["ols", "robust"])
def test_leaves_what_needs_care(method):
    compute, _, _ = _one_estimate(500, 1, method, 0.95)
    white = synthetic.white_noise(500, seed=0)
    assert compute(white) is not None
    unfit = {"constant": np.ones(500), "tiny": white * 1e-200, "huge": white * 1e200, "NaN": np.where(white > 2, np.nan, white)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, x in unfit.items():
            assert compute(x) is None, name
    with pytest.warns(DFAWarning, match="constant"):
        assert np.isnan(dfa(np.ones(500), method=method).alpha)
    with pytest.raises(ValueError, match="not finite"):
        dfa(unfit["NaN"], method=method)
    np.testing.assert_allclose(dfa(white * 1e200, method=method).alpha, dfa(white, method=method).alpha, rtol=1e-9)


@pytest.mark.parametrize("value", [True, 1.0, "1", np.array(1.5)])
def test_an_order_that_is_no_integer_is_refused_after_a_good_one_too(value):
    x = synthetic.white_noise(500, seed=0)
    dfa(x, order=1)
    if value is True:  # an integer in Python, as everywhere
        assert dfa(x, order=value).alpha == pytest.approx(dfa(x).alpha)
        return
    with pytest.raises(TypeError, match="order must be an integer"):
        dfa(x, order=value)
