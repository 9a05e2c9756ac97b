"""α1 of heart beats: the numbers of other packages, windows, units, artefacts that are found and not bridged, and intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from tests.conftest import require
from wcdfa import heart
from wcdfa.inference.moments import exact_moments, interpolation
from wcdfa.inference.rolling_slopes import rolling_slopes
from wcdfa.inference.slope_spread import slope_spread
from wcdfa.preprocess.beats import artefacts

SIZES = np.array(heart.SHORT)


def beats(n=600, alpha=1.0, seed=0):
    """Intervals in milliseconds."""
    x = wcdfa.synthetic.arfima(n, d=alpha - 0.5 if alpha < 1 else alpha - 1.5, seed=seed)
    x = x if alpha < 1 else np.cumsum(x)
    return 800 + 40 * (x - x.mean()) / x.std()


@pytest.fixture(scope="module")
def rr():
    return beats()


def slope(rr, breaks=(), sizes=heart.SHORT):
    """By the kernel, and a line."""
    scales, f = wcdfa.fluctuations(rr, scales=sizes, breaks=breaks)
    return np.polyfit(np.log(scales), np.log(f), 1)[0]


def obvious(rr, skip, start, stop, sizes=heart.SHORT):
    """Box by box: side by side from the first interval of a window and after each gap, in stretches that hold the largest."""
    log_f = []
    for size in sizes:
        squares, begin = [], start
        for end in range(start, stop + 1):
            if end < stop and not skip[end]:
                continue
            if end - begin >= sizes[-1]:
                for i in range(begin, end - size + 1, size):
                    profile = np.cumsum(rr[i : i + size] - rr[i : i + size].mean())
                    time = np.arange(size)
                    squares.append(np.mean((profile - np.polyval(np.polyfit(time, profile, 1), time)) ** 2))
            begin = end + 1
        log_f.append(0.5 * np.log(np.mean(squares)))
    return np.polyfit(np.log(sizes), log_f, 1)[0]


def test_the_same_as_neurokit(rr):
    neurokit2 = require("neurokit2")
    assert heart.alpha1(rr, skip=None).alpha == pytest.approx(neurokit2.fractal_dfa(rr, scale=SIZES, overlap=False)[0], abs=1e-9)


def test_the_same_as_the_kernel_for_both_exponents(rr):
    assert heart.alpha1(rr, skip=None).alpha == pytest.approx(slope(rr), abs=1e-12)
    assert heart.alpha2(rr, skip=None).alpha == pytest.approx(slope(rr, sizes=heart.LONG), abs=1e-12)


@pytest.mark.parametrize(("measure", "sizes", "window"), [(heart.alpha1, heart.SHORT, 300), (heart.alpha2, heart.LONG, 500)])
def test_windows_with_gaps_are_those_of_an_obvious_loop(rr, measure, sizes, window):
    skip = np.zeros(len(rr), dtype=bool)
    skip[[5, 70, 71, 90, 100, 180, 350, 352, 599]] = True
    found = measure(rr, skip=skip, window=window, step=37)
    for i, (start, stop) in enumerate(zip(found.start, found.stop, strict=True)):
        assert found.alpha[i] == pytest.approx(obvious(rr, skip, start, stop, sizes), abs=1e-10)
        alone = measure(rr[start:stop], skip=skip[start:stop])
        assert found.at(i)[:4] == pytest.approx(alone[:4], abs=1e-10)
    assert found.left_out[0] == pytest.approx(skip[:window].mean())


def test_windows_in_minutes():
    rr = np.full(400, 1000.0) + 20 * np.sin(np.arange(400) ** 2)
    found = heart.alpha1(rr, window=2, step=0.5, by="minutes")
    clock = np.concatenate([[0], np.cumsum(rr)]) / 60_000
    for i in range(len(found.alpha)):
        begin = 0.5 * i
        inside = (clock[:-1] >= begin) & (clock[1:] <= begin + 2)
        assert np.array_equal(np.flatnonzero(inside), np.arange(found.start[i], found.stop[i]))
    assert np.allclose(found.minutes, clock[found.stop])
    assert found.minutes[-1] > clock[-1] - 0.6


@pytest.mark.parametrize(("window", "by", "said"), [
    (101, "beats", "window is 101 beats, longer than the recording, which has 100; for one α of all of it, leave window= out"),
    (5000, "beats", "window is 5000 beats, longer than the recording, which has 100"),
    (1.7, "minutes", r"window is 1.7 minutes, longer than the recording, which has 1.66667"),
])  # fmt: skip
def test_a_window_longer_than_the_recording_is_refused(window, by, said):
    rr = np.full(100, 1000.0)
    with pytest.raises(ValueError, match=said):
        heart.alpha1(rr, window=window, by=by)
    assert heart.alpha1(rr, window=100).stop.tolist() == [100]


@pytest.mark.parametrize("skip", ["artefacts", None])
@pytest.mark.parametrize("most", [0.0, 0.1, 1.0])
def test_a_window_without_a_beat_says_so(rr, skip, most):
    paused = rr.copy()
    paused[300] = 10 * 60_000  # a pause of ten minutes
    found = heart.alpha1(paused, window=2, by="minutes", skip=skip, most=most)
    empty = found.start == found.stop
    assert empty.sum() >= 3
    assert np.array_equal(found.cause == heart.EMPTY, empty)
    assert not found.left_out[empty].any()
    assert found.at(int(np.flatnonzero(empty)[0])).reason == "no beat interval lies in it; a longer window holds some"


def test_figures_of_the_page(rr):
    """White noise has 0.58, and two minutes give about ± 0.2."""
    slopes = slope_spread(heart.SHORT, 1).slopes
    assert np.interp(0.5, np.linspace(0, 1.95, len(slopes)), slopes) == pytest.approx(0.58, abs=0.005)
    for alpha in (0.5, 0.75, 1.0, 1.25, 1.5):
        found = heart.alpha1(beats(1500, alpha), window=2, by="minutes", skip=None)
        assert 0.15 < np.mean(found.high - found.low) / 2 < 0.25


@given(st.floats(0.25, 2.4), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_scale_and_offset_do_not_matter(factor, seed):
    rr = beats(300, seed=seed)
    one = heart.alpha1(rr, skip=None)
    other = heart.alpha1(rr * factor + 100, skip=None, unit="ms")
    assert one[:3] == pytest.approx(other[:3], abs=1e-9)


def test_units(rr):
    in_seconds = heart.alpha1(rr / 1000)
    assert in_seconds.alpha == pytest.approx(heart.alpha1(rr).alpha)
    assert in_seconds.minutes == pytest.approx(heart.alpha1(rr).minutes)
    with pytest.raises(
        ValueError, match=r"median of rr is 7\.\d+: neither 200 to 2,500 ms nor 0.2 to 2.5 s; give unit='ms' or 's'"
    ):
        heart.alpha1(rr / 100)
    assert heart.alpha1(rr / 100, unit="s").minutes > 1
    with pytest.raises(ValueError, match="unit must be 'ms' or 's', got 'h'"):
        heart.alpha1(rr, unit="h")


@pytest.mark.parametrize(("kind", "change", "spoilt"), [
    ("ectopic", lambda rr: np.concatenate([rr[:300], [rr[300] - 250, rr[301] + 250], rr[302:]]), [300, 301]),
    ("missed", lambda rr: np.concatenate([rr[:300], [rr[300] + rr[301]], rr[302:]]), [300]),
    ("extra", lambda rr: np.concatenate([rr[:300], [0.45 * rr[300], 0.55 * rr[300]], rr[301:]]), [300, 301]),
])  # fmt: skip
def test_each_kind_of_artefact_is_found(kind, change, spoilt):
    rr = 800 + 15 * np.random.default_rng(3).standard_normal(600)
    assert not artefacts(rr).spoilt()[280:320].any()
    found = artefacts(change(rr))
    assert np.flatnonzero(found.spoilt()[280:320]).tolist() == [place - 280 for place in spoilt]
    assert np.flatnonzero(getattr(found, kind))[0] == 300


@given(
    st.lists(st.tuples(st.integers(0, 398), st.sampled_from(["ectopic", "missed", "extra", "odd"])), max_size=60), st.integers(0, 9)
)
@settings(max_examples=60, deadline=None)
def test_an_interval_is_an_artefact_of_one_kind(places, seed):
    rr = beats(400, 1.0, seed)
    for place, kind in places:
        if kind == "ectopic":
            rr[place : place + 2] += [-300, 300]
        elif kind == "extra":
            rr[place : place + 2] = 0.45 * rr[place], 0.55 * rr[place]
        else:
            rr[place] *= 2 if kind == "missed" else 1.5
    rr = np.maximum(rr, 50)
    found = artefacts(rr)
    assert np.sum(found, axis=0).max() <= 1
    assert np.array_equal(np.any(found, axis=0), found.spoilt())


def test_artefacts_are_the_same_in_any_unit_and_backwards_in_number(rr):
    spoilt = rr.copy()
    spoilt[[100, 250, 400]] += 600
    assert np.array_equal(artefacts(spoilt).spoilt(), artefacts(spoilt / 1000).spoilt())
    assert artefacts(spoilt).spoilt()[[100, 250, 400]].all()


def test_clean_beats_are_left_alone():
    shares = [artefacts(beats(500, alpha, seed)).spoilt().mean() for alpha in (0.5, 1.0, 1.4) for seed in range(20)]
    assert np.mean(shares) < 0.002
    coarse = np.round(beats(500) / 8) * 8
    assert artefacts(coarse).spoilt().mean() < 0.01
    assert not artefacts(np.full(200, 800.0)).spoilt().any()
    assert not artefacts(np.array([800.0, 300.0, 1300.0])).spoilt().any()


def test_artefacts_do_not_move_alpha1():
    rng, off = np.random.default_rng(0), []
    for seed in range(20):
        rr = beats(400, 1.2, seed)
        spoilt = rr.copy()
        for place in 20 + 20 * np.sort(rng.choice(19, size=8, replace=False)):
            spoilt[place : place + 2] += np.array([-250, 250])
        off.append([heart.alpha1(spoilt, skip=skip).alpha - heart.alpha1(rr, skip=None).alpha for skip in ("artefacts", None)])
    left_out, kept = np.mean(off, axis=0)
    assert abs(left_out) < 0.05
    assert kept < -0.4


def test_a_lost_interval_is_a_gap(rr):
    lost = rr.copy()
    lost[[50, 51, 300]] = np.nan
    skip = np.isnan(lost)
    for way in (None, skip):
        assert heart.alpha1(lost, skip=way).alpha == pytest.approx(obvious(rr, skip, 0, len(rr)))
    assert np.isfinite(heart.alpha1(lost).minutes)


def test_reasons():
    spoilt = beats(400)
    spoilt[::7] *= 1.8
    assert heart.alpha1(spoilt, skip=spoilt > 1100).reason.startswith("too much of it is left out")
    few = heart.alpha1(beats(63))
    assert few.reason.startswith("it has fewer than 4 boxes of the largest size")
    assert np.isnan([few.alpha, few.low, few.high]).all()
    assert heart.alpha1(np.full(200, 800)).reason == "its intervals do not vary"
    assert heart.alpha1(np.full(5, 800)).reason.startswith("it has fewer")
    assert heart.alpha1(beats(64)).reason is None
    rolled = heart.alpha1(np.concatenate([beats(200), np.full(200, 800.0)]), window=100)
    assert rolled.cause.tolist() == [0, 0, heart.CONSTANT, heart.CONSTANT]
    assert rolled.reason == "its intervals do not vary"
    assert rolled.at(0).reason is None


def test_what_is_printed(rr):
    spoilt = rr.copy()
    spoilt[300] += 700
    assert str(heart.alpha1(spoilt)).splitlines()[-1] == "1 of 600 intervals left out: missed 1"
    early = rr.copy()
    early[300:302] += [-300, 300]
    assert str(heart.alpha1(early)).splitlines()[-1] == "2 of 600 intervals left out: ectopic 2"
    assert str(heart.alpha1(np.full(200, 800))) == "no α1 from 200 intervals: its intervals do not vary\nno interval left out"
    rolled = str(heart.alpha1(np.concatenate([rr, np.full(200, 800.0)]), window=200))
    assert rolled.startswith("α1 in 4 windows: median ")
    assert "; 1 has none: its intervals do not vary" in rolled
    assert str(heart.alpha1(np.linspace(700, 900, 400))).startswith("α1 = 2.10 (2.03–2.25) from 400 intervals: they follow a trend")
    assert str(heart.alpha1([800.0])).startswith("no α1 from 1 interval: it has fewer than 4 boxes")
    lost = np.where(np.arange(600) == 9, np.nan, rr)
    assert str(heart.alpha1(lost)).endswith("\n1 of 600 intervals left out: lost or your own 1")
    assert str(heart.alpha2(rr, window=100)).startswith("no α2 in 6 windows: it has fewer than 4 boxes")


@pytest.mark.parametrize(("options", "said"), [
    ({"window": 0}, "window and step must be positive whole numbers of beats, got 0 and 0"),
    ({"window": 99.5}, "whole numbers of beats, got 99.5 and 99.5"),
    ({"window": 2, "step": -1, "by": "minutes"}, "window and step must be positive, got 2 and -1"),
    ({"window": 2, "by": "hours"}, "by must be 'beats' or 'minutes', got 'hours'"),
    ({"most": 5}, "most must be a share from 0 to 1, got 5"),
    ({"confidence": 95}, "confidence must be between 0 and 1, got 95"),
    ({"skip": "outliers"}, "skip must be 'artefacts', None, or bool of shape"),
    ({"skip": [True]}, "skip must be 'artefacts', None, or bool of shape"),
])  # fmt: skip
def test_arguments_that_are_refused(rr, options, said):
    with pytest.raises(ValueError, match=said):
        heart.alpha1(rr, **options)


@pytest.mark.parametrize(("given", "said"), [
    ([800.0, -1.0, 800.0], r"rr\[1\] is -1.0, which is no time between beats; give numpy.diff\(times\)"),
    ([800.0, np.inf], r"rr\[1\] is inf"),
    ([[800.0, 801.0]], r"one series of beat intervals, got shape \(1, 2\); make one call for each recording"),
    ([np.nan, np.nan], r"got shape \(2,\) without a number"),
    ([], r"got shape \(0,\) without a number"),
])  # fmt: skip
def test_intervals_that_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        heart.alpha1(given)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.4])
def test_the_interval_covers_the_slope_of_a_very_long_series(alpha):
    n, count = 200, 400
    truth = np.interp(alpha, np.linspace(0, 1.95, 14), slope_spread(heart.SHORT, 1).slopes)
    series = np.concatenate([beats(n, alpha, seed) for seed in range(count)])
    starts = np.arange(count) * n
    found = rolling_slopes(series, starts, starts + n, breaks=starts[1:], sizes=heart.SHORT, order=1, confidence=0.95)
    assert 0.925 <= np.mean((found.low <= truth) & (truth <= found.high)) <= 0.98
    assert np.all((found.low < found.slope) & (found.slope < found.high))


def test_it_also_does_in_short_stretches_between_artefacts():
    """Where most boxes of 16 are alone in their stretch: as if they were in one series, the interval would cover about 85 %."""
    n, count, alpha = 180, 400, 1.4
    truth = np.interp(alpha, np.linspace(0, 1.95, 14), slope_spread(heart.SHORT, 1).slopes)
    series = np.concatenate([beats(n, alpha, seed) for seed in range(count)])
    starts, breaks = np.arange(count) * n, np.arange(20, count * n, 20)
    found = rolling_slopes(series, starts, starts + n, breaks=breaks, sizes=heart.SHORT, order=1, confidence=0.95)
    assert np.all(found.boxes == 9)
    assert 0.92 <= np.mean((found.low <= truth) & (truth <= found.high)) <= 0.98


@pytest.mark.parametrize("n", [16, 29, 48, 300])
def test_the_spread_in_one_stretch_is_that_of_exact_moments(n):
    spread, moments = slope_spread(heart.SHORT, 1), exact_moments(n, heart.SHORT, 1, 0.0)
    deviation = spread.of((n // SIZES)[None].astype(float), spread.lengths(np.array([n])))[1][0]
    covariance = moments.root @ np.swapaxes(moments.root, 1, 2)
    variance = interpolation(1, np.linspace(0, 1.95, 14)) @ (spread.weights @ covariance @ spread.weights)
    assert np.allclose(deviation[:12] ** 2, variance[:12], rtol=1e-3 if n <= 48 else 0.05)


@pytest.mark.parametrize("beats", [20, 600])
def test_times_of_beats_are_no_intervals(beats):
    intervals = 800 + 30 * wcdfa.synthetic.white_noise(beats, seed=beats)
    for times in (np.cumsum(intervals), np.cumsum(intervals) / 1000):
        with pytest.raises(ValueError, match=r"these are times of beats; give numpy.diff\(times\)"):
            wcdfa.heart.alpha1(times)
