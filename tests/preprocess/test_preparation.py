"""What is taken out of recorded norms: each rule, each error, and how often the detectors are wrong."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wcdfa
from wcdfa import synthetic
from wcdfa.preprocess.preparation import Prepared, prepare

N = 500
T = np.arange(N)
NOISE = 0.2 * synthetic.white_noise(N, seed=0)
NORMS = np.exp(NOISE)
STEP = np.where(T < 250, 0.1, 0.01)
COSINE = 0.5 * (1 + np.cos(np.pi * T / N))


def alpha(x):
    """The textbook slope."""
    scales, fluctuation = wcdfa.fluctuations(x)
    return float(np.polyfit(np.log(scales), np.log(fluctuation), 1)[0])


def test_clean_norms_are_their_logarithms():
    prepared = prepare(NORMS.tolist(), spikes=None)
    assert isinstance(prepared, Prepared)
    np.testing.assert_array_equal(prepared.values, np.log(NORMS))
    np.testing.assert_array_equal(prepared.kept, T)
    assert prepared[2:] == ((), 0, 0, 0, 1, None, None, None, (), None, ())
    np.testing.assert_array_equal(prepare(NORMS, log=False, spikes=None).values, NORMS)


def test_zeros_are_skipped_without_a_break():
    norms = np.repeat(NORMS, 2)
    norms[::2] = 0
    prepared = prepare(norms, spikes=None)
    np.testing.assert_array_equal(prepared.values, np.log(NORMS))
    np.testing.assert_array_equal(prepared.kept, np.arange(1, 2 * N, 2))
    assert (prepared.breaks, prepared.zeros, prepared.findings) == ((), N, ("500 norms of 0 were skipped",))


def test_zeros_kept():
    norms = NORMS.copy()
    norms[[3, 90]] = 0
    prepared = prepare(norms, log=False, zeros="keep", spikes=None)
    np.testing.assert_array_equal(prepared.values, norms)
    assert (prepared.zeros, prepared.findings) == (2, ())


def test_missing_norms_break():
    norms = np.ma.masked_array(NORMS.copy(), mask=T == 300)
    norms[[0, 1, 100, 101, 200, 499]] = [np.nan, np.inf, -np.inf, np.nan, 0, np.nan]
    prepared = prepare(norms, spikes=None)
    kept = np.setdiff1d(T, [0, 1, 100, 101, 200, 300, 499])
    np.testing.assert_array_equal(prepared.kept, kept)
    np.testing.assert_array_equal(prepared.values, np.log(NORMS[kept]))
    assert [prepared.kept[i] for i in prepared.breaks] == [102, 301]
    assert all(type(position) is int for position in prepared.breaks)
    assert (prepared.zeros, prepared.missing) == (1, 6)
    assert prepared.findings == ("1 norm of 0 was skipped", "6 norms that are not finite were dropped")


def test_the_shortest_series_that_dfa_takes():
    assert np.isfinite(alpha(prepare(NORMS[:28]).values))
    with pytest.raises(
        ValueError, match=r"27 of 30 norms remain \(2 are 0, 1 not finite\), and at least 28 are needed; record more steps"
    ):
        prepare([0, 0, np.nan, *NORMS[:27]])
    with pytest.raises(ValueError, match="there are no norms, and at least 28 are needed"):
        prepare([])


@pytest.mark.parametrize(
    ("norms", "options", "error", "message"),
    [
        (NORMS.reshape(2, 250), {}, ValueError, r"norms must be one series, got shape \(2, 250\); prepare them one by one"),
        (NORMS + 1j, {}, TypeError, r"norms are complex; give their sizes, abs\(norms\)"),
        (-NORMS, {}, ValueError, r"norm 0 is -1.0\d+, and a logarithm needs norms above 0; log=False takes any series"),
        ([*NORMS, 0, 1], {"zeros": "error"}, ValueError, 'norm 500 is 0; zeros="skip" leaves out what was no step'),
        (NORMS, {"zeros": "keep"}, ValueError, "got 'keep' with log=True: 0 has no logarithm"),
        (NORMS, {"zeros": "drop"}, ValueError, 'zeros must be "skip", "error", or with log=False "keep", got \'drop\''),
        (NORMS, {"spikes": "median"}, ValueError, 'spikes must be "hampel", "extreme" or None, got \'median\''),
        (NORMS, {"lr": STEP[1:]}, ValueError, r"lr must be a number or one for each of the 500 norms, got shape \(499,\)"),
        (NORMS, {"lr": 0}, ValueError, "lr is 0 at norm 0, and must be positive and finite"),
        (NORMS, {"lr": np.where(T == 7, np.nan, 1)}, ValueError, "lr is nan at norm 7, and must be positive and finite; leave"),
        (NORMS, {"lr": np.where(T == 7, -1, 1), "log": False}, ValueError, "lr is -1 at norm 7"),
        (NORMS, {"steps": T[1:]}, ValueError, r"steps must be 500 integers, one for each norm, got shape \(499,\)"),
        (NORMS, {"steps": T + 0.5}, ValueError, "got shape .* of float64; drop records without a step"),
        (NORMS, {"steps": np.where(T == 9, np.nan, T)}, ValueError, "steps must be 500 integers"),
        (NORMS, {"steps": T > 3}, ValueError, "steps must be 500 integers, .* of bool"),
        (NORMS, {"steps": np.where(T == 9, 8, T)}, ValueError, "record 9 is step 8 after 8; keep the last record of each step"),
        (NORMS, {"steps": np.where(T < 400, T, T - 50)}, ValueError, "record 400 is step 350 after 399; split the series at the"),
        (
            NORMS,
            {"steps": np.where(T < 400, 10 * T, 10 * T + 5)},
            ValueError,
            "1 of 499 differences are not the usual 10, and 1 are no mult",
        ),
        (
            NORMS,
            {"steps": T + T // 19},
            ValueError,
            "26 of 499 differences are not the usual 1, and 0 are no multiple of it; at most 5% may differ",
        ),
        (NORMS, {"epoch_length": 1}, ValueError, "epoch_length must be a whole number of steps, at least 2, got 1"),
        (NORMS, {"epoch_length": 2.5}, ValueError, "at least 2, got 2.5"),
        (NORMS, {"epoch_length": True}, ValueError, "at least 2, got True"),
        (
            NORMS,
            {"epoch_length": 167},
            ValueError,
            "3 periods of 167 steps .*, and at least 3 are needed; give a larger window",
        ),
        (
            NORMS,
            {"epoch_length": 10**6},
            ValueError,
            r"0.0005 periods of 1,000,000 steps \(epochs of 1,000,000, a record every 1\)",
        ),
        (
            NORMS,
            {"epoch_length": 50, "steps": 50 * T},
            ValueError,
            "records every 50 steps show one phase of epochs of 50 steps only",
        ),
    ],
)
def test_bad_input(norms, options, error, message):
    with pytest.raises(error, match=message):
        prepare(norms, **options)


def test_spacing_and_gaps():
    steps = 10 * T + np.where(T >= 120, 370, 0) + np.where(T >= 300, 20, 0)
    prepared = prepare(NORMS, steps=steps.astype(float), spikes=None)
    assert prepared.spacing == 10
    assert prepared.breaks == (120, 300)
    assert prepared.findings == (
        "boxes are split at step 1,570: a gap of 380 steps",
        "boxes are split at step 3,390: a gap of 30 steps",
    )


def test_a_gap_at_a_zero_breaks_at_the_next_norm():
    norms = np.where(np.isin(T, [100, 101]), 0, NORMS)
    prepared = prepare(norms, steps=T + 5 * (T >= 100), spikes=None)
    assert prepared.kept[list(prepared.breaks)].tolist() == [102]


def test_many_breaks_are_summed_up():
    prepared = prepare(NORMS, steps=T + T // 25, spikes=None)
    assert prepared.breaks == tuple(range(25, 500, 25))
    assert len(prepared.findings) == 6
    assert prepared.findings[-1] == "and boxes are split at 14 more steps for the same reason"


@pytest.mark.parametrize("slope", [0.8, 1.0, -0.5])
@pytest.mark.parametrize(
    "lr", [STEP, COSINE, np.minimum(1, (T + 1) / 100), np.exp(-3 * T / N)], ids=["step", "cosine", "warmup", "exp"]
)
def test_the_schedule_is_regressed_out_in_spite_of_spikes(lr, slope):
    norms = 3 * lr**slope * NORMS
    norms[10::97] *= 20
    prepared = prepare(norms, lr=lr, spikes=None)
    assert abs(prepared.schedule - slope) < 0.03
    expected = 1 - np.var(NOISE) / np.var(np.log(lr**slope * NORMS))
    assert abs(prepared.schedule_share - expected) < 0.05
    share = f"{100 * prepared.schedule_share:.0f}"
    assert prepared.findings[0] == f"log lr explains {share} % of the variance of the log norms, slope {prepared.schedule:.2f}"
    np.testing.assert_allclose(np.mean(prepared.values), np.mean(np.log(norms)), rtol=1e-12)
    clean = np.delete(T, np.s_[10::97])
    assert np.std(prepared.values[clean] - NOISE[clean]) < 0.03


def test_a_short_warmup_is_not_left_out_as_an_outlier():
    lr = np.minimum(1, (T + 1) / 20)
    assert abs(prepare(lr * np.exp(NOISE / 10), lr=lr).schedule - 1) < 0.02


def test_a_warmup_of_outliers_is_not_left_out_either():
    warming = T < 10
    lr = np.where(warming, 0.1 * (T + 1), 1.0)
    prepared = prepare(lr * np.exp(NOISE / 10 + np.where(warming, (-1.0) ** T, 0)), lr=lr)
    assert 0.4 < prepared.schedule < 1.6


def test_without_logarithms_the_regression_is_linear():
    lr = 1 + T / N
    prepared = prepare(5 - 2 * lr + NOISE, lr=lr, log=False, spikes=None)
    assert abs(prepared.schedule + 2) < 0.1
    share = f"{100 * prepared.schedule_share:.0f}"
    assert prepared.findings[0] == f"lr explains {share} % of the variance of the norms, slope {prepared.schedule:.3g}"
    assert abs(prepared.schedule_share - 0.89) < 0.02
    assert np.std(prepared.values) < 1.001 * np.std(NOISE)


@pytest.mark.parametrize("lr", [0.1, np.full(N, 0.1), 0.1 * (1 + 1e-8 * T / N)])
def test_an_lr_that_does_not_vary_changes_nothing(lr):
    prepared = prepare(NORMS, lr=lr, spikes=None)
    assert (prepared.schedule, prepared.schedule_share, prepared.findings) == (None, None, ())
    np.testing.assert_array_equal(prepared.values, np.log(NORMS))


def test_lr_may_be_anything_where_no_norm_is_kept():
    lr = np.where(T < 3, 0, COSINE)
    lr[1] = np.nan
    prepared = prepare(np.where(T < 3, 0, NORMS * COSINE), lr=lr)
    assert abs(prepared.schedule - 1) < 0.02


def test_lr_and_constant_norms():
    prepared = prepare(np.full(N, 2.0), lr=COSINE)
    assert abs(prepared.schedule) < 1e-12
    assert prepared.schedule_share == 0
    assert prepared.findings[0].startswith("log lr explains less than 1 % of the variance of the log norms, slope ")
    assert prepared.spikes == 0


RESTART = 0.5 * (1 + np.cos(np.pi * (T % 125) / 125))


@pytest.mark.parametrize(
    ("lr", "breaks"),
    [
        (STEP, (250,)),
        (1 / STEP, (250,)),
        (np.where(T < 250, 1, 1.5), (250,)),
        (np.where(T < 250, 1, 1.49), ()),
        (0.5 ** (T // 100), (100, 200, 300, 400)),
        (np.minimum(1, (T + 1) / 100), ()),
        (np.minimum(1, (T + 1) / 3), ()),
        (COSINE, ()),
        (1 - T / N, ()),
        (RESTART, (125, 250, 375)),
        (np.where(T < 250, 1, np.minimum(1, (T - 249) / 100)), (250,)),
    ],
    ids=["fall", "rise", "x1.5", "x1.49", "staircase", "warmup", "fast warmup", "cosine", "linear", "restarts", "rewarmed"],
)
def test_schedule_steps_break(lr, breaks):
    assert prepare(NORMS * lr, lr=lr, spikes=None).breaks == breaks


def test_a_schedule_step_says_how_far():
    assert "boxes are split at step 250: lr falls by a factor of 10" in prepare(NORMS, lr=STEP).findings
    assert "boxes are split at step 250: lr rises by a factor of 10" in prepare(NORMS, lr=1 / STEP).findings


@pytest.mark.parametrize("exponent", [0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 1.5, 1.7, 1.9])
def test_series_without_shifts_are_not_split(exponent):
    series = synthetic.arfima(N, d=exponent - 0.5, batch=(300,), seed=1)
    split = sum(prepare(x, log=False, spikes=None).breaks != () for x in series)
    assert split <= 3


@pytest.mark.parametrize("sd", [0.1, 0.2, 0.3])
def test_a_drop_of_ten_is_found_where_it_is(sd):
    series = np.exp(sd * synthetic.white_noise(N, batch=(200,), seed=2)) * STEP
    breaks = [prepare(x, spikes=None).breaks for x in series]
    assert np.mean([len(found) == 1 and abs(found[0] - 250) <= 2 for found in breaks]) >= 0.95


def test_several_shifts_and_what_they_are_called():
    level = np.select([T < 100, T < 260, T < 400], [1.0, 10.0, 0.1], 1.0)
    prepared = prepare(np.exp(NOISE / 10) * level, spikes=None)
    assert prepared.breaks == (100, 260, 400)
    assert [finding[:47] for finding in prepared.findings] == [
        "boxes are split at step 100: the level rises by",
        "boxes are split at step 260: the level falls by",
        "boxes are split at step 400: the level rises by",
    ]
    factors = [float(finding.rpartition(" ")[2]) for finding in prepared.findings]
    np.testing.assert_allclose(factors, [10, 100, 10], rtol=0.05)
    linear = prepare(NOISE / 10 + 3 * (T >= 250), log=False, zeros="keep")
    assert linear.findings[0].startswith("boxes are split at step 250: the level rises by 3")


def test_a_step_of_a_constant_is_a_shift_and_steps_are_named_by_their_number():
    prepared = prepare(STEP, steps=100 + 2 * T)
    assert prepared.breaks == (250,)
    assert prepared.findings == ("boxes are split at step 600: the level falls by a factor of 10",)


@pytest.mark.parametrize(
    "norms",
    [
        np.exp(-T / 10) + 1e-3,
        np.exp(NOISE / 10 - 5 * np.exp(-T / 20)),
        np.exp(NOISE + 3 * np.isin(T, [100, 101, 102, 103, 104])),
        1.0 + (T * T) % 7,
        np.exp(np.where(synthetic.white_noise(N, seed=3) > 0, 1, 0)),
        NORMS[:149] * STEP[176:325],
    ],
    ids=["decay", "transient", "burst", "periodic", "binary", "too short to judge"],
)
def test_what_is_no_shift(norms):
    assert prepare(norms, spikes=None).breaks == ()


def test_a_known_break_is_not_found_again():
    norms = NORMS * np.where(T < 255, 1.0, 10.0)  # the norms answer a little after the schedule
    assert prepare(norms, lr=np.where(T < 250, 1.0, 1.6), spikes=None).breaks == (250,)
    assert prepare(NORMS * np.where(T < 240, 1.0, 10.0), lr=np.where(T < 250, 1.0, 1.6), spikes=None).breaks == (250,)
    norms[250] = np.nan
    assert prepare(norms, spikes=None).breaks == (250,)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 1.9])
def test_where_nothing_repeats_nothing_is_removed(exponent):
    series = synthetic.arfima(N, d=exponent - 0.5, batch=(300,), seed=4)
    change, removed = [], 0
    for x in series:
        prepared = prepare(x, log=False, spikes=None, epoch_length=100)
        removed += prepared.phase_share > 0
        change.append(alpha(prepared.values) - alpha(x))
    assert removed <= 6
    assert abs(np.mean(change)) < 0.002


@pytest.mark.parametrize(
    ("pattern", "before"),
    [(np.sin(2 * np.pi * T / 100), 0.9), (10.0 * (T % 100 == 0), 0.55), (10.0 * (T % 100 == 50), 0.55)],
    ids=["wave", "edge", "inner edge"],
)
def test_what_repeats_is_removed(pattern, before):
    series = synthetic.white_noise(N, batch=(200,), seed=5)
    prepared = [prepare(x + pattern, log=False, spikes=None, epoch_length=100) for x in series]
    assert np.mean([alpha(x + pattern) for x in series]) > before
    assert abs(np.mean([alpha(one.values) for one in prepared]) - np.mean([alpha(x) for x in series])) < 0.02
    assert np.mean([one.phase_share > 0 for one in prepared]) > 0.95


def test_phases_go_by_the_step():
    wave = np.exp(2 * np.sin(2 * np.pi * T / 50))
    skipped = (T * T) % 11 == 3
    by_index = prepare(np.where(skipped, 0, NORMS * wave), epoch_length=50, spikes=None)
    by_number = prepare((NORMS * wave)[~skipped], epoch_length=50, steps=None, spikes=None)
    assert np.var(by_index.values) < 1.1 * np.var(NOISE)
    assert np.var(by_number.values) > 5 * np.var(NOISE)
    assert by_index.findings[1].startswith("a pattern that repeats every 50 steps had 9")
    assert 0.9 < by_index.phase_share < 1
    np.testing.assert_allclose(np.mean(by_index.values), np.mean(np.log((NORMS * wave)[~skipped])), atol=1e-12)


@pytest.mark.parametrize(("spacing", "length"), [(10, 200), (3, 100), (7, 2), (1, 2), (1, 7), (1, 166)])
def test_any_epoch(spacing, length):
    steps = 1000 + spacing * T
    wave = 5 * np.cos(2 * np.pi * steps / length)
    prepared = prepare(np.exp(NOISE / 10 + wave), steps=steps, epoch_length=length, spikes=None)
    assert np.var(prepared.values) < 1e-2 * np.var(wave)


def test_three_epochs_of_sparse_records_are_enough():
    assert prepare(NORMS[:30], steps=10 * T[:30], epoch_length=100).phase_share == 0
    with pytest.raises(ValueError, match=r"covers 2\.9 periods of 100 steps \(epochs of 100, a record every 10\)"):
        prepare(NORMS[:29], steps=10 * T[:29], epoch_length=100)


def test_a_gap_costs_no_memory():
    prepared = prepare(NORMS, steps=T + 10**12 * (T >= 250), epoch_length=50)
    assert prepared.phase_share == 0
    with pytest.raises(ValueError, match="the series covers 2 periods of 200 steps"):
        prepare(NORMS, steps=T + 10**12 * (T >= 200), epoch_length=200)


@pytest.mark.parametrize("norms", [np.full(N, 0.3), np.exp(T / 50), np.exp(-T / 50), np.exp(-((T / 200.0) ** 2))])
def test_a_trend_does_not_repeat(norms):
    prepared = prepare(norms, epoch_length=100)
    assert prepared.phase_share == 0
    np.testing.assert_array_equal(prepared.values, np.log(norms))


def test_a_shift_and_spikes_do_not_hide_the_epoch():
    norms = np.exp(NOISE / 4 + 0.1 * np.sin(2 * np.pi * T / 50)) * np.where(T < 230, 1, 20)
    norms[7::93] *= 20
    prepared = prepare(norms, epoch_length=50)
    assert prepared.breaks == (230,)
    assert prepared.phase_share > 0
    sides = np.concatenate([part - np.mean(part) for part in np.split(prepared.values, [230])])
    assert np.var(sides) < 1.2 * np.var(NOISE / 4)


def slow_hampel(x, breaks):
    step = float(np.sqrt(np.mean([(b - a) ** 2 for a, b in pairwise(x)])))
    rounding = 1e-12 * max(abs(v) for v in x)
    medians, scales, edges = [], [], [0, *breaks, len(x)]
    for start, stop in pairwise(edges):
        for i in range(start, stop):
            window = x[max(start, i - 5) : min(stop, i + 6)]
            medians.append(np.median(window))
            mad = np.median(np.abs(window - medians[-1]))
            scales.append(1.4826 * mad if mad > rounding else step)
    usual = np.median(scales)
    spikes = [abs(v - m) > max(4 * max(s, usual), rounding) for v, m, s in zip(x, medians, scales, strict=True)]
    return np.where(spikes, medians, x)


@given(
    st.lists(st.integers(-20, 20) | st.sampled_from([1000, -1000, 0, 0, 0]), min_size=28, max_size=80),
    st.lists(st.integers(1, 79), max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_the_spike_filter_is_hampels(numbers, missing):
    x = np.array(numbers, dtype=float)
    holed = np.insert(x, sorted({i for i in missing if i < len(x)}), np.nan)
    prepared = prepare(holed, log=False, zeros="keep")
    expected = slow_hampel(x, prepared.breaks)
    np.testing.assert_allclose(prepared.values, expected, rtol=1e-14)
    assert prepared.spikes == np.count_nonzero(expected != x)


def test_spikes_are_replaced_counted_and_reported():
    norms = np.exp(NOISE / 100)
    norms[[0, 1, 50, 52, 498, 499]] *= 20
    prepared = prepare(norms)
    clean = prepare(np.exp(NOISE / 100))
    assert prepared.spikes == clean.spikes + 6
    assert prepared.findings == (f"{prepared.spikes} spikes were replaced by the local median",)
    assert np.max(prepared.values) < 0.01
    assert prepare(norms, spikes=None).spikes == 0
    np.testing.assert_array_equal(prepare(norms, spikes=None).values, np.log(norms))


def test_no_window_reaches_across_a_break():
    x = np.where(T < 250, NOISE, 100 + NOISE)
    norms = np.insert(x, 250, np.nan)
    prepared = prepare(norms, log=False)
    parts = [prepare(part, log=False).values for part in (x[:250], x[250:])]
    np.testing.assert_array_equal(prepared.values, np.concatenate(parts))


@pytest.mark.parametrize(
    "norms",
    [
        np.full(N, 1e6 / 3),
        np.exp(T / 7),
        np.exp(-T / 7),
        1 / (1 + T),
        np.exp(-T / 30) + 0.01,
        np.exp(np.sin(T / 20)),
        np.exp(np.floor(T / 30)),
        np.exp(np.where((T * T) % 13 == 3, 0.004, 0)),
    ],
    ids=["constant", "growth", "decay", "power law", "decay to a floor", "wave", "staircase", "quantised"],
)
def test_what_is_smooth_or_quantised_is_untouched(norms):
    prepared = prepare(norms)
    assert prepared.spikes == 0
    np.testing.assert_array_equal(prepared.values, np.log(norms))


@pytest.mark.parametrize(("value", "replaced"), [(5.9, 0), (5.95, 1), (-5.9, 0), (-5.95, 1)])
def test_the_threshold_is_four_standard_deviations(value, replaced):
    x = np.tile([-1.0, 0.0, 1.0], 20)
    x[31] = value
    prepared = prepare(x, log=False, zeros="keep")
    assert prepared.spikes == replaced
    assert prepared.values[31] == (0 if replaced else value)


def test_a_spike_in_a_constant_is_replaced():
    norms = np.full(N, 0.5)
    norms[20::50] = 10
    np.testing.assert_array_equal(prepare(norms).values, np.log(np.full(N, 0.5)))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.3])
@pytest.mark.parametrize(
    "lr", [np.ones(N), COSINE, STEP, np.minimum(1, (T + 1) / 100)], ids=["constant", "cosine", "step", "warmup"]
)
def test_the_exponent_comes_through_schedule_and_spikes(exponent, lr):
    series = 0.2 * synthetic.arfima(N, d=exponent - 0.5, batch=(100,), seed=6)
    spiked = series + np.log(20) * (np.random.default_rng(7).random(series.shape) < 0.01)
    found = [alpha(prepare(lr**0.9 * np.exp(x), lr=lr).values) for x in spiked]
    assert abs(np.mean(found) - np.mean([alpha(x) for x in series])) < 0.03


finite = st.floats(1e-6, 1e6)
norms_of_runs = st.lists(finite | finite | finite | st.sampled_from([0.0, np.nan, np.inf]), min_size=60, max_size=200)


@given(norms_of_runs, st.floats(1e-3, 1e3), st.booleans(), st.sampled_from([None, 7]))
@settings(max_examples=60, deadline=None)
def test_properties(numbers, factor, scheduled, epoch_length):
    norms = np.array(numbers)
    usable = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    if len(usable) < 28:
        return
    lr = 1 / (1 + np.arange(len(norms))) if scheduled else None
    before = norms.copy()
    norms.setflags(write=False)
    try:
        prepared = prepare(norms, lr=lr, epoch_length=epoch_length)
    except ValueError as error:  # what is usable may lie in fewer than three epochs
        if epoch_length is None or "at least 3 are needed" not in str(error):
            raise
        return
    np.testing.assert_array_equal(norms, before)
    np.testing.assert_array_equal(prepared.kept, usable)
    assert prepared.values.shape == usable.shape
    assert np.all(np.isfinite(prepared.values))
    assert (prepared.zeros, prepared.missing) == (np.sum(norms == 0), np.sum(~np.isfinite(norms)))
    assert list(prepared.breaks) == sorted(set(prepared.breaks))
    assert all(0 < position < len(usable) for position in prepared.breaks)
    for i in range(1, len(usable)):
        if not np.all(np.isfinite(norms[usable[i - 1] : usable[i]])):
            assert i in prepared.breaks


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.booleans(), st.sampled_from([None, 50]))
@settings(max_examples=40, deadline=None)
def test_the_unit_of_the_norms_only_shifts_the_values(seed, factor, scheduled, epoch_length):
    norms = np.exp(0.3 * synthetic.white_noise(200, seed=seed))
    lr = 1 / (1 + T[:200]) if scheduled else None
    one, other = (prepare(x, lr=lr, epoch_length=epoch_length) for x in (norms, factor * norms))
    np.testing.assert_allclose(other.values - one.values, np.log(factor), atol=1e-9)
    assert other.breaks == one.breaks
    assert other.spikes == one.spikes
    assert other.findings == one.findings
