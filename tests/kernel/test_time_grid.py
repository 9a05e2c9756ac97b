"""Samples with time stamps on an even grid."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tests.helpers.eager import dfa, fluctuations
from wcdfa import synthetic
from wcdfa.kernel.time_grid import cells_of

X = synthetic.arfima(400, d=0.3, seed=1)
PRESENT = np.random.default_rng(0).random(400) > 0.3
DATES = np.datetime64("2026-03-01T00:00") + np.arange(400) * np.timedelta64(15, "m")


@pytest.fixture(scope="module")
def expected():
    first, last = np.flatnonzero(PRESENT)[[0, -1]]
    return fluctuations(np.where(PRESENT, X, np.nan)[first : last + 1], missing="omit")[1]


@pytest.mark.parametrize(
    "times",
    [
        np.arange(400),
        1e9 + 0.25 * np.arange(400),
        DATES,
        DATES.astype("datetime64[s]"),
        np.arange(400) + np.random.default_rng(1).uniform(-0.2, 0.2, 400) * (np.arange(400) > 0),
    ],
    ids=["integers", "numbers", "minutes", "seconds", "jitter"],
)
def test_the_grid_finds_the_gaps(times, expected):
    np.testing.assert_allclose(fluctuations(X[PRESENT], times=times[PRESENT])[1], expected, rtol=1e-12)


@pytest.mark.parametrize("spacing", [np.timedelta64(15, "m"), timedelta(minutes=15)])
def test_a_spacing_of_dates(spacing, expected):
    np.testing.assert_allclose(fluctuations(X[PRESENT], times=DATES[PRESENT], spacing=spacing)[1], expected, rtol=1e-12)


def test_a_complete_grid_changes_nothing():
    np.testing.assert_array_equal(fluctuations(X, times=DATES)[1], fluctuations(X)[1])
    assert dfa(X, times=DATES).alpha == pytest.approx(dfa(X).alpha, abs=1e-12)


def test_a_clock_in_whole_units_does_not_drift():
    times = np.rint(np.arange(3000) * 33.3333)  # milliseconds of 30 pictures a second
    assert cells_of(times, 3000, None).number == 3000


def test_samples_in_one_cell_are_averaged():
    times = np.concatenate([np.arange(400), np.arange(100, 200) + 0.3])
    order = np.argsort(times)
    x = np.concatenate([X, X[100:200] + 2.0])
    mean = X.copy()
    mean[100:200] += 1.0
    got = fluctuations(x[order], times=times[order], spacing=1)[1]
    np.testing.assert_allclose(got, fluctuations(mean)[1], rtol=1e-9)
    x[400:] = np.nan  # a sample that is missing does not count in the average
    got = fluctuations(x[order], times=times[order], spacing=1, missing="omit")[1]
    np.testing.assert_allclose(got, fluctuations(X)[1], rtol=1e-9)


def test_breaks_are_those_of_the_samples():
    kept = np.r_[0:100, 150:400]
    gapped = np.where(np.isin(np.arange(400), kept), X, np.nan)
    expected = fluctuations(gapped, missing="omit", breaks=(150, 200))[1]
    np.testing.assert_allclose(fluctuations(X[kept], times=kept, breaks=(100, 150))[1], expected, rtol=1e-12)


def test_every_library(array, xp):
    x, times = np.stack([X, X[::-1]])[:, PRESENT], np.arange(400)[PRESENT]
    _, expected = fluctuations(x, times=times)
    _, got = fluctuations(array(x), times=times)
    assert isinstance(got, type(array(x)))
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("times", "spacing", "error", "message"),
    [
        (np.arange(399), None, ValueError, r"times has shape \(399,\), but the series has 400 samples"),
        (np.arange(400)[::-1], None, ValueError, "times must increase, but 398 at index 1 comes after 399; sort x by time"),
        (np.sort(np.r_[np.arange(399), 7]), None, ValueError, "but 7 at index 8 is the same as the one before"),
        (np.where(np.arange(400) == 5, np.nan, np.arange(400.0)), None, ValueError, "times holds nan at index 5"),
        (np.where(np.arange(400) == 5, np.datetime64("NaT"), DATES), None, ValueError, "times holds NaT at index 5"),
        (np.arange(400) * 1j, None, TypeError, "times must be real numbers or numpy datetime64, got dtype complex128"),
        (np.array(["a"] * 400), None, TypeError, "got dtype <U1"),
        (np.arange(400), 0.0, ValueError, "spacing must be positive, got 0.0"),
        (np.arange(400), np.timedelta64(1, "s"), TypeError, "but times of dtype int64 need a number"),
        (DATES, 900.0, TypeError, "need a numpy timedelta64 or a datetime.timedelta"),
        (np.arange(400) * 1000.0, 1.0, ValueError, r"only 400 cells of 399,001 .* spacing of 1\. Give a wider spacing="),
        (DATES, np.timedelta64(1, "s"), ValueError, "spacing of 1 s. Give a wider spacing="),
    ],
)
def test_errors(times, spacing, error, message):
    with pytest.raises(error, match=message):
        fluctuations(X, times=times, spacing=spacing)


def test_a_break_inside_a_cell():
    with pytest.raises(ValueError, match="the break at sample 4 separates two samples in one cell"):
        fluctuations(X, times=np.arange(400), spacing=2.0, breaks=(4,))


def test_dates_of_any_kind_are_times():
    stamps = pd.date_range("2026-03-28T20:00", periods=400, freq="15min")  # clocks change that night
    x = np.random.default_rng(0).standard_normal(400)
    plain = cells_of(stamps.to_numpy(), 400, None)
    of_standard_library = [each.to_pydatetime() for each in stamps.tz_localize("UTC").tz_convert("Europe/Berlin")]
    for times in (stamps.tz_localize("UTC").tz_convert("Europe/Berlin"), of_standard_library, stamps.to_period("15min")):
        found = cells_of(times, 400, None)
        assert found.number == plain.number
        np.testing.assert_array_equal(found.of_sample, plain.of_sample)
    days = [date(2026, 1, 1) + timedelta(days=i) for i in range(400)]
    assert dfa(x, times=days).alpha == dfa(x, times=np.array(days, dtype="datetime64[D]")).alpha
