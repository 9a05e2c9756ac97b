"""The same F(s) as other packages, under the settings of the compatibility table (docs/compatibility.md)."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import numpy as np
import pytest

from wcdfa import dfa, fluctuations, scales, synthetic


def peer(name):
    """Another package, which may warn while it is imported; not before a test needs it, for some take seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


SERIES = {
    "white, boxes tile it": synthetic.white_noise(1000, seed=0),
    "white, with a remainder": synthetic.white_noise(1003, seed=1),
    "walk": synthetic.random_walk(777, seed=2),
    "offset": synthetic.white_noise(500, seed=3) + 100,
}
each_series = pytest.mark.parametrize("x", SERIES.values(), ids=SERIES)
each_order = pytest.mark.parametrize("order", [1, 2])


def grid(x, order):
    return scales.geometric(order + 3, 0.1 * len(x), 1.2)


@each_series
@each_order
@pytest.mark.parametrize("overlap", [False, True])
def test_nolds(x, order, overlap):
    sizes = grid(x, order)
    _, (_, log_f, _) = peer("nolds").dfa(x, nvals=list(sizes), overlap=overlap, order=order, fit_exp="poly", debug_data=True)
    settings = {"overlap": 0.5, "final_box": False} if overlap else {}
    np.testing.assert_allclose(fluctuations(x, scales=sizes, order=order, **settings)[1], np.exp(log_f), rtol=1e-9)


@pytest.mark.slow
def test_nolds_alpha_of_50_series():
    """The largest difference of α under nolds' own sizes, on 50 white-noise series of 1,000."""
    nolds, x = peer("nolds"), synthetic.white_noise(1000, batch=(50,), seed=4)
    sizes = scales.geometric(4, 100, 1.2)
    assert list(sizes) == nolds.logarithmic_n(4, 100, 1.2)
    expected = [nolds.dfa(row, overlap=False, fit_exp="poly") for row in x]
    assert np.max(np.abs(dfa(x, scales=sizes, method="ols").alpha - expected)) <= 1e-9


def test_nolds_published_value():
    """nolds' own frozen value on quantum random numbers; its boxes overlap and its last one is left out."""
    x = np.load(Path(peer("nolds").__file__).parent / "datasets" / "qrandom.npy")[:1000]
    sizes, f = fluctuations(x, scales=scales.geometric(4, 100, 1.2), overlap=0.5, final_box=False)
    assert abs(np.polyfit(np.log(sizes), np.log(f), 1)[0] - 0.5450874638765073) < 1e-12


@each_series
@each_order
@pytest.mark.parametrize("backward", [False, True])
def test_fathon(x, order, backward):
    sizes = grid(x, order)
    profile = peer("fathon.fathonUtils").toAggregated(x)
    _, f = peer("fathon").DFA(profile).computeFlucVec(np.array(sizes), polOrd=order, revSeg=backward)
    np.testing.assert_allclose(fluctuations(x, scales=sizes, order=order, backward=backward)[1], f, rtol=1e-9)


@each_series
@each_order
@pytest.mark.parametrize("moment", [2, 1, 4, -2])
def test_mfdfa(x, order, moment):
    sizes = grid(x, order)
    lag, f = peer("MFDFA").MFDFA(x, lag=np.array(sizes), q=moment, order=order)
    np.testing.assert_array_equal(lag, sizes)
    np.testing.assert_allclose(fluctuations(x, scales=sizes, order=order, backward=True, moment=moment)[1], f[:, 0], rtol=1e-9)


@each_series
def test_antropy(x):
    """antropy gives α alone, and adds 2e-16 to a denominator of its line: hence 1e-10. Short, for dfa calibrates such sizes."""
    x = x[:256]
    sizes = scales.geometric(4, 0.1 * len(x), 1.2)
    assert abs(peer("antropy").detrended_fluctuation(x) - dfa(x, scales=sizes, method="ols").alpha) < 1e-10


@each_series
@each_order
def test_neurokit2(x, order):
    sizes = grid(x, order)
    _, info = peer("neurokit2").fractal_dfa(x, scale=np.array(sizes), overlap=True, order=order)
    f = fluctuations(x, scales=sizes, order=order, overlap=0.5, final_box=False)[1]
    np.testing.assert_allclose(f, info["Fluctuations"][:, 0], rtol=1e-9)


def test_neurokit2_leaves_out_quiet_boxes():
    """The one remaining difference: boxes whose variance is below 1e-8 in the unit of the data do not count there."""
    x = np.concatenate([np.zeros(500), synthetic.white_noise(500, seed=0)])
    _, info = peer("neurokit2").fractal_dfa(x, scale=np.array([10, 20]), overlap=False)
    f = fluctuations(x, scales=[10, 20])[1]
    np.testing.assert_allclose(info["Fluctuations"][:, 0], f * np.sqrt(2), rtol=1e-9)


def lorenz() -> np.ndarray:
    """x of the Lorenz system by Euler steps in float32, constants in float64, as nolds made the series it gave to PhysioNet's dfa."""
    state = np.array([0.1, 0.1, 0.1], dtype=np.float32)
    found = [state]
    for _ in range(2999):
        x, y, z = (value for value in state)
        slope = np.array(
            [np.float64(10) * (y - x), np.float64(28) * x - y - x * z, x * y - np.float64(8 / 3) * z], dtype=np.float32
        )
        state = state + slope * np.float32(0.012)
        found.append(state)
    return np.array(found)[1000:, 0].astype(float).round(6)


def test_physionet():
    """51 values that PhysioNet's dfa printed, to its six digits."""
    expected = np.loadtxt(Path(__file__).parents[1] / "data" / "physionet_lorenz.txt")
    sizes = np.rint(10 ** expected[:, 0]).astype(int)
    x = lorenz()
    assert (x[0], x[1], x[2]) == (-14.465592, -13.954063, -13.257725)
    found = np.log10(fluctuations(x, scales=sizes)[1])
    np.testing.assert_allclose(found, expected[:, 1], atol=6e-6)
    assert np.sum((found - expected[:, 1]) ** 2) < 1e-9


def test_the_table_names_every_package_that_is_tested():
    peer("nolds")
    table = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text()
    for name in ("nolds", "fathon", "MFDFA", "antropy", "NeuroKit2", "PhysioNet", "wcdfa 0.1.0"):
        assert f"| {name}" in table
