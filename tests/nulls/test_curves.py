"""The test of a curve log F(s) holds its level on what it was made of, and sees long memory."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wcdfa
from wcdfa import synthetic
from wcdfa.nulls import curves
from wcdfa.nulls.curves import LEVELS, CurveTest, curve_test, curves_of, rise, upper_tail, with_long_memory
from wcdfa.nulls.families import Setting, member_norms
from wcdfa.nulls.gradients import Gradients
from wcdfa.nulls.update_rules import named

N, REPLICATES, HELD_OUT = 256, 400, 1000
MEMORY = {"no momentum": {}, "momentum": {"momentum": 0.9}}


def measured(logs):
    """Curves of series, shape (replicates, sizes - 1), and the sizes."""
    found = wcdfa.dfa(logs, method="gls")
    return curves_of(found.fluctuations), [int(size) for size in found.scales]


def made_of(logs) -> CurveTest:
    own, sizes = measured(logs)
    return curve_test(logs, own, measured(with_long_memory(logs))[0], sizes)


@pytest.fixture(scope="module", params=MEMORY)
def replayed(request):
    """A test made of some replays, and log norms of others."""
    rule = named("sgd", MEMORY[request.param])
    logs = [
        np.log(member_norms(Setting(rule=rule, n=N, replicates=count), Gradients(), [seed]))
        for seed, count in enumerate((REPLICATES, HELD_OUT))
    ]
    return made_of(logs[0]), logs[1]


@pytest.mark.parametrize("level", [0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
def test_p_values_are_uniform_on_other_replays(replayed, level):
    """From below too, but for the tolerance, by which small ones are rarer."""
    test, logs = replayed
    for p, least in zip(test.p_values(measured(logs)[0]), (0.3, 0.3, 0.5), strict=True):
        share = np.mean(p <= level)
        # quantiles of 400 replays are uncertain as well
        error = math.sqrt(level * (1 - level) * (1 / HELD_OUT + 1 / REPLICATES))
        assert share <= level + 3.5 * error
        assert share >= least * level - 3.5 * error


def test_the_spread_holds_95_percent_of_other_replays_at_each_size(replayed):
    test, logs = replayed
    drawn = np.log(wcdfa.dfa(logs, method="gls").fluctuations)
    mean, deviation = test.spread()
    assert mean.sum() == pytest.approx(0)
    inside = np.abs(drawn - drawn.mean(axis=1, keepdims=True) - mean) < 1.96 * deviation
    assert np.all(np.abs(inside.mean(axis=0) - 0.955) < 0.035)


@pytest.mark.parametrize("d", [0.5, 0.8])
def test_it_sees_long_memory(replayed, d):
    """With α = 1 through momentum only the shape differs; from 1.3 on the component towards long memory sees it sooner."""
    test, logs = replayed
    noise = synthetic.arfima(N, d=d, batch=(200,), seed=5)
    noise = (noise - noise.mean(axis=1, keepdims=True)) / noise.std(axis=1, keepdims=True)
    p, of_shape, of_component = (np.mean(each < 0.05) for each in test.p_values(measured(logs[:200] + 0.2 * noise)[0]))
    assert p > 0.75
    assert (of_shape if d == 0.5 else of_component) > 0.75
    if d == 0.8:
        assert of_component >= of_shape


def test_it_sees_that_memory_is_gone(replayed):
    test, logs = replayed
    shuffled = np.random.default_rng(0).permuted(logs[:200], axis=1)
    p, of_shape, of_component = test.p_values(measured(shuffled)[0])
    memory = np.corrcoef(logs[:, 1:].ravel(), logs[:, :-1].ravel())[0, 1] > 0.5
    assert (np.mean(p < 0.05) > 0.95) is memory
    assert (np.mean(of_shape < 0.05) > 0.95) is memory
    assert np.mean(of_component < 0.05) < 0.15  # less memory is not more


def test_the_scale_of_norms_does_not_matter(replayed):
    test, logs = replayed
    for one, other in zip(test.p_values(measured(logs[:9])[0]), test.p_values(measured(5 + 3 * logs[:9])[0]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_replay_is_judged_as_if_it_had_been_left_out():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 5)) @ rng.standard_normal((5, 5))
    x[3] *= 4

    def distance(one, others):
        away = one - others.mean(axis=0)
        return away @ np.linalg.solve(np.cov(others.T), away)

    expected = [distance(x[i], np.delete(x, i, axis=0)) for i in range(30)]
    among = np.array([distance(each, x) for each in x])
    np.testing.assert_allclose(curves._left_out(among, 30), expected, rtol=1e-9)
    assert curves._left_out(np.array([1e9]), 30)[0] > 0  # never negative, however far


def test_the_mean_square_of_the_distance_is_that_of_chi_square():
    """White curves: the whitened distance has as many degrees of freedom as there are sizes, less what is tolerated."""
    logs = synthetic.white_noise(N, batch=(600,), seed=3)
    test = made_of(logs[:400])
    away = measured(logs[400:])[0] - test.mean
    distance = np.sum((away @ test.whitener.T) ** 2, axis=-1)
    assert 0.75 * len(test.mean) < distance.mean() < 1.15 * len(test.mean)
    assert np.std(away @ test.direction) == pytest.approx(1, abs=0.2)


def test_few_replicates_suffice_for_a_test():
    test = made_of(synthetic.white_noise(64, batch=(20,), seed=0))
    found = test.p_values(measured(synthetic.white_noise(64, batch=(50,), seed=1))[0])
    assert np.all(np.isfinite(found))
    assert np.mean(found[0] < 0.05) < 0.4


def test_upper_tails_of_a_known_distribution():
    """Of an exponential: exact at the levels, and beyond them because its tail is exponential."""
    quantiles = -np.log(LEVELS)
    np.testing.assert_allclose(upper_tail(quantiles, quantiles), LEVELS, rtol=1e-9)
    far = np.array([6.0, 10.0, 50.0])
    np.testing.assert_allclose(upper_tail(far, quantiles), np.exp(-far), rtol=1e-9)
    assert upper_tail(-3.0, quantiles) == 1
    assert np.isnan(upper_tail([1.0, math.nan], quantiles)).tolist() == [False, True]


def test_upper_tails_of_samples():
    rng = np.random.default_rng(1)
    quantiles = np.quantile(rng.chisquare(8, 20_000), 1 - LEVELS)
    x = rng.chisquare(8, 20_000)
    for level in (0.5, 0.1, 0.03, 0.005, 0.001):
        assert np.mean(upper_tail(x, quantiles) <= level) == pytest.approx(level, abs=0.15 * level + 4 * math.sqrt(level / 20_000))
    assert np.all(np.diff(upper_tail(np.linspace(-5, 200, 500), quantiles)) <= 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [-1e6, 0.0, 1.0, 1e6])
def test_upper_tails_of_a_constant_warn_of_nothing(value):
    assert 0 <= upper_tail(value, np.full(len(LEVELS), 1.0)) <= 1


def test_curves_are_relative_to_the_smallest_size():
    found = curves_of([[1.0, 2.0, 4.0], [10.0, 20.0, 40.0]])
    np.testing.assert_allclose(found, np.log([[2, 4], [2, 4]]))
    assert np.all(np.isfinite(curves_of([1.0, 0.0, 4.0])))  # a box may not fluctuate at all


@pytest.mark.parametrize("n", [3, 7, 100, 503])
def test_the_rise_of_the_level(n):
    """A line that rises by 1 rises by 4/5 between the middles of the outer fifths; one step is seen whole."""
    assert rise(np.linspace(0, 1, n)) == pytest.approx(0.8, abs=0.2 if n < 50 else 0.02)
    steps = np.where(np.arange(n) < n // 2, 2.0, 5.0)
    np.testing.assert_allclose(rise(np.stack([steps, -steps])), [3, -3])


def test_long_memory_is_added_to_some():
    logs = 0.1 * synthetic.white_noise(N, batch=(curves.NOISY + 50,), seed=0)
    noisy = with_long_memory(logs)
    assert noisy.shape == (curves.NOISY, N)
    added = noisy - logs[: curves.NOISY]
    assert np.std(added) == pytest.approx(curves.LOUD * 0.1, rel=0.05)
    assert wcdfa.dfa(added, method="gls").alpha.mean() == pytest.approx(curves.LONG_MEMORY, abs=0.05)
    np.testing.assert_array_equal(noisy, with_long_memory(logs))


def test_the_smallest_spread_and_the_range_of_rises_are_kept():
    logs = 0.1 * np.random.default_rng(0).standard_normal((300, 64)) * np.linspace(1, 3, 300)[:, None]
    test = made_of(logs)
    assert test.least_spread == pytest.approx(logs.std(axis=1).min())
    low, high = test.rises
    assert np.mean((rise(logs) < low) | (rise(logs) > high)) < 0.01
    assert low < 0 < high
