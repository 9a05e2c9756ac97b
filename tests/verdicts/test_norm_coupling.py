"""Norms against a second series: the dullest ones get a true sentence, and unrelated ones are seldom found coupled."""

from __future__ import annotations

import numpy as np
import pytest

from wcdfa import synthetic
from wcdfa.preprocess.options import Preparation
from wcdfa.preprocess.resolution import VALUES, no_fluctuation
from wcdfa.verdicts.norm_coupling import norm_coupling

N, QUICK = 500, 99
X, NOISE = synthetic.arfima(N, d=0.3, batch=(2,), seed=1)
NORMS = np.exp(0.1 * X)
PLAIN = Preparation()
STEPS = np.arange(N)


def said(loss, norms=NORMS, **options):
    return str(norm_coupling(norms, loss, "loss", PLAIN, **{"replicates": QUICK, **options}))


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        (np.ones(N), "it is constant"),
        (np.full(N, np.nan), "0 steps of 500 have both, and at least 128 are needed"),
        (np.where(STEPS == 7, 1.0, np.nan), "1 step of 500 has both, and at least 128 are needed"),
        (np.where(STEPS % 100 == 0, X, np.nan), "5 steps of 500 have both, and at least 128 are needed"),
        (np.where(STEPS % 4 < 3, X, np.nan), "it has a value at 375 of 500 steps, unevenly spaced"),
        (3 * NORMS, "it is the same series, up to a factor and a level"),
        (1 - X, "it is the same series, up to a factor and a level"),
        (np.linspace(0, 1, N), "it is a trend, with the largest α that order=1 can show; two trends always move together"),
        (
            np.repeat(X[:50], 10),
            "9 of 10 values repeat the one before: the logger held it, and α would be wrong; keep each value once",
        ),
        (np.where(STEPS < 499, 2.0, np.nan), "it is constant"),
    ],
)
def test_what_cannot_be_compared_is_said(loss, why):
    found = norm_coupling(NORMS, loss, "loss", PLAIN, replicates=QUICK)
    assert str(found) == f"loss: not compared with log ‖ΔW‖: {why}"
    assert found.coupling is None
    assert np.isnan([found.p_value, *found.clearest[1:]]).all()


@pytest.mark.parametrize(
    ("norms", "why"),
    [
        (np.ones(N), "the norms are constant"),
        (np.zeros(N), "0 steps of 500 have both"),
        (np.full(N, np.nan), "0 steps of 500 have both"),
        (-NORMS, "a logarithm needs norms above 0"),
        (np.exp(STEPS / 100), "log ‖ΔW‖ is a trend"),
    ],
)
def test_norms_that_cannot_be_compared_are_said(norms, why):
    assert why in said(NOISE, norms)
    assert "not compared" in said(NOISE, norms)


@pytest.mark.parametrize("n", [0, 1, 127])
def test_a_short_run_is_not_compared(n):
    assert f"{n} step{'' if n == 1 else 's'} of {n} ha{'s' if n == 1 else 've'} both" in said(NOISE[:n], NORMS[:n])


def test_a_name_is_safe_to_print():
    assert "\x1b" not in str(norm_coupling(NORMS, NOISE, "\x1b[31mloss", PLAIN, replicates=QUICK))


@pytest.mark.parametrize("change", [lambda y: 1e-200 * y, lambda y: 1e200 * y, lambda y: y + 100, lambda y: y * 0.5])
def test_the_unit_and_the_level_do_not_matter(change):
    loss = X + NOISE
    np.testing.assert_allclose(
        norm_coupling(NORMS, change(loss), "loss", PLAIN, replicates=QUICK).coupling.rho,
        norm_coupling(NORMS, loss, "loss", PLAIN, replicates=QUICK).coupling.rho,
        atol=1e-6,
    )


def test_gaps_and_steps_that_were_skipped_leave_the_rest():
    loss, norms = X + NOISE, NORMS.copy()
    loss[100], norms[200], norms[[300, 301]] = np.nan, np.nan, 0
    found = norm_coupling(norms, loss, "loss", PLAIN, replicates=QUICK)
    assert (found.n, found.spacing) == (N - 4, 1)
    assert found.p_value <= 0.01


def test_a_schedule_that_both_follow_is_no_coupling():
    """The norms are proportional to the learning rate, and so is a loss: the effect on the norms is removed, and they have nothing else in common."""
    lr = 0.1 * np.exp(-np.linspace(0, 3, N))
    loss = NOISE + 2 * np.log(lr)
    assert "not compared" in said(loss, lr * NORMS, lr=lr) or "no coupling" in said(loss, lr * NORMS, lr=lr)
    assert "coupled (p" in said(X + NOISE, lr * NORMS, lr=lr)


def test_unrelated_series_are_seldom_found_coupled():
    """At 5 %, with the preparation of norms: 40 pairs, so more than 7 would come once in a thousand times."""
    x, y = synthetic.arfima(256, d=0.4, batch=(2, 40), seed=9)
    p = [norm_coupling(np.exp(0.1 * one), other, "loss", PLAIN, replicates=QUICK).p_value for one, other in zip(x, y, strict=True)]
    assert np.sum(np.array(p) <= 0.05) <= 7
    assert 0.25 < np.mean(p) < 0.75


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"replicates": 3}, "replicates must be at least 19"),
        ({"order": 9}, "order must be 1, 2, 3 or 4"),
        ({"order": 0}, "order must be"),
        ({"steps": STEPS[:-1]}, "steps must have a number for each of the 500 norms"),
        ({"lr": np.ones(7)}, "lr must have a number for each"),
    ],
)
def test_misuse_is_an_error_and_no_reason(options, what):
    """Even where the two could not be compared anyway."""
    for loss in (NOISE, np.ones(N)):
        with pytest.raises(ValueError, match=what):
            norm_coupling(NORMS, loss, "loss", PLAIN, **options)


@pytest.mark.parametrize("other", [NOISE[:-1], np.ones((2, N))])
def test_another_length_is_an_error(other):
    with pytest.raises(ValueError, match="other must have a number for each of the 500 norms"):
        norm_coupling(NORMS, other, "loss", PLAIN)


@pytest.mark.parametrize(
    "values", [np.arange(N) % 10.0, np.float64(np.float32(1 + 1e-6 * NOISE)), np.repeat(NOISE, 3), np.repeat(NOISE[:250], 2)]
)
def test_the_reason_speaks_of_what_it_is_told_that_the_values_are(values):
    of_norms, of_others = (no_fluctuation(values, values, (), log=False, **names) for names in ({}, {"names": VALUES}))
    assert "norm" in of_norms
    assert "value" in of_others
    assert "norm" not in of_others
