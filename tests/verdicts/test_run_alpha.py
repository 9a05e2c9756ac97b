"""One α for a whole run."""

from __future__ import annotations

import re

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import wcdfa
from wcdfa import run_alpha, synthetic
from wcdfa.preprocess.options import Preparation
from wcdfa.verdicts.run_alpha import BANDS, CERTAIN, alpha_of_run


def norms(n, alpha, seed, sigma=0.1):
    return np.exp(sigma * synthetic.arfima(n, d=alpha - 0.5, seed=seed))


@pytest.mark.parametrize(("alpha", "regime"), [(0.5, "disordered"), (1.0, "critical"), (1.45, "ordered")])
def test_long_memory_alone_has_its_alpha_and_its_regime(alpha, regime):
    found = run_alpha(norms(4000, alpha, 1))
    assert found.regime == regime
    assert found.low < found.alpha < found.high
    assert found.low < alpha < found.high
    assert found.high - found.low < 0.25
    assert tuple(found.probabilities) == BANDS
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.probabilities[regime] >= CERTAIN
    assert found.reason is None
    assert str(found) == f"α of the run {found.alpha:.2f} ({found.low:.2f}–{found.high:.2f}): {regime} with probability above 0.99"


def test_noise_of_each_step_does_not_bias_it():
    """Where robust DFA of the same norms is far below the true α of 1.3."""
    rng = np.random.default_rng(3)
    signal = synthetic.arfima(8000, d=0.8, seed=rng)
    noisy = np.exp(0.1 * (signal / signal.std() + rng.standard_normal(8000)))
    found = run_alpha(noisy)
    assert found.low < 1.3 < found.high
    assert wcdfa.verdict(noisy).high < 1.15


def test_a_run_between_two_bands_is_undecided():
    found = run_alpha(norms(600, 0.8, 4))
    assert found.regime == "undecided"
    likeliest = max(found.probabilities, key=found.probabilities.get)
    assert str(found).endswith(f": undecided, {likeliest} with probability {found.probabilities[likeliest]:.2f}")


def test_thresholds_and_confidence():
    x = norms(2000, 0.8, 5)
    found = run_alpha(x, thresholds=(1.5, 0.5))
    assert found.regime == "critical"
    narrow = run_alpha(x, confidence=0.5)
    assert found.alpha == narrow.alpha
    assert found.low < narrow.low < narrow.high < found.high
    assert run_alpha(x, thresholds=(found.high, found.low)).probabilities["critical"] == pytest.approx(0.95, abs=0.002)
    with pytest.raises(ValueError, match=r"confidence must be between 0 and 1, got 95; 0.95 is usual"):
        run_alpha(x, confidence=95)
    with pytest.raises(ValueError, match="upper above lower"):
        run_alpha(x, thresholds=(0.8, 1.2))


@hypothesis.settings(max_examples=10, deadline=None)
@hypothesis.given(seed=st.integers(0, 2**32), factor=st.floats(1e-9, 1e9), alpha=st.floats(0.2, 1.4))
def test_the_unit_of_the_norms_does_not_matter(seed, factor, alpha):
    x = norms(300, alpha, seed)
    one, other = run_alpha(x), run_alpha(factor * x)
    assert (one.alpha, one.low, one.high) == pytest.approx((other.alpha, other.low, other.high), abs=1e-5)


def test_a_schedule_is_removed():
    lr = 0.1 * (1 + np.cos(np.linspace(0, 3, 3000)))
    x = norms(3000, 0.6, 6)
    scheduled = run_alpha(lr * x, lr=lr)
    assert scheduled.alpha == pytest.approx(run_alpha(x).alpha, abs=0.03)
    assert run_alpha(lr * x).alpha > 1  # without the rates, it passes for memory


def test_gaps_and_steps_of_the_level_split_it():
    x = norms(3000, 0.6, 7)
    x[1500] = np.nan
    assert run_alpha(x).prepared.breaks == (1500,)
    assert run_alpha(x).alpha == pytest.approx(0.6, abs=0.1)
    shifted = run_alpha(x * np.where(np.arange(3000) < 1000, 1, 20))
    assert shifted.prepared.breaks == (1000, 1500)
    assert shifted.alpha == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (np.full(500, 0.3), "the norms are constant"),
        (norms(127, 0.5, 0), r"the α of a run needs at least 128 norms, and there are 127; record more steps"),
        (np.where(np.arange(300) % 20, norms(300, 0.5, 0), np.nan), r"128 norms in stretches of 32 or more, and there are 0"),
        (np.round(norms(500, 0.5, 0), 1), r"the norms take only \d different values"),
    ],
)
def test_a_run_without_alpha_says_why(x, reason):
    found = run_alpha(x)
    assert np.isnan([found.alpha, found.low, found.high, *found.probabilities.values()]).all()
    assert found.regime is None
    assert str(found) == f"no α of the run: {found.reason}"
    assert re.search(reason, found.reason)


def test_norms_that_cannot_be_prepared_raise_or_give_the_reason():
    x, steps = norms(200, 0.5, 0), np.arange(200) ** 2
    with pytest.raises(ValueError, match="steps are irregular"):
        run_alpha(x, steps=steps)
    found = alpha_of_run(x, Preparation(), steps=steps)
    assert found.regime is None
    assert "steps are irregular" in found.reason
    with pytest.raises(ValueError, match="28 are needed"):
        run_alpha(x[:20])
