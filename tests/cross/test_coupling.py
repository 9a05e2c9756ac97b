"""ρ(s) with intervals and p-values: small simulations with fixed seeds, and the dullest input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from wcdfa import Coupling, coupling, coupling_matrix, cross_fluctuations, fluctuations, synthetic
from wcdfa.cross.frame import Frame
from wcdfa.cross.null import KEPT, Spectrum, null_of_pair
from wcdfa.support import progress
from wcdfa.support.kept import Kept

N = 256
X, NOISE = synthetic.arfima(N, d=0.3, batch=(2,), seed=0)
Y = 0.5 * X + NOISE
few = {"replicates": 99}


def of_batch(alpha, rho, pairs, seed, n=N):
    x, noise = (synthetic.arfima(n, d=alpha - 0.5, batch=(pairs,), seed=[seed, i]) for i in (0, 1))
    return x, rho * x + (1 - rho * rho) ** 0.5 * noise


def test_rho_is_f2xy_over_fx_fy():
    found = coupling(X, Y, **few)
    options = {"scales": found.scales, "overlap": 0.5}
    (_, cross), (_, fx), (_, fy) = cross_fluctuations(X, Y, **options), fluctuations(X, **options), fluctuations(Y, **options)
    np.testing.assert_allclose(found.rho, cross / (fx * fy), atol=1e-12)
    assert found.scales.tolist() == [3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    assert (found.low < found.rho).all()
    assert (found.rho < found.high).all()
    np.testing.assert_allclose([found.alpha_x, found.alpha_y], wcdfa.dfa(np.stack([X, Y])).alpha)


@pytest.mark.parametrize("null", ["memory", "phase"])
def test_independent_series_are_called_coupled_at_the_level(null):
    """Up to four standard errors above 5 %; shuffled samples would call half of the pairs coupled."""
    x, y = of_batch(1.0, 0.0, 120, 1, n=128)
    share = np.mean(coupling(x, y, null=null, replicates=59).p_value <= 0.05)
    assert 0.0 < share < 0.13


def test_random_phases_hold_the_level_where_the_ends_of_a_series_do_not_meet():
    """Of series with α = 1.8, phases of the series itself would call one pair in four coupled."""
    x, y = (np.cumsum(each, axis=-1) for each in of_batch(0.8, 0.0, 100, 3, n=128))
    assert np.mean(coupling(x, y, null="phase", replicates=59).p_value <= 0.05) < 0.14


def test_coupled_series_are_found_with_intervals_that_hold_rho():
    x, y = of_batch(1.0, 0.4, 80, 2)
    found = coupling(x, y, **few)
    assert np.mean(found.p_value <= 0.05) > 0.9
    held = np.mean((found.low <= 0.4) & (found.high >= 0.4), axis=0)
    assert (held > 0.86).all(), held
    given_ = found.exponent_cause == 0
    assert np.mean(given_) > 0.9
    assert np.mean((found.exponent_low <= 1.0) & (found.exponent_high >= 1.0), where=given_) > 0.86


@settings(max_examples=8, deadline=None)
@given(st.floats(-150, 150), st.floats(-150, 150), st.floats(-1e3, 1e3))
def test_units_and_offsets_do_not_matter(first, second, offset):
    plain, other = coupling(X, Y, **few), coupling(X * 10**first, (Y + offset) * 10**second, **few)
    for name in ("rho", "low", "high", "p_by_size", "p_value", "exponent", "alpha_x"):
        np.testing.assert_allclose(getattr(other, name), getattr(plain, name), rtol=1e-6, atol=1e-9)


def test_it_is_symmetric_and_odd():
    plain, exchanged, opposite = coupling(X, Y, **few), coupling(Y, X, **few), coupling(X, -Y, **few)
    np.testing.assert_allclose(exchanged.rho, plain.rho, atol=1e-13)
    np.testing.assert_allclose(opposite.rho, -plain.rho, atol=1e-13)
    assert exchanged.p_value == plain.p_value
    np.testing.assert_allclose([opposite.p_value, -opposite.low[0]], [plain.p_value, plain.high[0]])
    assert opposite.exponent == pytest.approx(plain.exponent)


@pytest.mark.parametrize("lags", [None, [2], [-3]])
@pytest.mark.parametrize("null", ["memory", "phase"])
def test_exchanging_the_series_changes_no_p_value(lags, null):
    """α of the two differ, and so do the memories of the simulated pairs."""
    x, y = synthetic.arfima(N, d=0.1, seed=11), synthetic.arfima(N, d=0.7, seed=12)
    back = None if lags is None else [-lag for lag in lags]
    plain, exchanged = coupling(x, y, lags=lags, null=null, **few), coupling(y, x, lags=back, null=null, **few)
    assert exchanged.p_value == plain.p_value
    np.testing.assert_array_equal(exchanged.p_by_size, plain.p_by_size)
    np.testing.assert_allclose(exchanged.low, plain.low, atol=1e-9)


def test_nulls_of_spectra_are_kept_and_what_is_kept_is_bounded_by_bytes():
    frame, series = Frame(N, (4, 8, 16)), (X, Y)
    first, second = (null_of_pair(frame, *(Spectrum(each.copy(), 0.8) for each in series), 99, 0) for _ in range(2))
    assert first is second
    assert null_of_pair(frame, Spectrum(X, 0.8), Spectrum(Y + 1e-9 * NOISE, 0.8), 99, 0) is not first
    kept = Kept(1000, size=lambda array: array.nbytes)
    for size in (10, 50, 60, 20, 500, 30):
        kept.of(np.zeros, size)
        assert kept.bytes <= 1000
    assert len(kept) == 3
    assert kept.of(np.zeros, 20) is kept.of(np.zeros, 20)
    assert kept.of(np.zeros, 500) is not kept.of(np.zeros, 500)
    assert KEPT.bytes == sum(sum(each.nbytes for each in (found if isinstance(found, tuple) else (found,))) for found in KEPT)
    assert 0 < KEPT.bytes <= KEPT.most


def test_a_long_simulation_is_announced(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setenv("WCDFA_PROGRESS", "1")
    coupling(X, Y, lags=range(-8, 9), seed=77, **few)
    assert "simulating pairs without coupling" in capsys.readouterr().err
    coupling_matrix(synthetic.arfima(1024, d=0.2, batch=(20,), seed=5), seed=77, replicates=99)
    assert "simulating pairs without coupling" in capsys.readouterr().err


def test_identical_and_opposite_series():
    found, opposite = coupling(X, X, **few), coupling(X, -3 * X, **few)
    np.testing.assert_allclose(found.rho, 1, atol=1e-12)
    np.testing.assert_allclose(opposite.rho, -1, atol=1e-12)
    assert found.exponent == pytest.approx(wcdfa.dfa(X, method="gls").alpha, abs=0.15)
    assert str(found).startswith("coupled (p = 0.01): ρ = 1.00 (1.00 to 1.00)")
    assert "ρ = -1.00 (-1.00 to -1.00)" in str(opposite)


@pytest.mark.parametrize("noise", [0, 0.001, 0.01, 1])
@pytest.mark.parametrize("factor", [1, -1])
def test_a_perfect_coupling_is_not_denied(noise, factor):
    """Series of one rhythm have a ρ of ±1 with or without a coupling: that cannot be told, which is no p of 1."""
    alternating, white = (-1.0) ** np.arange(500), noise * np.random.default_rng(1).standard_normal(500)
    first, second = alternating + white, factor * alternating + white
    found, with_lags = coupling(first, second, **few), coupling(first, second, lags=[-1, 0, 1], **few)
    matrix = coupling_matrix([first, second], **few)
    for each in (found, with_lags, matrix):
        if noise < 1:
            assert "not compared" in str(each)
            assert "one rhythm and little else" in each.reason
            assert np.isnan(np.asarray(each.p_value)).all()
        else:
            assert "not compared" not in str(each)


@pytest.mark.parametrize("kind", ["slope", "step", "line", "walk"])
def test_a_coupling_of_trends_carries_a_note(kind):
    t = np.arange(512)
    noise = np.random.default_rng(3).standard_normal((2, 512))
    add = {"slope": t / 100, "step": 3.0 * (t > 200), "line": 50.0 * t}.get(kind)
    x, y = noise.cumsum(axis=1) + noise.cumsum(axis=1)[0] if add is None else noise + add
    found = coupling(x, y, **few)
    assert found.p_value <= 0.05
    assert bool(found.trend) == (add is not None) == ("both seem to have a trend or a step" in str(found))
    if kind == "slope":
        higher = coupling(x, y, order=2, **few)
        assert higher.trend == 0
        assert higher.trend_note is None
        assert higher.p_value > 0.05
        assert coupling(np.stack([x, noise[0]]), np.stack([y, noise[1]]), **few).trend.tolist() == [3, 0]
        assert coupling(x, noise[1], **few).trend == 1


def test_series_with_memory_are_no_trends():
    x = np.concatenate([synthetic.arfima(512, d=d, batch=(40,), seed=2) for d in (-0.2, 0.0, 0.4, 0.9)])
    assert np.mean(coupling(x, x[::-1], replicates=19).trend > 0) < 0.06


@pytest.mark.parametrize("seed", range(4))
def test_of_lags_that_fit_alike_the_nearest_to_0_is_named(seed):
    rng, sine = np.random.default_rng(seed), np.sin(2 * np.pi * np.arange(1000) / 20)
    x, y = (sine + 0.2 * rng.standard_normal(1000) for _ in "xy")
    found = coupling(x, y, lags=range(-10, 11, 5), **few)
    assert found.clearest.lag == 0
    assert found.clearest.rho > 0.9
    assert "without a lag; 3 lags fit alike" in str(found)
    ahead = coupling(x, np.roll(y, 5), lags=range(-15, 16, 5), **few)
    assert ahead.clearest.lag in (-5, 5)
    assert "fit alike" in str(ahead)
    assert coupling(X, np.roll(X, 3) + NOISE, lags=range(-4, 5), **few).clearest.alike == 1


@pytest.mark.parametrize(("confidence", "needed"), [(0.96, 24), (0.999, 999)])
def test_intervals_need_enough_replicates(confidence, needed):
    """Fewer give an interval of a lower level than was asked for."""
    with pytest.raises(ValueError, match=f"replicates must be at least {needed}"):
        coupling(X, Y, confidence=confidence, replicates=needed - 1)
    with pytest.raises(ValueError, match=f"replicates must be at least {needed}"):
        coupling_matrix([X, Y], confidence=confidence, replicates=needed - 1)
    wide = coupling(X, Y, confidence=confidence, replicates=needed)
    assert (wide.high - wide.low > 0).all()


def test_a_lag_is_found_where_y_follows():
    later = np.roll(X, 3) + 0.3 * NOISE
    found = coupling(X, later, lags=range(-4, 5), **few)
    assert found.rho.shape == (9, len(found.scales))
    assert found.exponent.shape == (9,)
    assert found.lags[np.argmax(found.rho[:, 0])] == 3
    assert str(found).endswith("where y follows x by 3 samples")
    assert str(coupling(later, X, lags=range(-4, 5), **few)).endswith("where x follows y by 3 samples")
    alone = coupling(X[:-3], later[3:], **few)
    np.testing.assert_allclose(coupling(X, later, lags=[3], **few).rho[0], alone.rho, atol=1e-12)


def test_no_box_crosses_a_break_at_any_lag():
    """Each stretch has a level of its own: a box that crossed a break would see both steps."""
    steps = 1e6 * (np.arange(N) >= 100)
    plain = coupling(X, NOISE, breaks=[100], **few)
    np.testing.assert_allclose(coupling(X + steps, NOISE + steps, breaks=[100], **few).rho, plain.rho, atol=1e-6)
    shifted = coupling(X + steps, NOISE + steps, breaks=[100], lags=[0, 5], **few)
    np.testing.assert_allclose(shifted.rho, coupling(X, NOISE, breaks=[100], lags=[0, 5], **few).rho, atol=1e-6)
    assert coupling(X + steps, NOISE + steps, **few).rho[-1] > 0.99


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (np.full(N, 3.0), "not compared: y is constant"),
        (np.full(N, np.nan), "not compared: y holds a value that is NaN or infinite"),
        (np.where(np.arange(N) == 5, np.inf, NOISE), "not compared: y holds a value that is NaN or infinite"),
        (np.zeros(N), "not compared: y is constant"),
    ],
    ids=["constant", "all NaN", "one infinite", "zeros"],
)
def test_what_cannot_be_compared_says_so(y, said):
    found = coupling(X, y, **few)
    assert str(found) == said
    assert str(coupling(y, X, **few)) == said.replace("y ", "x ")
    for name in ("rho", "low", "high", "p_by_size", "p_value", "exponent", "exponent_low"):
        assert np.isnan(getattr(found, name)).all()
    assert found.exponent_reason == found.reason == said.removeprefix("not compared: ")


def test_a_line_is_not_compared():
    assert "not compared" in str(coupling(X, np.arange(float(N)), order=2, **few))


def test_a_batch_keeps_its_shape_and_leaves_out_one_series():
    rows = np.stack([NOISE, X + NOISE, np.ones(N)])
    found = coupling(X, rows, **few)
    assert found.rho.shape == (3, len(found.scales))
    assert str(found) == "3 pairs: 1 coupled (p ≤ 0.05), 1 not, 1 not compared (y is constant)"
    assert str(found.at(1)) == str(coupling(X, X + NOISE, **few))
    np.testing.assert_allclose(found.at(1).rho, coupling(X, X + NOISE, **few).rho)
    assert coupling(X[None, None], rows, lags=[0, 1], **few).rho.shape[:3] == (1, 3, 2)
    assert np.isnan(found.rho[2]).all()
    assert coupling(np.zeros((0, N)), X, **few).p_value.shape == (0,)


def test_thirty_samples():
    found = coupling(X[:30], NOISE[:30], **few)
    assert found.scales.tolist() == [3, 4, 6]
    assert str(found).startswith(("no coupling found (p = ", "coupled (p = "))
    with pytest.raises(ValueError, match="the series has 9 samples"):
        coupling(X[:9], NOISE[:9])


def test_other_libraries_and_their_mixtures():
    torch, jax = require("torch"), require("jax")
    plain = coupling(X, Y, **few)
    with jax.enable_x64(True):
        for x, y in ((torch.asarray(X).requires_grad_(), list(Y)), (jax.numpy.asarray(X), torch.asarray(Y))):
            np.testing.assert_allclose(coupling(x, y, **few).rho, plain.rho, atol=1e-12)
    assert isinstance(plain, Coupling)
    assert len(jax.tree.leaves(plain._replace(lags=None))) == 15


def test_the_same_seed_gives_the_same_numbers_and_the_null_is_kept():
    frame = Frame(N, (4, 8, 16))
    assert null_of_pair(frame, 0.71, 0.9, 99, 0) is null_of_pair(frame, 0.69, 0.9, 99, 0)
    first, second = coupling(X, Y, null="phase", seed=5, **few), coupling(X, Y, null="phase", seed=5, **few)
    np.testing.assert_array_equal(first.low, second.low)
    assert (coupling(X, Y, null="phase", seed=6, **few).low != first.low).any()


def test_a_long_series_is_set_against_a_shorter_null():
    """Standard deviations fall as one over the square root of the number of boxes."""
    short, long = (null_of_pair(Frame(n, (4, 16)), 0.6, 0.6, 199, 0).deviation for n in (4096, 4 * 4096))
    np.testing.assert_allclose(long, short / 2, rtol=0.01)
    white = Spectrum(synthetic.white_noise(4 * 4096, seed=0), 0.5)
    np.testing.assert_allclose(null_of_pair(Frame(4 * 4096, (4, 16)), white, 0.5, 199, 1).deviation, long, rtol=0.25)


def test_no_coupling_has_no_exponent():
    found = coupling(X, NOISE, **few)
    assert str(found).startswith("no coupling found (p = ")
    assert np.isnan(found.exponent)
    assert found.exponent_reason == "no coupling is found, so that F²xy is only noise"
    assert found.reason is None


def test_a_coupling_that_changes_its_sign_has_no_exponent():
    slow, fast = 0.2 * synthetic.random_walk(4096, seed=3), synthetic.white_noise(4096, seed=4)
    found = coupling(slow + fast, slow - fast, **few)
    assert found.rho[0] < -0.2 < 0.2 < found.rho[-1]
    assert found.exponent_reason == "F²xy grows with no single exponent: it changes its sign"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"null": "shift"}, "null must be one of 'memory', 'phase', got 'shift'"),
        ({"replicates": 3}, "replicates must be at least 19"),
        ({"lags": [1, 1]}, "lags must be different integers"),
        ({"lags": []}, "lags must be different integers, at least one"),
        ({"lags": [200]}, "leave less than half of the 256 samples"),
        ({"scales": [2, 3]}, "box size 2 is below 3"),
        ({"confidence": 1.0}, "confidence must be between 0 and 1"),
        ({"breaks": range(8, N, 8)}, "the longest has 8 samples"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_misuse(options, said):
    with pytest.raises(ValueError, match=said):
        coupling(X, Y, **options)
    with pytest.raises(TypeError, match="lags must be integers"):
        coupling(X, Y, lags=[0.5])


def test_shapes_and_series_are_named_in_errors():
    rows = synthetic.white_noise(N, batch=(3,), seed=0)
    for of_two in (coupling, cross_fluctuations):
        with pytest.raises(ValueError, match=r"x has shape \(3, 256\) and y \(2, 256\).*x\[:, None\]"):
            of_two(rows, rows[:2])
        with pytest.raises(ValueError, match=r"Time runs along the last axis of x, whose shape is \(256, 3\): give axis=0"):
            of_two(rows.T, rows.T)
        with pytest.raises(TypeError, match=r"y is a masked array, with 2 masked, the first at index 7; .* longest stretch"):
            of_two(X, np.ma.masked_array(Y, np.isin(np.arange(N), [7, 9])))
        with pytest.raises(TypeError, match=r"y has dtype .*; this function needs real numbers"):
            of_two(X, np.array(["a"] * N))
        with pytest.raises(ValueError, match="y is a single value"):
            of_two(X, 3.0)
    np.testing.assert_array_equal(coupling(X, np.ma.masked_array(Y), **few).rho, coupling(X, Y, **few).rho)
    at_5 = np.where(np.arange(N) == 5, np.nan, 0.0)
    for x, y, name in ((X, Y + at_5, "y"), (X + at_5, Y, "x")):
        with pytest.raises(ValueError, match=f"{name} holds 1 value.*at index 5.*longest stretch") as raised:
            cross_fluctuations(x, y)
        assert "missing=" not in str(raised.value)


def test_each_reason_without_an_exponent_is_its_own():
    assert (
        coupling(X, Y, scales=[4, 8, 16], **few).exponent_reason
        == "F²xy is known at fewer than four sizes, too few for an exponent"
    )
