"""Crossovers: found where they are, not where they are not, with the place and the exponents on each side."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import wcdfa
from tests.helpers.kinked import kinked
from wcdfa.inference.broken_power_law import crossing, kink_of, log_means
from wcdfa.inference.moments import log_mean_square
from wcdfa.inference.spectral_response import response
from wcdfa.scales import half_sizes
from wcdfa.support import chi_square
from wcdfa.support.text import probability
from wcdfa.synthetic import ar1, arfima, fgn, white_noise

N = 4096
BEATS = Path(__file__).parents[2] / "studies" / "biology" / "data" / "hour.txt"


@pytest.mark.parametrize(("exponents", "place"), [((0.5, 1.0), 32), ((1.2, 0.6), 64)])
def test_a_clear_crossover_is_found_with_its_place_and_its_exponents(exponents, place):
    found = wcdfa.crossovers(kinked(N, exponents, (place,), batch=8, seed=1), most=1)
    assert (found.number == 1).all()
    assert ((found.place_low <= place) & (place <= found.place_high)).sum() >= 6
    assert np.exp(np.abs(np.log(found.places / place)).mean()) < 1.4
    assert ((found.low <= exponents) & (exponents <= found.high)).all(axis=-1).sum() >= 5
    assert np.allclose(found.exponents.mean(axis=0), exponents, atol=0.08)


def test_a_change_by_a_third_is_found_most_of_the_time():
    """Of 24 series, at least 16: the true share is about 0.9 (benchmarks/crossovers.py)."""
    assert wcdfa.crossovers(kinked(N, (0.6, 0.9), (32,), batch=24, seed=5), most=1).number.sum() >= 16


@pytest.mark.parametrize("n", [256, 1024, N])
@pytest.mark.parametrize("kind", ["arfima", "fgn"])
def test_single_exponents_hold_the_level(n, kind):
    """Of 200 series, at most 18 at a level of 0.05 (which 200 that hold it exceed once in 100 times)."""
    count = 0
    for alpha in (0.3, 0.6, 0.95, 1.3):
        if kind == "arfima":
            x = arfima(n, d=alpha - 0.5, batch=(50,), seed=3)
        else:
            x = (
                fgn(n, hurst=alpha, batch=(50,), seed=3)
                if alpha < 1
                else np.cumsum(fgn(n, hurst=alpha - 1, batch=(50,), seed=3), -1)
            )
        count += np.sum(wcdfa.crossovers(x, most=1).p_values < 0.05)
    assert count <= 18


def test_two_crossovers_are_found_one_after_the_other():
    found = wcdfa.crossovers(kinked(16_384, (1.4, 0.5, 1.2), (16, 200), batch=4, seed=2))
    assert (found.number == 2).all()
    assert (found.places[:, 0] < found.places[:, 1]).all()
    assert np.allclose(np.median(found.exponents[:, :3], axis=0), (1.4, 0.5, 1.2), atol=0.15)
    assert np.isnan(found.places[:, 2]).all()
    assert np.isnan(found.exponents[:, 3]).all()
    assert (found.p_values[:, :2] < found.level).all()


def test_what_does_not_count_changes_nothing():
    x = kinked(1024, (0.5, 1.2), (24,), batch=2, seed=0)
    found = wcdfa.crossovers(x)
    for other in (1e-100 * x, 1e100 * x, x + 1e3, -x, x.T):
        again = wcdfa.crossovers(other, axis=0 if other.shape == (1024, 2) else -1)
        for part, same in zip(found[:9], again[:9], strict=True):
            assert np.allclose(part, same, rtol=1e-3, atol=1e-3, equal_nan=True)


def test_a_batch_is_its_series():
    x = np.stack([white_noise(500, seed=0), np.ones(500), kinked(500, (0.4, 1.3), (16,), batch=1, seed=3)[0], np.full(500, np.nan)])
    found = wcdfa.crossovers(x.reshape(2, 2, 500))
    assert found.number.shape == (2, 2)
    assert found.places.shape == (2, 2, 3)
    assert found.exponents.shape == (2, 2, 4)
    assert (
        str(found)
        == f"crossovers at a level of 0.05: in {np.count_nonzero(found.number)} of 4 series; without exponents: 2 ({found.reason})"
    )
    for i, series in enumerate(x):
        alone = wcdfa.crossovers(series)
        for part, same in zip(found[:10], alone[:10], strict=True):
            assert np.allclose(part.reshape(4, *part.shape[2:])[i], same, equal_nan=True)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.ones(100), "no exponents: the series is constant"),
        (np.full(100, np.nan), "no exponents: the series holds a value that is NaN or infinite"),
        (white_noise(30, seed=0), "no crossover was found (p = "),
        (white_noise(16, seed=0), "no crossover was found (p = "),
        (np.arange(500.0) ** 2, "the largest that this order shows, as for a trend"),
    ],
)
def test_the_dullest_series_have_a_true_sentence(x, said):
    assert said in str(wcdfa.crossovers(x))


def test_breaks_and_orders():
    x = kinked(2048, (0.5, 1.1), (24,), batch=1, seed=4)[0]
    assert wcdfa.crossovers(x, breaks=(700,)).number == 1
    assert wcdfa.crossovers(x, order=2).number == 1
    x[700:] += 1000  # no box sees it
    assert np.allclose(wcdfa.crossovers(x, breaks=(700,)).exponents[:2], (0.5, 1.1), atol=0.3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 0}, "level must be between 0 and 1, got 0"),
        ({"most": 0}, "most must be at least 1, got 0"),
        ({"scales": (4, 8, 16)}, "needs at least 4 box sizes, got 3"),
        ({"confidence": 1}, "confidence must be between 0 and 1"),
    ],
)
def test_misuse_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        wcdfa.crossovers(white_noise(500, seed=0), **options)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("alpha", [0.3, 0.5, 1.0, 1.5, 1.9])
def test_without_a_kink_the_mean_is_that_of_arfima(order, alpha):
    sizes = (6, 8, 12, 24, 64, 200, 512)
    found = log_means(np.array([[alpha]]), np.zeros((1, 0)), response(sizes, order))[0][0]
    exact = 0.5 * log_mean_square(sizes, order, alpha)
    assert np.allclose(found - found[3], exact - exact[3], atol=3e-4)


def test_the_slopes_of_the_mean_are_its_differences():
    of, exponents, kinks = response((3, 6, 16, 48, 128), 1), np.array([[0.6, 1.3, 0.8]]), np.array([[-1.0, -2.7]])
    mean, slopes = log_means(exponents, kinks, of)
    for i in range(5):
        step = np.eye(5)[i] * 1e-4
        moved = log_means(exponents + step[:3], kinks + step[3:], of)[0] - mean
        by_hand = (moved / 1e-4 - slopes[..., i])[0]
        assert np.ptp(by_hand) < 1e-3  # up to the level, which is free


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.8), (1.3, 0.4), (0.9, 0.901)])
def test_lines_of_the_mean_cross_where_they_are_said_to(before, after):
    """The straight lines far below and far above a kink, of the exact mean."""
    kink = kink_of(np.array(100.0), before, after, 1)
    assert np.isclose(crossing(np.array(before), np.array(after), kink, 1), 100)
    if abs(after - before) < 0.1:
        return
    sizes = (8, 12, 16, 6000, 8000)
    mean = log_means(np.array([[before, after]]), np.array([[kink]]), response(sizes, 1))[0][0]
    alone = [log_means(np.array([[a]]), np.zeros((1, 0)), response(sizes, 1))[0][0] for a in (before, after)]
    level = [alone[0][2] - before * np.log(16), alone[1][4] - after * np.log(8000)]
    lines = [(mean - alone[0])[0] + level[0], (mean - alone[1])[-1] + level[1]]
    assert np.isclose(np.exp((lines[0] - lines[1]) / (after - before)), 100, rtol=0.1)


def test_the_tail_of_chi_square():
    """Quantiles of a table: 5 % and 1 %."""
    for degrees, five, one in ((3, 7.815, 11.345), (10, 18.307, 23.209), (18, 28.869, 34.805)):
        assert abs(chi_square.tail(five, degrees) - 0.05) < 2e-3
        assert abs(chi_square.tail(one, degrees) - 0.01) < 1e-3


def test_short_memory_is_not_one_exponent():
    assert wcdfa.crossovers(ar1(N, phi=0.8, batch=(5,), seed=0)).bends.all()


def odd_series():
    """Series of many lengths that are not made of exponents, and some that are."""
    rng, hour = np.random.default_rng(7), np.array(BEATS.read_text().split(), dtype=float)
    for n in (200, 500, 1024):
        noise, steps = rng.standard_normal(n), np.arange(n)
        yield from (np.eye(n)[k] for k in (0, n // 3, n // 2, n - 1))
        yield noise + 50 * np.eye(n)[n // 4]
        yield from (amount * noise + 5 * (steps > n // 3) for amount in (0, 1))
        yield noise + 30 * (rng.random(n) < 0.01)
        yield from (np.sin(2 * np.pi * steps / period) + amount * noise for period in (7, 50, n) for amount in (0, 0.5))
        yield from (np.round(0.6 * noise), np.round(0.3 * np.cumsum(noise)), (rng.random(n) < 0.02) * 1.0)
        yield from (hour[start : start + n] for start in (0, 1000, 2000))
        yield from (ar1(n, phi=0.5, seed=n), ar1(n, phi=0.95, seed=n))


def test_exponents_are_named_only_where_they_are_known():
    undecided = 0
    for x in odd_series():
        found = wcdfa.crossovers(x)
        undecided += int(found.undecided)
        borders = [0, *found.places[: found.number], len(x)]
        sizes = half_sizes(len(x), 1)
        if found.undecided:
            assert found.number == 0 < found.bends
            assert np.isnan(found.exponents).all()
            assert np.isnan(found.places).all()
            assert str(found).startswith("undecided: log F(s) bends")
            assert "exponent " not in str(found)
        elif found.number:
            assert not found.adequacy < 0.01
            assert all(sum(low <= size <= high for size in sizes) >= 2 for low, high in itertools.pairwise(borders))
            assert not ((found.low < 0.1) & (found.high > 1.9)).any()
    assert undecided >= 12


@pytest.mark.parametrize("n", [256, 1024, N])
def test_a_pulse_has_no_exponents(n):
    for place in (n // 5, n // 2, n - n // 7):
        assert wcdfa.crossovers(np.eye(n)[place]).undecided
    assert str(wcdfa.crossovers(np.eye(n)[[n // 5, n // 2]])) == "crossovers at a level of 0.05: in 0 of 2 series; undecided: 2"


def test_each_p_value_says_of_which_test_it_is():
    found = wcdfa.crossovers(kinked(16_384, (1.4, 0.5, 1.2), (16, 200), batch=1, seed=2)[0])
    first, second = (probability(float(p)) for p in found.p_values[:2])
    assert str(found).startswith(f"2 crossovers (1st test: {first}, 2nd test: {second})")


@pytest.mark.parametrize("n", [16, 30, 100, 200, 210])
def test_a_smooth_series_too_short_to_show_a_bend_has_none(n):
    for x in (np.sin(2 * np.pi * np.arange(n) / n), np.sin(2 * np.pi * np.arange(n) / 50), np.arange(n) ** 2.0):
        found = wcdfa.crossovers(x)
        assert found.number == 0
        assert 0 < found.p_values[0] <= 1


def test_a_bend_that_is_not_determined_is_told_beside_those_that_are():
    found = [wcdfa.crossovers(x) for x in ar1(600, phi=0.5, batch=(300,), seed=1)[[101, 172, 179]]]
    for each in found:
        assert each.bends > each.number == 1
        assert f"log F(s) bends once more ({probability(float(each.p_values[each.number]))})" in str(each)
        assert np.isfinite(each.exponents[: each.number + 1]).all()
