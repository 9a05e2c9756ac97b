"""Norms and a second series that both follow a trend: never said to be coupled for it, and still compared where a coupling is left."""

from __future__ import annotations

import numpy as np
import pytest

from wcdfa import synthetic
from wcdfa.preprocess.options import Preparation
from wcdfa.verdicts.norm_coupling import norm_coupling
from wcdfa.verdicts.shared_trend import Pair

N, QUICK = 500, 99
T = np.arange(N)
COSINE = 0.5 * (1 + np.cos(np.pi * T / N))
SHAPES = {
    "slow decay": np.exp(-T / 200),
    "fast decay": np.exp(-T / 25),
    "hyperbola": 3 / (1 + T / 50),
    "steep hyperbola": 3 / (1 + T / 10),
    "root": (1 + T / 5) ** -0.5,
    "cosine": COSINE,
    "warm-up and cosine": np.minimum(T / 25, 1) * COSINE,
}
PAIRS = [
    ("slow decay", "hyperbola"),
    ("fast decay", "steep hyperbola"),
    ("warm-up and cosine", "steep hyperbola"),
    ("cosine", "cosine"),
    ("warm-up and cosine", "warm-up and cosine"),
    ("root", "hyperbola"),
    ("fast decay", "fast decay"),
]


def compared(pair, noise, seed, coupled=0.0, d=0.0):
    """Trends of unit spread with noise on top; `coupled` times the noise of the norms is in the other series too."""
    one, other = (SHAPES[name] / SHAPES[name].std() for name in pair)
    x, y = synthetic.arfima(N, d=d, batch=(2,), seed=seed)
    return norm_coupling(
        np.exp(0.3 * (one + noise * x)), 5 + other + noise * (y + coupled * x), "loss", Preparation(), replicates=QUICK
    )


def is_coupled(found):
    return found.coupling is not None and found.p_value <= 0.05


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_two_series_that_only_follow_a_trend_are_not_coupled(pair):
    """At 5 % by chance: of 9 pairs, more than 2 would come once in a hundred times; without a look at the trends most of them are."""
    found = [compared(pair, noise, seed) for noise in (1.0, 0.3, 0.05) for seed in (1, 2, 3)]
    assert sum(map(is_coupled, found)) <= 2


def test_two_decays_in_noise_are_seldom_coupled():
    """The commonest training log: falling norms and a falling loss."""
    found = [compared(("slow decay", "hyperbola"), 0.6, seed) for seed in range(20)]
    assert sum(map(is_coupled, found)) <= 3
    assert any(each.beyond == 3 and "at order=3" in str(each) for each in found)


@pytest.mark.parametrize("pair", PAIRS[:5], ids=" and ".join)
def test_a_coupling_on_top_of_trends_is_found(pair):
    found = [compared(pair, 0.5, seed, coupled=1.0) for seed in range(3)]
    assert all(is_coupled(each) for each in found)
    assert all(0.4 < each.clearest[1] < 0.9 for each in found)


def test_a_coupling_without_trends_is_that_of_the_order_asked_for():
    x, y = synthetic.arfima(N, d=0.3, batch=(2,), seed=4)
    found = norm_coupling(np.exp(0.1 * x), x + y, "loss", Preparation(), replicates=QUICK)
    assert found.beyond is None
    assert is_coupled(found)


def test_what_trends_leave_undecided_is_said():
    """A trend without noise is too steep for every order."""
    found = [compared(pair, 0.002, 1) for pair in PAIRS]
    assert not any(map(is_coupled, found))
    assert any("trend" in str(each) for each in found)


@pytest.mark.parametrize("n", [499, 501])
def test_a_length_without_a_calibration_is_compared_without_its_last_sample(n):
    x, y = synthetic.arfima(n, d=0.2, batch=(2,), seed=1)
    changed = y.copy()
    changed[-1] += 5
    rho = [Pair(x, each, ()).coupling(1, 19).rho for each in (y, changed)]
    np.testing.assert_allclose(*rho, atol=1e-9)


def test_a_break_stays_in_its_half():
    first, second = Pair(np.arange(100.0), np.arange(100.0), (20, 50, 70)).halves()
    assert (first.breaks, second.breaks) == ((20,), (20,))
    assert (len(first.x), len(second.x)) == (50, 50)


@pytest.mark.parametrize("n", [128, 256])
def test_trends_of_short_runs_are_not_coupled_either(n):
    """In 128 samples α at two orders is known so badly that a steep trend hardly shows in their difference."""
    rng = np.random.default_rng(n)
    times = np.arange(n)
    found = []
    for tau in (n / 20, n / 8, n / 3):
        decays = [np.exp(-times / tau), 1 / (1 + times / tau), np.minimum(times / tau, 1) * (1 - times / n)]
        for one in decays:
            for other in decays:
                x, y = 0.05 * rng.standard_normal((2, n))
                found.append(norm_coupling(np.exp(0.1 * (one + x)), other + y, "loss", Preparation(), replicates=QUICK))
    assert sum(map(is_coupled, found)) <= 3
